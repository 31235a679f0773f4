"""Prove the framing of an ``aws-chunked`` body as it arrives.

The origin gets the framed bytes unchanged, because its client may have signed them. So
both must take the same bytes for the object, and this proves it: sizes and line ends
have exactly one form, the sizes add up to the stated length, and the checksum behind
the last chunk is that of the bytes between. A scanner cuts the framing out
(``contents/framed.py``).

The signatures of chunks are the origin's to verify; here they are only text of a known
form.
"""

import base64
import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.uploads.body import checksums
from uploadfilter.uploads.body.extractors import (
    ContentData,
    ContentEnded,
    ContentStarted,
    Event,
    Refused,
)
from uploadfilter.uploads.head import awschunked
from uploadfilter.uploads.head.plan import Refusal

_CRLF: Final = b"\r\n"

_SIGNATURE: Final = rb"(?:[0-9a-f]{64}|[0-9a-f]{136,144}\*{0,8})"
"""HMAC-SHA256, or ECDSA in DER, padded to 144 characters."""

_SIZE: Final = rb"(0|[1-9A-Fa-f][0-9A-Fa-f]{0,8})"
_HEAD: Final = re.compile(_SIZE)
_SIGNED_HEAD: Final = re.compile(_SIZE + rb";chunk-signature=" + _SIGNATURE)
_SIGNED_TRAILER: Final = re.compile(rb"x-amz-trailer-signature: ?" + _SIGNATURE)

_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PN")
_MAGIC_BYTES: Final = 3

MOST_LINE_BYTES: Final = 256
"""Longest line of the framing, without its end: a size and a signature take 170."""

MOST_SMALL_CHUNKS: Final = 1024
LEAST_CHUNK_BYTES: Final = 1024
"""Number of chunks from which on they must have so many bytes on average: S3 asks for
8 KiB, and clients send 64 KiB and more. Each chunk costs the time of a line."""


class _State(Enum):
    """The next element of the framing."""

    HEAD = auto()
    DATA = auto()
    END_OF_DATA = auto()
    TRAILER = auto()
    OVER = auto()
    REFUSED = auto()


def _refusal(detail: str) -> Refusal:
    return Refusal(status=400, reason=Reason.UNSUPPORTED_CODING, detail=detail)


class AwsChunkedExtractor:
    """Makes one content of a framed body as it is, if its framing is proper.

    Args:
        framing: The framing that the head announced.
        declared_type: Media type that the head claims.
        on_decoded: Gets the bytes without their framing, as they arrive.
    """

    def __init__(
        self,
        framing: awschunked.Framing,
        declared_type: str | None,
        *,
        on_decoded: Callable[[bytes], None] | None = None,
    ) -> None:
        self._framing = framing
        self._on_decoded = on_decoded
        self._declared_type = declared_type
        self._checksum = (
            checksums.checksum(framing.checksum) if framing.checksum else None
        )
        self._state = _State.HEAD
        self._buffer = b""
        self._left = 0
        self._decoded_bytes = 0
        self._is_begun = False
        self._wanted = [*self._trailers()]
        self._chunks = 0
        self._begins_as_picture = False

    @property
    def is_told_otherwise(self) -> bool:
        """Whether the bytes as they were sent may show more than the framed ones.

        One chunk has a line before it and some lines behind it, all of a known form. A
        text could go on in them: the size of the chunk may be its first digits.
        """
        return self._chunks > 1 or not self._begins_as_picture

    def receive(self, chunk: bytes) -> list[Event]:
        """Take a chunk of the body that has arrived."""
        if self._state is _State.REFUSED or not chunk:
            return []
        events = [*self._begun(), ContentData(data=chunk)]
        self._buffer += chunk
        at = 0
        while (after := self._step(at)) is not None:
            if isinstance(after, Refusal):
                return [*events, self._refused(after)]
            at = after
        self._buffer = self._buffer[at:]
        return events

    def end(self) -> list[Event]:
        """Take the end of the body."""
        if self._state is _State.REFUSED:
            return []
        if self._state is not _State.OVER:
            refusal = _refusal("The body ends before its last chunk of aws-chunked.")
            return [*self._begun(), self._refused(refusal)]
        return [ContentEnded()]

    def _begun(self) -> list[Event]:
        if self._is_begun:
            return []
        self._is_begun = True
        coding = awschunked.WORD.decode()
        return [ContentStarted(declared_type=self._declared_type, coding=coding)]

    def _refused(self, refusal: Refusal) -> Event:
        self._state = _State.REFUSED
        self._buffer = b""
        return Refused(refusal=refusal)

    def _trailers(self) -> list[str]:
        """Return the names of the lines behind the last chunk, in their order."""
        names = [name for name in (self._framing.trailer,) if name]
        return [*names, *(["signature"] if names and self._framing.is_signed else [])]

    def _step(self, at: int) -> int | Refusal | None:
        """Take one element at ``at``.

        Returns:
            Where the next one begins; ``None`` if more bytes are needed.
        """
        if self._state is _State.DATA:
            return self._on_data(at)
        if self._state is _State.OVER:
            behind = len(self._buffer) > at
            return _refusal("Something follows the last chunk.") if behind else None
        line = self._line(at)
        if not isinstance(line, bytes):
            return line
        match self._state:
            case _State.HEAD:
                refusal = self._on_head(line)
            case _State.TRAILER:
                refusal = self._on_trailer(line)
            case _:
                self._state = _State.HEAD
                refusal = _refusal("A chunk is longer than its size.") if line else None
        return refusal or at + len(line) + len(_CRLF)

    def _line(self, at: int) -> bytes | Refusal | None:
        """Return the line at ``at``, without its end, if it is complete."""
        end = self._buffer.find(_CRLF, at, at + MOST_LINE_BYTES + len(_CRLF))
        if end >= 0:
            return self._buffer[at:end]
        if len(self._buffer) - at < MOST_LINE_BYTES + len(_CRLF):
            return None
        return _refusal("A line of the aws-chunked framing is too long.")

    def _on_head(self, line: bytes) -> Refusal | None:
        form = _SIGNED_HEAD if self._framing.is_signed else _HEAD
        match = form.fullmatch(line)
        if match is None:
            return _refusal("The head of a chunk of aws-chunked is malformed.")
        size = int(match[1], 16)
        self._decoded_bytes += size
        if size == 0:
            self._state = _State.TRAILER
            if self._decoded_bytes < self._framing.decoded_length:
                return _refusal("The chunks are shorter than the stated length.")
            return None
        if self._decoded_bytes > self._framing.decoded_length:
            return _refusal("The chunks are longer than the stated length.")
        self._left = size
        self._state = _State.DATA
        self._chunks += 1
        is_many = self._chunks > MOST_SMALL_CHUNKS
        if is_many and self._decoded_bytes < self._chunks * LEAST_CHUNK_BYTES:
            return _refusal("The body has too many chunks of aws-chunked.")
        return None

    def _on_data(self, at: int) -> int | None:
        size = min(self._left, len(self._buffer) - at)
        if not size:
            return None
        if self._left == self._decoded_bytes:
            begin = self._buffer[at : at + _MAGIC_BYTES]
            self._begins_as_picture = begin.startswith(_PICTURES)
        data = self._buffer[at : at + size]
        if self._checksum is not None:
            self._checksum.update(data)
        if self._on_decoded is not None:
            self._on_decoded(data)
        self._left -= size
        if not self._left:
            self._state = _State.END_OF_DATA
        return at + size

    def _on_trailer(self, line: bytes) -> Refusal | None:
        """Take one line behind the last chunk; the last of them is empty."""
        if not self._wanted:
            self._state = _State.OVER
            return _refusal("There are too many trailers.") if line else None
        name = self._wanted.pop(0)
        if name == "signature":
            is_proper = _SIGNED_TRAILER.fullmatch(line) is not None
            return None if is_proper else _refusal("The trailer is not signed.")
        said, colon, value = line.partition(b":")
        if not colon or said != name.encode():
            return _refusal("The trailer that the head announces is missing.")
        digest = self._checksum.digest() if self._checksum else b""
        if value.strip(b" ") != base64.b64encode(digest):
            return _refusal("The body does not match its checksum.")
        return None
