"""Look after objections beside requests: look records up, remind, forget.

Rules this module keeps: a fault is told once until it changes, and tried again; each
warning about an objection is given once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from uploadfilter.errors import ObjectionError, UploadFilterError
from uploadfilter.objecting.cases import Objection, ObjectionEvent, ObjectionState
from uploadfilter.objecting.deciding import Decider
from uploadfilter.objecting.figures import ObjectionMetrics
from uploadfilter.objecting.finding import evidence_of, found_records, logs_of
from uploadfilter.objecting.keeping import ObjectionStore
from uploadfilter.objecting.settings import ObjectionSettings
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.state import DEFAULT_INSTANCE

log: structlog.stdlib.BoundLogger = structlog.get_logger()

INTERVAL_S: Final = 5.0
"""Seconds between two looks for what came in: a reviewer does not wait for longer."""

_MOST_AT_ONCE: Final = 10_000
"""Objections that are looked at for warnings: as many as may wait by default."""


class ObjectionWatch:
    """Looks after the objections of a machine.

    Args:
        store: The objections.
        decider: Notes what issuers withdrew.
        state: The state directory.
        settings: Times.
        metrics: The figures.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        store: ObjectionStore,
        decider: Decider,
        *,
        state: Path,
        settings: ObjectionSettings,
        metrics: ObjectionMetrics,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._decider = decider
        self._state = state
        self._settings = settings
        self._metrics = metrics
        self._now = now
        self._faults = OngoingFaults(log)

    async def keep(self) -> None:
        """Look periodically, until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(INTERVAL_S)

    def look(self) -> None:
        """Look once: place what came in, warn, note withdrawals, forget, count."""
        try:
            self._place()
            self._warn()
            for it in self._decider.withdrawn():
                self._metrics.happened(ObjectionEvent.WITHDRAWN)
                log.info("objection_withdrawn", decision=it.decision)
            now = self._now()
            forgotten = self._store.forget(decided_before_s=now - self._settings.keep_s)
            if forgotten:
                log.info("objections_forgotten", count=forgotten)
            self._metrics.stand(self._store.counts(now=now))
        except ObjectionError as exc:
            self._metrics.stand(None)
            self._say(exc)
        except UploadFilterError as exc:
            self._say(exc)
        else:
            self._faults.recover("objections_unwatched")

    def _place(self) -> None:
        """Find the records of new objections, and whose log they belong to."""
        waiting = self._store.unplaced()
        if not waiting:
            return
        found = {it.record.id: it for it in found_records(self._state, waiting)}
        first = next(iter(logs_of(self._state)), DEFAULT_INSTANCE)
        for decision in waiting:
            objection = self._store.get(decision)
            if objection is None:
                continue
            # Retention may have deleted the record: the objection counts all the same.
            placed = replace(objection, instance=first)
            if decision in found:
                instance, record = found[decision]
                placed = replace(
                    objection,
                    instance=instance,
                    route=record.route,
                    decided_at=record.time,
                    reason=record.reason,
                    evidence=evidence_of(record.matches),
                )
            self._store.place(placed)

    def _warn(self) -> None:
        """Remind of objections that wait: at half of the time, and at its end."""
        waiting = frozenset({ObjectionState.RECEIVED})
        now = self._now()
        for before in self._store.listed(states=waiting, most=_MOST_AT_ONCE):
            due = before.due(now=now)
            if due is None or before.instance is None:
                continue
            if self._store.change(before, before.warned(due), at_s=now):
                self._metrics.happened(due)
                _say_due(before, due)

    def _say(self, error: UploadFilterError) -> None:
        self._faults.fail("objections_unwatched", error=str(error), hint=error.hint)


def _say_due(objection: Objection, due: ObjectionEvent) -> None:
    told = {"decision": objection.decision, "deadline_s": objection.deadline_s}
    if due is ObjectionEvent.OVERDUE:
        log.error("objection_overdue", **told, hint="A reviewer has to decide it now.")
    else:
        log.warning("objection_reminded", **told)
