"""Record each change, its author and its time in the decision log.

Three things go into the chain of the decision log: changes of the reference set, by
commands that run beside the service or while it is stopped; changes of the
configuration, at a start or a reload; and each start of the service.

Rules this module keeps: the record of a journal's line also holds the number of that
line, so each line is recorded exactly once, even if a process is killed. A record that
cannot be written is tried again. No record holds a secret.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Final, Protocol

import structlog

from uploadfilter.acting import Actor, current_actor
from uploadfilter.decisions.files.totalling import changes_of
from uploadfilter.decisions.records.lasting import By, Change, ChangeRecord, Mark
from uploadfilter.decisions.records.records import Record, moment
from uploadfilter.errors import LogError, StoreError, StoreMissingError
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.reference.entries.changes import ChangeKind
from uploadfilter.reference.files import journal
from uploadfilter.reference.files.journal import JournalFault, News, Written
from uploadfilter.reference.files.layout import CURRENT_FILE

log: structlog.stdlib.BoundLogger = structlog.get_logger()

INTERVAL_S: Final = 1.0
"""Seconds between two checks of the journal, as between checks for a generation."""


class Log(Protocol):
    """An object that makes records durable; see ``decisions.files.log``."""

    @property
    def mark(self) -> Mark | None:
        """The last line of the journal that is on record."""

    def append(self, record: Record) -> "Future[int]":
        """Append a record; the future is done when the record is durable."""


class ChangeRecorder:
    """Copies changes into the decision log of one proxy.

    Args:
        decisions: The log.
        directory: The log's directory, to find the lines that the log already holds.
        reference: The reference directory.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        decisions: Log,
        *,
        directory: Path,
        reference: Path,
        clock: Callable[[], float],
    ) -> None:
        self._log = decisions
        self._directory = directory
        self._reference = reference
        self._clock = clock
        self._mark = decisions.mark or Mark(number=0, hash="")
        self._pending: deque[ChangeRecord] = deque()
        self._generation: int | None = None
        self._seen: tuple[int, ...] = ()
        self._faults = OngoingFaults(log)

    async def start(
        self, details: Mapping[str, object], *, cut_off: str | None = None
    ) -> None:
        """Record the changes made while the service was stopped, then its start.

        Args:
            details: Details of the configuration, by name.
            cut_off: The end of the log before its newest files were lost.

        Raises:
            LogError: A record could not be written.
        """
        if cut_off is not None:
            self.note(Change.CUT_OFF, {"was": cut_off})
            await self._write()
        await self._take()
        self.note(Change.START, details)
        await self._write()

    async def append(self, record: ChangeRecord) -> None:
        """Record a change that others made, durably.

        Raises:
            LogError: It could not be written.
        """
        await asyncio.wrap_future(self._log.append(record))

    def note(self, change: Change, details: Mapping[str, object]) -> None:
        """Queue the record of a change that the service itself made.

        Args:
            change: The kind of change.
            details: Further details, by name.
        """
        self._pending.append(self._own(change, details))

    async def record(self, change: Change, details: Mapping[str, object]) -> None:
        """Record a change durably before the service makes it.

        Args:
            change: The kind of change.
            details: Further details, by name.

        Raises:
            LogError: It is not on record.
        """
        await self._append(self._own(change, details))

    def _own(self, change: Change, details: Mapping[str, object]) -> ChangeRecord:
        now = moment(self._clock())
        return ChangeRecord(
            time=now,
            change=change,
            at=now,
            by=_by(current_actor()),
            generation=self._generation,
            details=dict(details),
        )

    async def keep(self) -> None:
        """Check for changes periodically, until cancelled.

        A check that has begun is finished: a look at the end would record the same
        change again.
        """
        while True:
            looking = asyncio.ensure_future(self.look())
            try:
                await asyncio.shield(looking)
            except asyncio.CancelledError:
                await asyncio.wait([looking])
                raise
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """Record the changes since the last check; a failed record is tried again."""
        try:
            await self._write()
            await self._take()
        except LogError as exc:
            self._say(exc)

    async def _write(self) -> None:
        while self._pending:
            await asyncio.wrap_future(self._log.append(self._pending[0]))
            self._pending.popleft()

    async def _take(self) -> None:
        """Copy the new lines of the journal into the log, each once."""
        try:
            seen = await asyncio.to_thread(self._signature)
            if seen == self._seen:
                return
            known = self._mark.number, self._mark.hash
            found = await asyncio.to_thread(journal.news, self._reference, known=known)
            await self._record(found)
        except StoreMissingError:
            return
        except StoreError as exc:
            self._say(exc)
            return
        self._seen = seen
        self._faults.recover("change_unrecorded")

    async def _record(self, found: News) -> None:
        lines = found.lines
        if found.fault is not None:
            lines = await self._fault(found, found.fault)
        for written in lines:
            await self._append(self._of(written))
        is_told = found.fault is not None or any(
            it.line.generation == found.generation for it in lines
        )
        if self._generation not in (None, found.generation) and not is_told:
            await self._append(self._unknown(found.generation))
        self._generation = found.generation

    async def _append(self, record: ChangeRecord) -> None:
        await asyncio.wrap_future(self._log.append(record))
        self._mark = record.mark or self._mark

    async def _fault(self, found: News, fault: JournalFault) -> tuple[Written, ...]:
        """Record that the journal was altered, and return its new lines."""
        taken = await asyncio.to_thread(self._taken)
        common = max(
            (it for it in found.lines if taken.get(it.line.number) == it.hash),
            key=lambda it: it.line.number,
            default=None,
        )
        number = 0 if common is None else common.line.number
        now = moment(self._clock())
        record = ChangeRecord(
            time=now,
            change=Change.LOST if fault is JournalFault.LOST else Change.REPLACED,
            at=now,
            by=None,
            generation=found.generation,
            details={
                "what": "journal of the reference set",
                "taken": self._mark.number,
                "in_common": number,
                "lines": [
                    it.line.number for it in (*found.lines[:1], *found.lines[-1:])
                ],
            },
            mark=Mark(number=number, hash="" if common is None else common.hash),
        )
        await self._append(record)
        return tuple(it for it in found.lines if it.line.number > number)

    def _taken(self) -> dict[int, str]:
        """Return the journal lines in the log, by number; the last line counts."""
        marks = (record.mark for record in changes_of(self._directory))
        return {mark.number: mark.hash for mark in marks if mark is not None}

    def _of(self, written: Written) -> ChangeRecord:
        line = written.line
        is_known = line.kind in set(ChangeKind)
        details = line.details if is_known else {**line.details, "kind": line.kind}
        return ChangeRecord(
            time=moment(self._clock()),
            change=Change(line.kind) if is_known else Change.OTHER,
            at=moment(line.at),
            by=_by(line.by),
            subject=line.subject,
            generation=line.generation,
            details=dict(details),
            mark=Mark(number=line.number, hash=written.hash),
        )

    def _unknown(self, generation: int) -> ChangeRecord:
        """Return the record of a generation that has no line in the journal."""
        now = moment(self._clock())
        return ChangeRecord(
            time=now,
            change=Change.REPLACED,
            at=now,
            by=None,
            generation=generation,
            details={"what": "reference set, without a line in its journal"},
        )

    def _signature(self) -> tuple[int, ...]:
        """Return a value that differs after each change of the journal."""
        found: list[int] = []
        for name in (journal.FILE, CURRENT_FILE):
            try:
                status = (self._reference / name).stat()
            except OSError:
                continue
            found += status.st_ino, status.st_size, status.st_mtime_ns
        return tuple(found)

    def _say(self, error: LogError | StoreError) -> None:
        """Tell the operator that changes cannot be recorded."""
        self._faults.fail("change_unrecorded", error=str(error), hint=error.hint)


def _by(actor: Actor | journal.By) -> By:
    return By(
        uid=actor.uid, user=actor.user, login=actor.login, sudo_user=actor.sudo_user
    )
