"""Find the end of a log after its writer was closed, or was killed at any byte.

Only unacknowledged bytes can be torn: a group of records is acknowledged when it is
whole and synced. So the bytes that a crash leaves at the end of the newest segment
(half a line, zeros, an incomplete head) are moved to ``<segment>.torn``, and the log
continues before them. A line that is a record is *not* moved. If its hash does not fit,
it was changed, and ``verify`` has to find it in its place.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from uploadfilter.decisions.files.ending import kept_end
from uploadfilter.decisions.files.segments import (
    Segment,
    Sync,
    lines,
    opened,
    packed,
    segments,
    write_error,
)
from uploadfilter.decisions.records.chain import Tail
from uploadfilter.decisions.records.records import Checkpoint, SegmentRecord
from uploadfilter.errors import LogCorruptError
from uploadfilter.state import sync_directory

TORN_LIMIT = 32 * 1024 * 1024
"""Most bytes that one interrupted write can leave.

The writer ends a group at 4 MiB, and one record has at most 16 MiB. More bytes after a
damaged line are not a torn write but damage, which a person must examine.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryReport:
    """The repairs of a log that was opened.

    Attributes:
        torn_bytes: Number of bytes that were set aside; 0 after a clean end.
        torn: The file that holds them now.
        unknown_outcomes: Accepted decisions whose outcome was lost; each has an
            ``unknown`` outcome now.
        cut_off: The checkpoint that was kept beside the log, if the log does not reach
            it any more: newer files were removed.
    """

    torn_bytes: int = 0
    torn: tuple[Path, ...] = ()
    unknown_outcomes: tuple[str, ...] = ()
    cut_off: Checkpoint | None = None

    @property
    def is_clean(self) -> bool:
        """Whether the last writer closed the log properly."""
        return not self.torn_bytes and not self.unknown_outcomes and not self.cut_off


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A log that can be continued.

    Attributes:
        tail: The end of the log.
        segment: The newest segment; ``None`` if there is none.
        size: Size of that segment, in bytes.
        report: The repairs.
    """

    tail: Tail
    segment: Segment | None
    size: int
    report: RecoveryReport


def recover(directory: Path, *, sync: Sync) -> Recovered:
    """Read the newest segment, and set a torn end aside; the caller holds the lock.

    Args:
        directory: The log's directory.
        sync: Makes an open file or directory durable.

    Raises:
        LogCorruptError: The log has damage that no interrupted write explains.
        LogVersionError: Another version wrote the log, and must continue it.
        LogError: The log cannot be read.
        LogWriteError: The torn end cannot be set aside.
    """
    _refuse_packed(directory)
    torn: list[Path] = []
    torn_bytes = 0
    for segment in reversed(segments(directory)):
        _unpack(directory, segment, sync=sync)
        tail, size = _read(directory, segment)
        rest = _cut(directory, segment, size, sync=sync)
        if rest:
            torn.append(torn_path(directory, segment))
            torn_bytes += rest
        if size:
            report = _report(directory, tail, torn, torn_bytes)
            return Recovered(tail=tail, segment=segment, size=size, report=report)
        # Not even the head is whole: the log ends in the segment before.
        _remove(directory, segment, sync=sync)
    report = _report(directory, Tail(), torn, torn_bytes)
    return Recovered(tail=Tail(), segment=None, size=0, report=report)


def _unpack(directory: Path, segment: Segment, *, sync: Sync) -> None:
    """Give the newest segment its plain form, to which lines can be appended.

    Raises:
        LogCorruptError: The compressed form is damaged.
        LogWriteError: The plain form cannot be written.
    """
    plain = directory / segment.name
    if plain.exists():
        return
    new = directory / f".{segment.name}.new"
    try:
        with (
            opened(directory, segment) as packed_file,
            os.fdopen(os.open(new, _NEW, 0o600), "wb") as file,
        ):
            shutil.copyfileobj(packed_file, file)
            file.flush()
            sync(file.fileno())
        new.replace(plain)
        sync_directory(directory, sync)
        (directory / segment.compressed_name).unlink()
    except OSError as exc:
        raise write_error(plain, exc) from exc


_NEW = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def _refuse_packed(directory: Path) -> None:
    """Refuse to continue a log whose newest segment cannot be read.

    Raises:
        LogCorruptError: It was renamed, or packed otherwise than by gzip.
    """
    newest = segments(directory)[-1:]
    for name in packed(directory)[-1:]:
        if not newest or name > newest[0].name:
            raise LogCorruptError(
                f"the newest segment was packed or renamed: {name!r}",
                hint="Unpack it under its old name. Older files may stay as they are.",
            )


def torn_path(directory: Path, segment: Segment) -> Path:
    """Return the file for the torn ends of a segment."""
    return directory / f"{segment.name}.torn"


def _report(
    directory: Path, tail: Tail, torn: list[Path], torn_bytes: int
) -> RecoveryReport:
    kept = kept_end(directory)
    return RecoveryReport(
        torn_bytes=torn_bytes,
        torn=tuple(torn),
        unknown_outcomes=tuple(tail.awaiting),
        cut_off=kept if kept is not None and kept.records > tail.seq else None,
    )


def _read(directory: Path, segment: Segment) -> tuple[Tail, int]:
    """Return the tail after the whole records of a segment, and their size in bytes."""
    tail = Tail()
    size = 0
    with opened(directory, segment) as file:
        for line in lines(file):
            record = line.record()
            if record is None:
                break
            if line.number == 1 and not isinstance(record, SegmentRecord):
                raise _no_head(segment)
            tail.read(record, line.data)
            size = line.end
    return tail, size


def _no_head(segment: Segment) -> LogCorruptError:
    return LogCorruptError(
        f"{segment.name!r} does not begin with its head record",
        hint="Run 'uploadfilter verify'. Keep the file as evidence, but move it "
        "out of the directory; then start the proxy again.",
    )


def _cut(directory: Path, segment: Segment, size: int, *, sync: Sync) -> int:
    """Move the bytes after the first ``size`` ones aside; return their number."""
    path = directory / segment.name
    rest = path.stat().st_size - size
    if rest > TORN_LIMIT:
        raise LogCorruptError(
            f"{segment.name!r} is damaged after byte {size}: {rest} bytes follow, "
            f"more than the {TORN_LIMIT} that an interrupted write can leave",
            hint="Keep the file as evidence, but move it out of the directory, and "
            "find out who changed it.",
        )
    if rest:
        try:
            _set_aside(path, torn_path(directory, segment), size, sync=sync)
        except OSError as exc:
            raise write_error(path, exc) from exc
    return rest


def _set_aside(path: Path, torn: Path, size: int, *, sync: Sync) -> None:
    """Append the end of a segment to its torn file, durably, and only then truncate."""
    file = os.open(path, os.O_RDWR)
    try:
        end = os.pread(file, TORN_LIMIT, size)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with os.fdopen(os.open(torn, flags, 0o600), "wb") as aside:
            aside.write(end)
            aside.flush()
            sync(aside.fileno())
        sync_directory(path.parent, sync)
        os.ftruncate(file, size)
        sync(file)
    finally:
        os.close(file)


def _remove(directory: Path, segment: Segment, *, sync: Sync) -> None:
    """Remove an empty segment."""
    try:
        (directory / segment.name).unlink()
        sync_directory(directory, sync)
    except OSError as exc:
        raise write_error(directory / segment.name, exc) from exc
