"""The issuer's folder: what is published, what is staged, what is proposed.

::

    FOLDER/            0700
      issuer.json      name of the set, issuer, lifetimes
      published/       what operators read: a repository of TUF
        metadata/
        targets/
      staged/          operations by shard, that the next proposal takes up
      proposal/        unsigned and partly signed metadata, and new files
        targets/
      withdrawals.json when what was withdrawn today, for the bound of the day
      lock

Rules this module keeps: a file is written beside its name, synced and renamed; all is
for its owner alone; one command works on a folder at a time.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from uploadfilter.errors import IssuerError
from uploadfilter.reference.sets import check_set_name
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


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for a signed set as long as it is made.

    Attributes:
        set: Its name.
        issuer: Who makes it, for people.
        lifetimes: For how long signatures are believed.
    """

    set: str
    issuer: str
    lifetimes: Lifetimes


class IssuerFolder:
    """Where an issuer makes a signed set.

    Args:
        path: The folder.

    Raises:
        IssuerError: It is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            data = (path / _SETTINGS).read_bytes()
            self.settings = msgspec.json.decode(data, type=Settings)
        except OSError as exc:
            raise IssuerError(
                f"{str(path)!r} is no issuer's folder: {exc.strerror}",
                hint="'uploadfilter issuer init' makes one; --folder names another.",
            ) from exc
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as exc:
            raise IssuerError(
                f"{str(path / _SETTINGS)!r} cannot be read: {exc}",
                hint="Restore it from the backup.",
            ) from exc

    @classmethod
    def create(cls, path: Path, settings: Settings) -> "IssuerFolder":
        """Make a folder.

        Raises:
            HashSetNameError: No set can be called so.
            IssuerError: There is one, or it cannot be made; or no issuer is called so.
        """
        check_set_name(settings.set)
        _check_issuer(settings.issuer)
        if (path / _SETTINGS).exists():
            raise IssuerError(
                f"{str(path)!r} is an issuer's folder already",
                hint="'uploadfilter issuer status' tells what is in it.",
            )
        with file_errors(path):
            for folder in (METADATA_FOLDER, TARGETS_FOLDER):
                make_private(path / "published" / folder)
            write_private(
                path / _SETTINGS, msgspec.json.format(msgspec.json.encode(settings))
            )
        return cls(path)

    @property
    def metadata(self) -> Path:
        """Where the published metadata is."""
        return self.path / "published" / METADATA_FOLDER

    @property
    def targets(self) -> Path:
        """Where the published files are."""
        return self.path / "published" / TARGETS_FOLDER

    @property
    def proposal(self) -> Path:
        """Where a proposal is, if there is one."""
        return self.path / "proposal"

    @property
    def staged(self) -> Path:
        """Where staged operations are, if there are any."""
        return self.path / "staged"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the one who changes the folder, for the length of the block.

        Raises:
            IssuerError: Somebody else is, or a file could not be written.
        """
        with file_errors(self.path), contextlib.ExitStack() as held:
            try:
                held.enter_context(only_one(self.path / "lock"))
            except BlockingIOError as exc:
                raise IssuerError(
                    f"another command is at work on {str(self.path)!r}",
                    hint="Wait for it.",
                ) from exc
            self._tidy()
            yield

    def _tidy(self) -> None:
        """Finish what a command that was killed has begun."""
        for folder in (self.staged, self.proposal):
            old = folder.with_name(folder.name + ".old")
            if old.exists() and not folder.exists():
                old.rename(folder)
            for rest in (old, folder.with_name(folder.name + ".new")):
                shutil.rmtree(rest, ignore_errors=True)


def _check_issuer(name: str) -> None:
    # Operators refuse a set of any other name; what is not printable can also hide.
    is_usable = ISSUER_NAME.fullmatch(name) and name.isprintable() and name.strip()
    if not is_usable:
        raise IssuerError(
            f"no issuer can be called {name!a}",
            hint="Use 1 to 100 printable characters without '@': a unit, not a person "
            "and no address.",
        )


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Make a folder anew beside its name, and put it in its place at the end.

    Yields:
        Where to write.
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
    """Remove a folder, all of it or, if the process is killed, none."""
    old = folder.with_name(folder.name + ".new")
    if folder.exists():
        folder.rename(old)
        shutil.rmtree(old)


@contextlib.contextmanager
def file_errors(path: Path, *, so: str = "Nothing was published.") -> Iterator[None]:
    """Say of what failed on files what it was.

    Args:
        path: What is at work, where the system names no file.
        so: What became of the command.

    Raises:
        IssuerError: A file could not be read or written in the block.
    """
    try:
        yield
    except OSError as exc:
        at = exc.filename or path
        raise IssuerError(
            f"cannot use {str(at)!r}: {exc.strerror}",
            hint=f"{so} Check the path, the disk, and that this user may write there.",
        ) from exc
