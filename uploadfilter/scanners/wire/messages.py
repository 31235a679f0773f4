"""Define the messages between the proxy and a scanner process.

One request is one upload: a frame with the spans of its contents, followed by their
bytes or with a descriptor of them. A scanner answers with one frame for each content,
in the order of the request. A frame is its length (4 bytes, big-endian) and a
MessagePack message.

The two directions differ. The proxy is trusted, so a scanner does not check requests. A
scanner may have been taken over by bytes that it decodes, so its frames are bounded
here and its claims are checked in ``replies.py``.

To add a message, add its class here and to the decoder of the end that receives it;
fields with a default may be added to the end of a message at any time.
"""

import struct
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from uploadfilter.model import Reason, Scan, SignalType
from uploadfilter.scanners.wire.budgets import Budgets

FRAME_HEADER: Final = struct.Struct(">I")

Handed: TypeAlias = int | bytes | memoryview
"""An upload in the form in which a scanner gets it: a descriptor of its file, or its
bytes. A copy through a socket costs a third of a memory file for 20 to 400 KB; most of
the cost of the file is for pages that the kernel gives and takes back."""

MAX_REPLY_BYTES: Final = 8 * 1024 * 1024
"""Longest frame that is accepted from a scanner.

96 views with planes of 16 KiB and 4,096 signals have 2 MiB; the rest is for nested
contents. A proxy with 16 scanners holds at most 128 MiB of frames.
"""

MAX_DECLARED_TYPE: Final = 128
"""Most characters of a declared type that a scanner gets.

No registered media type is longer, and a scanner only tests whether it is that of a
picture.
"""


COMMON_CODINGS: Final = frozenset(
    {"gzip", "deflate", "aws-chunked", "base64", "quoted-printable"}
)
"""Codings that a scanner may undo which scans other contents after it
(``contents/coded.py``)."""

UNKNOWN_KIND: Final = "unknown"
"""The kind of a content without a report of a scanner."""


class ProcessKind(StrEnum):
    """The kinds of scanner processes, by what they may do."""

    COMMON = "common"  # scans contents of the common formats, one after another
    ALONE = "alone"  # every decoder may run; the process ends with its content
    LARGE = "large"  # the same with more memory, one process at a time


class ContentSpan(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The place of one content in its upload.

    Attributes:
        path: ``Scan.path`` of the result; a scanner process never gets it.
        offset: First byte, counted from the start of the upload.
        length: Bytes; 0 is an empty content.
        declared_type: Media type that the client declared, if any.
        coding: The content coding that the origin may undo, by its name in
            ``contents/coded.py``; the declared type is then that of the decoded bytes.
    """

    path: str
    offset: int
    length: int
    declared_type: str | None = None
    coding: str | None = None


class ScanRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True):
    """Scan the contents of one upload, in this order.

    Attributes:
        spans: At least one; their paths are empty.
        types: Perceptual signal types to compute.
        budgets: Limits of each content.
        cpu_left_s: The rest of ``Budgets.upload_cpu_s`` for this upload.
        digests: Whether the exact signals of the contents themselves are wanted; those
            of nested contents always are.
        formats: Picture formats to decode beyond the usual ones, by their names in
            ``pictures/formats.py``.
        process: The kind of the process that gets it. In a common one only the
            decoders of the common formats run, and only a large one decodes what needs
            more than ``Budgets.max_decoded_bytes``. A content that needs more than this
            process may do has a reply that says which kind it needs.
        attached: Number of bytes after the frame, which are the upload; ``None`` if a
            descriptor comes with the frame.
        windows: Whether views of the windows of each frame are wanted too, which an
            issuer publishes.
    """

    spans: tuple[ContentSpan, ...]
    types: frozenset[SignalType]
    budgets: Budgets
    cpu_left_s: float
    digests: bool = False
    formats: frozenset[str] = frozenset()
    process: ProcessKind = ProcessKind.COMMON
    attached: int | None = None
    windows: bool = False


class ReplyPart(msgspec.Struct, frozen=True, kw_only=True):
    """Findings of a scanner on one content, or a part of them; see ``ContentReply``.

    Attributes:
        scan: The findings.
        is_last: Whether it is the last one of its content.
        needs: The kind of process that must scan the content instead.
        fault: A bug in this project that was taken for bad bytes
            (``pictures/faults.py``).
    """

    scan: Scan
    is_last: bool = True
    needs: ProcessKind | None = None
    fault: str = ""


class Ready(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True):
    """The first frame of a scanner process: it has started and waits for requests."""


class Unready(msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True):
    """The only frame of a scanner process that cannot be confined as required.

    Attributes:
        error: The refusal of the kernel.
    """

    error: str


class ContentReply(
    msgspec.Struct, frozen=True, kw_only=True, array_like=True, tag=True
):
    """The scan of one content, or a part of it.

    A long scan is sent in parts, so that findings count even if a later step kills the
    process. The views and nested contents of the parts are joined in order, and a part
    repeats the path, kind and size of every content in it.

    Attributes:
        index: The number of the span in the request.
        scan: The result. Its path is empty; paths of nested contents begin with ``!/``.
        fault: Class of the exception that ended the scan as ``crashed``, or class and
            place of a bug in this project that was taken for bad bytes; empty
            otherwise. It helps to find the bug.
        is_last: False if more parts of this content follow.
        needs: The kind of process that must scan the content instead of this one; the
            scan is then empty.
    """

    index: int
    scan: Scan
    fault: str = ""
    is_last: bool = True
    needs: ProcessKind | None = None


Reply = Ready | Unready | ContentReply

_encoder: Final = msgspec.msgpack.Encoder()
_request_decoder: Final = msgspec.msgpack.Decoder(ScanRequest)
_reply_decoder: Final[msgspec.msgpack.Decoder[Reply]] = msgspec.msgpack.Decoder(Reply)


def encode_frame(message: ScanRequest | Reply) -> bytes:
    """Encode a message, after its length."""
    body = _encoder.encode(message)
    return FRAME_HEADER.pack(len(body)) + body


def decode_request(body: bytes | memoryview) -> ScanRequest:
    """Decode the body of a request frame; the proxy is trusted to send no other."""
    return _request_decoder.decode(body)


def decode_reply(body: bytes | bytearray) -> Reply | None:
    """Decode the body of a frame from a scanner; ``None`` if it is not a valid message.

    Types, enum values and the lengths of signal values are checked here; whether the
    reply fits the request is checked in ``replies.py``.
    """
    try:
        return _reply_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def wire_span(span: ContentSpan) -> ContentSpan:
    """Remove the fields of a span that a scanner need not know or cannot get.

    Paths may be names of files, and a declared type may be any bytes from a client.
    """
    declared = span.declared_type
    if declared is not None:
        declared = declared[:MAX_DECLARED_TYPE]
        declared = declared.encode("ascii", "replace").decode("ascii")
    return ContentSpan(
        path="",
        offset=span.offset,
        length=span.length,
        declared_type=declared,
        coding=span.coding,
    )


def unscanned(span: ContentSpan, reason: Reason) -> Scan:
    """Return the scan of a content that could not be looked at, with the reason."""
    return Scan(path=span.path, kind=UNKNOWN_KIND, size=span.length, reason=reason)
