"""Check whole logs: their segments in processes, their gaps, and their checkpoints.

A log may lack records: retention deletes whole segments. For a day that lost some, the
numbers of its total record take the place of the records, as far as they go; the report
says for which days that is so. A day without either is said to be unknown.

Each run of segments is a chain, so its last record holds the whole run fast. That
record's leaf is proved to be in the tree of the signed checkpoint, so every counted
record is one that the checkpoint covers, or is said not to be.
"""

import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

from uploadfilter.decisions.files.gaps import Gap, Limits, gap_between
from uploadfilter.decisions.files.proving import is_unsigned
from uploadfilter.decisions.files.segments import (
    Segment,
    packed,
    read_head,
    segments,
    size_of,
)
from uploadfilter.decisions.files.treefiles import SignedTree, TreeFiles
from uploadfilter.decisions.records.chain import Tail
from uploadfilter.decisions.records.records import SegmentRecord
from uploadfilter.errors import LogCorruptError, UsageError
from uploadfilter.reporting.gathered import (
    GatheredLog,
    LogLack,
    LogStanding,
    ReportDays,
    Said,
)
from uploadfilter.reporting.scanning import Scanned, scan_segment
from uploadfilter.reporting.standing import unproved

POOL_BYTES: Final = 64 * 1024 * 1024
"""Smaller logs are counted in this process: others take a second to start."""

_ORIGIN_DIGITS: Final = 8
"""Digits of a tree's key in the name of a log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatherOptions:
    """How logs are read.

    Attributes:
        jobs: Processes that count.
        cache: Folder of counts of earlier reports; ``None`` keeps none.
        standings: By label, the checkpoints of an earlier report, up to which is
            counted; ``None`` takes the present ones.
        progress: Is called with the bytes that were counted.
    """

    jobs: int = 1
    cache: Path | None = None
    standings: Mapping[str, LogStanding | int] | None = None
    progress: Callable[[int], None] = lambda _: None


def log_folders(folders: Sequence[Path]) -> list[Path]:
    """Return the directories of logs in some folders.

    Args:
        folders: Each is a log, a proxy's directory, or a state directory.

    Raises:
        UsageError: A folder holds no log.
    """
    found: list[Path] = []
    for folder in folders:
        inside = sorted(folder.glob("instances/*/log")) or [folder / "log", folder]
        logs = [path for path in inside if path.is_dir() and segments(path)]
        if not logs:
            raise UsageError(
                f"no decision log in {str(folder)!r}",
                hint="Name the directory of a log, or a state directory.",
            )
        found += [path for path in logs if path not in found]
    return found


def bytes_of(directories: Sequence[Path], span: ReportDays) -> int:
    """Return how many bytes have to be counted."""
    return sum(
        size_of(directory, segment).plain
        for directory in directories
        for segment in segments(directory)
        if segment.day >= span.first
    )


def gather(
    directories: Sequence[Path], span: ReportDays, options: GatherOptions
) -> list[GatheredLog]:
    """Check logs, whose records are counted later.

    Returns:
        The logs, by their names.

    Raises:
        LogError: A log cannot be read.
        LogVersionError: A newer version wrote one.
        UsageError: One log was named twice.
    """
    readers = [_LogReader(directory, span, options) for directory in directories]
    _name(readers)
    tasks = [task for reader in readers for task in reader.tasks()]
    for task, scanned in _scanned(tasks, options):
        task.reader.take(task.segment, scanned)
        options.progress(task.size)
    logs = [reader.finish() for reader in readers]
    _refuse_twice(readers)
    return sorted(logs, key=lambda log: log.label)


def file_of(directory: Path, segment: Segment) -> Path:
    """Return the file of a segment that counts, as an absolute path."""
    plain, compressed = (directory.absolute() / name for name in segment.names)
    return plain if plain.exists() else compressed


class _Task(NamedTuple):
    reader: "_LogReader"
    segment: Segment
    until: int | None
    size: int


def _scanned(
    tasks: Sequence[_Task], options: GatherOptions
) -> Iterator[tuple[_Task, Scanned]]:
    if options.jobs <= 1 or sum(task.size for task in tasks) < POOL_BYTES:
        for task in tasks:
            yield task, _scan(task.reader.directory, task, options.cache)
        return
    # A forked process would have the threads and locks of this one.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        waiting = deque(
            pool.submit(
                scan_segment,
                task.reader.directory,
                task.segment,
                until=task.until,
                cache=options.cache,
            )
            for task in tasks
        )
        # Taken off, so that counts that were merged free their memory.
        for task in tasks:
            yield task, waiting.popleft().result()


def _scan(directory: Path, task: _Task, cache: Path | None) -> Scanned:
    return scan_segment(directory, task.segment, until=task.until, cache=cache)


def _name(readers: Sequence["_LogReader"]) -> None:
    seen: dict[str, int] = {}
    for reader in readers:
        label = reader.log.label
        seen[label] = seen.get(label, 0) + 1
        if seen[label] > 1:
            reader.log.label = f"{label}~{seen[label]}"


def _refuse_twice(readers: Sequence["_LogReader"]) -> None:
    known: dict[str, str] = {}
    for reader in readers:
        for last_hash in reader.ends:
            if last_hash in known:
                raise UsageError(
                    f"{str(reader.directory)!r} and {known[last_hash]!r} are one log",
                    hint="Name each log once, or its records count twice.",
                )
        known |= dict.fromkeys(reader.ends, str(reader.directory))


class _LogReader:
    """Reads one log."""

    def __init__(
        self, directory: Path, span: ReportDays, options: GatherOptions
    ) -> None:
        self.directory = directory
        self._span = span
        self._options = options
        self._segments = segments(directory)
        self._heads: dict[Segment, SegmentRecord] = {}
        self._scanned: dict[Segment, Scanned] = {}
        self._uploads: Counter[str] = Counter()
        self._totals: Counter[str] = Counter()
        self._lacks: dict[tuple[LogLack, str], int] = {}
        self.ends: list[str] = []
        self._read_heads()
        self._tree = self._signed()
        self.log = self._named()

    def tasks(self) -> Iterator[_Task]:
        """Yield the segments to count."""
        self.log.standing, until = self._standing()
        for segment in self._segments:
            if segment.day < self._span.first or segment not in self._heads:
                continue
            size = size_of(self.directory, segment).plain
            # Without a number, a file that is counted whole is found in the cache.
            following = self._after(segment)
            is_whole = (
                until is not None
                and following is not None
                and following.seq <= until + 1
            )
            last = None if is_whole else until
            yield _Task(self, segment, last, size)

    def take(self, segment: Segment, scanned: Scanned) -> None:
        """Take the counts of a segment."""
        self._uploads.update(scanned.uploads)
        self._totals.update(scanned.totals)
        if scanned.lines:
            self.log.files.append(file_of(self.directory, segment))
        self._scanned[segment] = scanned
        if scanned.last_hash:
            self.ends.append(scanned.last_hash)

    def finish(self) -> GatheredLog:
        """Put the counts together, and say what they lack."""
        log = self.log
        gaps = list(self._runs())
        self._substitute(gaps)
        self._bounds()
        log.signed = 0 if self._tree is None else self._tree.last
        if log.standing is not None and self._tree is not None:
            self._bind(log.standing)
        log.said = [
            Said(lack, count, detail)
            for (lack, detail), count in sorted(self._lacks.items())
        ]
        return log

    def _say(self, lack: LogLack, count: int = 1, detail: str = "") -> None:
        self._lacks[lack, detail] = self._lacks.get((lack, detail), 0) + count

    def _read_heads(self) -> None:
        for segment in self._segments:
            try:
                self._heads[segment] = read_head(self.directory, segment)
            except LogCorruptError:
                is_newest = segment == self._segments[-1]
                lack = LogLack.UNFINISHED if is_newest else LogLack.NO_HEAD
                self._say(lack, detail=segment.name)
        for name in packed(self.directory):
            self._say(LogLack.NOT_READ, detail=name)

    def _signed(self) -> SignedTree | None:
        try:
            return TreeFiles(self.directory).signed()
        except LogCorruptError as exc:
            self._say(LogLack.TREE_DAMAGED, detail=str(exc))
            return None

    def _named(self) -> GatheredLog:
        heads = list(self._heads.values())
        instance = heads[-1].instance if heads else self.directory.parent.name
        label = instance
        if self._tree is not None:
            # The origin does not change if the proxy gets another name later.
            name, _, key = self._tree.head.origin.rpartition("/")
            label = f"{name.rpartition('/')[2]}/{key[:_ORIGIN_DIGITS]}"
        return GatheredLog(label=label, directory=self.directory, instance=instance)

    def _standing(self) -> tuple[LogStanding | None, int | None]:
        """Return the checkpoint, and the number of the last record to count."""
        given = self._options.standings
        if given is not None:
            wanted = given.get(self.log.label)
            if isinstance(wanted, LogStanding):
                return wanted, wanted.last
            self._say(LogLack.NO_CHECKPOINT)
            return None, wanted
        if self._tree is None:
            self._say(LogLack.NO_CHECKPOINT)
            return None, None
        tree = self._tree
        standing = LogStanding(
            origin=tree.head.origin,
            key=tree.key.text,
            first=tree.first,
            size=tree.head.size,
            root=tree.head.root.hex(),
            note=tree.note.data.decode(),
        )
        return standing, standing.last

    def _after(self, segment: Segment) -> SegmentRecord | None:
        heads = [head for it, head in self._heads.items() if it > segment]
        return heads[0] if heads else None

    def _runs(self) -> Iterator[Gap]:
        """Check how segments follow each other; yield the gaps."""
        before: Segment | None = None
        limits = Limits(list(self._heads.values())) if self._heads else None
        for segment, head in self._heads.items():
            is_next = before is not None and segment.number == before.number + 1
            if is_next and before is not None:
                self._link(before, segment)
            elif segment.number > 1 and limits is not None:
                gap = self._gap(before, segment, head)
                why = limits.judge(gap).why if gap else f"before {segment.name}"
                if gap is None or gap.until >= self._span.first:
                    if why:
                        self._say(LogLack.NOT_ALLOWED, detail=why)
                    if gap:
                        yield gap
            before = segment
        for scanned in self._scanned.values():
            self._tell(scanned)
        self._tell_skipped()

    def _tell_skipped(self) -> None:
        """Say what no checkpoint covers, above all of the days of the report."""
        skipped = [it for it in self._scanned.values() if it.skipped]
        days = sum((Counter(it.skipped_days) for it in skipped), Counter[str]())
        # A minute may be in several files: each change of a hash set begins two.
        minutes = {minute for it in skipped for minute in it.skipped_minutes}
        # The records after an earlier report's checkpoint are signed by a later one.
        if self._options.standings is None and is_unsigned(len(minutes), len(days)):
            self._say(LogLack.UNSIGNED, len(days), _ends(sorted(days)))
        inside = {day: it for day, it in days.items() if self._span.holds(day)}
        if inside:
            uploads = sum(
                number
                for it in skipped
                for day, number in it.skipped_uploads.items()
                if day in inside
            )
            detail = f"{uploads:,} uploads, {_ends(sorted(inside))}"
            self._say(LogLack.LEFT_OUT, sum(inside.values()), detail)

    def _link(self, before: Segment, segment: Segment) -> None:
        old, new = self._scanned.get(before), self._scanned.get(segment)
        if old is None or new is None or not new.lines:
            return
        if (old.last_seq + 1, old.last_hash) != (new.first_seq, new.previous):
            self._say(LogLack.CHAIN_BROKEN, detail=segment.name)

    def _gap(
        self, before: Segment | None, segment: Segment, head: SegmentRecord
    ) -> Gap | None:
        old = None if before is None else self._heads[before]
        seen = Scanned() if before is None else self._scanned.get(before, Scanned())
        tail = Tail(seq=seen.last_seq)
        if old is not None:
            tail.matches = old.matches + seen.matches
            tail.is_lasting, tail.lasting = old.is_lasting, old.lasting + old.is_lasting
        return gap_between(before, tail, segment, head)

    def _tell(self, scanned: Scanned) -> None:
        kinds = {
            "unreadable": LogLack.UNREADABLE,
            "chain": LogLack.CHAIN_BROKEN,
            "number": LogLack.CHAIN_BROKEN,
        }
        for fault in scanned.faults:
            if fault.kind == "unknown_kind":
                self._say(LogLack.UNKNOWN_KIND, detail=fault.what)
            else:
                self._say(kinds[fault.kind])
        if scanned.faults_omitted:
            self._say(LogLack.CHAIN_BROKEN, scanned.faults_omitted)
        if scanned.unfinished_bytes:
            self._say(LogLack.UNFINISHED, scanned.unfinished_bytes, "bytes")
        if scanned.back_minutes:
            key = (LogLack.CLOCK_BACK, "")
            known = self._lacks.get(key, 0)
            self._lacks[key] = max(known, scanned.back_minutes)
        if scanned.skipped:
            self._say(LogLack.AFTER_CHECKPOINT, scanned.skipped)

    def _substitute(self, gaps: Sequence[Gap]) -> None:
        """Take the numbers of total records for days that lost records."""
        gone = {day for gap in gaps for day in self._days(gap)}
        log = self.log
        log.from_totals = sorted(gone & self._totals.keys())
        log.unknown = sorted(gone - self._totals.keys())
        matches = sum(gap.matches for gap in gaps)
        if log.from_totals:
            self._say(LogLack.TOTALS_ONLY, len(log.from_totals), _ends(log.from_totals))
        if log.unknown:
            self._say(LogLack.DAYS_UNKNOWN, len(log.unknown), _ends(log.unknown))
        if matches:
            self._say(LogLack.MATCHES_GONE, matches)
        self._compare(gone)

    def _days(self, gap: Gap) -> Iterator[str]:
        """Yield the days of the period that a gap may have records of."""
        day = max(gap.since or self._span.first, self._span.first)
        while day <= gap.until and day < self._span.end:
            yield day.isoformat()
            day += timedelta(days=1)

    def _compare(self, gone: set[str]) -> None:
        """Compare total records with the records, for days that are whole."""
        for day, uploads in self._totals.items():
            is_whole = self._span.holds(day) and day not in gone
            if is_whole and self._uploads[day] < uploads:
                self._say(LogLack.TOTALS_DIFFER, detail=day)

    def _bounds(self) -> None:
        log = self.log
        scanned = [it for it in self._scanned.values() if it.lines]
        if not scanned:
            self._say(LogLack.DAYS_UNKNOWN, (self._span.end - self._span.first).days)
            return
        log.records = sum(it.lines for it in scanned)
        log.since, log.until = scanned[0].since, scanned[-1].until
        log.end = scanned[-1].last_seq, scanned[-1].last_hash
        head = next(iter(self._heads.values()))
        begun = head.time.date() if head.number == 1 else head.begun
        if begun is not None and begun > self._span.first:
            self._say(LogLack.NOT_BEGUN, detail=begun.isoformat())
        last = self._span.end - timedelta(days=1)
        if log.until[:10] < last.isoformat():
            self._say(LogLack.ENDS_EARLY, detail=log.until[:10])

    def _bind(self, standing: LogStanding) -> None:
        """Prove that the last record of each run is in the tree of the checkpoint."""
        if self._tree is not None:
            ends = list(self._run_ends())
            for lack, number, detail in unproved(
                self.directory, self._tree, standing, ends
            ):
                self._say(lack, number, detail)

    def _run_ends(self) -> Iterator[Scanned]:
        found = [(it, scan) for it, scan in self._scanned.items() if scan.lines]
        for (segment, scanned), after in zip(found, [*found[1:], None], strict=True):
            if after is None or after[0].number != segment.number + 1:
                yield scanned
        if found and self.log.standing is not None:
            last = self.log.standing.last
            if found[-1][1].last_seq < last:
                self._say(LogLack.CUT_OFF, last - found[-1][1].last_seq)


def _ends(days: Sequence[str]) -> str:
    return days[0] if len(days) == 1 else f"{days[0]} - {days[-1]}"
