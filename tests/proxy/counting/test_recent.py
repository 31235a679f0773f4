"""What the operator's page may show of decisions."""

import dataclasses
from datetime import UTC, datetime

from uploadfilter.decisions.records import DecisionRecord, MatchRecord
from uploadfilter.model import Action, EntryState, Mode, SignalType, Verdict
from uploadfilter.proxy.counting.recent import (
    REMEMBERED,
    SETS_SHOWN,
    RecentDecision,
    RecentDecisions,
)


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


def decision(number: int = 0, *sets: str, client: str | None = None) -> DecisionRecord:
    """Return a decision with matches in these hash sets."""
    return DecisionRecord(
        time=datetime(2026, 11, 25, tzinfo=UTC),
        id=f"20261125-{number:020x}",
        instance="main",
        mode=Mode.ENFORCE,
        generation=1,
        verdict=Verdict.MATCH,
        action=Action.REJECT,
        effect=Action.REJECT,
        reason=None,
        status=403,
        client=client,
        method="POST",
        size=1,
        duration_ms=1.0,
        contents=(),
        matches=tuple(match(hash_set) for hash_set in sets),
    )


def test_sets_are_named_once_and_few() -> None:
    """A picture in many sets does not fill the page."""
    sets = ["a", "a", *(f"b{number}" for number in range(SETS_SHOWN + 3))]

    recent = RecentDecision.of(decision(0, *sets))

    assert recent.sets == ("a", "b0", "b1", "b2")


def test_client_is_the_beginning_of_its_hash() -> None:
    """The page shows enough to compare two rows, and not what the log has."""
    assert RecentDecision.of(decision(client="0123456789abcdef")).client == "01234567"
    assert RecentDecision.of(decision(client=None)).client == ""


def test_no_entry_and_no_category_is_shown() -> None:
    """Of a match, the page names the hash set only."""
    shown = repr(dataclasses.asdict(RecentDecision.of(decision(0, "unit7"))))

    assert "unit7" in shown
    assert "secret" not in shown


def test_newest_come_first_and_oldest_are_forgotten() -> None:
    """However many there were, the last ones are shown."""
    recent = RecentDecisions()
    for number in range(REMEMBERED + 2):
        recent.add(decision(number))

    ids = [item.id for item in recent]
    assert len(ids) == REMEMBERED
    assert ids[0] == f"20261125-{REMEMBERED + 1:020x}"
    assert ids[-1] == f"20261125-{2:020x}"
