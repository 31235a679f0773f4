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


_STOPS: Final[Mapping[InspectionState, InspectionState]] = MappingProxyType(
    {
        InspectionState.NEW: InspectionState.DECIDED_EARLY,
        InspectionState.RECEIVING: InspectionState.DECIDED_EARLY,
        InspectionState.UNREADABLE: InspectionState.DECIDED_EARLY,
        InspectionState.ASKING_KEEPER: InspectionState.DECIDED,
        InspectionState.LOOKING_UP: InspectionState.DECIDED,
        InspectionState.SCANNING: InspectionState.DECIDED,
        InspectionState.MATCHING: InspectionState.DECIDED,
        # The first decision stays.
        InspectionState.DECIDED_EARLY: InspectionState.DECIDED_EARLY,
        InspectionState.DECIDED: InspectionState.DECIDED,
    }
)

TRANSITIONS: Final[Mapping[tuple[InspectionState, StateEvent], InspectionState]] = (
    MappingProxyType(
        {
            (InspectionState.NEW, StateEvent.BEGIN): InspectionState.RECEIVING,
            (InspectionState.RECEIVING, StateEvent.RECEIVE): InspectionState.RECEIVING,
            (
                InspectionState.RECEIVING,
                StateEvent.MALFORMED,
            ): InspectionState.UNREADABLE,
            (
                InspectionState.RECEIVING,
                StateEvent.END_OF_SLICE,
            ): InspectionState.ASKING_KEEPER,
            (InspectionState.RECEIVING, StateEvent.END): InspectionState.LOOKING_UP,
            (
                InspectionState.UNREADABLE,
                StateEvent.RECEIVE,
            ): InspectionState.UNREADABLE,
            (InspectionState.UNREADABLE, StateEvent.END): InspectionState.LOOKING_UP,
            (
                InspectionState.ASKING_KEEPER,
                StateEvent.NO_SLICE,
            ): InspectionState.DECIDED,
            (
                InspectionState.LOOKING_UP,
                StateEvent.NO_CONTENTS,
            ): InspectionState.DECIDED,
            (
                InspectionState.LOOKING_UP,
                StateEvent.LOOKED_UP,
            ): InspectionState.SCANNING,
            (InspectionState.SCANNING, StateEvent.SCANNED): InspectionState.MATCHING,
            (InspectionState.MATCHING, StateEvent.MATCHED): InspectionState.DECIDED,
            **{(state, StateEvent.STOP): after for state, after in _STOPS.items()},
            (InspectionState.DECIDED_EARLY, StateEvent.RECORDED): InspectionState.OVER,
            (
                InspectionState.DECIDED_EARLY,
                StateEvent.NOT_RECORDED,
            ): InspectionState.OVER,
            (InspectionState.DECIDED, StateEvent.RECORDED): InspectionState.OVER,
            (InspectionState.DECIDED, StateEvent.NOT_RECORDED): InspectionState.OVER,
        }
    )
)
"""The state after each event that may happen in a state."""


def following(state: InspectionState, event: StateEvent) -> InspectionState:
    """Return the state after an event.

    Raises:
        UnexpectedEventError: The event cannot happen in this state.
    """
    after = TRANSITIONS.get((state, event))
    if after is None:
        raise UnexpectedEventError(
            f"{event.value!r} of an upload that is {state.value!r}"
        )
    return after
