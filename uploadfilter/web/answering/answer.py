"""What a client is told whose request is not forwarded."""

import msgspec

from uploadfilter.contents.kinds.families import FileFamily
from uploadfilter.model import Reason
from uploadfilter.rejections import Outcome


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer the client; the origin gets nothing.

    Attributes:
        outcome: What becomes of the request.
        status: HTTP status.
        reason: The reason, which the client does not learn.
        detail: The fault of the client's own request, in English; empty otherwise.
        accept: What the route takes, if the upload is none of it.
        retry_after_s: When to try again, in seconds; ``None`` if that is not known.
    """

    outcome: Outcome
    status: int
    reason: Reason | None = None
    detail: str = ""
    accept: frozenset[FileFamily] = frozenset()
    retry_after_s: int | None = None

    @property
    def is_rejection(self) -> bool:
        """Whether the upload is rejected by policy."""
        return self.outcome is Outcome.REJECTED
