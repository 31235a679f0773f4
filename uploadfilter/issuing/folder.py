"""The issuer's folder, with published, staged and proposed data.

::

    FOLDER/            0700
      issuer.json      name of the set, issuer, lifetimes
      published/       the data for operators: a repository of TUF
        metadata/
        targets/
      staged/          operations by shard, which the next proposal takes up
      proposal/        unsigned and partly signed metadata, and new files
        targets/
      withdrawals.json times of today's withdrawals, for the bound of the day
      left-out.csv     names of files of the last build that somebody should look at
      withdrawn.txt    ids of all entries that were ever withdrawn, one on each line
      lock

Rules this module keeps: a file is written beside its name, synced and renamed;
everything is for its owner alone; one command works on a folder at a time.
"""

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from uploadfilter.errors import IssuerError
from uploadfilter.reference.entries.sets import check_set_name
from uploadfilter.signedsets.manifest import ISSUER_NAME
from uploadfilter.signedsets.roles import (
    METADATA_FOLDER,
    TARGETS_FOLDER,
    Lifetimes,
)
from uploadfilter.state import (
    make_private,
    only_one,
    sync_directory,
    write_private,
)

_SETTINGS: Final = "issuer.json"
_WITHDRAWN: Final = "withdrawn.txt"


class SetSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a signed set, which hold as long as it exists."""

    set: str
    issuer: str
    lifetimes: Lifetimes


class IssuerFolder:
    """The folder in which an issuer makes a signed set."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            data = (path / _SETTINGS).read_bytes()
            self.settings = msgspec.json.decode(data, type=SetSettings)
        except OSError as exc:
            raise IssuerError(
                f"{str(path)!r} is not an issuer's folder: {exc.strerror}",
                hint="'uploadfilter issuer new' makes one; --folder names another.",
            ) from exc
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as exc:
            raise IssuerError(
                f"{str(path / _SETTINGS)!r} cannot be read: {exc}",
                hint="Restore it from the backup.",
            ) from exc

    @staticmethod
    def check_new(path: Path, settings: SetSettings) -> None:
        """Check that a folder can be made.

        Raises:
            HashSetNameError: The name is not allowed for a set.
            IssuerError: The folder exists, or the issuer's name is not allowed.
        """
        check_set_name(settings.set)
        _check_issuer(settings.issuer)
        if (path / _SETTINGS).exists():
            raise IssuerError(
                f"{str(path)!r} is an issuer's folder already",
                hint="'uploadfilter issuer status' shows its contents.",
            )

    @classmethod
    def create(cls, path: Path, settings: SetSettings) -> "IssuerFolder":
        """Make a folder.

        Raises:
            HashSetNameError: The name is not allowed for a set.
            IssuerError: The folder exists or cannot be made, or the issuer's name is
                not allowed.
        """
        cls.check_new(path, settings)
        with file_errors(path):
            for folder in (METADATA_FOLDER, TARGETS_FOLDER):
                make_private(path / "published" / folder)
            write_private(
                path / _SETTINGS, msgspec.json.format(msgspec.json.encode(settings))
            )
        return cls(path)

    @property
    def metadata(self) -> Path:
        """The folder of the published metadata."""
        return self.path / "published" / METADATA_FOLDER

    @property
    def targets(self) -> Path:
        """The folder of the published files."""
        return self.path / "published" / TARGETS_FOLDER

    @property
    def proposal(self) -> Path:
        """The folder of the proposal, if there is one."""
        return self.path / "proposal"

    @property
    def staged(self) -> Path:
        """The folder of the staged operations, if there are any."""
        return self.path / "staged"

    def withdrawn_before(self) -> frozenset[str]:
        """Return the ids that were withdrawn with this folder."""
        try:
            text = (self.path / _WITHDRAWN).read_text(encoding="utf-8")
        except FileNotFoundError:
            return frozenset()
        return frozenset(text.split("\n")[:-1])

    def note_withdrawn(self, ids: Iterable[str]) -> None:
        """Note ids that are withdrawn; the published list drops them in the end."""
        lines = sorted(self.withdrawn_before() | set(ids))
        write_private(
            self.path / _WITHDRAWN, "".join(f"{it}\n" for it in lines).encode()
        )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the folder during the block, to change it."""
        with file_errors(self.path), contextlib.ExitStack() as held:
            try:
                held.enter_context(only_one(self.path / "lock"))
            except BlockingIOError as exc:
                raise IssuerError(
                    f"another command is working on {str(self.path)!r}",
                    hint="Wait until it has ended.",
                ) from exc
            self._tidy()
            yield

    def _tidy(self) -> None:
        for folder in (self.staged, self.proposal):
            old = folder.with_name(folder.name + ".old")
            if old.exists() and not folder.exists():
                old.rename(folder)
            for rest in (old, folder.with_name(folder.name + ".new")):
                shutil.rmtree(rest, ignore_errors=True)


def _check_issuer(name: str) -> None:
    # Operators refuse a set with another name; an unprintable one can also mislead.
    is_usable = ISSUER_NAME.fullmatch(name) and name.isprintable() and name.strip()
    if not is_usable:
        raise IssuerError(
            f"an issuer cannot be called {name!a}",
            hint="Use 1 to 100 printable characters without '@': a unit, not a person "
            "and no address.",
        )


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Write a new folder beside an old one, and replace it at the end.

    Yields:
        The folder to write in.
    """
    new = folder.with_name(folder.name + ".new")
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(new, ignore_errors=True)
    make_private(new)
    try:
        yield new
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        sync_directory(folder.parent)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def remove(folder: Path) -> None:
    """Remove a whole folder, or nothing of it if the process is killed."""
    old = folder.with_name(folder.name + ".new")
    if folder.exists():
        folder.rename(old)
        shutil.rmtree(old)


@contextlib.contextmanager
def file_errors(path: Path, *, so: str = "Nothing was published.") -> Iterator[None]:
    """Turn an error of the file system into one that names the path and the cause."""
    try:
        yield
    except OSError as exc:
        at = exc.filename or path
        raise IssuerError(
            f"cannot use {str(at)!r}: {exc.strerror}",
            hint=f"{so} Check the path, the disk, and that this user may write there.",
        ) from exc
