"""The records that last: what was changed and by whom, and the totals of each day.

They stand in segments of their own, which retention never deletes. So a pilot can be
judged after the records of its uploads are gone, and an overseer can tell which hash
sets, settings and versions were in force on any day.
"""

from datetime import date, datetime, timedelta
from enum import StrEnum

import msgspec

from uploadfilter.decisions.records.base import BaseRecord
from uploadfilter.model import Action, EntryState, Mode, Reason, Verdict


class UploadsTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The uploads of a day that have all of these in common.

    Attributes:
        mode: As in their decisions, and so are the next ones.
        route: Name of the route; ``None`` in records of older versions.
        verdict: What the evidence said.
        action: What the policy said.
        effect: What was done.
        reason: The reason that decided.
        would: The action if every hash set were enforced.
        would_reason: The reason for that.
        status: What clients were answered; ``None`` if the uploads were forwarded.
        uploads: How many there were.
        bytes: Of their bodies, together.
        cpu_us: Microseconds of CPU time that scanners used for them, together.
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
        set: The hash set.
        category: The category of the entries.
        state: Whether they may reject.
        uploads: How many uploads matched at least one of them. An upload may count in
            several of these lines.
    """

    set: str
    category: str
    state: EntryState
    uploads: int


class ReasonsTotal(msgspec.Struct, frozen=True, kw_only=True):
    """The uploads of a day to which a reason applied, whatever it led to.

    Attributes:
        reason: The reason.
        uploads: How many uploads. An upload may count in several of these lines.
    """

    reason: Reason
    uploads: int


class OutcomesTotal(msgspec.Struct, frozen=True, kw_only=True):
    """What became of forwarded uploads.

    Attributes:
        outcome: The status of the origin, ``aborted`` or ``unknown``.
        uploads: How many uploads.
    """

    outcome: int | str
    uploads: int


class ShedsTotal(msgspec.Struct, frozen=True, kw_only=True):
    """Uploads of a day that were turned away without an inspection.

    Attributes:
        reason: Why.
        status: What they were answered.
        uploads: How many.
    """

    reason: Reason
    status: int
    uploads: int


class DayTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted for one day.

    Attributes:
        day: The UTC day that the records bear.
        uploads: Decisions.
        matches: Decisions with matches.
        reasons: Decisions with reasons.
        outcomes: Outcomes.
        sheds: Uploads without a decision.
    """

    day: date
    uploads: tuple[UploadsTotal, ...] = ()
    matches: tuple[MatchesTotal, ...] = ()
    reasons: tuple[ReasonsTotal, ...] = ()
    outcomes: tuple[OutcomesTotal, ...] = ()
    sheds: tuple[ShedsTotal, ...] = ()


class TotalRecord(BaseRecord, frozen=True, kw_only=True, tag="total"):
    """What was counted for one day since the total record of that day before.

    A day that is over has one of them. It has more if records of that day were written
    after it: each record is counted in exactly one of them, so that they are added up.

    Attributes:
        totals: The day and the numbers.
    """

    totals: DayTotals


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How many whole days segments are kept after their own.

    Attributes:
        days_without_match: Long enough to answer an uploader who objects; a decision
            without a match is nobody's business after that.
        days_with_match: A pilot is judged, and a case is tried, within a year.
    """

    days_without_match: int = 30
    days_with_match: int = 365

    def is_over(self, day: date, *, today: date, has_match: bool) -> bool:
        """Say whether a segment may go.

        Args:
            day: Its day: nothing in it was written later.
            today: The day to reckon from.
            has_match: Whether it holds a decision with the verdict ``MATCH``.
        """
        days = self.days_with_match if has_match else self.days_without_match
        return day + timedelta(days=days) < today


class Change(StrEnum):
    """What was changed; changes of the reference set are called as it calls them."""

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
    ACTIVATE = "activate"
    ROLLBACK = "rollback"
    RELEASE = "release"
    DEMOTE = "demote"
    RESTORE = "restore"
    REPLACED = "replaced"
    LOST = "lost"
    CUT_OFF = "cut_off"
    OTHER = "other"  # a newer version made it, which its details name


class By(msgspec.Struct, frozen=True, kw_only=True):
    """Who changed something.

    Attributes:
        uid: Number of the account that the process ran as.
        user: Its name, if it has one.
        login: Name or number of the account that the session was begun with, as the
            kernel remembers it through ``sudo`` and ``su``; ``None`` if it does not.
        sudo_user: Who called ``sudo``, as it says in the environment; ``None`` if
            nobody did.
    """

    uid: int
    user: str | None = None
    login: str | None = None
    sudo_user: str | None = None


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the journal of the reference set.

    Attributes:
        number: Of the line, from 1.
        hash: SHA-256 of the line, hex.
    """

    number: int
    hash: str


class ChangeRecord(BaseRecord, frozen=True, kw_only=True, tag="change"):
    """Something that an overseer wants to know of was changed.

    Attributes:
        change: What was done.
        at: When; ``time`` is when it was put on record, which is later where the
            service did not run.
        by: Who did it; ``None`` if that is not known.
        subject: What it was done to: a hash set, an entry or a generation; empty
            otherwise.
        generation: The generation that it led to, or that is in force; ``None`` if
            there is no reference set.
        details: What else is known, by name.
        mark: The line of the journal that says so; ``None`` of what the service did.
    """

    change: Change
    at: datetime
    by: By | None
    subject: str = ""
    generation: int | None = None
    details: dict[str, object] = msgspec.field(default_factory=dict)
    mark: Mark | None = None
