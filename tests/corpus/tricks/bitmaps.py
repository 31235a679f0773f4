"""Tricks with formats of Windows: bitmaps, icons and cursors, written by hand."""

import struct
from functools import partial

import numpy as np
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.formats import saved
from tests.corpus.tricks.kit import (
    Expected,
    Family,
    FileType,
    grey,
    of_family,
    pixels,
)

_ICON = (256, 192)
"""Width and height of a picture in an icon: no side may be longer than 256."""


def bmp_file(head: bytes, colours: bytes, data: bytes) -> bytes:
    """Return a BMP of a header, a palette or masks, and rows."""
    start = 14 + len(head) + len(colours)
    size = start + len(data)
    return struct.pack("<2sIHHI", b"BM", size, 0, 0, start) + head + colours + data


def bmp_head(
    width: int, height: int, *, bits: int, packing: int = 0, colours: int = 0
) -> bytes:
    """Return Microsoft's header of 40 bytes; ``height`` is negative for top-down."""
    fields = (40, width, height, 1, bits, packing, 0, 2835, 2835, colours, 0)
    return struct.pack("<IiiHHIIiiII", *fields)


def _rows(samples: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    """Return rows from the bottom up, each padded to whole words of 32 bits."""
    flat = samples[::-1].reshape(len(samples), -1)
    return np.pad(flat, ((0, 0), (0, -flat.shape[1] % 4))).tobytes()


def _bmp_top_down(target: Image.Image, _decoy: Image.Image) -> bytes:
    rows = _rows(pixels(target)[::-1, :, ::-1])
    return bmp_file(bmp_head(target.width, -target.height, bits=24), b"", rows)


def _bmp32(target: Image.Image, decoy: Image.Image) -> bytes:
    """Put the decoy where alpha would be: this header has no alpha."""
    samples = np.dstack((pixels(target)[:, :, ::-1], grey(decoy)))
    return bmp_file(bmp_head(*target.size, bits=32), b"", _rows(samples))


def _bmp565(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store 5, 6 and 5 bits, as masks say."""
    red, green, blue = np.moveaxis(pixels(target).astype(np.uint16), 2, 0)
    packed = (red >> 3 << 11) | (green >> 2 << 5) | (blue >> 3)
    rows = _rows(packed.astype("<u2").view(np.uint8))
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    return bmp_file(bmp_head(*target.size, bits=16, packing=3), masks, rows)


def _bmp_odd_masks(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store 10 bits of each colour in words of 32."""
    red, green, blue = np.moveaxis(pixels(target).astype(np.uint32) * 1023 // 255, 2, 0)
    packed = (red << 20 | green << 10 | blue).astype("<u4")
    masks = struct.pack("<III", 0x3FF << 20, 0x3FF << 10, 0x3FF)
    rows = _rows(packed.view(np.uint8))
    return bmp_file(bmp_head(*target.size, bits=32, packing=3), masks, rows)


def _greys(count: int) -> bytes:
    """Return a palette of greys with four bytes a colour."""
    steps = np.linspace(0, 255, count).astype(np.uint8)
    return np.stack((steps, steps, steps, np.zeros_like(steps)), axis=1).tobytes()


def _bmp_rle8(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store runs of equal greys."""
    packed = bytearray()
    for row in (grey(target) // 32)[::-1]:
        ends = np.flatnonzero(np.diff(row, append=255)) + 1
        for start, end in zip((0, *ends[:-1]), ends, strict=True):
            for length in _run_lengths(int(end - start)):
                packed += bytes((length, int(row[start])))
        packed += b"\0\0"
    packed += b"\0\1"
    head = bmp_head(*target.size, bits=8, packing=1, colours=8)
    return bmp_file(head, _greys(8), bytes(packed))


def _run_lengths(length: int) -> list[int]:
    """Return the lengths of runs of at most 255 that make up a run."""
    whole, rest = divmod(length, 255)
    return [255] * whole + [rest] * (rest > 0)


def _bmp4(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Store 16 greys, two pixels a byte."""
    samples = grey(target) // 16
    rows = _rows((samples[:, ::2] << 4 | samples[:, 1::2]).astype(np.uint8))
    head = bmp_head(*target.size, bits=4, colours=16)
    return bmp_file(head, _greys(16), rows)


def _bmp_os2(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Write OS/2's header of 12 bytes."""
    head = struct.pack("<IHHHH", 12, *target.size, 1, 24)
    return bmp_file(head, b"", _rows(pixels(target)[:, :, ::-1]))


def icon(
    *entries: tuple[int, int, bytes], cursor: bool = False, bits: int = 32
) -> bytes:
    """Return an icon or cursor.

    Args:
        entries: Width, height, and a PNG or bare BMP.
        cursor: Whether it is a cursor; its hot spot is then in the middle.
        bits: Bits of a pixel by the directory.
    """
    start = 6 + 16 * len(entries)
    directory, data = b"", b""
    for width, height, entry in entries:
        middle = width // 2, height // 2
        planes, depth = middle if cursor else (1, bits)
        sides = bytes((width % 256, height % 256, 0, 0))
        place = struct.pack("<HHII", planes, depth, len(entry), start + len(data))
        directory += sides + place
        data += entry
    return struct.pack("<HHH", 0, 2 if cursor else 1, len(entries)) + directory + data


def icon_bmp(image: Image.Image) -> bytes:
    """Return the entry of an icon as a BMP of 24 bits with an empty mask."""
    mask_row = -(-image.width // 32) * 4
    rows = _rows(pixels(image)[:, :, ::-1])
    head = bmp_head(image.width, 2 * image.height, bits=24)
    return head + rows + bytes(mask_row * image.height)


def _icon(
    target: Image.Image,
    _decoy: Image.Image,
    *,
    bmp: bool,
    cursor: bool = False,
    bits: int = 32,
) -> bytes:
    small = target.resize(_ICON, Image.Resampling.LANCZOS)
    entry = icon_bmp(small) if bmp else pictures.png(small)
    return icon((*_ICON, entry), cursor=cursor, bits=bits)


def _restated_icon(
    target: Image.Image,
    decoy: Image.Image,
    *,
    length: int,
    bmp: bool = False,
    cursor: bool = False,
) -> bytes:
    """Give any length to the only entry in the directory."""
    made = bytearray(_icon(target, decoy, bmp=bmp, cursor=cursor, bits=24))
    struct.pack_into("<I", made, 14, length)
    return bytes(made)


def _odd_icon(target: Image.Image, decoy: Image.Image) -> bytes:
    """Let the entry begin at an odd offset, after an unused kilobyte."""
    made = bytearray(_icon(target, decoy, bmp=False))
    struct.pack_into("<II", made, 14, 0, 22 + 1501)
    return bytes(made[:22] + bytes(1501) + made[22:])


def _shared_icon(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Let many entries share the same bytes, each with another length."""
    entry = pictures.png(target.resize(_ICON, Image.Resampling.LANCZOS))
    sides = bytes((_ICON[0] % 256, _ICON[1] % 256, 0, 0))
    places = b"".join(
        sides + struct.pack("<HHII", 1, 32, length, 6 + 16 * 40) for length in range(40)
    )
    return struct.pack("<HHH", 0, 1, 40) + places + entry


_format = of_family(Family.FORMAT)

BITMAP_TRICKS = (
    _format("bmp-24", FileType.BMP, saved("BMP"), "a usual BMP"),
    _format("bmp-top-down", FileType.BMP, _bmp_top_down, "the first row first"),
    _format(
        "bmp-32", FileType.BMP, _bmp32, "a fourth byte that is no alpha shows the decoy"
    ),
    _format("bmp-565", FileType.BMP, _bmp565, "16 bits with masks"),
    _format(
        "bmp-masks",
        FileType.BMP,
        _bmp_odd_masks,
        "masks of ten bits",
        expected=Expected.REFUSED,
    ),
    _format("bmp-rle8", FileType.BMP, _bmp_rle8, "runs of equal greys"),
    _format("bmp-4", FileType.BMP, _bmp4, "16 greys"),
    _format("bmp-os2", FileType.BMP, _bmp_os2, "the header of OS/2"),
    _format("ico-png", FileType.ICO, partial(_icon, bmp=False), "a PNG in an icon"),
    _format(
        "ico-bmp", FileType.ICO, partial(_icon, bmp=True, bits=24), "a BMP in an icon"
    ),
    _format(
        "ico-claim",
        FileType.ICO,
        partial(_icon, bmp=True),
        "a BMP of 24 bits of which the directory says 32",
    ),
    _format(
        "cur-png",
        FileType.ICO,
        partial(_icon, bmp=False, cursor=True),
        "a PNG in a cursor",
    ),
    _format(
        "cur-bmp",
        FileType.ICO,
        partial(_icon, bmp=True, cursor=True),
        "a BMP in a cursor",
    ),
    _format(
        "ico-no-length",
        FileType.ICO,
        partial(_restated_icon, length=0),
        "a PNG in an icon, of which the directory says that it has no bytes",
    ),
    _format(
        "ico-bmp-no-length",
        FileType.ICO,
        partial(_restated_icon, length=0, bmp=True),
        "the same of a BMP",
    ),
    _format(
        "ico-long",
        FileType.ICO,
        partial(_restated_icon, length=0xFFFFFFFF),
        "a PNG in an icon, of which the directory says that it has four gigabytes",
    ),
    _format(
        "ico-bmp-long",
        FileType.ICO,
        partial(_restated_icon, length=0x7FFFFFFF, bmp=True),
        "a BMP of which the directory says that it has two",
    ),
    _format(
        "cur-no-length",
        FileType.ICO,
        partial(_restated_icon, length=0, cursor=True),
        "a PNG in a cursor, of which the directory says that it has no bytes",
    ),
    _format(
        "cur-bmp-no-length",
        FileType.ICO,
        partial(_restated_icon, length=0, bmp=True, cursor=True),
        "the same of a BMP",
    ),
    _format("ico-odd", FileType.ICO, _odd_icon, "an entry without bytes, far away"),
    _format(
        "ico-shared",
        FileType.ICO,
        _shared_icon,
        "forty entries of different lengths, the first of none, at one place",
    ),
)
