"""Decisions for tests of commands that read the log."""

from dataclasses import replace
from datetime import UTC, datetime

from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.records.making import DecisionFacts, decision_record
from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.model import (
    Action,
    EntryState,
    Match,
    Mode,
    SignalType,
    Variant,
    Verdict,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()

MATCH = Match(
    content="0",
    set="unit7",
    entry="e1",
    category="1",
    state=EntryState.ACTIVE,
    signal_type=SignalType.PDQ,
    distance=4,
    view="stored",
    variant=Variant.MIRROR,
)

REJECTED = Judgement(
    verdict=Verdict.MATCH,
    action=Action.REJECT,
    effect=Action.REJECT,
    reason=None,
    would=Action.REJECT,
    would_reason=None,
)

ACCEPTED = Judgement(
    verdict=Verdict.NO_MATCH,
    action=Action.ACCEPT,
    effect=Action.ACCEPT,
    reason=None,
    would=Action.ACCEPT,
    would_reason=None,
)

COUNTED = replace(
    ACCEPTED, verdict=Verdict.MATCH, would=Action.REJECT, would_reason=None
)


def decision(
    number: int, judgement: Judgement, *, matches: tuple[Match, ...] = ()
) -> DecisionRecord:
    """Return a decision; ``number`` is in its id, and hours after noon its time."""
    return decision_record(
        DecisionFacts(
            id=f"20260310-{number:020x}",
            mode=Mode.ENFORCE,
            generation=1,
            judgement=judgement,
            status=None,
            client=None,
            method="PUT",
            size=1000,
            duration_s=0.01,
            matches=matches,
        ),
        now=NOON + number * 3600,
        instance="main",
    )
