"""Count the actions that each preset would have taken in the last day.

Rules this module keeps: it holds one ``Comparison`` for each hour, which consists of
numbers only, and no more hours than a day has.
"""

from collections import deque
from typing import Final

from uploadfilter.decisions.presets import Comparison
from uploadfilter.decisions.records.records import DecisionRecord

_HOUR_S: Final = 3600
HOURS: Final = 24
"""Hours that are kept: the current one, and those before it."""


class LastDay:
    """The uploads of the last day, or since the start of this proxy."""

    def __init__(self) -> None:
        self._hours: deque[tuple[int, Comparison]] = deque(maxlen=HOURS)

    def add(self, record: DecisionRecord) -> None:
        """Count a decision that is on record."""
        hour = int(record.time.timestamp() // _HOUR_S)
        # With a clock that is put back, decisions count into the current hour.
        if not self._hours or self._hours[-1][0] < hour:
            self._hours.append((hour, Comparison()))
        self._hours[-1][1].add(record)

    def compared(self, *, now: float) -> Comparison:
        """Return the actions that each preset would have taken.

        Args:
            now: Seconds since the epoch.
        """
        first = int(now // _HOUR_S) - HOURS + 1
        whole = Comparison()
        for hour, compared in self._hours:
            if hour >= first:
                whole.merge(compared)
        return whole
