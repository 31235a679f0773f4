"""Decode a large PNG in bands of rows.

Pillow decodes a PNG as a whole, at four bytes for each pixel of colours. Rows are
packed one after another, so they are unpacked in order, and each band of rows is given
to Pillow as a separate PNG, since Pillow can undo the filters of rows. A row refers to
the row above it, which is therefore put first in each band.

Rules this module keeps:

- Samples are exactly those that Pillow shows, in every depth.
- An interlaced picture has its rows in seven passes, and is not decoded here.

Source: PNG, third edition, 7 (rows), 9 (filters), 11.2 (chunks).
"""

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from PIL import Image, PngImagePlugin

from uploadfilter.model import Reason
from uploadfilter.pictures import modes
from uploadfilter.pictures.faults import DECODER_ERRORS, BadPictureError, note
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers.timing import png_chunks
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError, check_large
from uploadfilter.pictures.reader import PillowReader, Reader, profile_of
from uploadfilter.pictures.sampling import Course
from uploadfilter.pictures.shrinking import Shrinker, scale_of_large

_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_HEADER: Final = struct.Struct(">IIBBBBB")
_HEADER_AT: Final = 16
_GREY_ALPHA, _RGB, _RGBA = 4, 2, 6
_CHANNELS: Final = {_GREY_ALPHA: 2, _RGB: 3, _RGBA: 4}
_MODES: Final = {_GREY_ALPHA: "LA", _RGB: "RGB", _RGBA: "RGBA"}
_DEEP: Final = 16

_BYTES_OF_MODE: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2}
"""Bytes of a pixel in the modes that Pillow keeps as small as in the file."""

_BAND_BYTES: Final = 3_000_000
"""Bytes of unpacked rows in a band; four times as many bytes are held in all."""

_READ_BYTES: Final = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """The layout of the rows by the header."""

    width: int
    height: int
    bits: int
    colour: int

    @property
    def stride(self) -> int:
        """Return the bytes of an unpacked row, with its filter."""
        return 1 + self.width * self.bits // 8 * _CHANNELS[self.colour]


def large_png(
    file: BinaryIO,
    image: Image.Image,
    picture_format: Format,
    limits: DecodeLimits,
    *,
    lack: Reason | None = None,
) -> Reader:
    """Return a reader for a PNG of one frame that is too large to be held as usual.

    Args:
        file: The PNG, as Pillow reads it.
        image: As Pillow opened it.
        picture_format: The format.
        limits: The limits of its cost.
        lack: The reason if something is known to be missing.

    Raises:
        OverBudgetError: It is too large even so.
    """
    width, height = image.size
    own_bytes = _BYTES_OF_MODE.get(image.mode)
    check_large(
        image.size,
        limits,
        file_bytes=file.seek(0, io.SEEK_END),
        # Pictures that stay as small as in the file take no longer than before.
        flat_pixels=picture_format.flat_pixels if own_bytes else 0,
        pixels_per_byte=picture_format.pixels_per_byte,
        needed_bytes=4 * _BAND_BYTES + width * height * (own_bytes or 0),
    )
    if own_bytes is not None:
        return PillowReader(
            image,
            replace(picture_format, bytes_per_pixel=own_bytes),
            replace(limits, max_pixels=limits.max_large_pixels),
            lack=lack,
        )
    file.seek(_HEADER_AT)
    header = _HEADER.unpack(file.read(_HEADER.size))
    rows = _Rows(width=width, height=height, bits=header[2], colour=header[3])
    if header[6] or rows.colour not in _CHANNELS or header[:2] != image.size:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    return _BandReader(file, image, rows, lack)


class _BandReader:
    """A PNG that is decoded in bands.

    Args:
        file: The PNG, as Pillow reads it.
        image: As Pillow opened it.
        rows: The layout of its rows.
        lack: The reason if something is known to be missing.
    """

    durations: Sequence[int] = (0,)
    keys: Sequence[int] | None = None
    course: Course | None = None

    def __init__(
        self,
        file: BinaryIO,
        image: Image.Image,
        rows: _Rows,
        lack: Reason | None,
    ) -> None:
        self.lack = lack
        self._file = file
        self._image = image
        self._rows = rows
        self._by = scale_of_large(image.size)

    def frame(self, number: int) -> Frame:
        """Decode the picture, up to the end of the file."""
        return replace(self._frame(number, self._by), again=self._again)

    def _again(self, scale: int, mode: str) -> Frame:
        """Decode the picture at another scale."""
        del mode  # it always has its colours
        return self._frame(0, scale)

    def _frame(self, number: int, by: int) -> Frame:
        rows = self._rows
        marked = self._image.info.get("transparency")
        mode = "RGBA" if isinstance(marked, tuple) else _MODES[rows.colour]
        shrinker = Shrinker(self._image.size, mode, by)
        shown = 0
        for strip in self._strips():
            shrinker.add(strip)
            shown += strip.height
        if not shown:
            raise BadPictureError("no row can be decoded")
        frame = shrinker.shrunk().frame(
            number,
            profile=profile_of(self._image),
            is_truncated=shown < rows.height,
        )
        for image in (frame.image, frame.stored):
            if image is not None:
                image.info |= self._image.info
                image.info.pop("transparency", None)
        return frame

    def _strips(self) -> Iterator[Image.Image]:
        """Yield the rows that can be decoded, from top to bottom."""
        above = b""
        for packed in self._bands():
            try:
                strip, above = self._decoded(packed, above)
            except DECODER_ERRORS as exc:
                note(exc)
                return
            yield strip

    def _bands(self) -> Iterator[bytes]:
        """Yield whole rows, unpacked, with their filters."""
        stride, left = self._rows.stride, self._rows.height
        per_band = max(1, _BAND_BYTES // stride)
        held = bytearray()
        for piece in self._unpacked():
            held += piece
            count = min(len(held) // stride, left)
            if count >= min(per_band, left):
                yield bytes(held[: count * stride])
                del held[: count * stride]
                left -= count
            if not left:
                return
        if count := min(len(held) // stride, left):
            yield bytes(held[: count * stride])

    def _unpacked(self) -> Iterator[bytes]:
        """Yield the unpacked data of the picture's chunks, up to the first damage."""
        unpacker = zlib.decompressobj()
        for piece in self._packed():
            try:
                yield unpacker.decompress(piece, _BAND_BYTES)
                while unpacker.unconsumed_tail:
                    yield unpacker.decompress(unpacker.unconsumed_tail, _BAND_BYTES)
            except zlib.error:
                return
            if unpacker.eof:
                return

    def _packed(self) -> Iterator[bytes]:
        """Yield the packed data of the picture's chunks."""
        for chunk in png_chunks(self._file):
            if chunk.name != b"IDAT":
                continue
            start = chunk.start + 8
            for at in range(start, start + chunk.length, _READ_BYTES):
                self._file.seek(at)
                yield self._file.read(min(_READ_BYTES, start + chunk.length - at))

    def _decoded(self, packed: bytes, above: bytes) -> tuple[Image.Image, bytes]:
        """Decode a band.

        Args:
            packed: Its rows.
            above: The samples of the row above it; empty if there is none.

        Returns:
            The band, and the samples of its last row.
        """
        count = len(packed) // self._rows.stride
        if above:
            packed = b"\0" + above + packed
        rows = replace(self._rows, height=len(packed) // self._rows.stride)
        if (rows.bits, rows.colour) == (_DEEP, _GREY_ALPHA):
            # Pillow reads four bytes as four channels, so that no byte is lost.
            image = _opened(replace(rows, bits=8, colour=_RGBA), packed)
            last = _last_row(image)
            high = Image.merge("LA", (image.getchannel("R"), image.getchannel("B")))
            return _lower(high, count), last
        image = _opened(rows, packed)
        last = _last_row(image)
        if rows.bits == _DEEP:
            low = _last_row(_opened(rows, packed, order="L"))
            last = bytes(byte for pair in zip(last, low, strict=True) for byte in pair)
        return self._with_alpha(_lower(image, count)), last

    def _with_alpha(self, strip: Image.Image) -> Image.Image:
        """Return a strip with an alpha, if a colour is marked as transparent."""
        marked = self._image.info.get("transparency")
        if isinstance(marked, tuple):
            strip.info["transparency"] = marked
            alpha = modes.alpha_of(strip)
            if alpha is not None:
                shade = alpha(strip)
                strip.info.pop("transparency")
                strip.putalpha(shade)
        return strip


def _opened(rows: _Rows, packed: bytes, order: str = "B") -> Image.Image:
    """Decode rows as a separate PNG.

    Args:
        rows: Their layout.
        packed: The rows, with their filters.
        order: ``B``, or ``L`` to decode the lower bytes of samples of 16 bits.
    """
    header = _HEADER.pack(rows.width, rows.height, rows.bits, rows.colour, 0, 0, 0)
    body = zlib.compress(packed, 0)
    chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    file = io.BytesIO(_MAGIC + b"".join(_chunk(*chunk) for chunk in chunks))
    image = PngImagePlugin.PngImageFile(file)
    if order == "L":
        image.tile = [
            tile._replace(args=str(tile.args).replace(";16B", ";16L"))
            for tile in image.tile
        ]
    image.load()
    return image


def _chunk(name: bytes, body: bytes) -> bytes:
    """Return one chunk."""
    checksum = zlib.crc32(body, zlib.crc32(name))
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def _lower(image: Image.Image, count: int) -> Image.Image:
    """Return the last rows of an image."""
    return image.crop((0, image.height - count, image.width, image.height))


def _last_row(image: Image.Image) -> bytes:
    return _lower(image, 1).tobytes()
