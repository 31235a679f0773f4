"""The JSON of the commands about the log and about objections."""

from datetime import date, datetime
from typing import TypedDict

from uploadfilter.decisions.files.verify import StepBack
from uploadfilter.decisions.records.lasting import (
    MatchesTotal,
    OutcomesTotal,
    ReasonsTotal,
    ShedsTotal,
    UploadsTotal,
)
from uploadfilter.forms.cases import EvidenceShown, ObjectionState
from uploadfilter.reference.checking import StoreDamage


class ProofJSON(TypedDict):
    """A proof that a record is in the log."""

    record: str
    index: int
    hashes: list[str]
    origin: str
    size: int
    root: str
    checkpoint: str
    proof: str


class CheckedProofJSON(ProofJSON):
    """A proof that was checked."""

    file: str
    ok: bool


class CountsJSON(TypedDict):
    """The counts of some days."""

    uploads: list[UploadsTotal]
    matches: list[MatchesTotal]
    reasons: list[ReasonsTotal]
    outcomes: list[OutcomesTotal]
    sheds: list[ShedsTotal]


class DayJSON(CountsJSON):
    """The counts of a day, in UTC."""

    day: date
    is_open: bool


class TotalsJSON(TypedDict):
    """The counts of each day, and their sums."""

    days: list[DayJSON]
    sum: CountsJSON


class ActionsJSON(TypedDict):
    """How many uploads had which action."""

    accept: int
    reject: int
    retry_later: int


class PresetActionsJSON(ActionsJSON):
    """How many uploads would have had which action with a preset."""

    rejected_without_a_match: dict[str, int]


class PresetsJSON(TypedDict):
    """The actions of other policies."""

    uploads: int
    in_force: ActionsJSON
    presets: dict[str, PresetActionsJSON]


class FindingJSON(TypedDict):
    """A fault, in words too."""

    problem: str
    words: str
    todo: str


class ChainFindingJSON(FindingJSON):
    """A fault of the chain of a log."""

    segment: str
    line: int | None
    first: int | None
    last: int | None
    why: str


class TreeFindingJSON(FindingJSON):
    """A fault of the tree of a log."""

    segment: str | None
    record: int | None
    last: int | None
    why: str


class ReportFindingJSON(FindingJSON):
    """A fault of a report."""

    what: str
    why: str


class GapJSON(TypedDict):
    """Segments that are missing."""

    first: int
    last: int
    first_record: int
    last_record: int
    since: date | None
    until: date
    matches: int
    is_start: bool
    is_proved: bool
    why: str


class CheckedTreeJSON(TypedDict):
    """The check of a tree."""

    ok: bool
    origin: str
    key: str
    is_key_kept: bool | None
    first: int
    size: int
    root: str
    checked: int
    after: int
    witnessed: list[int]
    findings: list[TreeFindingJSON]
    findings_omitted: int


class CheckedLogJSON(TypedDict):
    """The check of a log."""

    log: str
    ok: bool
    segments: int
    records: int
    first: int
    since: datetime | None
    until: datetime | None
    end: str
    gaps: list[GapJSON]
    totals: int
    totals_checked: int
    findings: list[ChainFindingJSON]
    findings_omitted: int
    unfinished_bytes: int
    step_back: StepBack | None
    checkpoint: str
    not_read: list[str]
    tree: CheckedTreeJSON | None


class CheckedReportJSON(TypedDict):
    """The check of a report."""

    report: str
    ok: bool
    logs: list[str]
    figures: int
    left_out: dict[str, int]
    findings: list[ReportFindingJSON]


class NotCheckedJSON(TypedDict):
    """A file that could not be checked."""

    path: str
    why: str
    todo: str


class ChecksJSON(TypedDict):
    """Everything that was checked."""

    ok: bool
    logs: list[CheckedLogJSON]
    reports: list[CheckedReportJSON]
    proofs: list[CheckedProofJSON]
    findings: list[FindingJSON]
    not_checked: list[NotCheckedJSON]


class CheckedReferenceJSON(TypedDict):
    """The check of the reference set."""

    generation: int
    sound: bool
    files: int
    bytes: int
    problems: list[StoreDamage]


class ObjectionJSON(TypedDict):
    """An objection."""

    decision: str
    received: datetime
    deadline: datetime
    state: ObjectionState
    since: datetime
    reviewer: str
    text: str
    answer: str
    language: str
    switched_off: str | None
    proxy: str
    route: str
    rejected: datetime | None
    reason: str | None
    evidence: list[EvidenceShown]
