"""Compress the segments that are not written any more, without losing a byte of any.

``.<segment>.gz.new`` is written, synced, read back, and renamed to ``<segment>.gz``;
then the plain form is removed. A crash may leave both forms: the plain one counts, and
goes if both have the same bytes. Else both stay, since somebody may be unpacking one.
"""

import fcntl
import gzip
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from uploadfilter.decisions.files.compressed import LEVEL, CompressedReader
from uploadfilter.decisions.files.room import disk_of
from uploadfilter.decisions.files.segments import (
    Segment,
    segments,
    short_error,
    write_error,
)
from uploadfilter.errors import LogBusyError, LogCorruptError, LogError
from uploadfilter.state import sync_directory

LEAST_BYTES: Final = 64 * 1024
"""Smaller segments stay as they are: they take some blocks of the disk at most. Files
of totals and changes, which are kept for good, are among them for years."""

RESERVE_SHARE: Final = 0.5
"""Share of the log's reserve that is left for necessary records while a compressed form
is written. The rest may be used: the form needs a seventh of a segment for a moment,
and then gives six sevenths back, which is what a full disk needs."""

_BLOCK_BYTES: Final = 1024 * 1024


class Compression(NamedTuple):
    """The sizes of a segment that was compressed.

    Attributes:
        plain_bytes: Size of the form that was removed.
        bytes: Size of the form that is left.
    """

    plain_bytes: int
    bytes: int


def due(
    directory: Path, newest: Segment, *, now: float, after_s: float
) -> list[Segment]:
    """Return the segments that are to be compressed, the oldest first.

    Args:
        directory: The log's directory.
        newest: The segment that is written; it and later ones are left alone.
        now: Seconds since the epoch.
        after_s: Seconds for which a segment stays as it is after its last record, and
            after it was put there, as by one who unpacks it.
    """
    return [
        segment
        for segment in segments(directory)
        if segment < newest and _is_due(directory / segment.name, now, after_s)
    ]


def _is_due(plain: Path, now: float, after_s: float) -> bool:
    try:
        found = plain.stat()
    except FileNotFoundError:
        return False
    # A clock that was set back makes files of the future; they are as old.
    age_s = min(abs(now - found.st_mtime), abs(now - found.st_ctime))
    return age_s >= after_s and found.st_size >= LEAST_BYTES


def compress(
    directory: Path, segment: Segment, *, reserve_bytes: int
) -> Compression | None:
    """Put a compressed form in the place of a segment that is not written any more.

    Returns:
        Its sizes; ``None`` if the plain form is gone, because retention was faster.

    Raises:
        LogBusyError: Another process compresses it, and ends by itself.
        LogError: It cannot be read, or its compressed form reads as other bytes; both
            forms stay.
        LogWriteError: A file cannot be written, or space is short.
    """
    plain, packed = (directory / name for name in segment.names)
    new = directory / f".{packed.name}.new"
    try:
        with plain.open("rb") as file:
            _lock(file, plain)
            with _temporary(new):
                if not os.path.lexists(packed):
                    _write(file, new, reserve_bytes=reserve_bytes)
                    new.replace(packed)
                elif packed.is_symlink() or not _is_same(packed, file):
                    raise _differ(plain, packed)
            size = file.tell()
        sync_directory(directory)
        try:
            plain.unlink()
        except FileNotFoundError:
            # Retention deleted it meanwhile: it must not come back in another form.
            packed.unlink(missing_ok=True)
            return None
        sync_directory(directory)
        return Compression(plain_bytes=size, bytes=packed.stat().st_size)
    except OSError as exc:
        if isinstance(exc, FileNotFoundError) and not plain.exists():
            return None
        raise write_error(plain, exc) from exc


@contextmanager
def _temporary(path: Path) -> Iterator[None]:
    """Remove a file at the end of the block, also one that a killed process left."""
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _differ(plain: Path, packed: Path) -> LogError:
    return LogError(
        f"{plain.name!r} and {packed.name!r} differ, so both stay",
        hint="If one is being unpacked, wait. Otherwise run 'uploadfilter verify': "
        "move the damaged file away.",
    )


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise LogBusyError(
            f"another process compresses {str(path)!r}",
            hint="It ends by itself; the next try is in some minutes.",
        ) from exc


def _write(file: BinaryIO, new: Path, *, reserve_bytes: int) -> None:
    """Write the compressed form of an open segment durably, and read it back."""
    with new.open("wb") as target:
        os.fchmod(target.fileno(), 0o600)
        with gzip.GzipFile("", "wb", LEVEL, target, mtime=0) as form:
            while block := file.read(_BLOCK_BYTES):
                disk = disk_of(new.parent, reserve_bytes=reserve_bytes)
                left = disk.free_bytes - len(block)
                if left < disk.reserve_bytes * RESERVE_SHARE:
                    raise short_error(new.parent, disk.free_bytes)
                form.write(block)
        target.flush()
        _take_over(file, target)
        os.fsync(target.fileno())
    if not _is_same(new, file):
        raise LogError(
            f"the compressed form of {file.name!r} reads back as other bytes",
            hint="It stays as it is, and nothing is lost. If it is being unpacked, "
            "wait. If others fail as well, check the disk.",
        )


def _take_over(plain: BinaryIO, target: BinaryIO) -> None:
    """Give the compressed form owner, mode, times and labels of the plain one."""
    was, new = Path(plain.name).stat(), os.fstat(target.fileno())
    if (was.st_uid, was.st_gid) != (new.st_uid, new.st_gid):
        os.fchown(target.fileno(), was.st_uid, was.st_gid)
    shutil.copystat(plain.name, target.name)


def _is_same(packed: Path, plain: BinaryIO) -> bool:
    plain.seek(0)
    with (
        packed.open("rb") as source,
        io.BufferedReader(CompressedReader(source, packed.name), _BLOCK_BYTES) as form,
        suppress(LogCorruptError),
    ):
        while part := plain.read(_BLOCK_BYTES):
            if form.read(len(part)) != part:
                return False
        return not form.read(1)
    return False


def remove_unfinished(directory: Path) -> None:
    """Remove what a killed process left of a segment that is not there any more.

    Raises:
        OSError: A file cannot be removed.
    """
    for path in directory.glob(".*.gz.new"):
        if not (directory / path.name[1:].removesuffix(".gz.new")).exists():
            path.unlink(missing_ok=True)
