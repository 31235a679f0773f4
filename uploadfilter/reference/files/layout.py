"""The files of the reference directory: their names, and how they are changed.

::

    reference/           0700
      key                the secret of the installation (``reference/files/keys.py``)
      lock               held with flock by the one writer
      current            names base, overlay and generation in force
      bases/<n>/data.mdb       immutable
      overlays/<n>/data.mdb    immutable
      generations/<n>    a copy of ``current`` for each (``reference/files/history.py``)
      journal            records of each change (``reference/files/journal.py``)

Rules this module keeps: nothing is changed in place. A directory or file is written
under another name, synced, and renamed; then its parent directory is synced. So a crash
at any moment leaves the old state or the new one, and leftovers that the next writer
removes. Readers hold a shared lock on the directories they use; a directory is removed
only under an exclusive lock.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import weakref
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from uploadfilter import state
from uploadfilter.errors import (
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    StoreMissingError,
    StoreVersionError,
)
from uploadfilter.reference.entries.changes import ChangeKind
from uploadfilter.state import PRIVATE_FILE, PRIVATE_MODE, sync_directory

FORMAT = 3
"""Version of everything stored in the reference directory."""

BASES = "bases"
OVERLAYS = "overlays"
GENERATIONS = "generations"
DATA_FILE = "data.mdb"
CURRENT_FILE = "current"
LOCK_FILE = "lock"

NEW_PREFIX = ".new-"
OLD_PREFIX = ".old-"
_CHECK_BYTES = 16
_SAMPLE_BYTES = 4096
_SAMPLES = 256
_CURRENT_MOST_BYTES = 4096
_IMMUTABLE_FILE = 0o400
"""Read-only, because a mapped file must not be written over. An operator who copies a
backup over the files of a running service is stopped, or replaces the files by rename,
which does no harm."""

_T = TypeVar("_T")


class StoredPart(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable directory that ``current`` names.

    Attributes:
        number: Its name.
        size: Bytes of its data file; a mapped file that is too short kills its reader.
        check: BLAKE2b of the data file, 32 hex digits.
        sample: BLAKE2b of some hundred places in it (``sample_check``), enough to
            recognise another file or a truncated one.
    """

    number: int
    size: int
    check: str
    sample: str


class Current(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file ``current``.

    Attributes:
        format: ``FORMAT``.
        generation: Number of the generation, 1 or higher.
        base: The entries.
        overlay: The changes of the base since it was written.
        pinned: True after a rollback, until it is released.
        at: When it was put in force, in seconds since the epoch; 0 means unknown.
        kind: The kind of change that made it.
        subject: The hash set, entry or generation that was changed.
        sets: How many hash sets it has.
        entries: How many entries it has.
    """

    format: int
    generation: int
    base: StoredPart
    overlay: StoredPart
    pinned: bool = False
    at: int = 0
    kind: ChangeKind = ChangeKind.IMPORT
    subject: str = ""
    sets: int = 0
    entries: int = 0


class AnyVersion(msgspec.Struct):
    """The one field that every stored description has in every version."""

    format: int


def _json(data: bytes, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def check_version(found: int, where: Path) -> None:
    """Refuse data that another version of this program wrote.

    Raises:
        StoreVersionError: ``found`` is not ``FORMAT``.
    """
    if found != FORMAT:
        raise StoreVersionError(
            f"{str(where)!r} has format {found}, but this program reads {FORMAT}",
            hint="Install the version of uploadfilter that wrote it, or move the "
            "directory away and import the hash sets again.",
        )


def make_private(path: Path) -> None:
    """Make a directory and its missing parents, readable for this user only."""
    try:
        state.make_private(path)
    except OSError as exc:
        raise StoreError(
            f"cannot make the directory {str(path)!r}: {exc.strerror}",
            hint="Choose another state directory, or let this user write there.",
        ) from exc


def sync_file(path: Path) -> None:
    """Make the contents of a file durable."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def file_check(path: Path) -> str:
    """Return the BLAKE2b of a file, as ``StoredPart.check`` holds it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(
            file, lambda: hashlib.blake2b(digest_size=_CHECK_BYTES)
        )
    return digest.hexdigest()


def sample_check(path: Path) -> str:
    """Return the BLAKE2b of some hundred places of a file: ``StoredPart.sample``.

    Reading them takes a millisecond, however large the file is.
    """
    digest = hashlib.blake2b(digest_size=_CHECK_BYTES)
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        step = max(_SAMPLE_BYTES, size // _SAMPLES)
        for start in range(0, size, step):
            digest.update(os.pread(file.fileno(), _SAMPLE_BYTES, start))
    return digest.hexdigest()


def _check_of(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=_CHECK_BYTES).hexdigest().encode()


def write_aside(path: Path, data: bytes) -> Path:
    """Write a new private file beside ``path``, synced; return its name."""
    aside = path.with_name(f"{NEW_PREFIX}{path.name}-{secrets.token_hex(4)}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with open(fd, "wb") as file:  # noqa: PTH123 - a Path cannot open a descriptor
        file.write(data)
        file.flush()
        os.fsync(fd)
    return aside


class NamedFile:
    """The very file that a path named when it was opened.

    The object keeps the file open, so that no other file can get its inode meanwhile.
    Comparing the file that the path names now with the opened one tells reliably
    whether it was replaced.

    Args:
        path: The path of the file.
        fd: An open descriptor of the file, which this object takes over.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self._path = path
        self._opened = _identity(os.fstat(fd))
        weakref.finalize(self, os.close, fd).atexit = False

    def is_still_named(self) -> bool:
        """Tell whether the path still names this file, unchanged."""
        try:
            return _identity(os.stat(self._path)) == self._opened  # noqa: PTH116
        except OSError:
            # The next reader of the file will report the error.
            return False


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def read_current(directory: Path) -> tuple[Current, NamedFile]:
    """Read which generation is in force.

    Returns:
        The content of ``current``, and the file it was read from.

    Raises:
        StoreMissingError: There is no reference set.
        StoreCorruptError: ``current`` is damaged, or missing though generations exist.
        StoreVersionError: A newer version of this program wrote it.
        StoreError: It cannot be read.
    """
    path = directory / CURRENT_FILE
    try:
        fd = os.open(path, os.O_RDONLY)
        named = NamedFile(path, fd)
        data = os.read(fd, _CURRENT_MOST_BYTES)
    except FileNotFoundError as exc:
        raise _missing(directory) from exc
    except OSError as exc:
        raise unreadable(path, exc) from exc
    return parse_current(data, path), named


def _missing(directory: Path) -> StoreError:
    # The leftovers of a first writer that crashed are worth nothing, and are replaced.
    if numbered(directory / GENERATIONS)[-1:] > [1]:
        return _unnamed(directory / CURRENT_FILE, "is missing")
    return StoreMissingError(
        f"there is no reference set in {str(directory)!r}",
        hint="If there was one, restore it from a backup: a new one is empty, and "
        "nothing matches. Otherwise make one with 'uploadfilter init' or 'uploadfilter "
        "hashset import'.",
    )


def _unnamed(path: Path, what: str) -> StoreCorruptError:
    """Return the error for a file that does not name a generation as it should."""
    return StoreCorruptError(
        f"the reference set is damaged: {str(path)!r} {what}",
        hint=f"Copy the file with the highest number in {GENERATIONS!r} beside it to "
        f"{CURRENT_FILE!r} and run 'uploadfilter verify --reference', or restore the "
        "reference "
        "directory from a backup.",
    )


def unreadable(path: Path, exc: OSError) -> StoreError:
    """Return the error for a file or directory that the system cannot read."""
    return StoreError(
        f"cannot read {str(path)!r}: {exc.strerror}",
        hint="Check that it belongs to the user of the service, and that the disk is "
        "sound. Root can give all files to that user: chown -R USER: STATE_DIRECTORY.",
    )


def corrupt(path: Path, what: str) -> StoreCorruptError:
    """Return the error for a damaged file or directory."""
    return StoreCorruptError(
        f"the reference set is damaged: {str(path)!r} {what}",
        hint="Restore the reference directory from a backup, or move it away, run "
        "'uploadfilter init' and import the hash sets again.",
    )


def parse_current(data: bytes, path: Path) -> Current:
    """Return the content of a file that names a generation.

    Raises:
        StoreCorruptError: The file is damaged.
        StoreVersionError: A newer version of this program wrote it.
    """
    lines = data.split(b"\n")
    version = _json(lines[0], AnyVersion)
    if version is None:
        raise _unnamed(path, "is not a file that this program wrote")
    # A newer format may look quite different after its first field.
    check_version(version.format, path)
    current = _json(lines[0], Current)
    if current is None or lines[1:] != [_check_of(lines[0]), b""]:
        raise _unnamed(path, "does not agree with its own check value")
    return current


def write_current(directory: Path, current: Current) -> None:
    """Put a generation in force, durably and at once.

    Raises:
        OSError: It could not be written; the old one stays in force.
    """
    write_named(directory / CURRENT_FILE, current)


def write_named(path: Path, current: Current) -> None:
    """Write a file that names a generation, durably and at once.

    Raises:
        OSError: The file could not be written; an existing one stays.
    """
    line = msgspec.json.encode(current)
    aside = write_aside(path, line + b"\n" + _check_of(line) + b"\n")
    aside.rename(path)
    sync_directory(path.parent)


@contextlib.contextmanager
def writer_lock(directory: Path) -> Iterator[None]:
    """Hold the lock of the only writer during the block.

    Raises:
        StoreBusyError: Another process, or another block of this one, holds it.
        StoreError: The lock file cannot be opened.
    """
    path = directory / LOCK_FILE
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    except OSError as exc:
        raise StoreError(
            f"cannot open the lock {str(path)!r}: {exc.strerror}",
            hint="Check that the directory belongs to this user.",
        ) from exc
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(fd)
        raise StoreBusyError(
            f"another process is changing the reference set in {str(directory)!r}",
            hint="Wait until it has ended, then try again.",
        ) from exc
    try:
        yield
    finally:
        os.close(fd)


class StagedPart:
    """A new immutable directory that will move into ``bases`` or ``overlays``.

    Attributes:
        path: The path to write its data file in.
    """

    def __init__(self, directory: Path, kind: str, number: int) -> None:
        self._final = directory / kind / str(number)
        self._number = number
        self.path = self._final.with_name(
            f"{NEW_PREFIX}{number}-{secrets.token_hex(4)}"
        )
        self.path.mkdir(mode=PRIVATE_MODE)

    def publish(self) -> StoredPart:
        """Give the directory its name, durably.

        Raises:
            OSError: It could not be made durable.
        """
        data = self.path / DATA_FILE
        data.chmod(_IMMUTABLE_FILE)
        sync_file(data)
        sync_directory(self.path)
        part = StoredPart(
            number=self._number,
            size=data.stat().st_size,
            check=file_check(data),
            sample=sample_check(data),
        )
        self.path.rename(self._final)
        sync_directory(self._final.parent)
        return part


def sweep_leavings(folder: Path) -> None:
    """Remove the files of crashed writers from a folder; the caller is the writer."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name.startswith((NEW_PREFIX, OLD_PREFIX)):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def numbered(folder: Path) -> list[int]:
    """Return the names in a folder that are numbers, ascending."""
    if not folder.is_dir():
        return []
    return sorted(int(at.name) for at in folder.iterdir() if at.name.isdecimal())


def sweep_parts(folder: Path, needed: Collection[int]) -> None:
    """Remove the immutable directories of a folder that no generation names.

    The caller is the writer. A directory that a reader still uses is left to the next
    sweep.
    """
    for number in numbered(folder):
        if number not in needed:
            _remove_unused(folder / str(number))


def _remove_unused(path: Path) -> None:
    """Remove an immutable directory, unless a reader holds a lock on it."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Renamed first: readers must not find half of it.
        gone = path.with_name(f"{OLD_PREFIX}{path.name}-{secrets.token_hex(4)}")
        path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    except BlockingIOError:
        return
    finally:
        os.close(fd)
