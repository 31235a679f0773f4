"""Make contents of a body whose contents have known lengths.

A form that came in slices is such a body: the filter holds its file and its fields, and
hands them to an inspection one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from uploadfilter.uploads.body.extractors import (
    ContentData,
    ContentEnded,
    ContentStarted,
    Event,
)

TEXT_TYPE: Final = "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySpan:
    """A content in a body.

    Attributes:
        length: In bytes.
        declared_type: Its media type, if it is text.
        is_field: Whether it is text that a page sends, and no file.
    """

    length: int
    declared_type: str | None
    is_field: bool = False


class SpansExtractor:
    """Makes contents of a body of known lengths.

    Args:
        spans: The contents, in order.
    """

    def __init__(self, spans: Sequence[BodySpan]) -> None:
        self._spans = list(reversed(spans))
        self._left: int | None = None

    def receive(self, chunk: bytes) -> list[Event]:
        """Take bytes of the body."""
        events: list[Event] = []
        while chunk:
            if self._left is None:
                events.append(self._start())
            taken, chunk = chunk[: self._left], chunk[self._left :]
            if taken:
                self._left = (self._left or 0) - len(taken)
                events.append(ContentData(data=taken))
            if not self._left:
                events.append(self._end())
        return events

    def end(self) -> list[Event]:
        """Take the end of the body; the contents that are left are empty."""
        events: list[Event] = [] if self._left is None else [self._end()]
        while self._spans:
            events += [self._start(), self._end()]
        return events

    def _start(self) -> ContentStarted:
        if not self._spans:
            raise ValueError("a body is longer than its contents")
        span = self._spans.pop()
        self._left = span.length
        return ContentStarted(
            declared_type=span.declared_type,
            is_field=span.is_field,
        )

    def _end(self) -> ContentEnded:
        self._left = None
        return ContentEnded()
