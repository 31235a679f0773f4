"""Tell a rejection by policy from everything else that becomes of an upload.

The status of its answer is the operator's choice, and nothing is inferred from it.
"""

from typing import Final

from uploadfilter.model import REFUSALS, Action, Reason

REJECT_STATUS: Final = 403
"""The usual status of an answer to an upload that the policy rejects."""

REJECT_STATUSES: Final = frozenset({REJECT_STATUS, 406, 451})
"""Those that an operator may choose: Forbidden, Not Acceptable (RFC 9110), Unavailable
For Legal Reasons (RFC 7725), which some applications expect of a scanner."""

UNCOMPARED: Final = REFUSALS | {Reason.PIECEWISE_UPLOAD}
"""The reasons for which an upload is refused before its content is compared."""


def is_rejection(effect: Action, reason: Reason | None) -> bool:
    """Return whether an upload is rejected by policy, for its content.

    Otherwise it is forwarded, the client may try again, or the request is at fault.

    Args:
        effect: The executed action.
        reason: The reason for it; ``None`` for a match.
    """
    return effect is Action.REJECT and reason not in UNCOMPARED
