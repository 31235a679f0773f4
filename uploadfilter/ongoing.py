"""Report lasting faults to the operational log: their begin, their course, their end.

A full disk or a lost origin is met by every upload. The operator has to read once that
it began, now and then that it goes on, and once that everything works again.

Rules this module keeps: a fault is logged when it begins, when it is described
otherwise, and at intervals as long as it lasts; its end is logged as ``fault_over``
with its length and the number of times that it was met. What fails now and then, with
successes in between, is one fault. Any thread may report.

To report a lasting fault, call ``fail`` where it is met and ``recover`` where the same
thing works; never log it directly.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

AGAIN_S: Final = 60.0
"""Seconds between two lines about one fault: the log may lie on the disk that is
full."""

QUIET_S: Final = 10.0
"""Seconds without the fault after which a success ends it, where requests meet it: one
request of many may fail."""


@dataclass(slots=True, kw_only=True)
class _Fault:
    """A fault that lasts.

    Attributes:
        begun_s: When it was met first.
        last_s: When it was met last.
        count: How often it was met.
        recovered_s: When something worked for the first time since; ``None`` if
            nothing did.
        logged_s: When each description of it was logged.
    """

    begun_s: float
    last_s: float
    count: int = 0
    recovered_s: float | None = None
    logged_s: dict[str, float] = field(default_factory=dict)


class EventLog(Protocol):
    """The part of the operational log that lasting faults need."""

    def info(self, event: str, **fields: object) -> object:
        """Log one event; ``fields`` hold no data of a client."""

    def warning(self, event: str, **fields: object) -> object:
        """Log one event that an operator should see."""

    def error(self, event: str, **fields: object) -> object:
        """Log one event after which an operator must act."""


class OngoingFaults:
    """The faults that last now.

    Args:
        log: The operational log.
        again_s: Seconds between two lines about one fault.
        quiet_s: Seconds without a fault after which a success ends it.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        again_s: float = AGAIN_S,
        quiet_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._again_s = again_s
        self._quiet_s = quiet_s
        self._clock = clock
        self._lock = threading.Lock()
        self._lasting: dict[tuple[str, str], _Fault] = {}

    @property
    def lasting(self) -> frozenset[tuple[str, str]]:
        """The event and the subject of each fault that lasts."""
        return frozenset(self._lasting)

    def fail(
        self,
        event: str,
        about: str = "",
        *,
        level: int = logging.ERROR,
        **details: object,
    ) -> None:
        """Report that a fault was met.

        Args:
            event: The name of the event.
            about: Tells faults of one kind apart, such as the name of an origin.
            level: ``logging.ERROR`` or ``logging.WARNING``.
            details: The other fields of the line.
        """
        now_s = self._clock()
        with self._lock:
            fault = self._lasting.setdefault(
                (event, about), _Fault(begun_s=now_s, last_s=now_s)
            )
            fault.last_s, fault.recovered_s = now_s, None
            fault.count += 1
            fault.logged_s = {
                text: at_s
                for text, at_s in fault.logged_s.items()
                if now_s - at_s < self._again_s
            }
            text = repr(details)
            is_due = text not in fault.logged_s
            if is_due:
                fault.logged_s[text] = now_s
        if is_due:
            is_warning = level == logging.WARNING
            write = self._log.warning if is_warning else self._log.error
            write(event, **details)

    def recover(self, event: str, about: str | None = None) -> None:
        """Report that something works which a fault would have kept from working.

        Args:
            event: The name of the fault's event.
            about: As of ``fail``; ``None`` means all faults of that kind.
        """
        if not self._lasting:  # as nearly always: an upload calls this several times
            return
        now_s = self._clock()
        with self._lock:
            for key, fault in self._lasting.items():
                is_meant = key[0] == event and about in (None, key[1])
                if is_meant and fault.recovered_s is None:
                    fault.recovered_s = now_s
        self.look()

    def look(self) -> None:
        """Log the faults that are over. Call it now and then where requests are few."""
        now_s = self._clock()
        with self._lock:
            over = {
                key: fault
                for key, fault in self._lasting.items()
                if fault.recovered_s is not None
                and now_s - fault.last_s >= self._quiet_s
            }
            for key in over:
                del self._lasting[key]
        for (event, about), fault in over.items():
            lasted_s = (fault.recovered_s or now_s) - fault.begun_s
            subject = {"about": about} if about else {}
            self._log.info(
                "fault_over",
                fault=event,
                **subject,
                lasted_s=round(lasted_s, 1),
                count=fault.count,
            )
