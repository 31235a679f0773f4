"""Read the size of a JPEG XL picture, and whether it moves, before decoding.

The library that decodes this format has no limits: it gives the pixels or nothing. So
the header is read here first, and a file with an unreadable header is not decoded.

Source: ISO/IEC 18181-1 (codestream: size header, image metadata) and 18181-2 (boxes).
"""

from dataclasses import dataclass

from uploadfilter.contents.kinds.jxl import MAGIC, Bits, Implausible, read_size

MAGICS = (MAGIC, b"\0\0\0\x0cJXL \r\n\x87\n")
"""The first bytes of a bare codestream and of a file of boxes."""

_CODESTREAM, _BOXES = MAGICS
_MOST_BOXES = 1000
"""Most boxes before the codestream. Files have about five; a header after more boxes is
not looked for."""

_HEADER_BYTES = 64
"""More bytes than a size header and the first fields of the metadata can have."""

_LARGE_BOX = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JXLHeader:
    """Width and height in pixels, before any rotation, and whether frames follow."""

    size: tuple[int, int]
    is_animated: bool


def read_header(data: bytes) -> JXLHeader | None:
    """Read the header of a JPEG XL file; ``None`` if it cannot be read."""
    codestream = data[:_HEADER_BYTES]
    if data.startswith(_BOXES):
        codestream = _codestream_in_boxes(data)
    if not codestream.startswith(_CODESTREAM):
        return None
    bits = Bits(codestream[len(_CODESTREAM) :])
    try:
        return JXLHeader(size=read_size(bits), is_animated=_is_animated(bits))
    except Implausible:
        return None


def _codestream_in_boxes(data: bytes) -> bytes:
    parts = bytearray()
    at = 0
    for _ in range(_MOST_BOXES):
        kind = data[at + 4 : at + 8]
        length, start = _box(data, at)
        end = at + length if length else len(data)
        if kind == b"jxlc":
            return data[start : min(end, start + _HEADER_BYTES)]
        if kind == b"jxlp":
            # Four bytes count the parts.
            parts += data[start + 4 : min(end, start + 4 + _HEADER_BYTES)]
        if len(parts) >= _HEADER_BYTES or end <= start or end >= len(data):
            break
        at = end
    return bytes(parts)


def _box(data: bytes, at: int) -> tuple[int, int]:
    """Return the length of a box (0: to the end) and the offset of its content."""
    length = int.from_bytes(data[at : at + 4], "big")
    if length == _LARGE_BOX:
        return int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
    return length, at + 8


def _is_animated(bits: Bits) -> bool:
    is_all_default = bits.flag()
    if is_all_default or not bits.flag():
        return False
    bits.take(3)  # orientation
    if bits.flag():
        read_size(bits)  # the intended display size
    if bits.flag():
        _skip_preview_size(bits)
    return bits.flag()


def _skip_preview_size(bits: Bits) -> None:
    sides = _SMALL_SIDES if bits.flag() else _SIDES
    bits.choose(*sides)
    if bits.take(3) == 0:
        bits.choose(*sides)


_SMALL_SIDES = ((16, 0), (32, 0), (1, 5), (33, 9))
_SIDES = ((1, 6), (65, 8), (321, 10), (1345, 12))
