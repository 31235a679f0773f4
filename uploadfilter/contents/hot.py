"""Where something is encoded in a text, or looks as if it were."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Hot:
    """A stretch of a text in which something is encoded, or looks as if it were.

    Attributes:
        start: Offset of its first byte.
        end: Offset after its last one.
        first: Offset from which on bytes before it may belong to it.
        last: Offset up to which bytes after it may.
    """

    start: int
    end: int
    first: int
    last: int
