"""Count the proxy's events: one method for each event, one line where it happens.

Rules this module keeps:

- Labels come from enums and never from clients, so that nobody can make the number of
  series grow, or read in them what somebody uploaded.
- Nothing is global: each ``Metrics`` has a registry of its own.
- Counting an event costs a microsecond or two: the series of small domains exist from
  the start, the others are remembered by their labels. So an alert also sees the first
  event, since a series that begins at 1 has never risen.

Values that can be read at any time are states, not events, and belong to
``proxy/admin/gauges.py``. To add a metric, add it to ``Metrics``, with a method beside
it, and add its row to ``docs/operating/monitoring.md``; tests check that dashboard,
rules and page agree.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.model import INCAPACITY, Action, Mode, Reason, Verdict
from uploadfilter.proxy.counting.canaries import CanaryCounts
from uploadfilter.proxy.counting.lastday import LastDay
from uploadfilter.proxy.counting.recent import RecentDecisions
from uploadfilter.proxy.counting.series import Counts, Spreads
from uploadfilter.proxy.counting.totals import Totals
from uploadfilter.proxy.origins.origin import OriginFailure

PREFIX: Final = "uploadfilter"

NONE: Final = "none"
"""Value of a label without a value: no reason, no status."""

PHASE_BUCKETS_S: Final = (
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
)
"""From a look-up (under 1 ms), the scan of a photo (5 ms), ``slow_after_s`` (0.1), a
bomb at its budget (2) and the longest wait in the queue (30) to a slow body."""

CPU_BUCKETS_S: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
)
"""Around a photo's 5 to 10 ms; 2 s is the budget of one content, 10 s of an upload."""

DURATIONS_KEPT: Final = 8192
"""Durations of uploads between two samples of ``History``; one process cannot reach the
resulting 1,600 uploads a second."""


class RequestKind(StrEnum):
    """How a request was treated."""

    UPLOAD = "upload"
    EXEMPT = "exempt"
    CANARY = "canary"
    PASSED = "passed"
    REFUSED = "refused"


class Phase(StrEnum):
    """A phase of an upload."""

    HEAD = "head"
    RECEIVE = "receive"
    LOOK_UP = "look_up"
    SCAN = "scan"
    MATCH = "match"
    RECORD = "record"
    FORWARD = "forward"
    WHOLE = "whole"


class Limit(StrEnum):
    """A limit that a request exceeded."""

    OPEN_UPLOADS = "open_uploads"
    YIELDED = "yielded"
    QUEUE = "queue"
    BODY_BYTES = "body_bytes"
    BODY_TIME = "body_time"
    SPOOL = "spool"
    CLIENT_SPOOL = "client_spool"
    CLIENT_UPLOADS = "client_uploads"
    MATCH_BUDGET = "match_budget"
    CONNECTIONS = "connections"
    CLIENT_CONNECTIONS = "client_connections"
    HEAD_BYTES = "head_bytes"
    HEAD_TIME = "head_time"
    TINY_CHUNKS = "tiny_chunks"


class Outcome(StrEnum):
    """The result of a forwarded upload; classes of the origin's status."""

    INFORMATION = "1xx"
    SUCCESS = "2xx"
    REDIRECTION = "3xx"
    CLIENT_ERROR = "4xx"
    SERVER_ERROR = "5xx"
    ABORTED = "aborted"


class Reload(StrEnum):
    """The result of a SIGHUP."""

    APPLIED = "applied"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """A counter with labels.

    Attributes:
        name: Without the common prefix and suffix.
        text: Its description, for Prometheus.
        labels: Names of its labels.
        known: Labels of the series that exist from the start.
    """

    name: str
    text: str
    labels: tuple[str, ...]
    known: tuple[tuple[str, ...], ...] = ()


_USUAL_UPLOADS: Final = tuple(
    (verdict, action, effect, NONE, mode)
    for verdict, action, effect, mode in (
        (Verdict.NO_MATCH, Action.ACCEPT, Action.ACCEPT, Mode.MONITOR),
        (Verdict.NO_MATCH, Action.ACCEPT, Action.ACCEPT, Mode.ENFORCE),
        (Verdict.MATCH, Action.REJECT, Action.ACCEPT, Mode.MONITOR),
        (Verdict.MATCH, Action.REJECT, Action.REJECT, Mode.ENFORCE),
    )
)
"""Series that alerts and charts use, so that they exist before the first event."""

_REQUESTS: Final = _Counted(
    name="requests",
    text="Requests that were answered; status none: the client had disconnected.",
    labels=("kind", "status"),
)
_UPLOADS: Final = _Counted(
    name="uploads",
    text="Decisions that are on record, or counted in a summary.",
    labels=("verdict", "action", "effect", "reason", "mode"),
    known=_USUAL_UPLOADS,
)
_WOULD: Final = _Counted(
    name="uploads_would",
    text="Decisions by what ENFORCE would do if every hash set were enforced.",
    labels=("action", "reason"),
    known=((Action.ACCEPT, NONE), (Action.REJECT, NONE)),
)
_SHEDS: Final = _Counted(
    name="uploads_shed",
    text="Uploads that were turned away undecided, with 503 or 429.",
    labels=("reason",),
    known=tuple((reason,) for reason in sorted(INCAPACITY)),
)
_LIMITS: Final = _Counted(
    name="limits_reached",
    text="Requests that exceeded a limit.",
    labels=("limit",),
    known=tuple((limit,) for limit in Limit),
)
_OUTCOMES: Final = _Counted(
    name="outcomes",
    text="Forwarded uploads by the result at the origin.",
    labels=("outcome",),
    known=tuple((outcome,) for outcome in Outcome),
)
_ORIGIN_FAILURES: Final = _Counted(
    name="origin_failures",
    text="Requests that an origin did not answer.",
    labels=("failure",),
    known=tuple((failure.name.lower(),) for failure in OriginFailure),
)
_RELOADS: Final = _Counted(
    name="reloads",
    text="Times that the settings file was read again.",
    labels=("result",),
    known=tuple((result,) for result in Reload),
)
_SUMMARISED: Final = "Those of uploads_total that are on record in a summary."
_PHASES: Final = (
    "Seconds that uploads spent in a phase; head is of every request, forward ends "
    "with the head of the origin's answer, and whole is from head to head."
)
_CPU: Final = (
    "CPU seconds that scanners used for one upload, as the kernel counts them. Uploads "
    "that were not scanned are not in it. The proxy's own share cannot be told by "
    "upload: see cpu_seconds_total."
)
_RELOADED: Final = "When the settings in force were read, seconds since the epoch."
_CHECKED_IN: Final = (
    "When the decision log had its last checkpoint, seconds since the epoch; 0 for "
    "none yet."
)


def _counts(registry: CollectorRegistry, counted: _Counted) -> Counts:
    """Make the series of one counter.

    Args:
        registry: The registry that exposes it.
        counted: The counter.
    """
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
        self._requests = _counts(self.registry, _REQUESTS)
        self._uploads = _counts(self.registry, _UPLOADS)
        self._would = _counts(self.registry, _WOULD)
        self._sheds = _counts(self.registry, _SHEDS)
        self.canaries = CanaryCounts(self.registry, PREFIX)
        self._limits = _counts(self.registry, _LIMITS)
        self._outcomes = _counts(self.registry, _OUTCOMES)
        self._origin_failures = _counts(self.registry, _ORIGIN_FAILURES)
        self._reloads = _counts(self.registry, _RELOADS)
        self._summarised = Counts(
            self.registry, f"{PREFIX}_uploads_summarised_total", _SUMMARISED
        )
        self._received = self._counter("received", "Bytes of bodies from clients.")
        self._sent = self._counter("sent", "Bytes of answers to clients.")
        self._phases = Spreads(
            self.registry,
            f"{PREFIX}_phase_seconds",
            _PHASES,
            PHASE_BUCKETS_S,
            label="phase",
            known=Phase,
        ).of
        self._cpu = Spreads(
            self.registry, f"{PREFIX}_scan_cpu_seconds", _CPU, CPU_BUCKETS_S
        ).of[""]
        self._reloaded_at = self._gauge("last_reload_timestamp_seconds", _RELOADED)
        self._checked_in_at = self._gauge(
            "last_checkpoint_timestamp_seconds", _CHECKED_IN
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
        self._requests.add(kind, _STATUS.get(status, "other"))

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


def outcome_of(status: int | None) -> Outcome:
    """Return the class of an origin's status; ``None`` means no answer."""
    if status is None:
        return Outcome.ABORTED
    return _CLASSES.get(status // 100, Outcome.SERVER_ERROR)


_CLASSES: Final = {
    int(outcome[0]): outcome for outcome in Outcome if outcome[0].isdigit()
}

_LIMIT_OF: Final[Mapping[Reason | None, Limit]] = {
    Reason.TOO_LARGE: Limit.BODY_BYTES,
    Reason.TOO_SLOW: Limit.BODY_TIME,
    Reason.SPOOL_FULL: Limit.SPOOL,
}

_STATUS: Final[Mapping[int | None, str]] = {
    None: NONE,
    **{int(known): str(int(known)) for known in HTTPStatus},
}
"""Allowed labels for a status, which an origin chooses freely: the registered ones."""


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
