"""Tricks with fonts: a letter is a picture, which browsers show at any size.

The font is Pillow's own, to which a table with the picture of one letter is added.
"""

import base64
import struct
import zlib
from collections.abc import Callable

import brotli
from PIL import Image, ImageFont

from tests.corpus import pictures
from tests.corpus.tricks.kit import Family, FileType, Maker, Trick, of_family

_LETTER = "A"
_HEAD_BYTES, _ENTRY_BYTES = 12, 16

Tables = dict[bytes, bytes]


def _plain_font() -> bytes:
    """Return the font that comes with Pillow."""
    font = ImageFont.load_default(size=10)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType")
    return bytes(font.font_bytes)


def _tables_of(font: bytes) -> Tables:
    """Return the tables of a font, by tag."""
    tables: Tables = {}
    for number in range(int.from_bytes(font[4:6], "big")):
        at = _HEAD_BYTES + number * _ENTRY_BYTES
        tag, _, start, length = struct.unpack(">4sLLL", font[at : at + _ENTRY_BYTES])
        tables[tag] = font[start : start + length]
    return tables


def _glyph(tables: Tables) -> int:
    """Return the number of the glyph that shows the letter.

    Source:
        OpenType 1.9, "cmap", format 4.
    """
    cmap = tables[b"cmap"]
    for number in range(int.from_bytes(cmap[2:4], "big")):
        at = int.from_bytes(cmap[8 + 8 * number : 12 + 8 * number], "big")
        if int.from_bytes(cmap[at : at + 2], "big") == 4:
            return _glyph_in(cmap[at:])
    raise ValueError("no table of characters of format 4")


def _glyph_in(table: bytes) -> int:
    count = int.from_bytes(table[6:8], "big") // 2
    words: tuple[int, ...] = struct.unpack_from(
        f">{(len(table) - 14) // 2}H", table, 14
    )
    ends, starts = words[:count], words[count + 1 : 2 * count + 1]
    deltas, offsets = words[2 * count + 1 :], words[3 * count + 1 :]
    code = ord(_LETTER)
    at = next(index for index in range(count) if code <= ends[index])
    if not offsets[at]:
        return (code + deltas[at]) & 0xFFFF
    within = 3 * count + 1 + at + offsets[at] // 2 + code - starts[at]
    return words[within] + deltas[at] & 0xFFFF


def _with_picture(tables: Tables, png: bytes, ppem: int) -> Tables:
    """Add a table in which the letter is a picture, for one size.

    Source:
        OpenType 1.9, "sbix".
    """
    count = int.from_bytes(tables[b"maxp"][4:6], "big")
    glyph = _glyph(tables)
    (units,) = struct.unpack_from(">H", tables[b"head"], 18)
    (bearing,) = struct.unpack_from(">h", tables[b"hmtx"], 4 * glyph + 2)
    # So that it begins at the start of the line.
    left = -round(bearing * ppem / units)
    data = struct.pack(">hh4s", left, 0, b"png ") + png
    first = 4 + 4 * (count + 1)
    offsets = [
        first if each <= glyph else first + len(data) for each in range(count + 1)
    ]
    strike = struct.pack(f">HH{count + 1}L", ppem, 72, *offsets) + data
    return {**tables, b"sbix": struct.pack(">HHLL", 1, 1, 1, 12) + strike}


def _colour_font(target: Image.Image) -> Tables:
    png = pictures.png(target)
    return _with_picture(_tables_of(_plain_font()), png, target.width)


def _checksum(data: bytes) -> int:
    padded = data.ljust(-(-len(data) // 4) * 4, b"\0")
    return int(sum(struct.unpack(f">{len(padded) // 4}L", padded))) & 0xFFFFFFFF


def _padded(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // 4) * 4, b"\0")


def _unpacked_bytes(tables: Tables) -> int:
    count = len(tables)
    return (
        _HEAD_BYTES
        + _ENTRY_BYTES * count
        + sum(len(_padded(t)) for t in tables.values())
    )


def woff(tables: Tables) -> bytes:
    """Return a font in WOFF, with each table packed by itself."""
    start = 44 + 20 * len(tables)
    entries, bodies = b"", b""
    for tag, table in sorted(tables.items()):
        packed = zlib.compress(table)
        body = packed if len(packed) < len(table) else table
        place = (start + len(bodies), len(body), len(table), _checksum(table))
        entries += struct.pack(">4sLLLL", tag, *place)
        bodies += _padded(body)
    length = start + len(bodies)
    counts = (length, len(tables), 0, _unpacked_bytes(tables), 1, 0)
    head = struct.pack(">4sLLHHLHH", b"wOFF", 0x00010000, *counts)
    return head + bytes(20) + entries + bodies


def _number(value: int) -> bytes:
    """Write a number in bytes of seven bits."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))


_TAG_FOLLOWS = bytes((63,))
_OUTLINES = {b"glyf": bytes((3 << 6 | 10,)), b"loca": bytes((3 << 6 | 11,))}
"""Flags of a table: its number among the known ones, and the mark that it is not
transformed, which these two need."""


def woff2(tables: Tables) -> bytes:
    """Return a font in WOFF 2, all tables packed together, none transformed."""
    entries, bodies = b"", b""
    for tag, table in sorted(tables.items()):
        entries += _OUTLINES.get(tag, _TAG_FOLLOWS + tag) + _number(len(table))
        bodies += table
    packed: bytes = brotli.compress(bodies, quality=5)
    length = 48 + len(entries) + len(packed)
    padding = -length % 4
    counts = (length + padding, len(tables), 0, _unpacked_bytes(tables), len(packed))
    head = struct.pack(">4sLLHHLL", b"wOF2", 0x00010000, *counts)
    return bytes(head + bytes(24) + entries + packed + bytes(padding))


_PAGE = (
    "<!doctype html><style>@font-face{{font-family:P;ascent-override:{up}%;"
    "descent-override:0%;line-gap-override:0%;src:url(data:font/{name};base64,{data})}}"
    "body{{margin:0}}p{{font:{width}px P;margin:0;line-height:{height}px}}</style><p>A"
)


def _page(name: str, write: Callable[[Tables], bytes]) -> Maker:
    """Return a maker of a page on which a letter of a font is the target."""

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        width, height = target.size
        data = base64.b64encode(write(_colour_font(target))).decode()
        up = 100 * height / width
        return _PAGE.format(
            up=up, name=name, data=data, width=width, height=height
        ).encode()

    return make


_font = of_family(Family.EMBEDDED)

FONT_TRICKS: tuple[Trick, ...] = (
    _font(
        "font-woff",
        FileType.HTML,
        _page("woff", woff),
        "a picture as a letter of a font in WOFF",
    ),
    _font(
        "font-woff2",
        FileType.HTML,
        _page("woff2", woff2),
        "a picture as a letter of a font in WOFF 2",
    ),
)
