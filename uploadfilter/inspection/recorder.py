"""Put what happens to uploads on record: decisions, outcomes, sheds, checkpoints.

The policy decides, and the log makes durable; this module only adds who (a keyed hash),
when and how long. ``decision`` returns when the record is on disk, so a caller that
awaits it before acting keeps the promise that nothing passes unrecorded. An outcome is
only appended: the log keeps the order, and an outcome that is lost in a crash becomes
``unknown`` when the log is opened again. Refusals beyond a client's rate are counted,
and written once a minute (``decisions/records/flooding.py``).
"""

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from uploadfilter.decisions.files.clients import ClientHasher
from uploadfilter.decisions.records.flooding import (
    Flooding,
    Group,
    Groups,
    Who,
    may_be_summarised,
)
from uploadfilter.decisions.records.making import (
    CONTENTS_RECORDED,
    DecisionFacts,
    canary_record,
    copy_record,
    decision_record,
)
from uploadfilter.decisions.records.records import (
    ABORTED,
    ID_ENTROPY_BYTES,
    CanaryRecord,
    Checkpoint,
    DecisionRecord,
    OutcomeRecord,
    Record,
    ShedRecord,
    UnsearchedRecord,
    moment,
    new_decision_id,
)
from uploadfilter.errors import LogError, LogWriteError
from uploadfilter.inspection.canaries import Canaries
from uploadfilter.inspection.uploadfaults import UploadFaults
from uploadfilter.model import Match, Reason
from uploadfilter.web.counting.metrics import Metrics

log: structlog.stdlib.BoundLogger = structlog.get_logger()

CHECKPOINT_INTERVAL_S: Final = 60.0
"""A cut-off tail can hide at most the records since the last checkpoint."""

_MINUTE_S: Final = 60.0

_LOOK_S: Final = 0.25
"""How often an upload that waits for room on the disk checks whether there is some."""


class Log(Protocol):
    """An object that makes records durable, such as the ``DecisionLog``."""

    @property
    def has_room(self) -> bool:
        """Whether the disk has room for decisions."""

    def append(self, record: Record) -> "Future[int]":
        """Append a record; the future is settled when it is durable."""

    def append_soon(self, record: Record) -> "Future[int]":
        """Append a record that nothing waits for."""

    def checkpoint(self) -> "Future[Checkpoint]":
        """Record count and hash of the log so far."""


def no_code(_decision: str) -> str:
    """Return no code: no form for objections is served."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """The facts about an upload that are known at its start.

    Attributes:
        id: Id of its decision, which an uploader who objects can quote.
        client: Keyed hash of the client's address; ``None`` if there is no key today.
        method: Method of the request.
        begun_s: Monotonic seconds.
        address: Address of the client. It is kept no longer than the upload.
        code_of: Returns the code of a decision, see ``code``.
    """

    id: str
    client: str | None
    method: str
    begun_s: float
    address: str = field(repr=False)
    code_of: Callable[[str], str] = field(repr=False, default=no_code)

    @property
    def code(self) -> str:
        """The code with which the uploader can object; empty without a form."""
        return self.code_of(self.id)


@dataclass(frozen=True, slots=True)
class _Shed:
    """The key under which sheds are counted."""

    group: Group
    reason: Reason
    status: int


class Recorder:
    """Records what happens to uploads.

    Attributes:
        faults: The lasting faults that uploads meet.

    Args:
        decisions: The decision log.
        clients: Turns an address into a keyed hash.
        instance: Name of this proxy.
        clock: Seconds since the epoch.
        metrics: Counts the records.
        contents_recorded: Most contents that a decision lists.
        code_of: Returns the code with which an uploader can object to a decision.
        elapsed: Monotonic seconds: the duration of an upload does not depend on changes
            of the clock.
    """

    def __init__(
        self,
        decisions: Log,
        *,
        clients: ClientHasher,
        instance: str,
        clock: Callable[[], float],
        metrics: Metrics,
        contents_recorded: int = CONTENTS_RECORDED,
        code_of: Callable[[str], str] = no_code,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = decisions
        self._metrics = metrics
        self._clients = clients
        self._instance = instance
        self._clock = clock
        self._elapsed = elapsed
        self._contents_recorded = contents_recorded
        self.code_of = code_of
        self._groups = Groups()
        self._flooding = Flooding(self._groups)
        self._sheds: Counter[_Shed] = Counter()
        self._unsearched = 0
        self._said: set[tuple[str, str]] = set()
        self.faults = UploadFaults(metrics, clock=elapsed)

    async def room(self, *, within_s: float) -> bool:
        """Wait until an upload can be put on record.

        Args:
            within_s: Longest wait in seconds.

        Returns:
            Whether it can be. If there is room there is no wait.
        """
        end_s = self._elapsed() + within_s
        while not self._log.has_room:
            left_s = end_s - self._elapsed()
            if left_s <= 0:
                return False
            # The log checks the room once a second (``decisions/files/log.py``), in its
            # own thread.
            await asyncio.sleep(min(left_s, _LOOK_S))
        return True

    def ticket(self, client: str, method: str) -> Ticket:
        """Begin an upload: give it the id that its decision will have."""
        now = self._clock()
        return Ticket(
            id=new_decision_id(now, os.urandom(ID_ENTROPY_BYTES)),
            client=self._hashed(self._clients.hash, client),
            method=method,
            begun_s=self._elapsed(),
            address=client,
            code_of=self.code_of,
        )

    def place(self, ticket: Ticket) -> str | None:
        """Return the keyed hash of a client's network; ``None`` if it is unknown."""
        return self._hashed(self._clients.hash_place, ticket.address)

    def _hashed(self, hasher: Callable[[str], str | None], address: str) -> str | None:
        """Hash an address; if the disk takes no key, the log itself reports it."""
        try:
            return hasher(address)
        except LogError as exc:
            self.faults.say_unwritable(exc)
            return None

    def _who(self, ticket: Ticket) -> Who:
        return Who(
            client=ticket.client,
            network=self._hashed(self._clients.hash_network, ticket.address),
        )

    def elapsed_s(self, ticket: Ticket) -> float:
        """Return the seconds since the head of an upload's request."""
        return self._elapsed() - ticket.begun_s

    async def decision(
        self,
        ticket: Ticket,
        facts: DecisionFacts,
        *,
        within_s: float,
        room_s: float,
        canary: Canaries | None = None,
    ) -> None:
        """Make a decision durable, or count it if its client has too many refusals.

        Args:
            ticket: Ticket of the upload.
            facts: The decision, its evidence, and what else is known of the upload.
            within_s: Seconds after which the disk counts as stuck.
            room_s: Longest wait for room on the disk, in seconds.
            canary: Notes the result, if it is a canary and not an upload.

        Raises:
            LogError: It is not durable, so it may have no effect.
        """
        record = decision_record(
            facts,
            now=self._clock(),
            instance=self._instance,
            contents_recorded=self._contents_recorded,
        )
        if canary is not None:
            await self._canary(ticket, record, canary, within_s=within_s)
            return
        if self._is_summarised(ticket, record):
            return
        try:
            await self._durable(ticket, record, within_s=within_s)
        except LogWriteError:
            if self._log.has_room or not await self.room(within_s=room_s):
                raise
            await self._durable(ticket, record, within_s=within_s)
        self._metrics.decided(record)
        self.faults.recover("uploads_shed")

    async def _canary(
        self,
        ticket: Ticket,
        record: DecisionRecord,
        canary: Canaries,
        *,
        within_s: float,
    ) -> None:
        """Make the record of a canary durable, and note its result."""
        made = canary_record(record)
        await self._durable(ticket, made, within_s=within_s)
        await canary.decided(made)

    async def _durable(
        self, ticket: Ticket, record: DecisionRecord | CanaryRecord, *, within_s: float
    ) -> None:
        """Append a decision, and wait until it is on disk."""
        written = self._log.append(record)
        await _settled(written, within_s=within_s)
        if not written.done():
            # It may still become durable; a second record then states that it had no
            # effect.
            self.outcome(ticket, None)
            raise LogWriteError(
                f"a record was not durable within {within_s:g} s",
                hint="The disk of the decision log is stuck, or far too slow.",
            )
        written.result()
        self._wrote()

    def _is_summarised(self, ticket: Ticket, record: DecisionRecord) -> bool:
        """Count an upload without a decision of its own; false if it gets one."""
        if not may_be_summarised(record):
            return False
        if self._flooding.is_listed(now_s=self._elapsed()):
            return False
        self._flooding.add(self._who(ticket), record)
        self._metrics.summarised(record)
        if self._is_news("refusals_summarised", ""):
            log.warning("refusals_summarised", reason=record.reason)
        return True

    def outcome(self, ticket: Ticket, status: int | None) -> None:
        """Note the result of a forwarded upload; nothing waits for it.

        Args:
            ticket: Ticket of the upload.
            status: Status of the origin; ``None`` if it gave none.
        """
        record = OutcomeRecord(
            time=moment(self._clock()),
            decision=ticket.id,
            outcome=ABORTED if status is None else status,
        )
        self._metrics.came_out(status)
        self._append(record)

    def shed(self, ticket: Ticket, reason: Reason | None, *, status: int) -> None:
        """Count an upload that a limit, or a fault of the filter, turned away."""
        why = reason or Reason.INTERNAL_ERROR
        self._metrics.shed(why)
        self.faults.fail(
            "uploads_shed", why, level=logging.WARNING, reason=why, status=status
        )
        self._sheds[_Shed(self._groups.of(self._who(ticket)), why, status)] += 1

    def record_copies(
        self, decision: str, matches: Sequence[Match], *, generation: int
    ) -> None:
        """Put altered copies on record that were found after the answer.

        Args:
            decision: Id of the decision.
            matches: What was found; the contents are numbers.
            generation: Generation of the reference set that was searched.
        """
        record = copy_record(
            decision=decision,
            now=self._clock(),
            generation=generation,
            matches=matches,
        )
        self._metrics.count_copies(record)
        self._append(record)

    def count_unsearched(self, count: int) -> None:
        """Count uploads that were not searched for altered copies afterwards."""
        self._unsearched += count
        self._metrics.count_unsearched(count)

    def write_counted(self) -> None:
        """Write the counts of this minute.

        Sheds are one record for each client, reason and status, and summaries one for
        each client.
        """
        now = self._clock()
        minute = moment(now - now % _MINUTE_S)
        sheds, self._sheds = self._sheds, Counter()
        unsearched, self._unsearched = self._unsearched, 0
        self._said.clear()
        self.faults.look()
        self._groups.clear()
        for record in self._flooding.take(now=moment(now)):
            self._append(record)
        if unsearched:
            self._append(
                UnsearchedRecord(time=moment(now), minute=minute, count=unsearched)
            )
        for key, count in sheds.items():
            self._append(
                ShedRecord(
                    time=moment(now),
                    minute=minute,
                    client=key.group.client,
                    prefix=key.group.prefix,
                    reason=key.reason,
                    status=key.status,
                    count=count,
                )
            )

    def _append(self, record: Record) -> None:
        """Append a record that nothing waits for; a failure is logged, not raised."""
        self._log.append_soon(record).add_done_callback(self._report)

    async def keep_checkpoints(self) -> None:
        """Write the counts and a checkpoint every minute, until cancelled.

        The checkpoint is also written to the operational log, so that it leaves the
        machine.
        """
        while True:
            await asyncio.sleep(CHECKPOINT_INTERVAL_S)
            await self.check_in()

    async def check_in(self) -> None:
        """Write the counts, and a checkpoint, now."""
        self.write_counted()
        try:
            point = await asyncio.wrap_future(self._log.checkpoint())
        except LogError as exc:
            self.faults.say_unwritable(exc)
            return
        self._wrote()
        self._metrics.checked_in(self._clock())
        log.info("checkpoint", checkpoint=point.text())

    def _report(self, future: "Future[int]") -> None:
        error = future.exception()
        if isinstance(error, LogError):
            self.faults.say_unwritable(error)

    def _wrote(self) -> None:
        """Note that a record is durable; with no room for more, that says nothing."""
        if self._log.has_room:
            self.faults.recover("decision_log_unwritable")

    def _is_news(self, event: str, about: str) -> bool:
        """Tell whether an event has not been logged within this minute.

        The operator must know, but the operational log must not be flooded: it may be
        on the disk that is full. The log's thread calls this as well; at worst an event
        is logged twice.
        """
        news = (event, about) not in self._said
        self._said.add((event, about))
        return news


async def _settled(written: "Future[int]", *, within_s: float) -> None:
    """Wait until a future of another thread is done, or until a time limit.

    It uses one future and one timer: ``wrap_future`` in a ``timeout`` takes twice as
    much of the loop, and cancels the future, which must not be cancelled.
    """
    loop = asyncio.get_running_loop()
    waiter = loop.create_future()

    def wake() -> None:
        if not waiter.done():
            waiter.set_result(None)

    def tell(_: object) -> None:
        # If the loop is closed, nothing waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(wake)

    written.add_done_callback(tell)
    timer = loop.call_later(within_s, wake)
    try:
        await waiter
    finally:
        timer.cancel()
