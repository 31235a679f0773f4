"""Compress the segments that are not written any more, without losing a byte of any.

A segment goes through two steps, each of which may be ended at any point:

1. ``.<segment>.gz.new`` is written, synced, and renamed to ``<segment>.gz``. From then
   on both forms are there, and the plain one counts.
2. Ten minutes later, the compressed form is compared with the plain one,
   byte by byte. Only if they are equal is the plain one removed. The compressed one is
   removed if it is damaged or ends early, but never if it has bytes of its own.

The pause between the steps is for those who list the directory or copy it at that
moment: a listing that is made while a file is renamed may have neither name.

The steps run in a process of the lowest priority (``python -m`` this module), because a
thread of it would hold Python's lock while it waits for the processor.
"""

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, assert_never

import msgspec

from uploadfilter.decisions.files.members import (
    MOST_RATIO,
    MemberReader,
    compressed,
)
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

SETTLED_S: Final = 600.0
"""Least seconds for which both forms are there: copying a log takes less than ten
minutes (``ending.LAG_S``), and a copy takes files by the names that it listed first."""

SOON_S: Final = 60.0
"""The same if space is short: listing a directory takes less."""

RESERVE_SHARE: Final = 0.5
"""Share of the log's reserve that is left for necessary records while a compressed form
is written. The rest may be used: the form needs a seventh of a segment for a moment,
and then gives six sevenths back, which is what a full disk needs."""

NICENESS: Final = 19
"""The lowest priority of the usual scheduler: 1.4 % of a busy core. ``SCHED_IDLE`` gets
0.3 %, less than the 0.8 % that compressing 30 GB of records a day takes, so that under
a long attack the disk would fill with plain files."""

_BLOCK_BYTES: Final = 1024 * 1024


class Compression(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a step for one segment.

    Attributes:
        segment: Name of the segment.
        plain_bytes: Size of its plain form.
        bytes: Size of its compressed form.
        is_settled: Whether the plain form is gone.
        error: Why the step failed; empty if it did not.
        hint: What the operator does about it.
    """

    segment: str
    plain_bytes: int = 0
    bytes: int = 0
    is_settled: bool = False
    error: str = ""
    hint: str = ""


class _Waits(NamedTuple):
    """Seconds before each of the two steps."""

    compress_s: float
    settle_s: float


class _Compared(Enum):
    """The compressed form beside the plain one."""

    EQUAL = auto()
    LESS = auto()
    """It is damaged or ends early, and the plain one is as long."""
    OTHER = auto()
    """It is whole, or the longer one: who unpacks a file has half of it for a while."""


class _Forms(NamedTuple):
    segment: Segment
    has_both: bool


def due(
    directory: Path, newest: Segment, *, now: float, after_s: float, is_short: bool
) -> list[Segment]:
    """Return the segments for which a step is due, those that free space at once first.

    Args:
        directory: The log's directory.
        newest: The segment that is written; it and later ones are left alone.
        now: Seconds since the epoch.
        after_s: Seconds for which a segment stays as it is after its last record.
        is_short: Whether space is short, so that nothing waits for ``after_s``.

    Raises:
        LogError: The log cannot be read.
    """
    waits = _Waits(0.0, SOON_S) if is_short else _Waits(after_s, SETTLED_S)
    found = [
        forms
        for segment in segments(directory)
        if segment < newest and (forms := _due(directory, segment, now, waits))
    ]
    return [it.segment for it in sorted(found, key=lambda it: not it.has_both)]


def _due(directory: Path, segment: Segment, now: float, waits: _Waits) -> _Forms | None:
    try:
        plain = (directory / segment.name).stat()
    except FileNotFoundError:
        return None
    # A clock that was set back makes files of the future; they are as old.
    try:
        made = (directory / segment.compressed_name).lstat().st_ctime
    except FileNotFoundError:
        is_old = abs(now - plain.st_mtime) >= waits.compress_s
        is_due = is_old and plain.st_size >= LEAST_BYTES
        return _Forms(segment, has_both=False) if is_due else None
    # The plain one may be the younger one: somebody unpacks it at this moment.
    is_old = min(abs(now - made), abs(now - plain.st_ctime)) >= waits.settle_s
    return _Forms(segment, has_both=True) if is_old else None


def step(directory: Path, segment: Segment, *, reserve_bytes: int) -> Compression:
    """Take the next step for a segment that is not written any more.

    Args:
        directory: The log's directory.
        segment: The segment.
        reserve_bytes: The log's reserve.

    Returns:
        The result; without sizes if the plain form is gone, because retention or
        another process was faster.

    Raises:
        LogBusyError: Another process takes it.
        LogCorruptError: The compressed form differs from the plain one. It is removed,
            and made anew by the next step, unless the plain one lacks bytes of it.
        LogError: The segment cannot be read, or shrinks more than a reader accepts.
        LogWriteError: A file cannot be written, or space is short.
    """
    plain = directory / segment.name
    try:
        with plain.open("rb") as file:
            _lock(file, plain)
            if os.path.lexists(directory / segment.compressed_name):
                return _settle(directory, segment, file)
            return _compress(directory, segment, file, reserve_bytes=reserve_bytes)
    except OSError as exc:
        if isinstance(exc, FileNotFoundError) and not plain.exists():
            return Compression(segment=segment.name)
        raise write_error(plain, exc) from exc


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise LogBusyError(
            f"another process compresses {str(path)!r}",
            hint="It ends by itself; the next try is in some minutes.",
        ) from exc


def _compress(
    directory: Path, segment: Segment, file: BinaryIO, *, reserve_bytes: int
) -> Compression:
    """Write the compressed form beside the plain one."""
    name = segment.compressed_name
    new, size = directory / f".{name}.new", os.fstat(file.fileno()).st_size
    try:
        with new.open("wb") as target:
            os.fchmod(target.fileno(), 0o600)
            packed = 0
            for member in _affordable(directory, file, size, reserve_bytes):
                target.write(member)
                packed += len(member)
            target.flush()
            _take_over(directory / segment.name, target)
            os.fsync(target.fileno())
        new.replace(directory / name)
    finally:
        new.unlink(missing_ok=True)
    sync_directory(directory)
    if os.fstat(file.fileno()).st_nlink == 0:
        # Retention deleted it meanwhile, so it must not come back in another form.
        (directory / name).unlink(missing_ok=True)
    return Compression(segment=segment.name, plain_bytes=size, bytes=packed)


def _affordable(
    directory: Path, file: BinaryIO, size: int, reserve_bytes: int
) -> Iterator[bytes]:
    """Yield the compressed form, as long as there is space, and a reader accepts it."""
    packed = 0
    try:
        for member in compressed(file, size):
            disk = disk_of(directory, reserve_bytes=reserve_bytes)
            left = disk.free_bytes - len(member)
            if left < disk.reserve_bytes * RESERVE_SHARE:
                raise short_error(directory, disk.free_bytes)
            yield member
            packed += len(member)
            if file.tell() > MOST_RATIO * packed:
                raise LogError(
                    f"a segment shrinks to less than 1/{MOST_RATIO}",
                    hint="It stays as it is, because no reader would accept it.",
                )
    except ValueError as exc:
        raise LogError(f"it is still written: {exc}") from exc


def _take_over(plain: Path, target: BinaryIO) -> None:
    """Give the compressed form owner, mode, times and labels of the plain one."""
    was, new = plain.stat(), os.fstat(target.fileno())
    if (was.st_uid, was.st_gid) != (new.st_uid, new.st_gid):
        os.fchown(target.fileno(), was.st_uid, was.st_gid)
    shutil.copystat(plain, target.name)


def _settle(directory: Path, segment: Segment, file: BinaryIO) -> Compression:
    """Remove the plain form, if the compressed one equals it."""
    path = directory / segment.compressed_name
    is_file = path.is_file() and not path.is_symlink()
    match _compared(path, file) if is_file else _Compared.LESS:
        case _Compared.EQUAL:
            pass
        case _Compared.LESS:
            path.unlink()
            raise LogCorruptError(
                f"{path.name!r} has other bytes than {segment.name!r}, and was removed",
                hint="It is made anew, and nothing is lost. If it recurs, check the "
                "disk.",
            )
        case _Compared.OTHER:
            raise LogCorruptError(
                f"{segment.name!r} lacks bytes of {path.name!r}, so both stay",
                hint="If it is being unpacked, wait. Otherwise run 'uploadfilter log "
                "verify': move the plain file away if it is damaged, else the other.",
            )
        case never:
            assert_never(never)
    (directory / segment.name).unlink()
    sync_directory(directory)
    return Compression(
        segment=segment.name,
        plain_bytes=file.tell(),
        bytes=path.stat().st_size,
        is_settled=True,
    )


def _compared(path: Path, plain: BinaryIO) -> _Compared:
    """Compare a durable compressed form with the plain one."""
    is_same = True
    with path.open("rb") as source:
        # Others may have put it there, such as ``gzip --keep``, which syncs nothing.
        os.fsync(source.fileno())
        reader = MemberReader(source, path.name)
        try:
            while part := reader.read(_BLOCK_BYTES):
                is_same = plain.read(len(part)) == part and is_same
        except LogCorruptError:
            has_all = os.fstat(plain.fileno()).st_size >= reader.tell()
            return _Compared.LESS if has_all else _Compared.OTHER
    if not is_same:
        return _Compared.OTHER
    return _Compared.LESS if plain.read(1) else _Compared.EQUAL


def remove_unfinished(directory: Path) -> None:
    """Remove what a killed process left of a segment that is not there any more.

    Raises:
        OSError: A file cannot be removed.
    """
    for path in directory.glob(".*.gz.new"):
        if not (directory / path.name[1:].removesuffix(".gz.new")).exists():
            path.unlink(missing_ok=True)


def main(arguments: Sequence[str]) -> None:
    """Take a step for each segment, and print each result as a line of JSON.

    Args:
        arguments: The log's directory, its reserve in bytes, and names of segments.
    """
    os.nice(NICENESS)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    directory, reserve_bytes = Path(arguments[0]), int(arguments[1])
    with suppress(OSError):
        remove_unfinished(directory)
    for name in arguments[2:]:
        segment = Segment.parse(name)
        if segment is None:
            continue
        try:
            found = step(directory, segment, reserve_bytes=reserve_bytes)
        except LogBusyError:
            # It outlived its proxy, and ends by itself: no failure that needs a person.
            found = Compression(segment=name)
        except LogError as exc:
            found = Compression(segment=name, error=str(exc), hint=exc.hint)
        print(json.dumps(msgspec.to_builtins(found)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
