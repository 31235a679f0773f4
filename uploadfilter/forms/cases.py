"""An objection: what it holds, and how it is decided.

It waits for a reviewer, who finds that the decision stands, or reverses it; with the
reversal an entry of a hash set may be switched off. A reviewer may decide otherwise
later.

Rules this module keeps: it is pure; the two outcomes have the same words everywhere.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec.structs import replace

from uploadfilter.errors import UsageError

MOST_TEXT_CHARACTERS: Final = 4000
"""Longest text of an objection, and of an answer: two pages on paper."""

WITHIN_DAYS: Final = 183
"""Days after a decision in which one may object: the six months that Article 20 of the
Digital Services Act asks for."""


class ObjectionState(StrEnum):
    """Where an objection stands."""

    RECEIVED = "received"
    STANDS = "stands"
    REVERSED = "reversed"


WORDS: Final[Mapping[ObjectionState, str]] = MappingProxyType(
    {
        ObjectionState.RECEIVED: "it waits for a reviewer",
        ObjectionState.STANDS: "the decision stands",
        ObjectionState.REVERSED: "the decision is reversed",
    }
)
"""The words for each state, for reviewers."""


class EvidenceShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a reviewer sees of a match: nothing of the picture, and no signal.

    Attributes:
        chance: How many entries chance would bring so near; ``None`` for an exact one.
    """

    set: str
    entry: str
    category: str
    signal_type: str
    kind: str
    distance: int
    chance: float | None
    view: str | None


class Objection(msgspec.Struct, frozen=True, kw_only=True):
    """One objection.

    Attributes:
        received_s: When it came, in seconds since the epoch.
        changed_s: When it came, or was decided last.
        reviewer: Who decided; empty for nobody.
        entry: Set and entry that are switched off; ``None`` for none.
        instance: The proxy that decided; ``None`` as long as nobody has looked.
        route: The route of the upload; ``None`` if the record is gone.
        rejected_at: When the upload was rejected, UTC; ``None`` as above.
    """

    decision: str
    received_s: float
    deadline_s: float
    changed_s: float
    state: ObjectionState = ObjectionState.RECEIVED
    text: str = ""
    language: str = "en"
    reviewer: str = ""
    answer: str = ""
    entry: tuple[str, str] | None = None
    instance: str | None = None
    route: str | None = None
    rejected_at: datetime | None = None
    reason: str | None = None
    evidence: tuple[EvidenceShown, ...] = ()

    @property
    def may_come_again(self) -> bool:
        """Whether the reversal switched off all that the upload matched.

        Otherwise the same file is rejected anew, whatever the reviewer thinks of it.
        """
        return (
            self.state is ObjectionState.REVERSED
            and self.entry is not None
            and all((it.set, it.entry) == self.entry for it in self.evidence)
        )

    @property
    def is_decided(self) -> bool:
        """Whether a reviewer has decided."""
        return self.state is not ObjectionState.RECEIVED

    def decide(
        self,
        state: ObjectionState,
        *,
        now: float,
        reviewer: str,
        answer: str = "",
        entry: tuple[str, str] | None = None,
    ) -> "Objection":
        """Return it with the decision of a reviewer.

        Raises:
            UsageError: It is no decision, is decided so already, or cannot be carried
                out.
        """
        problem = self._problem(state, answer, entry)
        if problem:
            raise UsageError(problem, hint="Look at the objection again.")
        return replace(
            self,
            state=state,
            changed_s=now,
            reviewer=reviewer,
            answer=answer,
            entry=entry,
        )

    def _problem(
        self, state: ObjectionState, answer: str, entry: tuple[str, str] | None
    ) -> str:
        written = "" if entry is None else "/".join(entry)
        known = {(it.set, it.entry) for it in self.evidence}
        problems = {
            "the record of the decision is being looked up": self.instance is None,
            "the outcome must be 'stands' or 'reversed'": (
                state is ObjectionState.RECEIVED
            ),
            f"it is decided so already: {WORDS[state]}": (
                (state, answer, entry) == (self.state, self.answer, self.entry)
            ),
            f"an answer of {len(answer)} characters, at most {MOST_TEXT_CHARACTERS}": (
                len(answer) > MOST_TEXT_CHARACTERS
            ),
            "an entry is switched off only if the decision is reversed": (
                bool(written) and state is not ObjectionState.REVERSED
            ),
            f"this decision did not match the entry {written!r}": (
                entry is not None and entry not in known
            ),
        }
        return next((words for words, is_so in problems.items() if is_so), "")


def day_of(decision: str) -> date:
    """Return the UTC day in the id of a decision.

    Raises:
        ValueError: There is no such day.
    """
    return datetime.strptime(decision[:8], "%Y%m%d").replace(tzinfo=UTC).date()


def is_in_time(decision: str, *, now: float) -> bool:
    """Return whether an uploader may still object to a decision.

    Args:
        decision: Its id, which begins with its day.
        now: Seconds since the epoch.
    """
    try:
        day = day_of(decision)
    except ValueError:
        return False
    today = datetime.fromtimestamp(now, UTC).date()
    # A clock that was set back may be a day behind the one that made the id.
    return day - timedelta(days=1) <= today <= day + timedelta(days=WITHIN_DAYS)
