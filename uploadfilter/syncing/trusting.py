"""What an operator trusts: a root for each signed set, and what is known of it.

::

    DIR/signed/<name>/   0700
      root.json          as the operator was given it; never changed by a sync
      status.json        what the last sync found out (``signedsets/freshness.py``)
      metadata/          what was verified, by python-tuf
      downloads/         files on their way; empty after a sync
      lock

Rules this module keeps: a root is trusted once, by somebody who compared its digest; a
sync never changes which one it is.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root
from tuf.api.serialization import DeserializationError

from uploadfilter.errors import (
    HashSetBusyError,
    HashSetTrustError,
    StoreError,
    UsageError,
)
from uploadfilter.reference.sets import check_set_name
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets.freshness import Status
from uploadfilter.signedsets.roles import ROOT
from uploadfilter.state import make_private, only_one, write_private

SIGNED: Final = "signed"
"""Where trusted roots are, in the state directory."""

MOST_ROOT_BYTES: Final = 512_000
"""As python-tuf has it: 64 holders of each role are some 40 kB."""

_ROOT_FILE: Final = "root.json"
_STATUS_FILE: Final = "status.json"
_MOST_STATUS_BYTES: Final = 1 << 20


class Trusted:
    """The place of one signed set in the state directory.

    Args:
        path: Its folder, which need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, state: Path, name: str) -> "Trusted":
        """Return the place of a set.

        Args:
            state: The state directory.
            name: What the set is called here.

        Raises:
            HashSetNameError: No set can be called so.
        """
        check_set_name(name)
        return cls(state / SIGNED / name)

    @property
    def name(self) -> str:
        """What the set is called here."""
        return self.path.name

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.path.parent.parent

    @property
    def metadata(self) -> Path:
        """Where verified metadata is."""
        return self.path / "metadata"

    @property
    def downloads(self) -> Path:
        """Where files are on their way."""
        return self.path / "downloads"

    def root(self) -> bytes:
        """Return the root that is trusted.

        Raises:
            HashSetTrustError: None is.
        """
        try:
            return (self.path / _ROOT_FILE).read_bytes()
        except FileNotFoundError as exc:
            raise HashSetTrustError(
                f"no root is trusted for a signed set {self.name!r}",
                hint="Get root.json from the issuer, and run 'uploadfilter hashset "
                f"trust ROOT.json --name {self.name} --from SOURCE'.",
            ) from exc

    def status(self) -> Status:
        """Return what is known of the set.

        Raises:
            HashSetTrustError: No root is trusted, or the note is damaged.
        """
        found = read_status(self.path)
        if found is None:
            self.root()
            raise HashSetTrustError(
                f"what was known of the signed set {self.name!r} is lost",
                hint="Restore the state directory from the backup, or trust the root "
                "anew: 'uploadfilter hashset trust'.",
            )
        return found

    def put_status(self, status: Status) -> None:
        """Note what is known of the set.

        Raises:
            StoreError: It could not be written.
        """
        self._write(_STATUS_FILE, msgspec.json.encode(status))

    def trust(self, root: bytes, source: str, *, replace: bool = False) -> Status:
        """Trust a root.

        Args:
            root: The file that the issuer gave.
            source: Where the set comes from: a folder or a URL.
            replace: Whether another root may take the place of one that is trusted.

        Raises:
            HashSetTrustError: It is no root, is not signed as it says, or another one
                is trusted.
            StoreError: It could not be written.
        """
        read_root(root)
        digest, trusted = hashlib.sha256(root).hexdigest(), self._digest()
        if trusted not in (None, digest) and not replace:
            raise HashSetTrustError(
                f"another root is trusted for {self.name!r}: the one with the digest "
                f"{str(trusted)[:16]}",
                hint="A root that the issuer changed is taken by itself: only sync. If "
                "the issuer had to begin anew, compare the digest by telephone and "
                "give --replace-root.",
            )
        status = Status(set=self.name, source=source, root=digest)
        known = read_status(self.path)
        if trusted != digest:
            self._forget()
        elif known is not None and known.root == digest:
            status = msgspec.structs.replace(known, source=source)
        # The root first: a note without it would be of nothing.
        self._write(_ROOT_FILE, root)
        self.put_status(status)
        return status

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the one who syncs the set, for the length of the block.

        Raises:
            HashSetBusyError: Somebody else is.
            StoreError: The folder cannot be used.
        """
        with contextlib.ExitStack() as held:
            with _write_errors(self.path):
                make_private(self.path)
                try:
                    held.enter_context(only_one(self.path / "lock"))
                except BlockingIOError as exc:
                    raise HashSetBusyError(
                        f"another process syncs {self.name!r}", hint="Wait for it."
                    ) from exc
            yield

    def _digest(self) -> str | None:
        """Return the digest of the root that is trusted; ``None`` without one.

        The file itself tells: a note beside it may be lost, and with it neither that
        root nor what was verified by it.
        """
        try:
            return hashlib.sha256((self.path / _ROOT_FILE).read_bytes()).hexdigest()
        except FileNotFoundError:
            return None

    def _forget(self) -> None:
        """Forget what was verified by a root that is trusted no longer."""
        for folder in (self.metadata / "root_history", self.metadata):
            if folder.is_dir():
                for path in folder.iterdir():
                    if not path.is_dir() or path.is_symlink():
                        path.unlink()

    def _write(self, name: str, data: bytes) -> None:
        with _write_errors(self.path):
            write_private(self.path / name, data)


def read_root(data: bytes) -> Metadata[Root]:
    """Read a root that a person hands over.

    Raises:
        HashSetTrustError: It is none, or is not signed as it says itself.
    """
    try:
        root = md.parsed(data[: MOST_ROOT_BYTES + 1], Root)
        root.signed.verify_delegate(ROOT, root.signed_bytes, root.signatures)
    except (RepositoryError, DeserializationError, ValueError) as exc:
        raise HashSetTrustError(
            f"the file is no root of a signed set: {exc}",
            hint="Ask the issuer for root.json: it is 'metadata/1.root.json' of what "
            "they publish.",
        ) from exc
    return root


def read_root_file(path: Path) -> bytes:
    """Return the bytes of a root file.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MOST_ROOT_BYTES + 1)
    except OSError as exc:
        raise UsageError(
            f"cannot read {str(path)!r}: {exc.strerror}",
            hint="Check the path, and that this user may read the file.",
        ) from exc


def trusted_sets(state: Path) -> tuple[Trusted, ...]:
    """Return the signed sets of a state directory, by name."""
    try:
        names = sorted(entry.name for entry in os.scandir(state / SIGNED))
    except OSError:
        return ()
    return tuple(Trusted(state / SIGNED / name) for name in names)


def read_status(path: Path) -> Status | None:
    """Return what is known of a set; ``None`` if that cannot be read.

    Args:
        path: Its folder.
    """
    try:
        with (path / _STATUS_FILE).open("rb") as file:
            return msgspec.json.decode(file.read(_MOST_STATUS_BYTES), type=Status)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def read_statuses(state: Path) -> tuple[Status, ...]:
    """Return what is known of all signed sets of a state directory."""
    found = (read_status(it.path) for it in trusted_sets(state))
    return tuple(it for it in found if it is not None)


@contextlib.contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StoreError(
            f"cannot write {str(path)!r}: {exc.strerror}",
            hint="Nothing has changed. Make room on the disk, or check that it is "
            "writable, then try again.",
        ) from exc
