"""Undo the content transfer encodings of a part: base64 and quoted-printable.

Half of all origins undo them, half do not, so a scanner looks at both. Every reader
that undoes them comes to the same bytes if they are written in the only proper way;
anything else is the shortfall ``UNSUPPORTED_CODING``, after the bytes before it.
"""

import binascii
import quopri
import re
from collections.abc import Callable, Iterator
from typing import Final

from uploadfilter.contents.members import Chunks, Shortfall
from uploadfilter.contents.source import Source
from uploadfilter.model import Reason

_NOT_PROPER: Final = Shortfall(reason=Reason.UNSUPPORTED_CODING)

PIECE_BYTES: Final = 256 * 1024
"""Bytes that are read at a time."""

_LETTERS: Final = re.compile(rb"[A-Za-z0-9+/]*")
_QUOTED: Final = re.compile(rb"(?:[!-<>-~]|[ \t](?!\r\n|\Z)|=[0-9A-F]{2}|=\r\n|\r\n)*")
"""Printable ASCII, escapes, soft and hard line ends; no blank at the end of a line.
Some readers leave escapes in small letters as they are."""


def base64(source: Source) -> Chunks:
    """Decode base64 in lines (RFC 2045, section 6.8)."""
    letters, held = b"", b""
    is_over = False
    for piece in _pieces(source):
        lines = held + piece
        # A carriage return may be the first half of a line end that follows.
        held = b"\r" if lines.endswith(b"\r") else b""
        lines = lines.removesuffix(held).replace(b"\r\n", b"\n")
        letters += lines.replace(b"\n", b"")
        whole = len(letters) // 4 * 4
        taken, letters = letters[:whole], letters[whole:]
        if not taken:
            continue
        decoded = None if is_over else _decode(taken)
        if decoded is None:
            yield _NOT_PROPER
            return
        is_over = taken.endswith(b"=")
        yield decoded
    if letters or held:
        yield _NOT_PROPER


def _decode(letters: bytes) -> bytes | None:
    """Decode a multiple of four letters; ``None`` if readers would differ."""
    core = letters.rstrip(b"=")
    if len(letters) - len(core) > _MOST_PADDING or not _LETTERS.fullmatch(core):
        return None
    decoded = binascii.a2b_base64(letters)
    # Bits that belong to no byte must be zero: some readers refuse others.
    last = decoded[len(decoded) // 3 * 3 :]
    is_canonical = not last or binascii.b2a_base64(last, newline=False) == letters[-4:]
    return decoded if is_canonical else None


_MOST_PADDING: Final = 2


def quoted_printable(source: Source) -> Chunks:
    """Decode quoted-printable, line by line (RFC 2045, section 6.7)."""
    held = b""
    for piece in _pieces(source):
        held += piece
        end = held.rfind(b"\r\n") + 2
        lines, held = (held[:end], held[end:]) if end > 1 else (b"", held)
        if len(held) > PIECE_BYTES or not _QUOTED.fullmatch(lines):
            yield _NOT_PROPER
            return
        if lines:
            yield quopri.decodestring(lines)
    if not _QUOTED.fullmatch(held):
        yield _NOT_PROPER
    elif held:
        yield quopri.decodestring(held)


def _pieces(source: Source) -> Iterator[bytes]:
    for at in range(0, source.size, PIECE_BYTES):
        yield source.read(at, PIECE_BYTES)


READERS: Final[dict[str, Callable[[Source], Chunks]]] = {
    "base64": base64,
    "quoted-printable": quoted_printable,
}
"""Encodings by their names in lower case."""
