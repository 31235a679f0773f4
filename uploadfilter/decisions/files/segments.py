"""Read the files of a decision log: their names, their lines and the writer's lock.

A log is a directory (0700) of segments (0600) named ``<number>-<UTC day>.jsonl``, such
as ``00000012-20261125.jsonl``. Numbers grow by one, days never decrease: a clock that
is set back makes no new segment. ``<segment>.torn`` holds the bytes of a torn write.

``<segment>.gz`` is the compressed form of a segment that is not written any more. If
both are there, the segment itself counts, because it is removed last
(``compressing.py``).
"""

import errno
import fcntl
import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from uploadfilter.decisions.files.compressed import (
    SUFFIX,
    CompressedReader,
    stated_size,
)
from uploadfilter.decisions.records.records import (
    LINE_LIMIT,
    Record,
    SegmentRecord,
    decode,
)
from uploadfilter.errors import (
    LogBusyError,
    LogCorruptError,
    LogError,
    LogWriteError,
)
from uploadfilter.state import make_private

Sync = Callable[[int], None]
"""Makes an open file or directory durable, such as ``os.fdatasync``."""

_NAME = re.compile(r"(\d{8})-(\d{8})\.jsonl", re.ASCII)
_NAME_CHARACTERS = len("00000001-20261125.jsonl")
_LOCK = "lock"

_BUFFER_BYTES = 256 * 1024
"""Bytes that are unpacked at once, so that each line does not cost calls of its own."""


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A segment by its name.

    Attributes:
        number: From 1.
        day: UTC day on which it was begun; every record in it was written on that day
            or, if the clock was set back, on an earlier one.
    """

    number: int
    day: date

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Parse a file name; return ``None`` if it is not the name of a segment."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        try:
            day = datetime.strptime(found[2] + "+0000", "%Y%m%d%z").date()
        except ValueError:
            return None
        return cls(int(found[1]), day)

    @property
    def name(self) -> str:
        """The file name."""
        return f"{self.number:08d}-{self.day:%Y%m%d}.jsonl"

    @property
    def compressed_name(self) -> str:
        """The name of the file with its compressed form."""
        return self.name + SUFFIX

    @property
    def names(self) -> tuple[str, str]:
        """The names of the files that it may be in; the first one counts."""
        return self.name, self.compressed_name


class SegmentLine(NamedTuple):
    """One line of a segment.

    Attributes:
        number: From 1, within its segment.
        data: Its bytes, without the newline.
        end: Offset of the byte after its newline.
        is_whole: Whether there was a newline, within ``LINE_LIMIT`` bytes.
    """

    number: int
    data: bytes
    end: int
    is_whole: bool

    @property
    def is_unfinished(self) -> bool:
        """Whether the file ends here before the line does."""
        return not self.is_whole and len(self.data) < LINE_LIMIT

    def record(self) -> Record | None:
        """Return the line as a record; ``None`` if it is torn or not a record."""
        if not self.is_whole:
            return None
        try:
            return decode(self.data)
        except LogCorruptError:
            return None


def segments(directory: Path) -> list[Segment]:
    """List the segments of a log, oldest first."""
    try:
        # Twice: a listing that is made while a segment changes its form has neither.
        names = {path.name for _ in range(2) for path in directory.iterdir()}
    except OSError as exc:
        raise LogError(
            f"cannot read the decision log in {str(directory)!r}: {exc.strerror}",
            hint="Check --state and --instance, and that this user may read it. A new "
            "proxy has no log until 'uploadfilter serve' has run.",
        ) from exc
    parsed = (Segment.parse(name.removesuffix(SUFFIX)) for name in names)
    return sorted({found for found in parsed if found is not None})


def packed(directory: Path) -> list[str]:
    """Return the names of segments that were renamed, or packed otherwise than by gzip.

    They are not read: their records are missing until they are unpacked.
    """
    known = set(segments(directory))
    found = []
    for path in directory.iterdir():
        was = Segment.parse(path.name[:_NAME_CHARACTERS])
        is_other = len(path.name) > _NAME_CHARACTERS and path.suffix != ".torn"
        if was is not None and was not in known and is_other:
            found.append(path.name)
    return sorted(found)


@contextmanager
def opened(directory: Path, segment: Segment) -> Iterator[BinaryIO]:
    """Open a segment for reading, whether it is compressed or not.

    Both forms have the same lines at the same offsets. Reading the compressed form
    raises ``LogCorruptError`` where it is damaged.
    """
    file = _opened(directory, segment)
    with file:
        yield file


def _opened(directory: Path, segment: Segment) -> BinaryIO:
    plain, compressed = (directory / name for name in segment.names)
    # A segment appears in its new form before the old one goes. The third try finds
    # one that was unpacked meanwhile.
    for path in (plain, compressed, plain):
        try:
            file = path.open("rb")
        except FileNotFoundError:
            continue
        except OSError as exc:
            raise _unreadable(path, exc) from exc
        if path is plain:
            return file
        return io.BufferedReader(CompressedReader(file, path.name), _BUFFER_BYTES)
    raise _unreadable(plain, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))


def _unreadable(path: Path, exc: OSError) -> LogError:
    return LogError(
        f"cannot read {str(path)!r}: {exc.strerror}",
        hint="Check that this user may read it.",
    )


class SegmentBytes(NamedTuple):
    """The size of a segment.

    Attributes:
        on_disk: Bytes of its files.
        plain: Bytes of its records.
    """

    on_disk: int
    plain: int


def size_of(directory: Path, segment: Segment) -> SegmentBytes:
    """Return the size of a segment, without reading it; 0 if it was just deleted.

    Raises:
        OSError: A file cannot be read.
    """
    plain, compressed = (directory / name for name in segment.names)
    of_both = [_bytes_of(path) for path in (plain, compressed)]
    if of_both[0] or not of_both[1]:
        return SegmentBytes(sum(of_both), of_both[0])
    try:
        return SegmentBytes(of_both[1], stated_size(compressed))
    except FileNotFoundError:
        return SegmentBytes(0, 0)


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def lines(file: BinaryIO, *, start: int = 0) -> Iterator[SegmentLine]:
    """Yield the lines of a segment from an offset on; the last one may be incomplete.

    A line that is longer than ``LINE_LIMIT`` comes in parts that are not whole.
    """
    file.seek(start)
    end = start
    number = 0
    while data := file.readline(LINE_LIMIT):
        number += 1
        end += len(data)
        is_whole = data.endswith(b"\n")
        yield SegmentLine(number, data[:-1] if is_whole else data, end, is_whole)


def read_head(directory: Path, segment: Segment) -> SegmentRecord:
    """Read the first record of a segment."""
    with opened(directory, segment) as file:
        first = next(lines(file), None)
    record: Record | None = decode(first.data) if first and first.is_whole else None
    if not isinstance(record, SegmentRecord):
        raise LogCorruptError(
            f"{segment.name!r} does not begin with its head record",
            hint="Run 'uploadfilter verify' to see what is damaged.",
        )
    return record


_WRONG_PLACE = frozenset(
    {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
)
"""Errors that free space does not solve."""

_PLACE_HINT = (
    "Check the state directory: its path (--state), its owner, and that this user may "
    "write there."
)
_DISK_HINT = (
    "Free space or repair the file system; uploads are answered 503 until then, and "
    "the log goes on by itself."
)


def make_directory(directory: Path) -> None:
    """Make the directory of a log and its missing parents."""
    try:
        make_private(directory)
    except OSError as exc:
        raise write_error(directory, exc) from exc


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock of a log's only writer while the block runs.

    Raises:
        LogBusyError: Another process holds the lock.
        LogWriteError: The lock file cannot be made.
    """
    path = directory / _LOCK
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        raise write_error(path, exc) from exc
    try:
        _lock(lock, directory)
        yield
    finally:
        os.close(lock)


def _lock(lock: int, directory: Path) -> None:
    """Take the lock, and write the process id into its file."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise LogBusyError(
            f"another process (pid {holder}) writes to the log in {str(directory)!r}",
            hint="Stop that process, or give this one another name with --instance.",
        ) from exc
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except OSError as exc:
        raise write_error(directory / _LOCK, exc) from exc


def short_error(directory: Path, free_bytes: int) -> LogWriteError:
    """Return the error for a disk without space for decisions, before a write fails."""
    return LogWriteError(
        f"the disk of {str(directory)!r} has {free_bytes // 1_000_000} MB left, which "
        "are kept back (reserve_bytes)",
        hint=_DISK_HINT,
    )


def write_error(path: Path, exc: OSError) -> LogWriteError:
    """Return the error for a failed write, with its cause and a hint."""
    return LogWriteError(
        f"cannot write to {str(path)!r}: {exc.strerror}",
        hint=_PLACE_HINT if exc.errno in _WRONG_PLACE else _DISK_HINT,
    )
