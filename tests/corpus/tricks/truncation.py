"""Tricks with files that are cut short, or that claim to be longer."""

import io
import struct

from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.formats import jxl
from tests.corpus.tricks.kit import (
    COLOURS,
    Expected,
    Family,
    FileType,
    Maker,
    Shown,
    of_family,
    pixels,
    png_chunk,
    png_file,
    png_head,
)


def _cut(file_format: str, *, kept: float, **options: object) -> Maker:
    """Return a maker of a file without its end."""

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        content = pictures.encoded(target, file_format, **options)
        return pictures.truncated(content, kept=kept)

    return make


def _jxl_cut(target: Image.Image, _decoy: Image.Image) -> bytes:
    return pictures.truncated(jxl(target), kept=0.9)


def _without_end(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Leave out the two bytes that end a JPEG."""
    return pictures.jpeg(target)[:-2]


def _tall_jpeg(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Claim twice as many rows as there are."""
    content = bytearray(pictures.jpeg(target))
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 7] = struct.pack(">H", 2 * target.height)
    return bytes(content)


def _tall_png(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Claim twice as many rows as there are."""
    content = png_file(pixels(target))
    head = png_head(target.width, 2 * target.height, depth=8, colour=COLOURS)
    return head + content[len(head) :]


def _without_last_chunk(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Leave out the chunk that ends a PNG, and the checksum before it."""
    return pictures.png(target)[:-16]


def _wrong_adler(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Spoil the checksum of the packed data, but not that of the chunk."""
    content = pictures.encoded(target, "PNG", compress_level=1)
    start = content.index(b"IDAT") + 4
    buffer = io.BytesIO(content[: start - 8])
    buffer.seek(0, io.SEEK_END)
    data, at = b"", start - 8
    while content[at + 4 : at + 8] == b"IDAT":
        length = int.from_bytes(content[at : at + 4], "big")
        data += content[at + 8 : at + 8 + length]
        at += 12 + length
    buffer.write(png_chunk(b"IDAT", data[:-4] + bytes(4)) + content[at:])
    return buffer.getvalue()


def _gif_without_end(target: Image.Image, _decoy: Image.Image) -> bytes:
    return pictures.gif(target)[:-1]


_truncated = of_family(Family.TRUNCATION)


TRUNCATION_TRICKS = (
    _truncated(
        "jpeg-no-end", FileType.JPEG, _without_end, "without its last two bytes"
    ),
    _truncated(
        "jpeg-cut-97",
        FileType.JPEG,
        _cut("JPEG", kept=0.97, quality=85),
        "all but the last rows of a JPEG",
    ),
    _truncated(
        "png-cut-97",
        FileType.PNG,
        _cut("PNG", kept=0.97),
        "all but the last rows of a PNG",
    ),
    _truncated(
        "bmp-cut-97",
        FileType.BMP,
        _cut("BMP", kept=0.97),
        "all but the first rows of a BMP",
    ),
    _truncated(
        "jpeg-cut-90",
        FileType.JPEG,
        _cut("JPEG", kept=0.9, quality=85),
        "nine tenths of a JPEG",
        shown=Shown.PART,
        expected=Expected.REFUSED,
    ),
    _truncated(
        "jpeg-cut-75",
        FileType.JPEG,
        _cut("JPEG", kept=0.75, quality=85),
        "three quarters of a JPEG",
        shown=Shown.PART,
        expected=Expected.REFUSED,
    ),
    _truncated(
        "jpeg-progressive-cut-50",
        FileType.JPEG,
        _cut("JPEG", kept=0.5, progressive=True),
        "half a progressive JPEG: coarse, but whole",
    ),
    _truncated(
        "jpeg-progressive-cut-25",
        FileType.JPEG,
        _cut("JPEG", kept=0.25, progressive=True),
        "a quarter of a progressive JPEG",
    ),
    _truncated(
        "jpeg-tall",
        FileType.JPEG,
        _tall_jpeg,
        "twice as many rows claimed as there are",
        shown=Shown.NOTHING,
    ),
    _truncated(
        "png-tall",
        FileType.PNG,
        _tall_png,
        "twice as many rows claimed as there are",
        shown=Shown.NOTHING,
    ),
    _truncated(
        "png-no-end", FileType.PNG, _without_last_chunk, "without its last chunk"
    ),
    _truncated("png-adler", FileType.PNG, _wrong_adler, "a wrong checksum of the data"),
    _truncated(
        "png-cut-90",
        FileType.PNG,
        _cut("PNG", kept=0.9),
        "nine tenths of a PNG",
        shown=Shown.PART,
        expected=Expected.REFUSED,
    ),
    _truncated("gif-no-end", FileType.GIF, _gif_without_end, "without its last byte"),
    _truncated(
        "gif-cut-90", FileType.GIF, _cut("GIF", kept=0.9), "nine tenths of a GIF"
    ),
    _truncated(
        "webp-cut-90",
        FileType.WEBP,
        _cut("WEBP", kept=0.9, quality=85),
        "nine tenths of a WebP",
        shown=Shown.NOTHING,
    ),
    _truncated(
        "webp-lossless-cut-90",
        FileType.WEBP,
        _cut("WEBP", kept=0.9, lossless=True, method=0),
        "nine tenths of a lossless WebP",
        shown=Shown.NOTHING,
    ),
    _truncated(
        "bmp-cut-90",
        FileType.BMP,
        _cut("BMP", kept=0.9),
        "nine tenths of a BMP",
        shown=Shown.PART,
        expected=Expected.REFUSED,
    ),
    _truncated(
        "jxl-cut-90",
        FileType.JXL,
        _jxl_cut,
        "nine tenths of a JPEG XL",
        expected=Expected.REFUSED,
    ),
    _truncated(
        "avif-cut-95",
        FileType.AVIF,
        _cut("AVIF", kept=0.95, speed=9),
        "most of an AVIF",
        shown=Shown.NOTHING,
        expected=Expected.REFUSED,
    ),
)
