"""The stretches of a text that are encoded, or look encoded."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Hot:
    """A stretch of a text that is encoded, or looks encoded.

    Attributes:
        start: Offset of its first byte.
        end: Offset after its last one.
        first: Offset of the first byte before it that may belong to it.
        last: Offset after the last byte that may belong to it.
    """

    start: int
    end: int
    first: int
    last: int
