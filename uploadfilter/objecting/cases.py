"""An objection as a state machine: values in, values out.

It is received; a reviewer decides; a decision may be corrected in favour of the
uploader, or taken back as long as the issuer has not acted. ``withdrawn`` is the end:
the issuer took the entry off the list.

Rules this module keeps: it is pure; a transition that is not in ``NEXT`` raises, so no
page and no command can make another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from uploadfilter.errors import UsageError

MOST_TEXT_CHARACTERS: Final = 4000
"""Longest text of an objection, and of an answer: two pages on paper."""

REMINDER_SHARE: Final = 0.5
"""Share of the deadline after which a reminder is due."""


class ObjectionState(StrEnum):
    """Where an objection stands."""

    RECEIVED = "received"
    DENIED = "denied"
    GRANTED = "granted"
    SUPPRESSED = "suppressed"
    ASKED = "asked"
    WITHDRAWN = "withdrawn"

    @property
    def is_decided(self) -> bool:
        """Whether a reviewer has decided."""
        return self is not ObjectionState.RECEIVED

    @property
    def needs_entry(self) -> bool:
        """Whether it is said about an entry of a hash set."""
        return self in {
            ObjectionState.SUPPRESSED,
            ObjectionState.ASKED,
            ObjectionState.WITHDRAWN,
        }


class ObjectionEvent(StrEnum):
    """A record about an objection: a new state, or one of two warnings."""

    RECEIVED = "received"
    REMINDED = "reminded"
    OVERDUE = "overdue"
    DENIED = "denied"
    GRANTED = "granted"
    SUPPRESSED = "suppressed"
    ASKED = "asked"
    WITHDRAWN = "withdrawn"


_S = ObjectionState
NEXT: Final[Mapping[ObjectionState, frozenset[ObjectionState]]] = MappingProxyType(
    {
        _S.RECEIVED: frozenset({_S.DENIED, _S.GRANTED, _S.SUPPRESSED, _S.ASKED}),
        _S.DENIED: frozenset({_S.GRANTED, _S.SUPPRESSED, _S.ASKED}),
        _S.GRANTED: frozenset({_S.DENIED, _S.SUPPRESSED, _S.ASKED}),
        _S.SUPPRESSED: frozenset({_S.DENIED, _S.ASKED, _S.WITHDRAWN}),
        _S.ASKED: frozenset({_S.DENIED, _S.WITHDRAWN}),
        _S.WITHDRAWN: frozenset(),
    }
)
"""The states that may follow each state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceShown:
    """What a reviewer sees of a match: nothing of the picture, and no signal.

    Attributes:
        set: The hash set.
        entry: Id of the entry.
        category: Its category.
        signal_type: How it was compared.
        kind: Within the threshold, or an altered copy.
        distance: Bits that differ.
        chance: How many entries chance would bring so near; ``None`` for an exact one.
        view: The way to show the picture that matched.
    """

    set: str
    entry: str
    category: str
    signal_type: str
    kind: str
    distance: int
    chance: float | None
    view: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One objection.

    Attributes:
        decision: Id of the decision.
        received_s: When it came, in seconds since the epoch.
        deadline_s: When it must be decided, in seconds since the epoch.
        state: Where it stands.
        event: The last event on record.
        text: What the uploader says; empty once it is deleted.
        language: Language tag of the form.
        changed_s: When its state changed last, in seconds since the epoch.
        reviewer: Who decided; empty as long as nobody has.
        answer: What the reviewer tells the uploader; may be empty.
        chosen: Set and entry that the outcome is about; empty if it is about none.
        instance: The proxy that decided; ``None`` as long as nobody has looked.
        route: The route of the upload; ``None`` if the record is gone.
        decided_at: When the upload was rejected, UTC; ``None`` as above.
        reason: The reason of the rejection, if it was no match.
        evidence: The matches of the record.
    """

    decision: str
    received_s: float
    deadline_s: float
    state: ObjectionState = ObjectionState.RECEIVED
    event: ObjectionEvent = ObjectionEvent.RECEIVED
    text: str = ""
    language: str = "en"
    changed_s: float
    reviewer: str = ""
    answer: str = ""
    chosen: tuple[str, str] | None = None
    instance: str | None = None
    route: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    evidence: tuple[EvidenceShown, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return not NEXT[self.state]

    def due(self, *, now: float) -> ObjectionEvent | None:
        """Return the warning that is due now, each once; ``None`` if there is none.

        Args:
            now: Seconds since the epoch.
        """
        if self.state.is_decided:
            return None
        allowed_s = self.deadline_s - self.received_s
        is_overdue = now >= self.deadline_s
        if is_overdue and self.event is not ObjectionEvent.OVERDUE:
            return ObjectionEvent.OVERDUE
        is_reminder = now >= self.received_s + REMINDER_SHARE * allowed_s
        if is_reminder and self.event is ObjectionEvent.RECEIVED:
            return ObjectionEvent.REMINDED
        return None

    def warned(self, event: ObjectionEvent) -> "Objection":
        """Return it with a warning on record."""
        return replace(self, event=event)

    def decided(
        self,
        state: ObjectionState,
        *,
        now: float,
        reviewer: str,
        answer: str = "",
        chosen: tuple[str, str] | None = None,
    ) -> "Objection":
        """Return it with the decision of a reviewer, or the issuer's withdrawal.

        Args:
            state: The outcome.
            now: Seconds since the epoch.
            reviewer: The account of the person.
            answer: What the uploader is told besides.
            chosen: Set and entry that the outcome is about.

        Raises:
            UsageError: The outcome cannot follow, lacks an entry of this decision, or
                its answer is too long.
        """
        if state not in NEXT[self.state]:
            raise UsageError(
                f"an objection that is {self.state.value!r} cannot become "
                f"{state.value!r}",
                hint="Look at it again: perhaps somebody else has decided meanwhile.",
            )
        if len(answer) > MOST_TEXT_CHARACTERS:
            raise UsageError(
                f"the answer has {len(answer)} characters, at most "
                f"{MOST_TEXT_CHARACTERS}",
                hint="Shorten it.",
            )
        known = {(it.set, it.entry) for it in self.evidence}
        if state.needs_entry and chosen not in known:
            raise UsageError(
                f"{state.value!r} needs an entry that this decision matched",
                hint="Choose one of its entries. A rejection without a match can be "
                "granted or denied.",
            )
        return replace(
            self,
            state=state,
            event=ObjectionEvent(state.value),
            changed_s=now,
            reviewer=reviewer,
            answer=answer,
            chosen=chosen if state.needs_entry else None,
        )


def day_of(decision: str) -> date:
    """Return the UTC day in the id of a decision.

    Raises:
        ValueError: There is no such day.
    """
    return datetime.strptime(decision[:8], "%Y%m%d").replace(tzinfo=UTC).date()


def is_in_time(decision: str, *, now: float, within_days: int) -> bool:
    """Return whether an uploader may still object to a decision.

    Args:
        decision: Its id, which begins with its day.
        now: Seconds since the epoch.
        within_days: Days in which one may object.
    """
    try:
        day = day_of(decision)
    except ValueError:
        return False
    today = datetime.fromtimestamp(now, UTC).date()
    # A clock that was set back may be a day behind the one that made the id.
    return day - timedelta(days=1) <= today <= day + timedelta(days=within_days)
