"""The states of an upload, and the events that lead from one to the next.

An event that ``TRANSITIONS`` does not have for a state is a bug of the caller, and is
refused. ``deploy/documents/states.py`` draws it.

To add a state: a member of ``InspectionState`` where it belongs in the order of an
upload, its lines in ``TRANSITIONS``, and ``make drawings``.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class InspectionState(StrEnum):
    """The states of an upload, in the order in which it may pass through them."""

    NEW = "new"
    RECEIVING = "receiving"
    UNREADABLE = "unreadable"
    """The rest of the body is held, and no contents are read from it (``MONITOR``)."""
    ASKING_KEEPER = "asking whether it is a slice"
    LOOKING_UP = "looking up"
    SCANNING = "scanning"
    MATCHING = "matching"
    DECIDED_EARLY = "decided early"
    """Decided, and the end of the body has not arrived."""
    DECIDED = "decided"
    OVER = "over"


class StateEvent(StrEnum):
    """The events of an upload, each a method of ``Inspection`` or a part of one."""

    BEGIN = "begin"
    RECEIVE = "receive"
    MALFORMED = "malformed"
    END = "end"
    END_OF_SLICE = "end of a slice"
    NO_SLICE = "no slice"
    LOOKED_UP = "looked up"
    NO_CONTENTS = "no contents"
    SCANNED = "scanned"
    MATCHED = "matched"
    STOP = "stop"
    """It cannot be inspected to its end, or must not be."""
    RECORDED = "recorded"
    NOT_RECORDED = "not recorded"


class UnexpectedEventError(RuntimeError):
    """An event that cannot happen to an upload in its state: a bug of the caller."""


_Events = Mapping[StateEvent, InspectionState]

TRANSITIONS: Final[Mapping[InspectionState, _Events]] = MappingProxyType(
    {
        InspectionState.NEW: {
            StateEvent.BEGIN: InspectionState.RECEIVING,
            StateEvent.STOP: InspectionState.DECIDED_EARLY,
        },
        InspectionState.RECEIVING: {
            StateEvent.RECEIVE: InspectionState.RECEIVING,
            StateEvent.MALFORMED: InspectionState.UNREADABLE,
            StateEvent.END_OF_SLICE: InspectionState.ASKING_KEEPER,
            StateEvent.END: InspectionState.LOOKING_UP,
            StateEvent.STOP: InspectionState.DECIDED_EARLY,
        },
        InspectionState.UNREADABLE: {
            StateEvent.RECEIVE: InspectionState.UNREADABLE,
            StateEvent.END: InspectionState.LOOKING_UP,
            StateEvent.STOP: InspectionState.DECIDED_EARLY,
        },
        InspectionState.ASKING_KEEPER: {
            StateEvent.NO_SLICE: InspectionState.DECIDED,
            StateEvent.STOP: InspectionState.DECIDED,
        },
        InspectionState.LOOKING_UP: {
            StateEvent.NO_CONTENTS: InspectionState.DECIDED,
            StateEvent.LOOKED_UP: InspectionState.SCANNING,
            StateEvent.STOP: InspectionState.DECIDED,
        },
        InspectionState.SCANNING: {
            StateEvent.SCANNED: InspectionState.MATCHING,
            StateEvent.STOP: InspectionState.DECIDED,
        },
        InspectionState.MATCHING: {
            StateEvent.MATCHED: InspectionState.DECIDED,
            StateEvent.STOP: InspectionState.DECIDED,
        },
        InspectionState.DECIDED_EARLY: {
            # The first decision stays.
            StateEvent.STOP: InspectionState.DECIDED_EARLY,
            StateEvent.RECORDED: InspectionState.OVER,
            StateEvent.NOT_RECORDED: InspectionState.OVER,
        },
        InspectionState.DECIDED: {
            StateEvent.STOP: InspectionState.DECIDED,
            StateEvent.RECORDED: InspectionState.OVER,
            StateEvent.NOT_RECORDED: InspectionState.OVER,
        },
        InspectionState.OVER: {},
    }
)
"""For each state, the events that may happen in it, and the state after each."""


def following(state: InspectionState, event: StateEvent) -> InspectionState:
    """Return the state after an event.

    Raises:
        UnexpectedEventError: The event cannot happen in this state.
    """
    after = TRANSITIONS[state].get(event)
    if after is None:
        raise UnexpectedEventError(
            f"{event.value!r} of an upload that is {state.value!r}"
        )
    return after
