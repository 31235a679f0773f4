"""Back up a state directory while the service runs, and restore it elsewhere.

A backup is a tar archive, compressed by zstd, with every file of the state directory
and, as its last member, a manifest of their sizes and digests: an archive that breaks
off has no manifest and is refused.

Why it is consistent: the rooms write a file before another one that refers to it (a
segment of the log before the checkpoint over it, a generation before ``current``, the
bytes of an upload before the step in its journal), and remove it later. So the files
that refer to others are opened first, and everything is opened again if one of them was
replaced meanwhile, or another file was removed. Then each file is copied as long as it
was when it was opened. A file that only grows may so end within a record, as after a
crash, and its room removes the part of a record.

Rules this module keeps: a file is left out only by ``is_left_out``, so that a room that
begins to keep another file needs no change here; nothing but files and directories
comes out of an archive, and nothing lands outside the state directory; a restore
changes the state directory only after the whole archive was checked.
"""

import contextlib
import hashlib
import io
import os
import shutil
import sqlite3
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

import msgspec
import zstandard
from typing_extensions import override

from uploadfilter.errors import BackupError
from uploadfilter.state import (
    PRIVATE_FILE,
    PRIVATE_MODE,
    make_private,
    sync_directory,
)

MANIFEST: Final = "uploadfilter-backup.json"
"""Name of the last member."""

VERSION: Final = 1
"""Version of the manifest; a restore refuses others."""

SET_ASIDE: Final = "before-restore"
"""Directory of an instance with the tree of the log as it was in the backup."""

RESTORING: Final = ".restoring"
"""Directory in the state directory in which an archive is unpacked and checked."""

_POINTERS: Final = frozenset({"current", "checkpoint", "end"})
_POINTER_SUFFIX: Final = ".journal"
"""Files that refer to others, which are written before them."""

_SHORT_LIVED: Final = frozenset({"client-key", "evidence"})
"""Files that are deleted after days, by promise: the key that hashes the addresses of
one day, and sealed evidence. A backup would keep them longer."""

_TEMPORARY_PREFIXES: Final = (".new-", ".old-", RESTORING)
_TEMPORARY_SUFFIXES: Final = (".tmp",)
_BESIDE_SQLITE: Final = ("-wal", "-shm", "-journal")
_SQLITE_MAGIC: Final = b"SQLite format 3\0"

_MOST_TRIES: Final = 100
"""Times that the files are opened; a busy service replaces one of them in some of ten
seconds, and to open some thousand takes less than a tenth of one."""

_LEVEL: Final = 3
"""Of zstd: more gains little, since hash sets are random bytes."""

_CHUNK_BYTES: Final = 1 << 20
_MANIFEST_MOST_BYTES: Final = 1 << 28


class FileEntry(msgspec.Struct, frozen=True):
    """A file of a backup: its bytes, and their SHA-256 in hex."""

    size: int
    sha256: str


class BackupManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds.

    Attributes:
        version: ``VERSION``.
        made: Seconds since 1970 at which the files were opened.
        files: The files, by their path in the state directory.
    """

    version: int
    made: int
    files: dict[str, FileEntry]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())


Progress = Callable[[int, int], None]
"""Gets the bytes that are done, and those of all files."""


def is_left_out(name: str) -> bool:
    """Say whether a file or directory is left out: it is temporary, or lives for days.

    Args:
        name: Its name, without the directory.
    """
    return (
        name in _SHORT_LIVED
        or name.startswith(_TEMPORARY_PREFIXES)
        or name.endswith(_TEMPORARY_SUFFIXES)
    )


def write_backup(
    state: Path, file: BinaryIO, *, made_s: float, progress: Progress
) -> BackupManifest:
    """Write a backup of a state directory, which may be in use.

    Args:
        state: The state directory.
        file: Gets the archive.
        made_s: The time, in seconds since 1970.
        progress: Is told how far it is.

    Raises:
        BackupError: The state directory cannot be read, or changes too fast.
        OSError: The archive cannot be written.
    """
    with contextlib.ExitStack() as stack:
        opened = _open_all(state, stack)
        total = sum(it.size for it in opened)
        files: dict[str, FileEntry] = {}
        done = 0
        packer = zstandard.ZstdCompressor(level=_LEVEL).stream_writer(
            file, closefd=False
        )
        with packer, tarfile.open(fileobj=packer, mode="w|") as archive:
            for path in _directories(state):
                _add_directory(archive, state, path)
            for it in opened:
                progress(done, total)
                files[it.name] = it.add_to(archive)
                done += it.size
            manifest = BackupManifest(version=VERSION, made=int(made_s), files=files)
            _add_bytes(archive, MANIFEST, msgspec.json.encode(manifest))
        progress(total, total)
    return manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenFile:
    """A file of the state directory, open."""

    name: str
    file: BinaryIO
    status: os.stat_result
    size: int

    def add_to(self, archive: tarfile.TarFile) -> FileEntry:
        info = tarfile.TarInfo(self.name)
        info.size, info.mtime = self.size, int(self.status.st_mtime)
        info.mode = stat.S_IMODE(self.status.st_mode)
        reader = _DigestReader(self.file, self.size)
        archive.addfile(info, reader)
        return FileEntry(self.size, reader.digest.hexdigest())


class _DigestReader(io.RawIOBase):
    """Reads the first bytes of a file, and computes their digest."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        super().__init__()
        self.digest = hashlib.sha256()
        self._file, self._left = file, size

    @override
    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        self.digest.update(data)
        return data


def _open_all(state: Path, stack: contextlib.ExitStack) -> list[_OpenFile]:
    """Open every file at one moment: none is removed or refers to later ones."""
    for _ in range(_MOST_TRIES):
        with contextlib.ExitStack() as this_try:
            opened = _try_to_open(state, this_try)
            if opened is not None:
                stack.push(this_try.pop_all())
                return opened
    raise BackupError(
        f"the files in {str(state)!r} change too fast",
        hint="Try again when no hash set is imported.",
    )


def _try_to_open(state: Path, stack: contextlib.ExitStack) -> list[_OpenFile] | None:
    """Open all files, those that refer to others first; ``None`` if one has changed."""
    try:
        pointers = [
            _open(path, state, stack)
            for path in _files(state)
            if _is_pointer(path.name)
        ]
        # Looked for anew: what the pointers refer to may have been written meanwhile.
        others = [
            _open(path, state, stack)
            for path in _files(state)
            if not _is_pointer(path.name)
        ]
        for it in pointers:
            if (state / it.name).stat().st_ino != it.status.st_ino:
                return None
    except FileNotFoundError:
        return None
    except (OSError, sqlite3.Error) as exc:
        raise BackupError(
            f"cannot read {str(state)!r}: {exc}",
            hint="Run the command as root, or as the owner of the state directory.",
        ) from exc
    return pointers + others


def _open(path: Path, state: Path, stack: contextlib.ExitStack) -> _OpenFile:
    file: BinaryIO = stack.enter_context(path.open("rb"))
    status = os.fstat(file.fileno())
    size = status.st_size
    if file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC:
        file = stack.enter_context(_copy_sqlite(path))
        size = os.fstat(file.fileno()).st_size
    file.seek(0)
    return _OpenFile(
        name=path.relative_to(state).as_posix(), file=file, status=status, size=size
    )


@contextlib.contextmanager
def _copy_sqlite(path: Path) -> Iterator[BinaryIO]:
    """Copy a database of SQLite as it is after its last transaction."""
    with tempfile.NamedTemporaryFile() as copy:
        with (
            contextlib.closing(
                sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
            ) as source,
            contextlib.closing(sqlite3.connect(copy.name)) as target,
        ):
            source.backup(target)
        with open(copy.name, "rb") as file:  # noqa: PTH123 - SQLite has replaced nothing
            yield file


def _is_pointer(name: str) -> bool:
    return name in _POINTERS or name.endswith(_POINTER_SUFFIX)


def _walk(directory: Path) -> Iterator[os.DirEntry[str]]:
    """Yield the files and directories below a directory that a backup holds."""
    with os.scandir(directory) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    names = {entry.name for entry in found}
    for entry in found:
        base = next(
            (
                entry.name.removesuffix(it)
                for it in _BESIDE_SQLITE
                if entry.name.endswith(it)
            ),
            None,
        )
        if is_left_out(entry.name) or base in names:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield entry
            yield from _walk(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield entry


def _files(state: Path) -> Iterator[Path]:
    return (
        Path(it.path) for it in _walk(state) if not it.is_dir(follow_symlinks=False)
    )


def _directories(state: Path) -> Iterator[Path]:
    return (Path(it.path) for it in _walk(state) if it.is_dir(follow_symlinks=False))


def _add_directory(archive: tarfile.TarFile, state: Path, path: Path) -> None:
    info = tarfile.TarInfo(path.relative_to(state).as_posix())
    info.type, info.mode = tarfile.DIRTYPE, PRIVATE_MODE
    archive.addfile(info)


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), PRIVATE_FILE
    archive.addfile(info, io.BytesIO(data))


def restore_backup(
    file: BinaryIO, state: Path, *, log_continues: bool, progress: Progress
) -> BackupManifest:
    """Restore a state directory from a backup.

    Args:
        file: The archive.
        state: The state directory, which must be empty or missing. Its service must not
            run.
        log_continues: Nothing was recorded since the backup. Otherwise the tree of each
            log and its key are set aside: a log that was set back must not go on under
            a key that has signed later records, and begins a new tree.
        progress: Is told how many bytes of the files are unpacked; the second number is
            0, since the sum is not known before the end.

    Raises:
        BackupError: The archive is damaged, or the directory is not empty or cannot be
            written. It is as empty as before.
    """
    if state.is_dir() and any(state.iterdir()):
        raise BackupError(
            f"{str(state)!r} is not empty",
            hint=f"Stop the service, and move its files away: mv {state} {state}.old",
        )
    unpacked = state / RESTORING
    try:
        make_private(unpacked)
        manifest = _unpack(file, unpacked, progress)
        if not log_continues:
            _set_trees_aside(unpacked)
        _move_up(unpacked, state)
    except (
        *(OSError, EOFError, tarfile.TarError),
        *(zstandard.ZstdError, msgspec.MsgspecError),
    ) as exc:
        raise BackupError(
            f"cannot restore {str(state)!r}: {exc}",
            hint=f"Empty {state}, and try again; take another backup if this one is "
            "damaged.",
        ) from exc
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    return manifest


def _unpack(file: BinaryIO, folder: Path, progress: Progress) -> BackupManifest:
    """Unpack an archive and compare every file with the manifest."""
    found: dict[str, FileEntry] = {}
    manifest: BackupManifest | None = None
    done = 0
    reader = zstandard.ZstdDecompressor().stream_reader(file, closefd=False)
    with reader, tarfile.open(fileobj=reader, mode="r|") as archive:
        for member in archive:
            if manifest is not None:
                raise BackupError("the archive goes on after its manifest")
            if member.name == MANIFEST:
                manifest = _read_manifest(archive, member)
            elif member.isdir():
                make_private(_place(folder, member.name))
            else:
                found[member.name] = _unpack_file(archive, member, folder)
                done += member.size
                progress(done, 0)
    if manifest is None:
        raise BackupError(
            "the archive has no manifest: it is not whole, or no backup",
            hint="Nothing was restored. Take another backup.",
        )
    if manifest.files != found:
        names = sorted(
            name
            for name in manifest.files.keys() | found.keys()
            if manifest.files.get(name) != found.get(name)
        )
        raise BackupError(
            f"{len(names)} files are not those of the manifest, first {names[0]!r}",
            hint="Nothing was restored. Take another backup.",
        )
    return manifest


def _read_manifest(archive: tarfile.TarFile, member: tarfile.TarInfo) -> BackupManifest:
    content = archive.extractfile(member)
    if content is None or member.size > _MANIFEST_MOST_BYTES:
        raise BackupError("the manifest of the archive is no file, or too long")
    manifest = msgspec.json.decode(content.read(), type=BackupManifest)
    if manifest.version != VERSION:
        raise BackupError(
            f"the backup has version {manifest.version}, and this program reads "
            f"version {VERSION}",
            hint="Nothing was restored. Use the version of the program that made it.",
        )
    return manifest


def _place(folder: Path, name: str) -> Path:
    """Return where a member goes; names that lead elsewhere are refused."""
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts:
        raise BackupError(f"a member of the archive has the name {name!r}")
    return folder.joinpath(*parts)


def _unpack_file(
    archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path
) -> FileEntry:
    content = archive.extractfile(member) if member.isreg() else None
    if content is None:
        raise BackupError(f"the member {member.name!r} is neither file nor directory")
    path = _place(folder, member.name)
    make_private(path.parent)
    digest = hashlib.sha256()
    # Of the archive's mode only the right of others is not taken: all of it is private.
    mode = member.mode & PRIVATE_FILE
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with os.fdopen(fd, "wb") as out:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
        os.fchmod(out.fileno(), mode)
    os.utime(path, (member.mtime, member.mtime))
    sync_directory(path.parent)
    return FileEntry(member.size, digest.hexdigest())


def _set_trees_aside(state: Path) -> None:
    for key in state.glob("instances/*/tree.key"):
        aside = key.parent / SET_ASIDE
        make_private(aside)
        key.rename(aside / key.name)
        tree = key.parent / "log" / "tree"
        if tree.is_dir():
            tree.rename(aside / tree.name)


def _move_up(unpacked: Path, state: Path) -> None:
    """Move everything into the state directory, the reference set last.

    Without a reference set a service that somebody starts too early accepts nothing.
    """
    for path in sorted(unpacked.iterdir(), key=lambda it: it.name == "reference"):
        path.rename(state / path.name)
    unpacked.rmdir()
    sync_directory(state)
