"""Name what becomes of an upload.

The status of an answer is the door's or the operator's choice: nothing is inferred from
it.
"""

from enum import StrEnum, auto
from typing import Final, assert_never

from uploadfilter.model import REFUSALS, Action, Reason

REJECT_STATUS: Final = 403
"""The usual status of an answer to an upload that the policy rejects."""

REJECT_STATUSES: Final = frozenset({REJECT_STATUS, 406, 451})
"""Those that an operator may choose: Forbidden, Not Acceptable (RFC 9110), Unavailable
For Legal Reasons (RFC 7725), which some applications expect of a scanner."""

UNCOMPARED: Final = REFUSALS | {Reason.PIECEWISE_UPLOAD}
"""The reasons for which an upload is refused before its content is compared."""


class Outcome(StrEnum):
    """What becomes of an upload; each door turns it into its own answer."""

    ACCEPTED = auto()
    """It is forwarded, or who asks is told to accept it."""

    REJECTED = auto()
    """The policy rejects it for its content."""

    REFUSED = auto()
    """The request is at fault, so that its content was not compared."""

    LATER = auto()
    """The filter, its log or the origin cannot do its work now: try again."""


def outcome_by(effect: Action, reason: Reason | None) -> Outcome:
    """Return what becomes of an upload.

    Args:
        effect: The executed action.
        reason: The reason for it; ``None`` for a match.
    """
    match effect:
        case Action.ACCEPT:
            return Outcome.ACCEPTED
        case Action.RETRY_LATER:
            return Outcome.LATER
        case Action.REJECT:
            return Outcome.REFUSED if reason in UNCOMPARED else Outcome.REJECTED
        case never:
            assert_never(never)
