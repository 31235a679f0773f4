"""Cut the text out of a content, in pieces that are searched one by one.

Rules this module keeps: a text is searched as a whole; of binary content, only what is
printed in blocks with long strings without a blank; a piece is cut outside of strings,
if possible.
"""

import re
from collections.abc import Iterator
from typing import Final

from uploadfilter.contents.kinds.magic import STRINGS, Kind
from uploadfilter.contents.source import Source
from uploadfilter.contents.texts.letters import ALPHABET, URL_LETTERS

_BLOCK_BYTES: Final = 1 << 18
_OVERLAP_BYTES: Final = 2048
"""Overlap of the blocks that are tested: more than a short string."""

_SAMPLING: Final = 8
_IN_STRING: Final = bytes(
    byte in ALPHABET + URL_LETTERS + b"%\\&#;=\r\n\t\f" for byte in range(256)
)
_NO_BLANK: Final = bytes(byte != ord(" ") for byte in range(256))
_STRING: Final = b"\1" * 80
"""The shortest string that may encode a picture, which has more than sixty bytes."""

_PRINTED: Final = re.compile(rb"[\t\n\f\r -~]{80,}")

_BREAKS: Final = (b'"', b"<", b"\n\n", b"\r\n\r\n", b"&", b",")
"""The best places to cut a text: hardly any string contains these."""


def pieces(source: Source, kind: Kind, held_bytes: int) -> Iterator[bytes]:
    """Yield the text in a content, in pieces of at most ``held_bytes``."""
    for start, end in _spans(source, kind):
        at = start
        while at < end:
            piece = source.read(at, min(held_bytes, end - at))
            if at + len(piece) < end:
                piece = piece[: _cut(piece)]
            at += len(piece)
            if kind in STRINGS:
                yield narrow(piece)
            else:
                yield b"\0".join(_PRINTED.findall(piece))


def narrow(text: bytes) -> bytes:
    """Return UTF-16 and UTF-32 without zeros: as ASCII, as far as it matters here."""
    return text.translate(None, b"\0") if b"\0" in text else text


def _spans(source: Source, kind: Kind) -> Iterator[tuple[int, int]]:
    if kind in STRINGS:
        yield 0, source.size
        return
    start = end = 0
    for at in range(0, source.size, _BLOCK_BYTES):
        block = source.read(at, _BLOCK_BYTES + _OVERLAP_BYTES)
        if not _has_long(block, _IN_STRING):
            continue
        if at > end:
            if end:
                yield start, end
            start = max(at - _OVERLAP_BYTES, end)
        end = min(at + _BLOCK_BYTES + _OVERLAP_BYTES, source.size)
    if end:
        yield start, end


def has_long_words(text: bytes) -> bool:
    """Return whether there are many bytes without a blank in a text."""
    return _has_long(text, _NO_BLANK)


def _has_long(data: bytes, table: bytes) -> bool:
    sample = data[::_SAMPLING].translate(table)
    return _STRING[::_SAMPLING] in sample and _STRING in data.translate(table)


def _cut(piece: bytes) -> int:
    """Return the place to cut a piece that is not the last, in its second half."""
    half = len(piece) // 2
    return next(
        (at for mark in _BREAKS if (at := piece.rfind(mark, half)) > 0), len(piece)
    )
