"""Define the lasting records: changes with their authors, and the totals of each day.

They are in segments of their own, which retention never deletes. So a pilot can be
judged after the records of its uploads were deleted, and an overseer can find out which
hash sets, settings and versions were in force on any day.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from uploadfilter.decisions.records.base import BaseRecord
from uploadfilter.model import Action, EntryState, Mode, Reason, Verdict


class UploadsTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The uploads of a day that share all of these properties.

    Attributes:
        mode: The mode, as in their decisions, like the next fields.
        route: Name of the route; ``None`` in records of older versions.
        reason: The reason that determined the action.
        would: The action if every hash set were enforced.
        would_reason: The reason for ``would``.
        status: The status of the answers; ``None`` if the uploads were forwarded.
        uploads: Number of uploads.
        bytes: Bytes of their bodies, in total.
        cpu_us: Microseconds of CPU time that scanners used for them, in total.
    """

    mode: Mode
    route: str | None
    verdict: Verdict
    action: Action
    effect: Action
    reason: Reason | None
    would: Action
    would_reason: Reason | None
    status: int | None
    uploads: int
    bytes: int
    cpu_us: int


class MatchesTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The uploads of a day that matched entries of one hash set and category.

    Attributes:
        state: Whether the entries may reject.
        uploads: Number of uploads that matched at least one entry. An upload may count
            in several of these lines.
    """

    set: str
    category: str
    state: EntryState
    uploads: int


class ReasonsTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The uploads of a day to which a reason applied, whatever the action.

    Attributes:
        uploads: Number of uploads. An upload may count in several of these lines.
    """

    reason: Reason
    uploads: int


class OutcomesTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes of forwarded uploads.

    Attributes:
        outcome: The status of the origin, ``aborted`` or ``unknown``.
        uploads: Number of uploads.
    """

    outcome: int | str
    uploads: int


class ShedsTotal(msgspec.Struct, frozen=True, kw_only=True):
    """Uploads of a day that were refused without an inspection.

    Attributes:
        status: The status of the answers.
        uploads: Number of uploads.
    """

    reason: Reason
    status: int
    uploads: int


class DayTotals(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of one day.

    Attributes:
        day: The UTC day of the records.
        uploads: Counts of decisions.
        matches: Counts of decisions with matches.
        reasons: Counts of decisions with reasons.
        outcomes: Counts of outcomes.
        sheds: Counts of uploads without a decision.
        copies: Uploads in which an altered copy was found after the answer.
        unsearched: Uploads that were not searched for altered copies afterwards.
    """

    day: date
    uploads: tuple[UploadsTotal, ...] = ()
    matches: tuple[MatchesTotal, ...] = ()
    reasons: tuple[ReasonsTotal, ...] = ()
    outcomes: tuple[OutcomesTotal, ...] = ()
    sheds: tuple[ShedsTotal, ...] = ()
    copies: int = 0
    unsearched: int = 0


class TotalRecord(BaseRecord, frozen=True, kw_only=True, tag="total"):
    """The counts of one day since the previous total record of that day.

    A past day has one total record. It has more if records of that day were written
    after the first one: each record is counted in exactly one of them, so readers add
    them up.

    Attributes:
        totals: The day and the counts.
    """

    totals: DayTotals


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """The number of whole days that segments are kept after their own day.

    Attributes:
        days_without_match: Long enough to answer an uploader who objects; after that, a
            decision without a match has no further use.
        days_with_match: A pilot is judged, and a case is tried, within a year.
    """

    days_without_match: int = 30
    days_with_match: int = 365

    def is_over(self, day: date, *, today: date, has_match: bool) -> bool:
        """Return whether a segment may be deleted.

        Args:
            day: The segment's day: no record in it was written later.
            today: The current day.
            has_match: Whether the segment holds a decision with the verdict ``MATCH``.
        """
        days = self.days_with_match if has_match else self.days_without_match
        return day + timedelta(days=days) < today


class Change(StrEnum):
    """The kind of a change; changes of the reference set have the journal's names."""

    START = "start"
    RELOAD = "reload"
    INIT = "init"
    IMPORT = "import"
    REMOVE = "remove"
    REVOKE = "revoke"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    UNQUARANTINE = "unquarantine"
    COMPACT = "compact"
    ROLLBACK = "rollback"
    RELEASE = "release"
    ENFORCE = "enforce"
    MONITOR = "monitor"
    DEMOTE = "demote"
    RESTORE = "restore"
    REPLACED = "replaced"
    LOST = "lost"
    CUT_OFF = "cut_off"
    OBJECTION = "objection"
    EVIDENCE_DELETED = "evidence_deleted"
    OTHER = "other"  # a newer version made it; the details name the kind


class By(msgspec.Struct, frozen=True, kw_only=True):
    """The author of a change.

    Attributes:
        uid: Number of the account that the process ran as.
        user: The account's name, if it has one.
        login: Name or number of the account that began the session, which the kernel
            keeps through ``sudo`` and ``su``; ``None`` if the kernel does not know it.
        sudo_user: The user who called ``sudo``, by the environment; ``None`` without
            one.
    """

    uid: int
    user: str | None = None
    login: str | None = None
    sudo_user: str | None = None


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the journal of the reference set.

    Attributes:
        number: Number of the line, from 1.
        hash: SHA-256 of the line, hex.
    """

    number: int
    hash: str


class ChangeRecord(BaseRecord, frozen=True, kw_only=True, tag="change"):
    """A change that matters to an overseer.

    Attributes:
        change: The kind of change.
        at: The time of the change; ``time`` is when it was recorded, which is later if
            the service did not run.
        by: The author; ``None`` if unknown.
        subject: The changed hash set, entry or generation; empty otherwise.
        generation: The generation that the change made, or that is in force; ``None``
            if there is no reference set.
        details: Further details, by name.
        mark: The journal's line about the change; ``None`` for a change by the service.
    """

    change: Change
    at: datetime
    by: By | None
    subject: str = ""
    generation: int | None = None
    details: dict[str, object] = msgspec.field(default_factory=dict)
    mark: Mark | None = None
