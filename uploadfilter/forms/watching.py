"""Look after objections beside requests: look records up, warn, forget.

Rules this module keeps: a fault is told once until it changes, and tried again.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
from msgspec.structs import replace

from uploadfilter.errors import ObjectionError, UploadFilterError
from uploadfilter.forms.figures import FormMetrics
from uploadfilter.forms.finding import evidence_of, find_logs, find_records
from uploadfilter.forms.sending import KEEP_DAYS
from uploadfilter.forms.store import FormStore
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.state import DEFAULT_INSTANCE

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_INTERVAL_S: Final = 5.0
"""Seconds between two looks for what came in: a reviewer does not wait for longer."""

_DAY_S: Final = 86_400.0


class FormWatch:
    """Looks after what a machine's store holds.

    Args:
        keep_s: Seconds for which a decided objection is kept.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        store: FormStore,
        *,
        state: Path,
        keep_s: float,
        metrics: FormMetrics,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._state = state
        self._keep_s = keep_s
        self._metrics = metrics
        self._now = now
        self._faults = OngoingFaults(log)

    async def keep(self) -> None:
        """Look periodically, until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(_INTERVAL_S)

    def look(self) -> None:
        """Look once: place what came in, warn, forget, count."""
        try:
            self._place()
            self._forget()
            counts = self._store.count(now=self._now())
            self._metrics.show(counts)
        except ObjectionError as exc:
            self._metrics.show(None)
            self._fail(exc)
            return
        except UploadFilterError as exc:
            self._fail(exc)
            return
        self._faults.recover("forms_unwatched")
        if counts.overdue:
            self._faults.fail(
                "objections_overdue",
                count=counts.overdue,
                hint="A reviewer has to decide: 'uploadfilter objection review'",
            )
        else:
            self._faults.recover("objections_overdue")

    def _place(self) -> None:
        """Find the records of new objections, and whose log they belong to."""
        waiting = self._store.list_unplaced()
        if not waiting:
            return
        wanted = {it.decision for it in waiting}
        found = {it.record.id: it for it in find_records(self._state, wanted)}
        # Retention may have deleted the record: the objection counts all the same.
        first = next(iter(find_logs(self._state)), DEFAULT_INSTANCE)
        for before in waiting:
            after = replace(before, instance=first)
            if before.decision in found:
                instance, record = found[before.decision]
                after = replace(
                    before,
                    instance=instance,
                    route=record.route,
                    rejected_at=record.time,
                    reason=record.reason,
                    evidence=evidence_of(record.matches),
                )
            self._store.change(before, after)

    def _forget(self) -> None:
        now = self._now()
        forgotten = self._store.forget(decided_before_s=now - self._keep_s)
        if forgotten:
            log.info("objections_forgotten", count=forgotten)
        lost = self._store.forget_messages(before_s=now - KEEP_DAYS * _DAY_S)
        if lost:
            log.error("messages_lost", count=lost, hint="No recipient took them.")

    def _fail(self, error: UploadFilterError) -> None:
        self._faults.fail("forms_unwatched", error=str(error), hint=error.hint)
