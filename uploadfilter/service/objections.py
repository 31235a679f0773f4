"""Record what became of objections in the decision log of the proxy that decided.

The process of the forms keeps objections in a store of its own; each event there names
the proxy whose log it belongs into. Each minute the proxy takes the new ones.

Rules this module keeps: each event is recorded once, also if a process is killed,
because its record has the number of the event, and the log is read at the start; a
store that is missing or damaged disturbs no upload.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import structlog

from uploadfilter.decisions.files.totalling import changes_of
from uploadfilter.decisions.records.lasting import Change, ChangeRecord
from uploadfilter.decisions.records.records import moment
from uploadfilter.errors import LogError, ObjectionError
from uploadfilter.forms.codes import objection_directory
from uploadfilter.forms.store import FILE, FormStore, StoredEvent
from uploadfilter.ongoing import OngoingFaults

log: structlog.stdlib.BoundLogger = structlog.get_logger()

INTERVAL_S: Final = 60.0
"""Seconds between two looks. Lasting records begin a file of their own, so a look takes
many at once: a flood of objections makes some hundred files a day, not thousands."""


class ChangeLog(Protocol):
    """An object that puts changes on record; see ``service.changing``."""

    async def append(self, record: ChangeRecord) -> None:
        """Record a change, durably."""


class ObjectionRecorder:
    """Copies events of objections into the decision log of one proxy.

    Args:
        directory: The log's directory, to find the events that it has.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        changes: ChangeLog,
        directory: Path,
        *,
        state: Path,
        instance: str,
        clock: Callable[[], float],
    ) -> None:
        self._changes = changes
        self._clock = clock
        self._directory = directory
        self._path = objection_directory(state) / FILE
        self._instance = instance
        self._mark: tuple[str, int] | None = None
        self._faults = OngoingFaults(log)

    async def keep(self) -> None:
        """Look periodically, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """Record the new events; a failure is told, and tried again."""
        try:
            name, events = await asyncio.to_thread(self._news)
            for event in events:
                # Cancelled in between, the record is found at the next start.
                await self._changes.append(_record(name, event, now=self._clock()))
                self._mark = name, event.number
            self._faults.recover("objection_unrecorded")
        except (LogError, ObjectionError) as exc:
            self._faults.fail("objection_unrecorded", error=str(exc), hint=exc.hint)

    def _news(self) -> tuple[str, tuple[StoredEvent, ...]]:
        """Return the name of the store, and the events that are not on record."""
        if not self._path.exists():
            return "", ()
        with FormStore(self._path) as store:
            name = store.id
            if self._mark is None or self._mark[0] != name:
                self._mark = name, self._recorded(name)
            return name, store.events(self._instance, after=self._mark[1])

    def _recorded(self, name: str) -> int:
        """Return the number of the last event of a store that the log has."""
        numbers = (
            record.details.get("number")
            for record in changes_of(self._directory)
            if record.change is Change.OBJECTION and record.details.get("store") == name
        )
        return max((it for it in numbers if isinstance(it, int)), default=0)


def _record(name: str, event: StoredEvent, *, now: float) -> ChangeRecord:
    return ChangeRecord(
        time=moment(now),
        change=Change.OBJECTION,
        at=moment(event.at_s),
        by=None,
        subject=event.decision,
        details={
            "state": event.state.value,
            "store": name,
            "number": event.number,
            **event.details,
        },
    )
