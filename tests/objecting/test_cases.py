"""Tests of uploadfilter.objecting.cases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.objecting.objections import DAY_S, EVIDENCE, NOON_S, objection
from uploadfilter.errors import UsageError
from uploadfilter.objecting.cases import (
    MOST_TEXT_CHARACTERS,
    NEXT,
    Objection,
    ObjectionEvent,
    ObjectionState,
    day_of,
    is_in_time,
)

KEY = EVIDENCE.set, EVIDENCE.entry
states = st.sampled_from(ObjectionState)


def _decided(it: Objection, state: ObjectionState) -> Objection:
    return it.decided(state, now=NOON_S, reviewer="ab", chosen=KEY)


@given(st.lists(states, max_size=12))
def test_only_permitted_outcomes_follow(wanted: list[ObjectionState]) -> None:
    """Whatever is tried, each step is in the table, and a refused one changes nothing.

    Once decided, an objection never waits again; nothing follows a withdrawal.
    """
    it = objection()
    for state in wanted:
        before = it
        try:
            it = _decided(it, state)
        except UsageError:
            assert state not in NEXT[before.state]
            assert it == before
            continue
        assert state in NEXT[before.state]
        assert it.state is state
        assert it.event == state.value
        assert it.state.is_decided
        assert it.is_final == (state is ObjectionState.WITHDRAWN)


@given(st.lists(st.floats(0, 40 * DAY_S), max_size=30))
def test_each_warning_is_due_once(times_s: list[float]) -> None:
    """One reminder at half of the time, one alarm at its end, in this order."""
    it, told = objection(), list[ObjectionEvent]()
    for later_s in sorted(times_s):
        due = it.due(now=NOON_S + later_s)
        if due is not None:
            it = it.warned(due)
            told.append(due)
    last_s = max(times_s, default=0.0)

    assert len(told) == len(set(told))
    assert told == sorted(told, key=list(ObjectionEvent).index)
    assert (ObjectionEvent.OVERDUE in told) == (last_s >= 14 * DAY_S)
    assert bool(told) == (last_s >= 7 * DAY_S)


def test_nothing_is_due_after_a_decision() -> None:
    """Who has decided needs no reminder."""
    it = _decided(objection(), ObjectionState.DENIED)

    assert it.due(now=NOON_S + 100 * DAY_S) is None


@pytest.mark.parametrize(
    "state", [ObjectionState.SUPPRESSED, ObjectionState.ASKED], ids=str
)
@pytest.mark.parametrize("chosen", [None, ("demo", "another"), ("other", "e-1")])
def test_outcome_about_an_entry_needs_one_of_this_decision(
    state: ObjectionState, chosen: tuple[str, str] | None
) -> None:
    """No reviewer can switch off an entry that the upload did not match."""
    with pytest.raises(UsageError, match="needs an entry"):
        objection().decided(state, now=NOON_S, reviewer="ab", chosen=chosen)


def test_outcome_about_no_entry_names_none() -> None:
    """A denied objection is about the decision as a whole."""
    assert _decided(objection(), ObjectionState.DENIED).chosen is None


def test_long_answer_is_refused() -> None:
    """What a reviewer writes is bounded as well."""
    with pytest.raises(UsageError, match="4001 characters"):
        objection().decided(
            ObjectionState.DENIED,
            now=NOON_S,
            reviewer="ab",
            answer="x" * (MOST_TEXT_CHARACTERS + 1),
        )


@pytest.mark.parametrize(
    ("decision", "expected"),
    [
        ("20261128-" + "0" * 20, True),
        ("20261129-" + "0" * 20, True),
        ("20261130-" + "0" * 20, False),
        ("20260529-" + "0" * 20, True),
        ("20260528-" + "0" * 20, False),
        ("20261399-" + "0" * 20, False),
    ],
)
def test_one_may_object_for_some_months(decision: str, expected: bool) -> None:
    """From the day of the decision on; a day that does not exist is too late."""
    assert is_in_time(decision, now=NOON_S, within_days=183) is expected


def test_day_stands_in_the_id() -> None:
    """The first digits of an id are its day."""
    assert str(day_of("20261128-0123456789abcdef0123")) == "2026-11-28"
