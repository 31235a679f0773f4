"""Recognise pictures that tools of an origin open, but no browser and no decoder here.

ImageMagick uses the first bytes, whatever the name of a file: a picture of a game or of
a telescope under the name of a photo becomes a thumbnail on a site. Such pictures are
recognised and not decoded.
"""

import re
import struct
from typing import Final


def is_one(head: bytes) -> bool:
    """Return whether a content is such a picture; its first 132 bytes are enough."""
    return (
        _BEGINNING.match(head) is not None
        or head[128:132] == b"DICM"
        or head[60:68] == _OF_PALM
        or _IMAGE_SIZE.search(head, 0, _IM_HEADER_BYTES) is not None
        or (head[_SPIDER_FORM] in _SPIDER_FORMS_STORED and _is_spider(head))
    )


_OF_PALM: Final = b"vIMGView"
"""Type and creator of a database of pictures on a Palm."""

_IMAGE_SIZE: Final = re.compile(rb"^Image size \(x\*y\):", re.MULTILINE)
_IM_HEADER_BYTES: Final = 512
"""Length of the header of IFUNC IM: lines with a name and a value."""


def _is_spider(head: bytes) -> bool:
    """Return whether a content begins like SPIDER: whole numbers as floats."""
    if len(head) < _SPIDER_BYTES:
        return False
    for order in "<>":
        labels = struct.unpack_from(f"{order}23f", head)
        form, records, length, each = labels[4], labels[12], labels[21], labels[22]
        if form in _SPIDER_FORMS and records > 0 and length == records * each:
            return True
    return False


def is_wireless(head: bytes, size: int) -> bool:
    """Return whether a content is a WBMP to PHP: its only magic is a zero.

    One of more than twice the length of its picture does not count; otherwise a tenth
    of all files that begin with a zero would.
    """
    found = _WIRELESS.match(head)
    if found is None:
        return False
    width, height = (_multibyte(found[number]) for number in (1, 2))
    needed = found.end() + -(-width // 8) * height
    sides = range(_LEAST_SIDE, _MOST_WIRELESS_SIDE + 1)
    return width in sides and height in sides and needed <= size <= 2 * needed


def _multibyte(data: bytes) -> int:
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value


_LEAST_SIDE: Final = 32
_MOST_WIRELESS_SIDE: Final = 2048
"""Longest side in pixels that PHP opens."""

_WIRELESS: Final = re.compile(
    rb"\0[\x80-\xff]{0,8}[\0-\x7f]([\x80-\xff]{0,4}[\0-\x7f])([\x80-\xff]{0,4}[\0-\x7f])"
)

_SPIDER_BYTES: Final = 92
_SPIDER_FORMS: Final = frozenset({1.0, 3.0, -11.0, -12.0, -21.0, -22.0})
_SPIDER_FORM: Final = slice(16, 20)
_SPIDER_FORMS_STORED: Final = frozenset(
    struct.pack(f"{order}f", form) for order in "<>" for form in _SPIDER_FORMS
)
"""The place of the form, and its values: a quick test, which nearly every file fails.
"""


_MAGICS: Final = (
    # Formats of games and films, of science and of editors.
    *(b"DDS \x7c\0\0\0", b"v/1\x01", b"#?RADIANCE", b"#?RGBE", b"SDPX", b"XPDS"),
    *(b"\x80\x2a\x5f\xd7", b"gimp xcf ", b"SIMPLE  = ", b"\x8aMNG\r\n\x1a\n"),
    *(b"\x8bJNG\r\n\x1a\n", b"\x97JB2\r\n\x1a\n", b"AT&TFORM", b"BPG\xfb", b"FLIF"),
    *(b"farbfeld", b"id=ImageMagick", b"icns\0", b"\xabKTX ", b"FTEX"),
    *(b"BLP1", b"BLP2"),
    # Formats of Unix, DOS and early Windows.
    *(b"\x59\xa6\x6a\x95", b"\x01\xda\0\1", b"\x01\xda\0\2", b"\x01\xda\1\1"),
    *(b"\x01\xda\1\2", b"/* XPM */", b"DanM", b"LinS", b"P7 332"),
    *(b"gd2\0", b"\x80\xe8\0\0"),
    *(b"\xb1\x68\xde\x3a", b"\x3a\xde\x68\xb1", b"\xffWPC", b"SFW94", b"SFW95"),
    # Formats of photo labs, science, embroidery, plotters, and of ImageMagick.
    *(
        b"MATLAB 5.0 MAT-file",
        b"PCD_OPA",
        b"FL32",
        b"PG ML",
        b"PG LM",
        b"LBLSIZE=",
        b"NJPL1I",
    ),
    *(b"\x08\xf2\xa6\xb6", b"\xb6\xa6\xf2\x08", b"#PES", b"BEGMF", b"#FIG"),
    *(b"srcdocid:", b"version: MIL-STD-1840", b"rorient:"),
    *(b"# ImageMagick pixel enumeration:", b"push graphic-context", b"viewbox "),
    # Formats of cameras.
    *(b"FUJIFILMCCD-RAW ", b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FOVb"),
    b"II\x1a\0\0\0HEAPCCDR",
)
"""Magic that is enough by itself."""

_BEGINNING: Final = re.compile(
    b"|".join(
        (
            *map(re.escape, _MAGICS),
            # PCX: a known version and a known depth.
            rb"\x0a[\0\2-\5].[\1\2\4\x08]",
            # XBM: a bitmap that is written in C.
            rb"\s*#define[^\n]*width[^\n]*\d\s*#define[^\n]*height",
            # VIFF: a known type, version and byte order.
            rb"\xab\x01[\0-\3][\0-\x0f][\2\4\5-\x08\x0a]",
            # PHM: floating-point numbers of 16 bits, in grey or in colours.
            rb"P[Hh]\s+\d+\s+\d+\s+-?[\d.]+\s",
            # ILBM: pictures of the Amiga.
            rb"FORM.{4}(?:ILBM|PBM )",
            # FLI and FLC: animations with their magic number after the length.
            rb".{4}[\x11\x12]\xaf.{2}(?:\x40\x01|\x80\x02|\x00\x04)",
        )
    ),
    re.DOTALL,
)
