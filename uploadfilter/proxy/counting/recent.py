"""Remember the last decisions, for the operator's page.

Rules this module keeps: it holds no more of an upload than the page shows, which is
less than what is on record: no address, no content, no entry.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from uploadfilter.decisions.records import DecisionRecord
from uploadfilter.model import Action, Mode, Reason, Verdict

REMEMBERED: Final = 50
"""Decisions that are kept: what fits a screen or two. The log has all of them."""

CLIENT_DIGITS: Final = 8
"""Of the keyed hash of a client: enough to see that two uploads come from one, and no
more than a beginning of what stands in the log."""

SETS_SHOWN: Final = 4
"""Names of hash sets that one decision shows; one picture is seldom in more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentDecision:
    """What the page shows of a decision.

    Attributes:
        id: Of the decision, for ``log show --id``.
        time: When it was recorded, UTC.
        verdict: What the evidence says.
        action: What the policy says.
        effect: What was done.
        would: What the policy would say if every hash set were enforced.
        mode: Whether the action was carried out.
        reason: Why, where it was not a match.
        sets: Names of the hash sets that matched, at most ``SETS_SHOWN``.
        client: First digits of the keyed hash; empty if there is none.
        duration_ms: From the head of the request to the decision.
    """

    id: str
    time: datetime
    verdict: Verdict
    action: Action
    effect: Action
    would: Action
    mode: Mode
    reason: Reason | None
    sets: tuple[str, ...]
    client: str
    duration_ms: float

    @classmethod
    def of(cls, record: DecisionRecord) -> "RecentDecision":
        """Take from a record what may be shown."""
        return cls(
            id=record.id,
            time=record.time,
            verdict=record.verdict,
            action=record.action,
            effect=record.effect,
            would=record.if_enforced[0],
            mode=record.mode,
            reason=record.reason,
            sets=tuple(dict.fromkeys(match.set for match in record.matches))[
                :SETS_SHOWN
            ],
            client=(record.client or "")[:CLIENT_DIGITS],
            duration_ms=record.duration_ms,
        )


class RecentDecisions:
    """The last decisions, newest first."""

    def __init__(self) -> None:
        self._decisions: deque[RecentDecision] = deque(maxlen=REMEMBERED)

    def __iter__(self) -> Iterator[RecentDecision]:
        """Yield them, the newest first."""
        return iter(tuple(self._decisions))

    def add(self, record: DecisionRecord) -> None:
        """Remember a decision that is on record, and forget the oldest."""
        self._decisions.appendleft(RecentDecision.of(record))
