"""What the proxy and a scanner process say to each other.

One request is one upload: a frame with the spans of its contents, and their bytes
behind it, or the descriptor that holds them. A scanner answers with one frame for each
content, in the order of the request. A frame is its length (4 bytes, big-endian) and a
MessagePack message.

The two directions are not alike. The proxy is trusted, so a scanner believes what it is
told. A scanner may have been taken over by what it decodes, so its frames are bounded
here and its claims are checked in ``replies.py``.

To add a message, add its class here and to the decoder of the end that receives it;
fields with a default may be added to the end of a message at any time.
"""

import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec

from uploadfilter.model import Reason, Scan, SignalType
from uploadfilter.scanners.wire.budgets import Budgets

FRAME_HEADER: Final = struct.Struct(">I")

Handed: TypeAlias = int | bytes | memoryview
"""An upload as it is handed to a scanner: a descriptor of the file that holds it, or
its bytes. A copy through a socket costs a third of what a memory file of 20 to 400 KB
does, most of whose cost is the pages that the kernel gives and takes back."""

MAX_REPLY_BYTES: Final = 8 * 1024 * 1024
"""Longest frame that is taken from a scanner.

96 views of 16 KiB planes with 4,096 signals are 2 MiB; the rest is room for nested
contents. A proxy with 16 scanners holds 128 MiB of them at worst.
"""

MAX_DECLARED_TYPE: Final = 128
"""Characters of a declared type that a scanner gets to see.

No registered media type is longer, and a scanner only asks whether it is a picture's.
"""


UNKNOWN_KIND: Final = "unknown"
"""Kind of a content that no scanner reported on."""


class ContentSpan(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Where one content lies in its upload.

    Attributes:
        path: ``Scan.path`` of the result; a scanner process is never told.
        offset: First byte, counted from the start of the upload.
        length: Bytes; 0 is an empty content.
        declared_type: Media type that the client declared, if any.
    """

    path: str
    offset: int
    length: int
    declared_type: str | None = None


class ScanRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True):
    """Scan the contents of one upload, in this order.

    Attributes:
        spans: At least one; their paths are empty.
        types: Perceptual signal types to compute.
        budgets: Limits of each content.
        cpu_left_s: What this upload has left of ``Budgets.upload_cpu_s``.
        digests: Whether the exact signals of the contents themselves are wanted too;
            those of nested ones always are.
        formats: Picture formats to decode beyond the usual ones, by their names in
            ``pictures/formats.py``.
        alone: True if this process scans this one content and no other after it, so
            that every decoder may run. Otherwise those of the common formats only: the
            reply to a content that needs another is ``needs_alone``.
        attached: How many bytes come behind the frame, which are the upload; ``None``
            if a descriptor of it comes with the frame.
    """

    spans: tuple[ContentSpan, ...]
    types: frozenset[SignalType]
    budgets: Budgets
    cpu_left_s: float
    digests: bool = False
    formats: frozenset[str] = frozenset()
    alone: bool = False
    attached: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyPart:
    """What a scanner found out about one content in one go; see ``ContentReply``.

    Attributes:
        scan: The part.
        is_last: Whether it is the last one of its content.
        needs_alone: Whether the content must be scanned in a process of its own.
        fault: A mistake of ours that was taken for bad bytes (``pictures/faults.py``).
    """

    scan: Scan
    is_last: bool = True
    needs_alone: bool = False
    fault: str = ""


class Ready(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True):
    """The first frame of a scanner process: it has started and waits for requests."""


class Unready(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True):
    """The only frame of a scanner process that cannot be confined as it should be.

    Attributes:
        error: What the kernel refused.
    """

    error: str


class ContentReply(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True
):
    """The scan of one content, or a part of it.

    A scan that takes long is sent in parts, so that what was seen counts when a later
    part kills the process: views and nested contents of the parts are put together, in
    order, and a part repeats the path, kind and size of every content it speaks of.

    Attributes:
        index: Which span of the request.
        scan: Result. Its path is empty, those of nested contents begin with ``!/``.
        fault: Class of the exception that ended the scan as ``crashed``, or class and
            place of a mistake of ours that was taken for bad bytes, for those who have
            to find the bug; empty otherwise.
        is_last: False if more of this content is to come.
        needs_alone: True if the content must be scanned in a process of its own. The
            scan is then empty, and what was sent of this content before is void.
    """

    index: int
    scan: Scan
    fault: str = ""
    is_last: bool = True
    needs_alone: bool = False


Reply = Ready | Unready | ContentReply

_encoder: Final = msgspec.msgpack.Encoder()
_request_decoder: Final = msgspec.msgpack.Decoder(ScanRequest)
_reply_decoder: Final[msgspec.msgpack.Decoder[Reply]] = msgspec.msgpack.Decoder(Reply)


def encode_frame(message: ScanRequest | Reply) -> bytes:
    """Encode a message with its length before it."""
    body = _encoder.encode(message)
    return FRAME_HEADER.pack(len(body)) + body


def decode_request(body: bytes | memoryview) -> ScanRequest:
    """Decode the body of a request frame; the proxy is trusted to send no other."""
    return _request_decoder.decode(body)


def decode_reply(body: bytes | bytearray) -> Reply | None:
    """Decode the body of a frame from a scanner; ``None`` if it is not one of ours.

    Types, enum values and the lengths of signal values are checked here; whether the
    reply fits the request is checked in ``replies.py``.
    """
    try:
        return _reply_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def wire_span(span: ContentSpan) -> ContentSpan:
    """Strip a span of what a scanner need not know or could not be sent.

    Paths may be names of files, and a declared type is any bytes that a client likes.
    """
    declared = span.declared_type
    if declared is not None:
        declared = declared[:MAX_DECLARED_TYPE]
        declared = declared.encode("ascii", "replace").decode("ascii")
    return ContentSpan(
        path="", offset=span.offset, length=span.length, declared_type=declared
    )


def unscanned(span: ContentSpan, reason: Reason) -> Scan:
    """Return the scan of a content that could not be looked at, and why."""
    return Scan(path=span.path, kind=UNKNOWN_KIND, size=span.length, reason=reason)
