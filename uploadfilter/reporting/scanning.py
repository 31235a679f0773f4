"""Check the chain of one segment of a log, and count its lines and uploads.

Rules this module keeps: each line is counted, or said to be a fault; whatever is kept
for a second report is found by the SHA-256 of the whole file, so that no other file
can pass for it; memory does not depend on the length of the file.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from uploadfilter.decisions.files.proving import UNSIGNED_MINUTES
from uploadfilter.decisions.files.segments import Segment, opened
from uploadfilter.decisions.records.records import LINE_LIMIT
from uploadfilter.decisions.tree.merkle import leaf_hash
from uploadfilter.errors import LogCorruptError, LogError
from uploadfilter.reporting.lines import (
    COUNTED,
    KNOWN,
    DayFields,
    LogLine,
    read_line,
    read_lines,
    uploads_in,
)
from uploadfilter.state import make_private, write_private

CHUNK_BYTES: Final = 4 * 1024 * 1024
"""Bytes that are decoded at once: some 6,000 records, 5 MB as objects."""

MOST_FAULTS: Final = 100
"""Most faults of a segment that are kept; further ones are counted."""

CACHE_VERSION: Final = b"uploadfilter report 5\n"
"""Changes with ``Scanned``, so that old counts are never taken for new ones."""

_STEP_MINUTES: Final = 1
"""A clock that was set back by more than this is said, as ``verify`` does."""


class SegmentFault(msgspec.Struct, frozen=True):
    """One fault of a segment.

    Attributes:
        kind: ``unreadable``, ``unknown_kind``, ``chain`` or ``number``.
        line: Number of the line, from 1.
        what: The unknown kind; else empty.
    """

    kind: str
    line: int
    what: str = ""


class Scanned(msgspec.Struct):
    """The counts of a segment, and its place in the chain.

    Attributes:
        lines: Counted lines.
        uploads: By day, the uploads of its records.
        totals: By day, the uploads of its total records.
        skipped: Lines beyond the last number that was asked for.
        skipped_days: By day, how many of those lines would have been counted.
        skipped_uploads: By day, the uploads of those lines.
        skipped_minutes: The first minutes with such lines, as many as tell whether a
            proxy would have signed again.
        previous: Hash that the first record names as its predecessor's.
        last_hash: Hash of the last line, hex.
        last_leaf: Leaf of the last line in the tree, hex.
        matches: Decisions with the verdict ``MATCH``, in skipped lines as well.
        unfinished_bytes: Bytes after the last line end.
        back_minutes: The largest step back of the clock, in minutes.
    """

    lines: int = 0
    uploads: dict[str, int] = msgspec.field(default_factory=dict)
    totals: dict[str, int] = msgspec.field(default_factory=dict)
    skipped: int = 0
    skipped_days: dict[str, int] = msgspec.field(default_factory=dict)
    skipped_uploads: dict[str, int] = msgspec.field(default_factory=dict)
    skipped_minutes: list[str] = msgspec.field(default_factory=list)
    first_seq: int = 0
    last_seq: int = 0
    previous: str = ""
    last_hash: str = ""
    last_leaf: str = ""
    since: str = ""
    until: str = ""
    matches: int = 0
    faults: list[SegmentFault] = msgspec.field(default_factory=list)
    faults_omitted: int = 0
    unfinished_bytes: int = 0
    back_minutes: int = 0


def scan_segment(
    directory: Path, segment: Segment, *, until: int | None, cache: Path | None
) -> Scanned:
    """Count a segment.

    Args:
        directory: The log's directory.
        segment: The segment.
        until: Number of the last record to count; ``None`` counts all.
        cache: Folder of counts of earlier reports, by the hash of the file; ``None``
            keeps none.

    Raises:
        LogError: The file cannot be read, or the folder not be written.
    """
    with opened(directory, segment) as file:
        if cache is None:
            return _Scan(until).whole(file)
        try:
            digest = _digest(file)
        except LogCorruptError:
            # Its counts are those of no file, so they are not kept.
            file.seek(0)
            return _Scan(until).whole(file)
        file.seek(0)
        name = hashlib.sha256(CACHE_VERSION + digest + str(until).encode())
        return _cached(cache / name.hexdigest(), file, until)


def _digest(file: BinaryIO) -> bytes:
    found = hashlib.sha256()
    while data := file.read(CHUNK_BYTES):
        found.update(data)
    return found.digest()


def _cached(path: Path, file: BinaryIO, until: int | None) -> Scanned:
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=Scanned)
    except (OSError, msgspec.MsgspecError):
        pass
    found = _Scan(until).whole(file)
    try:
        make_private(path.parent)
        write_private(path, msgspec.msgpack.encode(found), durably=False)
    except OSError as exc:
        raise LogError(
            f"cannot write {str(path)!r}: {exc.strerror}",
            hint="Name another folder with --cache, or leave the option out.",
        ) from exc
    return found


class _Scan:
    """One pass over a segment."""

    def __init__(self, until: int | None) -> None:
        self._until = until
        self._found = Scanned()
        self._uploads: Counter[str] = Counter()
        self._totals: Counter[str] = Counter()
        self._line = 0
        self._latest = ""
        self._skipped_minutes: set[str] = set()

    def whole(self, file: BinaryIO) -> Scanned:
        """Count the whole file."""
        try:
            for body in self._bodies(file):
                self._count(body)
        except LogCorruptError:
            # It is compressed and damaged: DuckDB reads it whole or not at all.
            return Scanned(faults=[SegmentFault("unreadable", self._line + 1)])
        found = self._found
        found.uploads, found.totals = dict(self._uploads), dict(self._totals)
        found.skipped_minutes = sorted(self._skipped_minutes)[: UNSIGNED_MINUTES + 1]
        return found

    def _bodies(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the file in pieces of whole lines, without the last line end."""
        rest = b""
        while data := file.read(CHUNK_BYTES):
            body, end, more = data.rpartition(b"\n")
            if not end:
                rest += data
                if len(rest) > LINE_LIMIT:
                    # No record: it is read as one, and is a fault.
                    yield rest
                    rest = b""
                continue
            yield rest + body
            rest = more
        self._found.unfinished_bytes = len(rest)

    def _count(self, body: bytes) -> None:
        lines = body.split(b"\n")
        try:
            records = read_lines(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            records = []
        if len(records) != len(lines):
            self._count_each(lines)
            return
        self._count_records(lines, records)

    def _count_each(self, lines: Sequence[bytes]) -> None:
        """Count lines of which at least one is no record."""
        kept: list[bytes] = []
        records: list[LogLine] = []
        for number, line in enumerate(lines, self._line + 1):
            record = read_line(line)
            if record is not None:
                kept.append(line)
                records.append(record)
                continue
            # What stands before it was counted with the right chain.
            self._count_records(kept, records)
            kept, records = [], []
            self._count_none(line, number)
        self._count_records(kept, records)

    def _count_none(self, line: bytes, number: int) -> None:
        """Say that a line is no record."""
        self._fault("unreadable", number)
        if self._is_over():
            self._found.skipped += 1
            return
        self._line = number
        self._found.last_hash = hashlib.sha256(line).hexdigest()
        self._found.last_seq += self._found.last_seq > 0

    def _count_records(
        self, lines: Sequence[bytes], records: Sequence[LogLine]
    ) -> None:
        self._found.matches += sum(
            it.verdict == "MATCH" and it.record == "decision" for it in records
        )
        if self._until is not None and records and records[-1].seq > self._until:
            end = sum(1 for record in records if record.seq <= self._until)
            self._skip(records[end:])
            lines, records = lines[:end], records[:end]
        if not records:
            return
        self._chain(lines, records)
        self._tell_times(records)
        _add_uploads(self._uploads, records)
        kinds = {record.record for record in records}
        if kinds - KNOWN:
            self._tell_unknown(records)
        if "total" in kinds:
            for record in records:
                if record.record == "total" and isinstance(record.totals, DayFields):
                    uploads = uploads_in(record.totals.uploads)
                    self._totals[record.totals.day] += uploads
        self._line += len(lines)

    def _tell_unknown(self, records: Sequence[LogLine]) -> None:
        for number, record in enumerate(records, self._line + 1):
            if record.record not in KNOWN:
                self._fault("unknown_kind", number, record.record)
                self._found.lines -= 1

    def _is_over(self) -> bool:
        """Return whether the last line that was asked for has come."""
        found = self._found
        is_last = self._until is not None and found.last_seq >= self._until
        return is_last or found.skipped > 0

    def _skip(self, records: Sequence[LogLine]) -> None:
        found = self._found
        found.skipped += len(records)
        days = Counter(it.time[:10] for it in records if it.record in COUNTED)
        found.skipped_days = dict(days + Counter(found.skipped_days))
        uploads = Counter(found.skipped_uploads)
        _add_uploads(uploads, records)
        found.skipped_uploads = dict(uploads)
        self._skipped_minutes.update(it.time[:16] for it in records)

    def _chain(self, lines: Sequence[bytes], records: Sequence[LogLine]) -> None:
        """Check numbers and hashes, and remember the end."""
        found = self._found
        hashes = [hashlib.sha256(line).hexdigest() for line in lines]
        before, number = found.last_hash, found.last_seq + 1
        if not found.lines:
            number = records[0].seq
            before = before or records[0].previous
            found.first_seq, found.previous = number, records[0].previous
            found.since = records[0].time
        named = [record.previous for record in records]
        if named != [before, *hashes[:-1]]:
            for place, hash_before in enumerate([before, *hashes[:-1]]):
                if named[place] != hash_before:
                    self._fault("chain", self._line + place + 1)
        numbers = [record.seq for record in records]
        if numbers != list(range(number, number + len(records))):
            place = next(
                place for place, it in enumerate(numbers) if it != number + place
            )
            self._fault("number", self._line + place + 1)
        found.lines += len(records)
        found.last_seq = numbers[-1]
        found.last_hash = hashes[-1]
        found.last_leaf = leaf_hash(lines[-1]).hex()
        found.until = records[-1].time

    def _tell_times(self, records: Sequence[LogLine]) -> None:
        times = [record.time[:16] for record in records]
        if times == sorted(times) and times[0] >= self._latest:
            self._latest = times[-1]
            return
        for time in times:
            if time < self._latest:
                back = _minutes(self._latest) - _minutes(time)
                if back > max(self._found.back_minutes, _STEP_MINUTES):
                    self._found.back_minutes = back
            self._latest = max(self._latest, time)

    def _fault(self, kind: str, line: int, what: str = "") -> None:
        if len(self._found.faults) < MOST_FAULTS:
            self._found.faults.append(SegmentFault(kind, line, what[:40]))
        else:
            self._found.faults_omitted += 1


def _add_uploads(days: Counter[str], records: Sequence[LogLine]) -> None:
    days.update(it.time[:10] for it in records if it.record == "decision")
    for record in records:
        if record.uploads:
            days[record.time[:10]] += uploads_in(record.uploads)


def _minutes(time: str) -> int:
    """Return the minutes since the year 0 of a time such as ``2026-11-25T12:34``."""
    day = date.fromisoformat(time[:10])
    return day.toordinal() * 1440 + int(time[11:13]) * 60 + int(time[14:16])
