"""The figures about objections, for monitoring."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from uploadfilter.objecting.cases import ObjectionEvent
from uploadfilter.objecting.keeping import ObjectionCounts

_PREFIX: Final = "uploadfilter"


class ObjectionRefusal(StrEnum):
    """Why an objection was not taken in."""

    CODE = "code"
    RATE = "rate"
    LATE = "late"
    TEXT = "text"
    FULL = "full"
    NETWORK_FULL = "network_full"
    STORE = "store"


class ObjectionMetrics:
    """Counts what comes in at the form, and what becomes of it.

    Args:
        registry: Where the figures are shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._received = Counter(
            "objections_received",
            "Objections that were taken in.",
            namespace=_PREFIX,
            registry=registry,
        )
        self._refused = Counter(
            "objections_refused",
            "Requests to the form of objections that were refused, by reason.",
            ["reason"],
            namespace=_PREFIX,
            registry=registry,
        )
        self._events = Counter(
            "objection_events",
            "Warnings and decisions about objections.",
            ["event"],
            namespace=_PREFIX,
            registry=registry,
        )
        for why in ObjectionRefusal:
            self._refused.labels(why)
        for event in ObjectionEvent:
            self._events.labels(event)
        self._standing = _Standing()
        registry.register(self._standing)

    def received(self) -> None:
        """Count an objection that was taken in."""
        self._received.inc()

    def refused(self, why: ObjectionRefusal) -> None:
        """Count a request that was refused."""
        self._refused.labels(why).inc()

    def happened(self, event: ObjectionEvent) -> None:
        """Count a warning or a decision."""
        self._events.labels(event).inc()

    def stand(self, counts: ObjectionCounts | None) -> None:
        """Take up what the store holds now; ``None`` if it cannot be read."""
        self._standing.counts = counts


class _Standing(Collector):
    """What the store holds, as it was counted last."""

    def __init__(self) -> None:
        self.counts: ObjectionCounts | None = None

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; without a readable store only that it is not."""
        counts = self.counts
        yield GaugeMetricFamily(
            f"{_PREFIX}_objection_store_readable",
            "Whether the store of objections can be read.",
            value=float(counts is not None),
        )
        if counts is None:
            return
        held = GaugeMetricFamily(
            f"{_PREFIX}_objections",
            "Objections in the store, by where they stand.",
            labels=["state"],
        )
        for state, number in counts.by_state.items():
            held.add_metric([state], number)
        yield held
        yield GaugeMetricFamily(
            f"{_PREFIX}_objections_overdue",
            "Objections that wait for longer than the deadline.",
            value=counts.overdue,
        )
        if counts.oldest_s is not None:
            yield GaugeMetricFamily(
                f"{_PREFIX}_objection_oldest_timestamp_seconds",
                "When the oldest objection came that waits.",
                value=counts.oldest_s,
            )
