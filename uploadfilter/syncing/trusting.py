"""The root that an operator trusts for each signed set, and the set's status.

::

    DIR/signed/<name>/   0700
      root.json          as the operator received it; a sync never changes it
      status.json        the result of the last sync (``signedsets/freshness.py``)
      metadata/          verified metadata, written by python-tuf
      downloads/         partly fetched files; empty after a sync
      lock

Rules this module keeps: a root is trusted once, by a person who compared its digest; a
sync never replaces it.
"""

import contextlib
import hashlib
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
from uploadfilter.reference.entries.sets import check_set_name
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets.freshness import Status
from uploadfilter.signedsets.roles import ROOT
from uploadfilter.state import make_private, only_one, write_private
from uploadfilter.syncing.statuses import (
    SIGNED,
    STATUS_FILE,
    read_status,
    signed_folders,
)

MOST_ROOT_BYTES: Final = 512_000
"""Limit of python-tuf: 64 holders of each role take some 40 kB."""

_ROOT_FILE: Final = "root.json"


class Trusted:
    """The folder of one signed set in the state directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, state: Path, name: str) -> "Trusted":
        """Return the folder of a set.

        Raises:
            HashSetNameError: The name is not allowed.
        """
        check_set_name(name)
        return cls(state / SIGNED / name)

    @property
    def name(self) -> str:
        """The name of the set at this operator."""
        return self.path.name

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.path.parent.parent

    @property
    def metadata(self) -> Path:
        """The folder of verified metadata."""
        return self.path / "metadata"

    @property
    def downloads(self) -> Path:
        """The folder of partly fetched files."""
        return self.path / "downloads"

    def root(self) -> bytes:
        """Return the trusted root.

        Raises:
            HashSetTrustError: No root is trusted.
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
        """Return the status of the set.

        Raises:
            HashSetTrustError: No root is trusted, or the note is damaged.
        """
        found = read_status(self.path)
        if found is None:
            self.root()
            raise HashSetTrustError(
                f"the status of the signed set {self.name!r} is lost",
                hint="Restore the state directory from the backup, or trust the root "
                "again: 'uploadfilter hashset trust'.",
            )
        return found

    def put_status(self, status: Status) -> None:
        """Write the status of the set.

        Raises:
            StoreError: It could not be written.
        """
        self._write(STATUS_FILE, msgspec.json.encode(status))

    def trust(self, root: bytes, source: str, *, replace: bool = False) -> Status:
        """Trust a root.

        Raises:
            HashSetTrustError: It is not a root, is not signed by its own rules, or
                another root is trusted.
            StoreError: It could not be written.
        """
        read_root(root)
        digest, trusted = hashlib.sha256(root).hexdigest(), self._digest()
        if trusted not in (None, digest) and not replace:
            raise HashSetTrustError(
                f"another root is trusted for {self.name!r}: the one with the digest "
                f"{str(trusted)[:16]}",
                hint="A root that the issuer changed is taken by itself: just sync. If "
                "the issuer had to begin anew, compare the digest by telephone and "
                "give --replace-root.",
            )
        status = Status(set=self.name, source=source, root=digest)
        known = read_status(self.path)
        if trusted != digest:
            self._forget()
        elif known is not None and known.root == digest:
            status = msgspec.structs.replace(known, source=source)
        # The root first: a status without it would be about nothing.
        self._write(_ROOT_FILE, root)
        self.put_status(status)
        return status

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the set's folder during the block, to sync it.

        Raises:
            HashSetBusyError: Another process holds it.
            StoreError: The folder cannot be used.
        """
        with contextlib.ExitStack() as held:
            with _write_errors(self.path):
                make_private(self.path)
                try:
                    held.enter_context(only_one(self.path / "lock"))
                except BlockingIOError as exc:
                    raise HashSetBusyError(
                        f"another process syncs {self.name!r}",
                        hint="Wait until it has ended.",
                    ) from exc
            yield

    def _digest(self) -> str | None:
        """Return the digest of the trusted root; ``None`` if there is none.

        It is read from the file itself: the status beside it may be lost, while the
        root and the data verified with it remain.
        """
        try:
            return hashlib.sha256((self.path / _ROOT_FILE).read_bytes()).hexdigest()
        except FileNotFoundError:
            return None

    def _forget(self) -> None:
        """Delete the data verified with a root that is not trusted any more."""
        for folder in (self.metadata / "root_history", self.metadata):
            if folder.is_dir():
                for path in folder.iterdir():
                    if not path.is_dir() or path.is_symlink():
                        path.unlink()

    def _write(self, name: str, data: bytes) -> None:
        with _write_errors(self.path):
            write_private(self.path / name, data)


def read_root(data: bytes) -> Metadata[Root]:
    """Read a root that a person provides.

    Raises:
        HashSetTrustError: It is not a root, or is not signed by its own rules.
    """
    try:
        root = md.parsed(data[: MOST_ROOT_BYTES + 1], Root)
        root.signed.verify_delegate(ROOT, root.signed_bytes, root.signatures)
    except (RepositoryError, DeserializationError, ValueError) as exc:
        raise HashSetTrustError(
            f"the file is not the root of a signed set: {exc}",
            hint="Ask the issuer for root.json: it is the published file "
            "'metadata/1.root.json'.",
        ) from exc
    return root


def read_root_file(path: Path) -> bytes:
    """Return the bytes of a root file.

    Raises:
        UsageError: The file cannot be read.
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
    return tuple(map(Trusted, signed_folders(state)))


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
