"""The figures of the forms, for monitoring."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from uploadfilter.forms.store import Addressee, StoreCounts

_PREFIX: Final = "uploadfilter"


class FormName(StrEnum):
    """One of the public forms."""

    OBJECTION = "objection"
    NOTICE = "notice"


class FormRefusal(StrEnum):
    """Why nothing was taken in."""

    CODE = "code"
    RATE = "rate"
    LATE = "late"
    TEXT = "text"
    FULL = "full"
    STORE = "store"


class FormMetrics:
    """Counts what comes in at the forms, and what goes out of the queue."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._received = _counter(
            registry, "form_received", "Objections and notices taken in.", "form"
        )
        self._refused = _counter(
            registry, "form_refused", "Forms that were refused.", "form", "reason"
        )
        self._sent = _counter(
            registry, "messages_sent", "Tries to send a message.", "recipient", "result"
        )
        for form in FormName:
            self._received.labels(form)
            for why in FormRefusal:
                self._refused.labels(form, why)
        self._holding = _Holding()
        registry.register(self._holding)

    def count_received(self, form: FormName) -> None:
        """Count an objection or a notice that was taken in."""
        self._received.labels(form).inc()

    def count_refused(self, form: FormName, why: FormRefusal) -> None:
        """Count a form that was refused."""
        self._refused.labels(form, why).inc()

    def count_sent(self, recipient: Addressee, *, is_good: bool) -> None:
        """Count a try to send a message."""
        self._sent.labels(recipient, "delivered" if is_good else "failed").inc()

    def show(self, counts: StoreCounts | None) -> None:
        """Take up what the store holds now; ``None`` if it cannot be read."""
        self._holding.counts = counts


def _counter(
    registry: CollectorRegistry, name: str, words: str, *labels: str
) -> Counter:
    return Counter(name, words, labels, namespace=_PREFIX, registry=registry)


class _Holding(Collector):
    """What the store holds, as it was counted last."""

    def __init__(self) -> None:
        self.counts: StoreCounts | None = None

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges; without a readable store only that it is not."""
        counts = self.counts
        name = f"{_PREFIX}_form_store_readable"
        words = "Whether the store of objections and messages can be read."
        yield GaugeMetricFamily(name, words, value=float(counts is not None))
        if counts is None:
            return
        states = _gauge("objections", "Objections, by where they stand.", "state")
        for state, number in counts.by_state.items():
            states.add_metric([state], number)
        late = _gauge(
            "objections_overdue", "Objections that wait for longer than the deadline."
        )
        late.add_metric([], counts.overdue)
        waiting = _gauge(
            "messages_waiting", "Messages in the queue, by recipient.", "recipient"
        )
        oldest = _gauge(
            "message_oldest_timestamp_seconds",
            "When the oldest message was queued that waits.",
            "recipient",
        )
        for recipient, it in counts.messages.items():
            waiting.add_metric([recipient], it.number)
            if it.oldest_s is not None:
                oldest.add_metric([recipient], it.oldest_s)
        yield from (states, late, waiting, oldest)


def _gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", words, labels=labels)
