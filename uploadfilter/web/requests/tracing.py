"""Read the trace id of a request, and add it to the operational log.

The proxy has no spans of its own to report, so it takes no part in a trace. The header
is forwarded unchanged, without a parent of ours that nobody could look up, and no trace
is begun if there is none (ADR 0027). Only the operational log uses the id.

Rules this module keeps: only the 32 hex digits of a well-formed trace id go into the
log; a client may choose them, but nothing else.
"""

import re
from contextlib import AbstractContextManager
from typing import Final

from structlog.contextvars import bind_contextvars, unbind_contextvars
from typing_extensions import override

from uploadfilter.uploads.head.request import RequestHead

TRACEPARENT: Final = b"traceparent"

_FIELD: Final = re.compile(
    rb"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})"
    rb"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)
_KNOWN_VERSION: Final = b"00"
_NO_VERSION: Final = b"ff"
_NO_TRACE: Final = b"0" * 32
_NO_PARENT: Final = b"0" * 16


def trace_id(value: bytes) -> str | None:
    """Parse the trace id of a ``traceparent``.

    Args:
        value: Value of the field, without white space around it.

    Returns:
        32 small hex digits; ``None`` if the field is malformed.

    Source:
        W3C Trace Context (Recommendation, 23 November 2021), 3.2 and 4.3: version 00
        has exactly four fields, later ones may have more after another dash; version ff
        and ids of zeros are invalid.
    """
    field = _FIELD.fullmatch(value)
    if field is None or field["version"] == _NO_VERSION:
        return None
    if field["more"] is not None and field["version"] == _KNOWN_VERSION:
        return None
    if field["trace"] == _NO_TRACE or field["parent"] == _NO_PARENT:
        return None
    return field["trace"].decode("ascii")


def trace_of(head: RequestHead) -> str | None:
    """Return the trace id of a request.

    Returns:
        The id; ``None`` if there is no ``traceparent``, more than one, or an invalid
        one.
    """
    values = head.values(TRACEPARENT)
    return trace_id(values[0]) if len(values) == 1 else None


class Traced(AbstractContextManager[None]):
    """Adds the trace of a request to every event within the block."""

    __slots__ = ("_is_bound", "_trace")

    def __init__(self, head: RequestHead) -> None:
        self._trace = trace_of(head)
        # Requests without a trace, except uploads, need no context.
        self._is_bound = head.has_body or self._trace is not None

    @override
    def __enter__(self) -> None:
        if self._trace is not None:
            bind_contextvars(trace=self._trace)

    @override
    def __exit__(self, *_: object) -> None:
        # A connection is used again: the values bound by one request must not stay.
        if self._is_bound:
            unbind_contextvars("trace", "decision")


def decided_as(decision: str) -> None:
    """Add the decision of an upload to every later event within ``Traced``."""
    bind_contextvars(decision=decision)
