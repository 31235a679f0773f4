"""Write the decision log: append records, and report when they are durable.

``append`` passes a record to one writer thread and returns a future that is resolved
when the record is on disk; only then may its effect follow. The thread takes *all*
waiting records, chains them, and makes them durable with one write and one
``fdatasync``: under load many records share a sync, and a single record does not wait
for others.

A failed write fails its whole group and leaves no trace: the file is truncated to the
last durable byte, the chain is unchanged, and the next append tries again. So a full
disk costs the uploads of that time (503), not the log.

An appended record is written even if its future is no longer awaited: a client that
hangs up cannot make a hole in the chain.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import date
from errno import EACCES
from itertools import takewhile
from os import strerror
from pathlib import Path

from uploadfilter.decisions.files.appending import Appender
from uploadfilter.decisions.files.ending import Ending
from uploadfilter.decisions.files.recovery import Recovered, RecoveryReport, recover
from uploadfilter.decisions.files.room import DiskWatch
from uploadfilter.decisions.files.segments import (
    Segment,
    Sync,
    locked,
    make_directory,
    short_error,
    write_error,
)
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.files.waiting import PendingRecord, Waiting, chained, lasts
from uploadfilter.decisions.records.chain import Draft, Tail
from uploadfilter.decisions.records.lasting import Mark, TotalRecord
from uploadfilter.decisions.records.records import (
    FORMAT,
    UNKNOWN,
    Checkpoint,
    CheckpointRecord,
    DecisionRecord,
    OutcomeRecord,
    Record,
    SegmentRecord,
    moment,
)
from uploadfilter.errors import LogWriteError

PATIENCE_S = 0.2
"""Seconds for which a record that nobody awaits may be delayed, to share a sync. A
crash loses at most outcomes this way, which recovery writes as ``unknown``."""

LOOK_AGAIN_S = 1.0
"""Seconds between checks of a disk that has no space for decisions."""

_GROUP_RECORDS = 1024
"""Most records that share a sync: at 1 KiB each, a write of 1 MiB."""


_DEFAULTS = LogSettings()


class DecisionLog:
    """The open decision log of one instance; make it with ``DecisionLog.open``.

    All methods may be called from any thread and none of them blocks.

    Attributes:
        recovery: The repairs that were made when it was opened.
    """

    def __init__(
        self,
        directory: Path,
        recovered: Recovered,
        *,
        instance: str,
        clock: Callable[[], float],
        settings: LogSettings,
        sync: Sync,
    ) -> None:
        self.recovery: RecoveryReport = recovered.report
        self._directory = directory
        self._instance = instance
        self._clock = clock
        self._settings = settings
        self._tail: Tail = recovered.tail
        self._appender = _appender(directory, recovered, sync=sync)
        self._disk = DiskWatch(directory, reserve_bytes=settings.reserve_bytes)
        self._queue: deque[Waiting] = deque()
        # Entering a plain lock costs no call of Python's, entering a condition two.
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._ending = Ending(directory)
        self._closed_on: date | None = None
        self._end: Checkpoint | None = None
        self._is_closing = False
        self._is_urgent = False
        self._is_asleep = False  # whether the writer sleeps until it is woken
        self._is_writable = True
        self._is_short = False
        self._writer = threading.Thread(target=self._run, name="decision-log")

    @classmethod
    @contextmanager
    def open(
        cls,
        directory: Path,
        *,
        instance: str,
        clock: Callable[[], float],
        settings: LogSettings = _DEFAULTS,
        sync: Sync = os.fdatasync,
    ) -> Iterator["DecisionLog"]:
        """Open a log for writing while the block runs.

        Before the block begins, a torn end is set aside, and accepted decisions without
        an outcome get the outcome ``unknown``; ``recovery`` describes it. At the end of
        the block, all appended records are written.

        Args:
            directory: The log's directory; it is made (0700) if it does not exist.
            instance: The instance's name, which every segment holds.
            clock: Returns seconds since the epoch.
            settings: Sizes and retention.
            sync: Makes an open file or directory durable.

        Yields:
            The log.

        Raises:
            LogBusyError: Another process writes to it.
            LogCorruptError: It is damaged in a way that no crash explains.
            LogError: It cannot be read.
            LogWriteError: It cannot be written to.
        """
        make_directory(directory)
        with locked(directory):
            # The existing file may be writable although the next one could not be made.
            if not os.access(directory, os.W_OK | os.X_OK):
                raise write_error(directory, PermissionError(EACCES, strerror(EACCES)))
            log = cls(
                directory,
                recover(directory, sync=sync),
                instance=instance,
                clock=clock,
                settings=settings,
                sync=sync,
            )
            try:
                log.start()
                yield log
            finally:
                log.close()

    @property
    def writable(self) -> bool:
        """Whether a decision can be written, by the last check."""
        return self._is_writable and self.has_room and not self._is_closing

    @property
    def has_room(self) -> bool:
        """Whether the disk has space for decisions; checked each second without."""
        return not self._is_short

    def is_alive(self) -> bool:
        """Return whether the writer works; if not, the log must be opened again."""
        return self._writer.is_alive()

    @property
    def mark(self) -> Mark | None:
        """The last line of the journal that is on record; read it before appending."""
        return self._tail.mark

    @property
    def newest(self) -> Segment | None:
        """The segment that is written; its name and its head are durable."""
        return self._appender.segment

    @property
    def end(self) -> Checkpoint | None:
        """The last record that is durable; ``None`` before the first write.

        What a killed process left is durable only after the first write of this one.
        """
        return self._end

    def append(self, record: Record) -> Future[int]:
        """Append a record.

        Args:
            record: Its ``seq`` and ``previous`` are filled in by the writer.

        Returns:
            A future of its number, resolved when it is durable. It fails with
            ``LogWriteError`` if the record is not in the log. Cancelling it does
            nothing.
        """
        pending = PendingRecord(record, lambda chained: chained.seq)
        self._hand_over(pending)
        return pending.future

    def append_soon(self, record: Record) -> Future[int]:
        """Append a record whose durability nobody awaits.

        It is written together with the next awaited record, or after ``PATIENCE_S`` at
        the latest: under a light load this halves the number of syncs.

        Args:
            record: As for ``append``.

        Returns:
            As for ``append``.
        """
        pending = PendingRecord(record, lambda chained: chained.seq)
        self._hand_over(pending, is_urgent=False)
        return pending.future

    def checkpoint(self) -> Future[Checkpoint]:
        """Write a checkpoint record.

        Returns:
            A future of the checkpoint. It covers all records before it, which are
            durable. Keep it on another machine; with it, ``verify`` proves that no end
            was cut off.
        """
        record = CheckpointRecord(time=moment(self._clock()))
        pending = PendingRecord(record, _checkpoint)
        self._hand_over(pending)
        return pending.future

    def start(self) -> None:
        """Write the records that opening a log requires; ``open`` calls it.

        Raises:
            LogWriteError: They cannot be written.
        """
        now = self._clock()
        try:
            self._close_days(now)
            draft, successor = self._draft(now, is_lasting=self._tail.is_lasting)
            if successor is not None:
                self._write(draft, successor)
        except OSError as exc:
            raise write_error(self._directory, exc) from exc
        self._writer.start()
        outcomes = [
            OutcomeRecord(time=moment(now), decision=decision, outcome=UNKNOWN)
            for decision in self.recovery.unknown_outcomes
        ]
        for future in [self.append(outcome) for outcome in outcomes]:
            future.result()

    def close(self) -> None:
        """Write waiting records, then close the log; later appends fail."""
        with self._lock:
            self._is_closing = True
            self._arrived.notify()
        if self._writer.ident is not None:
            self._writer.join()
        self._appender.close()

    def _hand_over(self, pending: Waiting, *, is_urgent: bool = True) -> None:
        with self._lock:
            refusal = self._refusal()
            if refusal is None:
                self._queue.append(pending)
                self._is_urgent |= is_urgent
                if is_urgent or self._is_asleep:
                    self._arrived.notify()
        if refusal is not None:
            pending.fail(refusal)

    def _refusal(self) -> LogWriteError | None:
        """Return why no record can be appended now; ``None`` if it can."""
        if self._is_closing:
            return LogWriteError("the decision log is closed")
        if len(self._queue) >= self._settings.queue_records:
            return LogWriteError(
                f"the decision log is {len(self._queue)} records behind",
                hint="The disk is too slow for this load, or stuck.",
            )
        return None

    def _run(self) -> None:
        """Write group after group until the log is closed and nothing waits."""
        group: list[Waiting] = []
        try:
            while (taken := self._take()) is not None:
                group = self._affordable(taken)
                while group:
                    group = group[self._commit(group) :]
        finally:
            # Only a bug ends the loop early; then no caller may wait any longer.
            with self._lock:
                self._is_closing = True
                left, self._queue = self._queue, deque()
            for pending in (*group, *left):
                pending.fail(
                    LogWriteError(
                        "the writer of the decision log has ended",
                        hint="Restart the proxy.",
                    )
                )

    def _take(self) -> list[Waiting] | None:
        """Wait for records and take them, up to a group; ``None`` when closing.

        While the disk has no room for decisions, there may be none to take.
        """
        with self._lock:
            self._await_records()
            if self._is_closing and not self._queue:
                return None
            self._is_urgent = len(self._queue) > _GROUP_RECORDS
            count = min(len(self._queue), _GROUP_RECORDS)
            return [self._queue.popleft() for _ in range(count)]

    def _await_records(self) -> None:
        """Return when there is a record to write, or the log is closed.

        A writer that has just worked dozes: it checks again after ``PATIENCE_S``, so
        that a record that nobody awaits need not wake it. Two records for each upload
        and only one wake-up halve the number of thread switches. If no record came
        meanwhile, the writer sleeps until it is woken.
        """
        is_dozing = True
        while not (self._is_urgent or self._is_closing):
            self._is_asleep = not is_dozing
            asleep_s = LOOK_AGAIN_S if self._is_short else None
            is_woken = self._arrived.wait(PATIENCE_S if is_dozing else asleep_s)
            self._is_asleep = False
            is_to_look = self._is_short and not is_dozing
            if not is_woken and (self._queue or is_to_look):
                return
            is_dozing = is_woken

    def _affordable(self, group: list[Waiting]) -> list[Waiting]:
        """Refuse decisions while the disk has no more space than the reserve."""
        try:
            disk = self._disk.look()
        except OSError:
            return group  # the write will report the fault
        self._is_short = disk.is_short
        if not disk.is_short:
            return group
        affordable = []
        for pending in group:
            if isinstance(pending.record, DecisionRecord):
                pending.fail(short_error(self._directory, disk.free_bytes))
            else:
                affordable.append(pending)
        return affordable

    def _commit(self, group: Sequence[Waiting]) -> int:
        """Make records durable, and resolve their futures.

        Returns:
            The number of handled records: those up to the first one that belongs to
            another segment, and no more than ``GROUP_BYTES``.
        """
        now = self._clock()
        is_lasting = lasts(group[0])
        run = list(takewhile(lambda it: lasts(it) is is_lasting, group))
        records: list[Record | None] = []
        try:
            self._close_days(now)
            draft, successor = self._draft(now, is_lasting=is_lasting)
            records = list(chained(draft, run))
            self._write(draft, successor)
        except OSError as exc:
            self._is_writable = False
            # Without a draft, no record of the run could have been written.
            failed = run[: len(records)] or run
            for pending in failed:
                pending.fail(write_error(self._directory, exc))
            return len(failed)
        # A group without an encodable record says nothing about the disk.
        self._is_writable = self._is_writable or draft.size > 0
        for pending, record in zip(run, records, strict=False):
            if record is not None:
                pending.settle(record)
            if isinstance(record, CheckpointRecord):
                self._ending.add(_checkpoint(record), now=now)
        return len(records)

    def _close_days(self, now: float) -> None:
        """Record the totals of past days.

        Raises:
            OSError: They could not be written, and are tried again with the next group.
        """
        today = moment(now).date()
        if today == self._closed_on:
            # A late record of yesterday is counted in tomorrow's total record.
            return
        due = self._tail.days.due(today)
        if due:
            draft, successor = self._draft(now, is_lasting=True)
            for totals in due:
                draft.add(TotalRecord(time=moment(now), totals=totals))
            self._write(draft, successor)
        self._closed_on = today

    def _draft(self, now: float, *, is_lasting: bool) -> tuple[Draft, Segment | None]:
        """Begin a draft, with the head of a new segment if one is due."""
        tail = self._tail
        draft = Draft(tail)
        newest = self._appender.segment
        successor = self._successor(now, is_lasting=is_lasting)
        if successor is not None:
            draft.add(
                SegmentRecord(
                    time=moment(now),
                    instance=self._instance,
                    number=successor.number,
                    predecessor=newest.name if newest else None,
                    matches=tail.matches,
                    awaiting=tuple(tail.awaiting),
                    is_lasting=is_lasting,
                    lasting=tail.lasting,
                    begun=tail.begun if newest else successor.day,
                    retention=self._settings.retention,
                    totals=tail.days.totals(),
                    mark=tail.mark,
                )
            )
        return draft, successor

    def _successor(self, now: float, *, is_lasting: bool) -> Segment | None:
        """Return the segment to begin now, if one is due."""
        today = moment(now).date()
        newest = self._appender.segment
        if newest is None:
            return Segment(1, today)
        fits = (
            self._tail.format == FORMAT
            and self._tail.is_lasting is is_lasting
            and self._tail.retention == self._settings.retention
        )
        is_full = self._appender.size >= self._settings.segment_bytes
        if fits and not is_full and today <= newest.day:
            return None
        # The later day: days must not decrease if the clock is set back.
        return Segment(newest.number + 1, max(today, newest.day))

    def _write(self, draft: Draft, successor: Segment | None) -> None:
        """Make a draft durable, and only then move the end of the log."""
        if successor is not None:
            self._appender.begin(successor, draft.data())
        elif draft.size:
            self._appender.extend(draft.data())
        draft.commit()
        self._end = Checkpoint(self._tail.seq, self._tail.head)


def _checkpoint(chained: Record) -> Checkpoint:
    """Return the checkpoint of a checkpoint record."""
    return Checkpoint(chained.seq - 1, chained.previous)


def _appender(directory: Path, recovered: Recovered, *, sync: Sync) -> Appender:
    try:
        return Appender(
            directory, segment=recovered.segment, size=recovered.size, sync=sync
        )
    except OSError as exc:
        raise write_error(directory, exc) from exc
