"""Keep a quarter of an hour of figures, for the charts of the operator's page.

Operators who want more keep the metrics elsewhere. A sample covers the time since the
one before: rates are differences of totals, and quantiles are those of exactly the
uploads in between.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from uploadfilter.model import Verdict
from uploadfilter.web.counting.metrics import Metrics

INTERVAL_S: Final = 5.0
"""Between two samples: a burst of seconds is visible, and 180 samples fit a chart."""

DURATIONS_SHOWN: Final = 1000
"""Uploads whose median is shown, so that there is one after the first upload, even if
the last seconds had none."""

SAMPLES: Final = 180
"""A quarter of an hour: the useful period for an operator who was just called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The state at one moment.

    Attributes:
        waiting: Uploads that wait for a scanner.
        scanning: Uploads that are scanned, slow ones included.
        spool_memory: Bytes held in memory.
        spool_disk: Bytes held on disk.
    """

    waiting: int
    scanning: int
    spool_memory: int
    spool_disk: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSample:
    """The events within an interval, and the state at its end.

    Attributes:
        at: Seconds since the epoch.
        match: Decisions with this verdict in a second.
        no_match: Decisions with this verdict in a second.
        inconclusive: Decisions with this verdict in a second.
        sheds: Uploads turned away in a second.
        requests: Requests in a second, uploads included.
        p50_s: Median duration of the uploads; ``None`` if there were none.
        p99_s: Duration that 99 % of the uploads did not exceed.
        level: The state at the end.
    """

    at: float
    match: float
    no_match: float
    inconclusive: float
    sheds: float
    requests: float
    p50_s: float | None
    p99_s: float | None
    level: Level


class History:
    """The samples of the last quarter of an hour.

    Args:
        metrics: The counters; durations are taken out of it.
        level: Returns the present state.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        level: Callable[[], Level],
        clock: Callable[[], float],
    ) -> None:
        self._metrics = metrics
        self._level = level
        self._clock = clock
        self._samples: deque[LoadSample] = deque(maxlen=SAMPLES)
        self._durations: deque[float] = deque(maxlen=DURATIONS_SHOWN)
        self._known = self._totals()

    def __iter__(self) -> Iterator[LoadSample]:
        """Yield the samples, the oldest first."""
        return iter(tuple(self._samples))

    @property
    def last(self) -> LoadSample | None:
        """The newest sample; ``None`` if there is none yet."""
        return self._samples[-1] if self._samples else None

    @property
    def last_durations_s(self) -> list[float]:
        """Seconds of the last ``DURATIONS_SHOWN`` uploads, in ascending order."""
        every = (*self._durations, *self._metrics.durations_s)
        return sorted(every[-DURATIONS_SHOWN:])

    async def keep(self) -> None:
        """Take samples until cancelled."""
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        while True:
            await asyncio.sleep(INTERVAL_S)
            now_s = loop.time()
            self.sample(elapsed_s=now_s - begun_s)
            begun_s = now_s

    def sample(self, *, elapsed_s: float) -> None:
        """Take a sample.

        Args:
            elapsed_s: Seconds since the one before; a busy loop makes this longer.
        """
        known, self._known = self._known, self._totals()
        rates = [
            (new - old) / elapsed_s for new, old in zip(self._known, known, strict=True)
        ]
        durations = self._metrics.durations_s
        taken = sorted(durations)
        self._durations.extend(durations)
        durations.clear()
        self._samples.append(
            LoadSample(
                at=self._clock(),
                match=rates[0],
                no_match=rates[1],
                inconclusive=rates[2],
                sheds=rates[3],
                requests=rates[4],
                p50_s=quantile(taken, 0.5),
                p99_s=quantile(taken, 0.99),
                level=self._level(),
            )
        )

    def _totals(self) -> tuple[int, ...]:
        totals = self._metrics.totals
        return (
            totals.verdicts[Verdict.MATCH],
            totals.verdicts[Verdict.NO_MATCH],
            totals.verdicts[Verdict.INCONCLUSIVE],
            totals.sheds,
            totals.requests,
        )


def quantile(ordered: Sequence[float], part: float) -> float | None:
    """Return the value that a given part of all values does not exceed.

    Args:
        ordered: The values in ascending order.
        part: The part, above 0 and at most 1.

    Returns:
        One of the values; ``None`` if there are none.
    """
    if not ordered:
        return None
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]
