"""Decisions with matches, for the operator's page."""

from collections.abc import Sequence
from datetime import UTC, datetime

from uploadfilter.decisions.records.records import (
    ContentRecord,
    DecisionRecord,
    MatchRecord,
)
from uploadfilter.model import Action, EntryState, Mode, SignalType, Verdict


def match(hash_set: str) -> MatchRecord:
    """Return a match with an entry of this hash set."""
    return MatchRecord(
        content="0",
        set=hash_set,
        entry="entry-secret",
        category="category-secret",
        state=EntryState.ACTIVE,
        signal_type=SignalType.PDQ,
        distance=3,
        view="stored",
        variant=None,
        geometry=None,
        quality=None,
    )


def decision(
    number: int = 0,
    *sets: str,
    client: str | None = None,
    rejected: bool = True,
    kinds: Sequence[str] = (),
    route: str | None = None,
) -> DecisionRecord:
    """Return a decision with matches in these hash sets."""
    action = Action.REJECT if rejected else Action.ACCEPT
    return DecisionRecord(
        time=datetime(2026, 11, 25, tzinfo=UTC),
        id=f"20261125-{number:020x}",
        instance="main",
        mode=Mode.ENFORCE,
        generation=1,
        verdict=Verdict.MATCH if rejected else Verdict.NO_MATCH,
        action=action,
        effect=action,
        would=action,
        reason=None,
        status=403,
        client=client,
        method="POST",
        size=1,
        duration_ms=1.0,
        contents=tuple(
            ContentRecord(path=f"{at}", kind=kind, size=1, reason=None, views=())
            for at, kind in enumerate(kinds)
        ),
        route=route,
        matches=tuple(match(hash_set) for hash_set in sets),
    )
