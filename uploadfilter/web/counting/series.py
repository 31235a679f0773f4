"""Series of numbers that take a fraction of a microsecond to update.

The classes of ``prometheus_client`` hold a lock and an object for each bucket, because
they serve several threads and processes. A histogram takes ten times as long there, and
an upload updates nine. These series are updated by the event loop alone, and exposed
through the library's collectors. The text of both is the same, as
``tests/web/counting/test_series.py`` checks.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from typing_extensions import override

Labels = tuple[str, ...]


class Counts(Collector):
    """The series of one counter.

    Args:
        registry: The registry that exposes it.
        name: Name of the counter; ends in ``_total``.
        text: Description of the counter.
        labels: Names of the labels.
        known: The series that exist from the start.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        text: str,
        labels: Sequence[str] = (),
        *,
        known: Iterable[Labels] = ((),),
    ) -> None:
        self._name, self._text, self._labels = name, text, tuple(labels)
        self._values: dict[Labels, int] = dict.fromkeys(known, 0)
        registry.register(self)

    def add(self, *labels: str, by: int = 1) -> None:
        """Add to the series with these labels."""
        self._values[labels] = self._values.get(labels, 0) + by

    @override
    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, value in self._values.items():
            family.add_metric(labels, value)
        yield family


class Spread:
    """One series of a histogram: the number of values up to each bound.

    Args:
        bounds: Bounds in ascending order.
    """

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Add one value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Spreads(Collector):
    """The series of one histogram.

    Args:
        registry: The registry that exposes it.
        name: Name of the histogram.
        text: Description of the histogram.
        bounds: Bounds of its buckets, in ascending order.
        label: Name of its label; empty for none.
        known: Values of the label; all series exist from the start.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        text: str,
        bounds: Sequence[float],
        *,
        label: str = "",
        known: Iterable[str] = ("",),
    ) -> None:
        self._name, self._text, self._label = name, text, label
        self._texts = [*map(str, map(float, bounds)), "+Inf"]
        self.of = {each: Spread(tuple(bounds)) for each in known}
        registry.register(self)

    @override
    def collect(self) -> Iterable[Metric]:
        names = (self._label,) if self._label else ()
        family = HistogramMetricFamily(self._name, self._text, labels=names)
        for value, spread in self.of.items():
            sums = accumulate(spread.counts)
            buckets = [
                (text, float(count))
                for text, count in zip(self._texts, sums, strict=True)
            ]
            labels = (value,) if self._label else ()
            family.add_metric(labels, buckets, spread.total)
        yield family
