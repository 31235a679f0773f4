"""The figures about notices, for monitoring."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from uploadfilter.noticing.queueing import QueueLength

_PREFIX: Final = "uploadfilter"


class NoticeRefusal(StrEnum):
    """Why a notice was not taken in."""

    RATE = "rate"
    TEXT = "text"
    FULL = "full"
    NETWORK_FULL = "network_full"
    STORE = "store"


class NoticeMetrics:
    """Counts notices that come in and go out.

    Args:
        registry: Where the figures are shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counters = {
            name: Counter(
                f"notices_{name}", help_text, namespace=_PREFIX, registry=registry
            )
            for name, help_text in (
                ("received", "Notices that were taken in."),
                ("delivered", "Notices that the hotline has."),
                ("failed", "Tries to deliver a notice that failed."),
            )
        }
        self._refused = Counter(
            "notices_refused",
            "Notices that were refused, by reason.",
            ["reason"],
            namespace=_PREFIX,
            registry=registry,
        )
        for why in NoticeRefusal:
            self._refused.labels(why)
        self._waiting = _Waiting()
        registry.register(self._waiting)

    def received(self) -> None:
        """Count a notice that was taken in."""
        self._counters["received"].inc()

    def delivered(self) -> None:
        """Count a notice that the hotline has."""
        self._counters["delivered"].inc()

    def failed(self) -> None:
        """Count a try that failed."""
        self._counters["failed"].inc()

    def refused(self, why: NoticeRefusal) -> None:
        """Count a notice that was refused."""
        self._refused.labels(why).inc()

    def stand(self, length: QueueLength | None) -> None:
        """Take up the length of the queue; ``None`` if it cannot be read."""
        self._waiting.length = length


class _Waiting(Collector):
    """The queue, as it was counted last."""

    def __init__(self) -> None:
        self.length: QueueLength | None = None

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        length = self.length
        yield GaugeMetricFamily(
            f"{_PREFIX}_notice_queue_readable",
            "Whether the queue of notices can be read.",
            value=float(length is not None),
        )
        if length is None:
            return
        yield GaugeMetricFamily(
            f"{_PREFIX}_notices_waiting",
            "Notices that the hotline does not have yet.",
            value=length.waiting,
        )
        if length.oldest_s is not None:
            yield GaugeMetricFamily(
                f"{_PREFIX}_notice_oldest_timestamp_seconds",
                "When the oldest notice came that waits.",
                value=length.oldest_s,
            )
