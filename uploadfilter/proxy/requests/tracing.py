"""Read the trace that a request belongs to, and name it in the operational log.

The proxy has no spans of its own to report, so it takes no part in a trace: what came
goes on to the origin as it came, with no parent of ours that nobody could look up, and
where there is no trace none is begun (ADR 0027). What is read here is only what the
operational log says of the request.

Rules this module keeps: nothing but the 32 hex digits of a well-formed trace id goes
into the log; a client may choose them, but not more.
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
    """Read the trace id out of a ``traceparent``.

    Args:
        value: Value of the field, without the white space around it.

    Returns:
        32 small hex digits; ``None`` if the field is not well-formed.

    Source:
        W3C Trace Context (Recommendation, 23 November 2021), 3.2 and 4.3: version 00
        has four fields exactly, later ones may have more behind another dash; version
        ff and ids of zeros are invalid.
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

    Args:
        head: Of the request.

    Returns:
        ``None`` if there is no ``traceparent``, more than one, or an invalid one.
    """
    values = head.values(TRACEPARENT)
    return trace_id(values[0]) if len(values) == 1 else None


class Traced(AbstractContextManager[None]):
    """Names the trace of a request in every event within the block.

    Args:
        head: Of the request.
    """

    __slots__ = ("_is_bound", "_trace")

    def __init__(self, head: RequestHead) -> None:
        self._trace = trace_of(head)
        # Of others than uploads without a trace there is nothing to say.
        self._is_bound = head.has_body or self._trace is not None

    @override
    def __enter__(self) -> None:
        if self._trace is not None:
            bind_contextvars(trace=self._trace)

    @override
    def __exit__(self, *_: object) -> None:
        # A connection is used again: what one request bound must not outlive it.
        if self._is_bound:
            unbind_contextvars("trace", "decision")


def decided_as(decision: str) -> None:
    """Name the decision of an upload in every event that follows within ``Traced``."""
    bind_contextvars(decision=decision)
