"""Provide the parts of every trick: the value, the file types, and chunks of files.

A *trick* is a file that holds the target, a listed picture, in such a way that a
careless filter sees nothing, or sees the decoy. ``tricks.py`` lists them all; the
modules ``tricks/*.py`` make them, a family or two each.

Rules these modules keep: bytes in memory only, no files, no clock; the same pictures
give the same bytes. Chunks are written by hand if an encoder would write only valid
ones.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Maker = Callable[[Image.Image, Image.Image], bytes]
"""Makes a file of the target and the decoy, two RGB pictures of the same size."""

Pixels = NDArray[np.uint8]

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

GREY, COLOURS, PALETTE, GREY_ALPHA, COLOURS_ALPHA = 0, 2, 3, 4, 6
"""Colour types of PNG."""

_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4))
_ADAM7 = (*_PASSES, (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row, first column, step down and step across of each pass of an interlaced
PNG."""


class Family(StrEnum):
    """The subject of a trick."""

    FORMAT = "format"
    DEPTH = "depth"
    ORIENTATION = "orientation"
    TRUNCATION = "truncation"
    ALPHA = "alpha"
    COLOUR = "colour"
    PROFILE = "profile"
    PART = "part"
    FRAMES = "frames"
    EMBEDDED = "embedded"
    JUNK = "junk"
    KIND = "kind"
    CONTAINER = "container"
    PAPER = "paper"
    TEXT = "text"
    EDIT = "edit"
    BOMB = "bomb"
    COMBINED = "combined"


class Shown(StrEnum):
    """The picture that Chromium shows of a trick, as measured.

    A copy that is turned, mirrored or stands on a black page counts.
    """

    TARGET = "the target"
    """A copy within the usual threshold of PDQ."""

    PART = "most of it"
    """A damaged copy that a person would recognise and PDQ no longer does."""

    NOTHING = "-"
    """The decoy, nothing, or the target changed so much that PDQ cannot recognise it.
    """


class Expected(StrEnum):
    """The result of the filter for a trick."""

    FOUND = "found"
    """The target is found: the verdict is ``MATCH``."""

    REFUSED = "refused"
    """It cannot be seen whole, and does not pass: the verdict is ``INCONCLUSIVE``."""

    LIMIT = "limit"
    """The target is not found; ``docs/limits.md`` names the trick."""


class FileType(StrEnum):
    """Media types under which tricks are served, and their usual suffixes."""

    suffix: str

    def __new__(cls, media_type: str, suffix: str) -> Self:
        """Take the media type as value, and keep the suffix beside it."""
        member = str.__new__(cls, media_type)
        member._value_ = media_type
        member.suffix = suffix
        return member

    JPEG = "image/jpeg", ".jpg"
    PNG = "image/png", ".png"
    GIF = "image/gif", ".gif"
    WEBP = "image/webp", ".webp"
    AVIF = "image/avif", ".avif"
    HEIC = "image/heic", ".heic"
    JXL = "image/jxl", ".jxl"
    TIFF = "image/tiff", ".tif"
    BMP = "image/bmp", ".bmp"
    ICO = "image/x-icon", ".ico"
    JP2 = "image/jp2", ".jp2"
    SVG = "image/svg+xml", ".svg"
    XML = "application/xml", ".xml"
    HTML = "text/html", ".html"
    CSS = "text/css", ".css"
    JSON = "application/json", ".json"
    MAIL = "message/rfc822", ".eml"
    PDF = "application/pdf", ".pdf"
    ZIP = "application/zip", ".zip"
    BROTLI = "application/x-brotli", ".br"
    DATA = "application/octet-stream", ".bin"

    @property
    def is_document(self) -> bool:
        """Whether a browser opens it by itself."""
        return self in {FileType.SVG, FileType.XML, FileType.HTML}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trick:
    """One way to hide a picture.

    Attributes:
        name: Unique, e.g. ``jpeg-progressive``.
        family: Its subject.
        type: Media type under which it is served, and suffix.
        make: Makes the file from a target and a decoy.
        about: Its description, in a few words.
        shown: The picture that Chromium shows.
        expected: The result of the filter.
    """

    name: str
    family: Family
    type: FileType
    make: Maker
    about: str
    shown: Shown
    expected: Expected = Expected.FOUND

    @property
    def media_type(self) -> str:
        """Media type under which it is served."""
        return self.type.value

    @property
    def suffix(self) -> str:
        """Suffix of a file name, with its dot."""
        return self.type.suffix


def of_family(family: Family) -> Callable[..., Trick]:
    """Return a short way to write down tricks of one family."""

    def trick(
        name: str,
        file_type: FileType,
        make: Maker,
        about: str,
        *,
        shown: Shown = Shown.TARGET,
        expected: Expected = Expected.FOUND,
    ) -> Trick:
        return Trick(
            name=name,
            family=family,
            type=file_type,
            make=make,
            about=about,
            shown=shown,
            expected=expected,
        )

    return trick


def pixels(image: Image.Image, mode: str = "RGB") -> Pixels:
    """Return a picture's samples, shape (height, width) or (height, width, bands)."""
    return np.asarray(image.convert(mode))


def grey(image: Image.Image) -> Pixels:
    """Return a picture's luma, shape (height, width)."""
    return pixels(image, "L")


def dithered(image: Image.Image) -> NDArray[np.bool_]:
    """Return which pixels are white in a copy of two colours."""
    return np.asarray(image.convert("1"))


def png_chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG: length, name, body, CRC."""
    crc = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)


def png_head(
    width: int, height: int, *, depth: int, colour: int, interlaced: bool = False
) -> bytes:
    """Return magic and header of a PNG.

    Args:
        width: Pixels.
        height: Pixels.
        depth: Bits a sample: 1, 2, 4, 8 or 16.
        colour: Colour type.
        interlaced: Whether the rows come in seven passes.
    """
    fields = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return PNG_MAGIC + png_chunk(b"IHDR", fields)


def png_rows(samples: NDArray[np.uint8] | NDArray[np.uint16], *, depth: int) -> bytes:
    """Return the rows of a PNG before compression, each with filter 0.

    Args:
        samples: Shape (height, width) or (height, width, bands).
        depth: Bits a sample.
    """
    if depth == 16:
        flat = samples.astype(">u2").view(np.uint8).reshape(len(samples), -1)
    elif depth == 8:
        flat = samples.astype(np.uint8).reshape(len(samples), -1)
    else:
        rows = samples.astype(np.uint8).reshape(len(samples), -1, 1)
        bits = np.unpackbits(rows, axis=2)[:, :, 8 - depth :]
        flat = np.packbits(bits.reshape(len(samples), -1), axis=1)
    return np.insert(flat, 0, 0, axis=1).tobytes()


def png_file(
    samples: NDArray[np.uint8] | NDArray[np.uint16],
    *,
    depth: int = 8,
    colour: int = COLOURS,
    chunks: bytes = b"",
    interlaced: bool = False,
) -> bytes:
    """Return a PNG.

    Args:
        samples: Shape (height, width) or (height, width, bands).
        depth: Bits a sample.
        colour: Colour type.
        chunks: The chunks between the header and the data.
        interlaced: Whether the rows come in seven passes.
    """
    height, width = samples.shape[:2]
    parts = [samples]
    if interlaced:
        parts = [samples[y::down, x::across] for y, x, down, across in _ADAM7]
    rows = b"".join(png_rows(part, depth=depth) for part in parts if part.size)
    head = png_head(width, height, depth=depth, colour=colour, interlaced=interlaced)
    data = png_chunk(b"IDAT", zlib.compress(rows, 6))
    return head + chunks + data + png_chunk(b"IEND", b"")


def with_chunk(png: bytes, name: bytes, body: bytes) -> bytes:
    """Return a PNG with one more chunk after its header."""
    head = len(PNG_MAGIC) + 25
    return png[:head] + png_chunk(name, body) + png[head:]


def jpeg_segment(marker: int, body: bytes) -> bytes:
    """Return a marker segment of a JPEG, ``marker`` being its second byte."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    """Return a JPEG with one more segment after its first two bytes."""
    return jpeg[:2] + jpeg_segment(marker, body) + jpeg[2:]


def riff_chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk of a WebP, padded to an even length."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def riff_chunks(webp: bytes) -> list[tuple[bytes, bytes]]:
    """Return names and bodies of a WebP's chunks."""
    found, at = [], 12
    while at + 8 <= len(webp):
        (length,) = struct.unpack_from("<I", webp, at + 4)
        found.append((webp[at : at + 4], webp[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return found


def webp_file(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a WebP of these chunks."""
    body = b"WEBP" + b"".join(riff_chunk(name, body) for name, body in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_head(width: int, height: int, *, flags: int) -> tuple[bytes, bytes]:
    """Return the header chunk of an extended WebP.

    Args:
        width: Pixels.
        height: Pixels.
        flags: 0x02 animation, 0x08 EXIF, 0x10 alpha, 0x20 profile.
    """
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X", struct.pack("<I", flags) + sides


def exif(orientation: int) -> bytes:
    """Return EXIF data with an orientation, from the TIFF header on."""
    return struct.pack(
        ">2sHI HHHIHH I", b"MM", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0
    )
