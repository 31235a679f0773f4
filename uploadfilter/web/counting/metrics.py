"""Count the proxy's events: one method for each event, one line where it happens.

Rules this module keeps:

- Labels come from enums and never from clients, so that nobody can make the number of
  series grow, or read in them what somebody uploaded.
- Nothing is global: each ``Metrics`` has a registry of its own.
- Counting an event costs a microsecond or two: the series of small domains exist from
  the start, the others are remembered by their labels. So an alert also sees the first
  event, because a series that begins at 1 has never risen.

Values that can be read at any time are states, not events, and belong to
``proxy/admin/gauges.py``. To add a metric, add it to ``Metrics``, with a method beside
it, and add its row to ``docs/operating/monitoring.md``; tests check that dashboard,
rules and page agree.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Final, Self

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from uploadfilter.decisions.records.records import CopyRecord, DecisionRecord
from uploadfilter.decisions.records.sealed import SealFault
from uploadfilter.decisions.tree.submitting import Cosigning
from uploadfilter.evidence.weighing import EvidenceResult
from uploadfilter.model import Reason
from uploadfilter.web.counting.canaries import CanaryCounts
from uploadfilter.web.counting.definitions import (
    CHECKED_IN,
    COMPRESSED,
    COSIGNED,
    CPU,
    CPU_BUCKETS_S,
    EVIDENCE,
    LIMITS,
    ORIGIN_FAILURES,
    OUTCOMES,
    PHASE_BUCKETS_S,
    PHASES,
    RELOADED,
    RELOADS,
    REQUESTS,
    SEALED,
    SHEDS,
    SUMMARISED,
    UPLOADS,
    WOULD,
    CounterDefinition,
)
from uploadfilter.web.counting.labels import (
    NONE,
    STATUS_LABELS,
    Limit,
    Phase,
    Reload,
    RequestKind,
    outcome_of,
)
from uploadfilter.web.counting.lastday import LastDay
from uploadfilter.web.counting.recent import RecentDecisions
from uploadfilter.web.counting.series import Counts, Spreads
from uploadfilter.web.counting.totals import Totals
from uploadfilter.web.origins.failing import OriginFailure

PREFIX: Final = "uploadfilter"

DURATIONS_KEPT: Final = 8192
"""Durations of uploads between two samples of ``History``; one process cannot reach the
resulting 1,600 uploads a second."""


def _counts(registry: CollectorRegistry, counted: CounterDefinition) -> Counts:
    """Make the series of one counter."""
    name = f"{PREFIX}_{counted.name}_total"
    return Counts(registry, name, counted.text, counted.labels, known=counted.known)


class CountedRequest:
    """One request, which is counted when it ends.

    Attributes:
        kind: How it was treated.
        status: Status of its answer; ``None`` if there was none.
        received: Bytes of its body.
        sent: Bytes of its answer.
    """

    __slots__ = ("_metrics", "kind", "received", "sent", "status")

    def __init__(self, metrics: "Metrics") -> None:
        self._metrics = metrics
        self.kind = RequestKind.REFUSED
        self.status: int | None = None
        self.received = 0
        self.sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Count the request, however it ended."""
        self._metrics.answered(self.kind, self.status)
        self._metrics.moved(received=self.received, sent=self.sent)


class Metrics:
    """The events of the proxy since it started.

    Attributes:
        registry: All exposed metrics.
        connections: Open connections of clients.
        totals: Some of the counters, as plain numbers.
        recent: The last decisions.
        last_day: The actions that each preset would have taken in the last day.
        canaries: The results of the operator's canaries.
        durations_s: Seconds of the last uploads, for the code that takes them out.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.connections = 0
        self.totals = Totals()
        self.recent = RecentDecisions()
        self.last_day = LastDay()
        self.durations_s: deque[float] = deque(maxlen=DURATIONS_KEPT)
        self._requests = _counts(self.registry, REQUESTS)
        self._uploads = _counts(self.registry, UPLOADS)
        self._would = _counts(self.registry, WOULD)
        self._sheds = _counts(self.registry, SHEDS)
        self.canaries = CanaryCounts(self.registry, PREFIX)
        self._evidence = _counts(self.registry, EVIDENCE)
        self._sealed = _counts(self.registry, SEALED)
        self._cosigned = _counts(self.registry, COSIGNED)
        self._compressed = _counts(self.registry, COMPRESSED)
        self._limits = _counts(self.registry, LIMITS)
        self._outcomes = _counts(self.registry, OUTCOMES)
        self._origin_failures = _counts(self.registry, ORIGIN_FAILURES)
        self._reloads = _counts(self.registry, RELOADS)
        self._summarised = Counts(
            self.registry, f"{PREFIX}_uploads_summarised_total", SUMMARISED
        )
        self._received = self._counter("received", "Bytes of bodies from clients.")
        self._sent = self._counter("sent", "Bytes of answers to clients.")
        self._phases = Spreads(
            self.registry,
            f"{PREFIX}_phase_seconds",
            PHASES,
            PHASE_BUCKETS_S,
            label="phase",
            known=Phase,
        ).of
        self._cpu = Spreads(
            self.registry, f"{PREFIX}_scan_cpu_seconds", CPU, CPU_BUCKETS_S
        ).of[""]
        self._reloaded_at = self._gauge("last_reload_timestamp_seconds", RELOADED)
        self._checked_in_at = self._gauge(
            "last_checkpoint_timestamp_seconds", CHECKED_IN
        )

    def request(self) -> CountedRequest:
        """Begin a request; it is counted at the end of the block."""
        return CountedRequest(self)

    def answered(self, kind: RequestKind, status: int | None) -> None:
        """Count a request that has its answer.

        Args:
            kind: How it was treated.
            status: Status of the answer; ``None`` if the client had disconnected.
        """
        self.totals.requests += 1
        self._requests.add(kind, STATUS_LABELS.get(status, "other"))

    def moved(self, *, received: int, sent: int) -> None:
        """Count the bytes of a request's body and of its answer's body."""
        self._received.add(by=received)
        self._sent.add(by=sent)

    def took(self, phase: Phase, seconds: float) -> None:
        """Note how long a phase of an upload took."""
        self._phases[phase].observe(seconds)
        if phase is Phase.WHOLE:
            self.durations_s.append(seconds)

    def decided(self, record: DecisionRecord) -> None:
        """Count a decision that is on record."""
        self._count(record)
        self.recent.add(record)
        self.last_day.add(record)

    def summarised(self, record: DecisionRecord) -> None:
        """Count an upload that will be on record in a summary.

        Args:
            record: The decision that it would have had.
        """
        self._count(record)
        self.totals.summarised += 1
        self._summarised.add()

    def _count(self, record: DecisionRecord) -> None:
        self._uploads.add(
            record.verdict,
            record.action,
            record.effect,
            record.reason or NONE,
            record.mode,
        )
        would, reason = record.if_enforced
        self._would.add(would, reason or NONE)
        self.totals.decided(record)
        self._note_limit(record.reason)

    def shed(self, reason: Reason) -> None:
        """Count an upload that was turned away undecided."""
        self.totals.sheds += 1
        self._sheds.add(reason)
        self._note_limit(reason)

    def judged(self, result: EvidenceResult) -> None:
        """Count an upload whose matches were judged."""
        self._evidence.add(result)

    def count_copies(self, record: CopyRecord) -> None:
        """Count an upload in which copies were found after the answer."""
        self.totals.copies += record.is_altered

    def count_unsearched(self, count: int) -> None:
        """Count uploads that were not searched for altered copies afterwards."""
        self.totals.unsearched += count

    def sealed(self, fault: SealFault | None) -> None:
        """Count a rejected upload whose evidence was sealed, or could not be."""
        self._sealed.add(fault or "sealed")

    def submitted(self, result: Cosigning) -> None:
        """Count a checkpoint that was submitted to a witness."""
        self._cosigned.add(result)

    def compressed(self, is_done: bool) -> None:
        """Count a file of the decision log that was compressed, or could not be."""
        self._compressed.add("compressed" if is_done else "failed")

    def limited(self, limit: Limit) -> None:
        """Count a request that exceeded a limit."""
        self._limits.add(limit)

    def came_out(self, status: int | None) -> None:
        """Count the result of an upload at the origin.

        Args:
            status: Status of its answer; ``None`` if it gave none.
        """
        self._outcomes.add(outcome_of(status))

    def origin_failed(self, failure: OriginFailure) -> None:
        """Count a request that an origin did not answer."""
        self._origin_failures.add(failure.name.lower())

    def scanned(self, cpu_s: float) -> None:
        """Note the CPU seconds that scanners used for one upload."""
        self.totals.scans += 1
        self.totals.scan_cpu_s += cpu_s
        self._cpu.observe(cpu_s)

    def checked_in(self, at: float) -> None:
        """Note that the log has a checkpoint, at seconds since the epoch."""
        self._checked_in_at.set(at)

    def reloaded(self, result: Reload, at: float) -> None:
        """Note that the file was read, and since when its settings are in force."""
        self._reloads.add(result)
        if result is Reload.APPLIED:
            self._reloaded_at.set(at)

    def started(self, at: float) -> None:
        """Note since when the first settings are in force."""
        self._reloaded_at.set(at)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(_Plain(self.registry))

    def _note_limit(self, reason: Reason | None) -> None:
        """Count the limit that a reason implies."""
        limit = _LIMIT_OF.get(reason)
        if limit is not None:
            self._limits.add(limit)

    def _counter(self, name: str, text: str) -> Counts:
        return Counts(self.registry, f"{PREFIX}_{name}_bytes_total", text)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", text, registry=self.registry)


_LIMIT_OF: Final[Mapping[Reason | None, Limit]] = {
    Reason.TOO_LARGE: Limit.BODY_BYTES,
    Reason.TOO_SLOW: Limit.BODY_TIME,
    Reason.SPOOL_FULL: Limit.SPOOL,
}


class _Plain(Collector):
    """A registry without the times at which its series were made.

    The library gives each counter such a series beside it, which doubles the output and
    is useless here: all series were made at the start.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    @override
    def collect(self) -> Iterable[Metric]:
        for metric in self._registry.collect():
            metric.samples = [
                sample
                for sample in metric.samples
                if not sample.name.endswith("_created")
            ]
            yield metric
