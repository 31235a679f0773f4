"""Make contents of the messages of a WebSocket that are inspected together.

Messages that arrive while earlier ones are inspected are inspected as one upload, with
one record. A client may also cut a picture into messages. So the last bytes before
these messages, joined with them, are one more content *aside*: only matches
in it count, and not the look of its bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from uploadfilter.uploads.body.extractors import (
    ContentData,
    ContentEnded,
    ContentStarted,
    Event,
)

TEXT_TYPE: Final = "text/plain"

JOINED_BYTES: Final = 64 * 1024
"""Bytes before a message that are inspected together with it. Slices of a picture are
found if they are shorter, and to inspect them costs about a millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a client, with all its fragments.

    Attributes:
        data: Its payload; UTF-8 if it is text.
        is_text: Whether it is a text message.
    """

    data: bytes
    is_text: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSpan:
    """A content in a body of messages.

    Attributes:
        length: In bytes.
        declared_type: Its media type, if it is text.
        is_aside: Whether it is the joined content.
        is_field: Whether it is text that a page sends, and no file.
    """

    length: int
    declared_type: str | None
    is_aside: bool = False
    is_field: bool = False


def body_of(
    messages: Sequence[Message], before: bytes
) -> tuple[tuple[bytes, ...], tuple[MessageSpan, ...]]:
    """Return the bytes to inspect for some messages, and the contents in them.

    Args:
        messages: The messages, in order.
        before: The bytes that the client sent before them, at most ``JOINED_BYTES``.
    """
    pieces = tuple(message.data for message in messages)
    spans = [
        MessageSpan(
            length=len(message.data),
            declared_type=TEXT_TYPE if message.is_text else None,
            is_field=message.is_text,
        )
        for message in messages
    ]
    joined = (before, *pieces) if before else pieces
    if len(joined) == 1:
        return pieces, tuple(spans)
    whole = sum(len(piece) for piece in joined)
    spans.append(MessageSpan(length=whole, declared_type=None, is_aside=True))
    return pieces + joined, tuple(spans)


def last_bytes(messages: Sequence[Message], before: bytes) -> bytes:
    """Return the bytes that the next messages are joined with."""
    kept = b""
    for data in chain((it.data for it in reversed(messages)), (before,)):
        kept = data[-(JOINED_BYTES - len(kept)) :] + kept
        if len(kept) >= JOINED_BYTES:
            break
    return kept


class MessagesExtractor:
    """Makes contents of a body of known lengths.

    Args:
        spans: The contents, in order.
    """

    def __init__(self, spans: Sequence[MessageSpan]) -> None:
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
            raise ValueError("a body of messages is longer than they are")
        span = self._spans.pop()
        self._left = span.length
        return ContentStarted(
            declared_type=span.declared_type,
            is_aside=span.is_aside,
            is_field=span.is_field,
        )

    def _end(self) -> ContentEnded:
        self._left = None
        return ContentEnded()
