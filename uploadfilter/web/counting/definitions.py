"""The definitions of all series: names, descriptions, labels and buckets.

A series of a small domain is listed in ``known``, so that it exists from the start.
"""

from dataclasses import dataclass
from typing import Final

from uploadfilter.decisions.records.sealed import SealFault
from uploadfilter.decisions.tree.submitting import Cosigning
from uploadfilter.evidence.weighing import EvidenceResult
from uploadfilter.model import INCAPACITY, Action, Mode, Verdict
from uploadfilter.web.counting.labels import NONE, Limit, OriginOutcome, Reload
from uploadfilter.web.origins.failing import OriginFailure

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


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterDefinition:
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

REQUESTS: Final = CounterDefinition(
    name="requests",
    text="Requests that were answered; status none: the client had disconnected.",
    labels=("kind", "status"),
)
UPLOADS: Final = CounterDefinition(
    name="uploads",
    text="Decisions that are on record, or counted in a summary.",
    labels=("verdict", "action", "effect", "reason", "mode"),
    known=_USUAL_UPLOADS,
)
WOULD: Final = CounterDefinition(
    name="uploads_would",
    text="Decisions by what ENFORCE would do if every hash set were enforced.",
    labels=("action", "reason"),
    known=((Action.ACCEPT, NONE), (Action.REJECT, NONE)),
)
SHEDS: Final = CounterDefinition(
    name="uploads_shed",
    text="Uploads that were turned away undecided, with 503 or 429.",
    labels=("reason",),
    known=tuple((reason,) for reason in sorted(INCAPACITY)),
)
EVIDENCE: Final = CounterDefinition(
    name="evidence",
    text="Uploads with a picture, by the result of the judgement beyond the threshold.",
    labels=("result",),
    known=tuple((result,) for result in EvidenceResult),
)
SEALED: Final = CounterDefinition(
    name="sealed_evidence",
    text="Rejected uploads whose evidence was wanted; result sealed: it was sealed.",
    labels=("result",),
    known=(("sealed",), *((fault,) for fault in SealFault)),
)
COSIGNED: Final = CounterDefinition(
    name="checkpoint_submissions",
    text="Signed checkpoints that were submitted to witnesses.",
    labels=("result",),
    known=tuple((result,) for result in Cosigning),
)
COMPRESSED: Final = CounterDefinition(
    name="log_compressions",
    text="Files of the decision log that were compressed, or could not be.",
    labels=("result",),
    known=(("compressed",), ("failed",)),
)
LIMITS: Final = CounterDefinition(
    name="limits_reached",
    text="Requests that exceeded a limit.",
    labels=("limit",),
    known=tuple((limit,) for limit in Limit),
)
OUTCOMES: Final = CounterDefinition(
    name="outcomes",
    text="Forwarded uploads by the result at the origin.",
    labels=("outcome",),
    known=tuple((outcome,) for outcome in OriginOutcome),
)
ORIGIN_FAILURES: Final = CounterDefinition(
    name="origin_failures",
    text="Requests that an origin did not answer.",
    labels=("failure",),
    known=tuple((failure.name.lower(),) for failure in OriginFailure),
)
RELOADS: Final = CounterDefinition(
    name="reloads",
    text="Times that the settings file was read again.",
    labels=("result",),
    known=tuple((result,) for result in Reload),
)
SUMMARISED: Final = "Those of uploads_total that are on record in a summary."
PHASES: Final = (
    "Seconds that uploads spent in a phase; head is of every request, forward ends "
    "with the head of the origin's answer, and whole is from head to head."
)
CPU: Final = (
    "CPU seconds that scanners used for one upload, as the kernel counts them. Uploads "
    "that were not scanned are not in it. The proxy's own share cannot be told by "
    "upload: see cpu_seconds_total."
)
RELOADED: Final = "When the settings in force were read, seconds since the epoch."
CHECKED_IN: Final = (
    "When the decision log had its last checkpoint, seconds since the epoch; 0 for "
    "none yet."
)
