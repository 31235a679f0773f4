"""The states of an upload: nothing happens out of order, and every upload ends."""

import itertools
from pathlib import Path

import pytest

from deploy.documents import states as drawing
from uploadfilter.inspection.states import (
    TRANSITIONS,
    InspectionState,
    StateEvent,
    UnexpectedEventError,
    following,
)

EFFECTS = {StateEvent.RECORDED, StateEvent.NOT_RECORDED}
STEPS = [
    (before, event, after)
    for before, events in TRANSITIONS.items()
    for event, after in events.items()
]


def test_event_that_the_table_lacks_is_refused() -> None:
    """The error names the event and the state."""
    for state, event in itertools.product(InspectionState, StateEvent):
        if event in TRANSITIONS[state]:
            assert following(state, event) is TRANSITIONS[state][event]
            continue
        with pytest.raises(UnexpectedEventError, match=f"'{event}'.* '{state}'"):
            following(state, event)


def test_each_upload_can_end_and_only_by_its_record() -> None:
    """From every state that is reached the end can be reached."""
    reached = {InspectionState.NEW} | {after for _, _, after in STEPS}
    ending = {InspectionState.OVER}
    for _ in InspectionState:
        ending |= {before for before, _, after in STEPS if after in ending}

    assert reached == ending == set(InspectionState)
    for state, event, after in STEPS:
        assert (after is InspectionState.OVER) is (event in EFFECTS)
        assert (event in EFFECTS) <= (
            state in {InspectionState.DECIDED, InspectionState.DECIDED_EARLY}
        )


def test_drawing_is_that_of_the_table() -> None:
    """``make drawings`` writes it."""
    assert Path(drawing.PAGE).read_text("utf-8") == drawing.draw()
