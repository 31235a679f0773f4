"""Enough of HTTP/2 to send requests that no honest client sends (RFC 9113).

Libraries refuse to send a body that no header announces with a GET, or two lengths.
Here a request is the frames that a test names.
"""

import ssl
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""RFC 9113, 3.4."""

END_STREAM: Final = 0x1
END_HEADERS: Final = 0x4
ACK: Final = 0x1

_STREAM: Final = 1
_SHORT: Final = 127
"""Strings from this length on need more than one byte for it (RFC 7541, 5.1)."""


class Kind(IntEnum):
    """Kinds of frames that are sent or understood."""

    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    SETTINGS = 4
    GOAWAY = 7


def frame(
    kind: Kind, payload: bytes = b"", *, flags: int = 0, stream: int = 0
) -> bytes:
    """Return a frame."""
    length = struct.pack(">I", len(payload))[1:]
    return length + struct.pack(">BBI", kind, flags, stream) + payload


def head(fields: Sequence[tuple[bytes, bytes]], *, is_whole: bool) -> bytes:
    """Return the frame of a request's head, its fields written out (RFC 7541, 6.2.2).

    Args:
        fields: Names in lower case, those with a colon first.
        is_whole: Whether the stream ends here, so that no body follows.
    """
    block = b"".join(b"\0" + _text(name) + _text(value) for name, value in fields)
    flags = END_HEADERS | (END_STREAM if is_whole else 0)
    return frame(Kind.HEADERS, block, flags=flags, stream=_STREAM)


def data(content: bytes, *, is_last: bool = True) -> bytes:
    """Return a frame of a body."""
    flags = END_STREAM if is_last else 0
    return frame(Kind.DATA, content, flags=flags, stream=_STREAM)


def _text(text: bytes) -> bytes:
    assert len(text) < _SHORT
    return bytes([len(text)]) + text


def begin(sock: ssl.SSLSocket) -> None:
    """Send the preface of a connection."""
    sock.sendall(PREFACE + frame(Kind.SETTINGS))


def wait(sock: ssl.SSLSocket) -> None:
    """Read until the stream or the connection ends."""
    with sock.makefile("rb") as stream:
        while header := stream.read(9):
            payload = stream.read(int.from_bytes(header[:3], "big"))
            kind, flags = header[3], header[4]
            if kind == Kind.SETTINGS and not flags & ACK:
                sock.sendall(frame(Kind.SETTINGS, flags=ACK))
            if kind in {Kind.RST_STREAM, Kind.GOAWAY} and payload:
                return
            if kind in {Kind.HEADERS, Kind.DATA} and flags & END_STREAM:
                return
