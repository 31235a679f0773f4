"""Tricks with drawings of Windows: bitmaps that have no magic of their own."""

import base64
import struct
from collections.abc import Callable
from functools import partial

from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.bitmaps import bmp_head
from tests.corpus.tricks.kit import (
    Expected,
    Family,
    FileType,
    Maker,
    Shown,
    Trick,
    of_family,
    pixels,
)

_SIZE = (320, 240)
"""Width and height in pixels: as text, each pixel takes six characters."""

_COPY = 0x00CC0020
"""The raster operation that draws a bitmap unchanged."""


def dib(picture: Image.Image) -> bytes:
    """Return a bitmap in the form of Windows in memory: without a file header."""
    small = picture.resize(_SIZE, Image.Resampling.LANCZOS)
    return bmp_head(*_SIZE, bits=24) + pixels(small)[::-1, :, ::-1].tobytes()


def old_dib(picture: Image.Image) -> bytes:
    """Return the same with the header of OS/2."""
    return struct.pack("<IHHHH", 12, *_SIZE, 1, 24) + dib(picture)[40:]


def wmf(bitmap: bytes) -> bytes:
    """Return a drawing of 16-bit Windows that shows a bitmap.

    Source:
        [MS-WMF] 2.3.1.6 (META_STRETCHDIB) and 2.3.2.2 (META_HEADER).
    """
    width, height = _SIZE
    places = (0, height, width, 0, 0, height, width, 0, 0)
    body = struct.pack("<IH8h", _COPY, *places) + bitmap
    record = struct.pack("<IH", 3 + len(body) // 2, 0x0F43) + body
    whole = record + struct.pack("<IH", 3, 0)
    head = (1, 9, 0x300, 9 + len(whole) // 2, 0, len(record) // 2, 0)
    return struct.pack("<HHHIHIH", *head) + whole


def placeable_wmf(bitmap: bytes) -> bytes:
    """Return the same with the header from which viewers get its size.

    Source:
        [MS-WMF] 2.3.2.3.
    """
    fields = (0x9AC6CDD7, 0, 0, 0, *_SIZE, 96, 0)
    words = struct.unpack("<10H", struct.pack("<IHhhhhHI", *fields))
    check = 0
    for word in words:
        check ^= word
    return struct.pack("<IHhhhhHIH", *fields, check) + wmf(bitmap)


def emf(bitmap: bytes) -> bytes:
    """Return a drawing of 32-bit Windows that shows a bitmap.

    Source:
        [MS-EMF] 2.3.1.7 (EMR_STRETCHDIBITS) and 2.3.4.2 (EMR_HEADER).
    """
    width, height = _SIZE
    bounds = (0, 0, width, height)
    places = (0, 0, 0, 0, width, height)
    parts = (80, 40, 120, len(bitmap) - 40, 0, _COPY, width, height)
    body = struct.pack("<4i6i6I2i", *bounds, *places, *parts) + bitmap
    record = struct.pack("<II", 81, 8 + len(body)) + body
    end = struct.pack("<5I", 14, 20, 0, 0, 20)
    size = 108 + len(record) + len(end)
    head = struct.pack("<II4i4i4s", 1, 108, *bounds, 0, 0, 8467, 6350, b" EMF")
    head += struct.pack(
        "<IIIHHIII2i2i", 0x10000, size, 3, 1, 0, 0, 0, 0, *_SIZE, 80, 60
    )
    return head.ljust(108, b"\0") + record + end


def _lines(data: bytes, between: bytes = b"\r\n") -> bytes:
    """Return digits in lines, as word processors write them."""
    digits = data.hex().encode()
    return between.join(digits[at : at + 128] for at in range(0, len(digits), 128))


def _rich(word: bytes, digits: bytes) -> bytes:
    """Return a document in RTF with a picture; ``word`` names its format."""
    return b"{\\rtf1{\\pict\\picw320\\pich240" + word + b"\n" + digits + b"}\\par}"


def _flat(data: bytes) -> bytes:
    """Return a flat document of LibreOffice with a picture."""
    letters = base64.encodebytes(data)
    return (
        b'<?xml version="1.0"?><office:document><draw:image><office:binary-data>'
        b"%s</office:binary-data></draw:image></office:document>" % letters
    )


def _program(bitmap: bytes) -> bytes:
    """Return bytes like those of a program, with a bitmap among them."""
    return b"MZ" + bytes(range(1, 256)) * 9 + bitmap + bytes(99)


def _bitmap(write: Callable[[bytes], bytes], made: Callable[..., bytes] = dib) -> Maker:
    """Return a maker of a file that holds the target as a bitmap."""
    return lambda target, _decoy: write(made(target))


def _worded(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Put control words and groups between the digits, which readers skip."""
    jpeg = pictures.jpeg(target.resize(_SIZE, Image.Resampling.LANCZOS))
    return _rich(b"\\jpegblip", _lines(jpeg, b"\\par {\\*\\a b}"))


def icon_dib(picture: Image.Image) -> bytes:
    """Return the bitmap of an icon: twice as high as it shows, with a mask."""
    width, height = 256, 192
    small = picture.resize((width, height), Image.Resampling.LANCZOS)
    colours = pixels(small)[::-1, :, ::-1].tobytes()
    return bmp_head(width, 2 * height, bits=24) + colours + bytes(width // 8 * height)


def _moving_cursor(bitmap: bytes) -> bytes:
    """Return an animated cursor (ANI) of one frame, whose hot spot is in its corner."""
    entry = struct.pack("<4B2H2I", 0, 192, 0, 0, 0, 0, len(bitmap), 22)
    frame = b"\0\0\2\0\1\0" + entry + bitmap
    frames = b"framicon" + struct.pack("<I", len(frame)) + frame
    body = b"ACONanih" + struct.pack("<10I", 36, 36, 1, 1, 0, 0, 0, 0, 10, 1)
    body += b"LIST" + struct.pack("<I", len(frames)) + frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


_held = partial(of_family(Family.EMBEDDED), shown=Shown.NOTHING)

METAFILE_TRICKS: tuple[Trick, ...] = (
    _held("wmf", FileType.DATA, _bitmap(wmf), "a bitmap in a WMF"),
    _held(
        "wmf-old-bitmap",
        FileType.DATA,
        _bitmap(placeable_wmf, old_dib),
        "a bitmap with the header of OS/2 in a placeable WMF",
    ),
    _held("emf", FileType.DATA, _bitmap(emf), "a bitmap in an EMF"),
    _held(
        "rtf-bitmap",
        FileType.DATA,
        _bitmap(lambda data: _rich(b"\\dibitmap0", _lines(data))),
        "a bitmap as digits in RTF",
    ),
    _held(
        "rtf-bitmap-bytes",
        FileType.DATA,
        _bitmap(lambda data: _rich(b"\\dibitmap0\\bin%d " % len(data), data)),
        "a bitmap as bytes in RTF",
    ),
    _held(
        "rtf-wmf",
        FileType.DATA,
        _bitmap(lambda data: _rich(b"\\wmetafile8", _lines(wmf(data)))),
        "a WMF as digits in RTF",
    ),
    _held(
        "rtf-words",
        FileType.DATA,
        _worded,
        "control words and groups between the digits of a picture in RTF",
        expected=Expected.LIMIT,
    ),
    _held(
        "flat-emf",
        FileType.XML,
        _bitmap(lambda data: _flat(emf(data))),
        "an EMF as base64 in a flat document of LibreOffice",
    ),
    _held("program", FileType.DATA, _bitmap(_program), "a bitmap in a program"),
    _held(
        "program-icon",
        FileType.DATA,
        _bitmap(_program, icon_dib),
        "the bitmap of an icon in a program",
    ),
    _held(
        "animated-cursor",
        FileType.DATA,
        _bitmap(_moving_cursor, icon_dib),
        "a frame of an animated cursor of Windows",
    ),
)
