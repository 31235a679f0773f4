"""Make files for picture decoders from the samples that a document stores.

Documents store pictures as bare samples, packed in one of a few ways, and store their
size and the meaning of the samples apart from them. A TIFF can hold nearly all of this,
with the same packed bytes; a PNG can hold samples that are packed with its own filters.
So nothing is unpacked here, and the decoder's budgets apply to the samples.

Source:
    Adobe, "TIFF Revision 6.0"; Adobe, "Adobe Photoshop TIFF Technical Notes" (deflate);
    W3C, "Portable Network Graphics", third edition, clause 11.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

BYTE_BITS: Final = 8
GREY, RGB, CMYK = 1, 3, 4
"""Numbers of channels that a sample may have."""


class Packing(IntEnum):
    """The packing of samples, by its number in TIFF."""

    NONE = 1
    FAX_ROWS = 2
    FAX_G3 = 3
    FAX_G4 = 4
    LZW = 5
    DEFLATE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """The meaning of bare samples.

    Attributes:
        width: Samples in a row, 1 or more.
        height: Rows, 1 or more.
        bits: Of one channel of one sample: 1, 2, 4, 8 or 16; the most significant bit
            and byte come first, and each row begins with a new byte.
        channels: ``GREY``, ``RGB`` or ``CMYK``.
        palette: Red, green and blue of each value, if the one channel is an index.
        is_inverted: Whether the highest value means no light, or no ink.
    """

    width: int
    height: int
    bits: int = BYTE_BITS
    channels: int = GREY
    palette: bytes = b""
    is_inverted: bool = False

    @property
    def row_bytes(self) -> int:
        """Return the bytes of an unpacked row."""
        return -(-self.width * self.channels * self.bits // BYTE_BITS)

    @property
    def size(self) -> int:
        """Return the bytes of all unpacked rows."""
        return self.row_bytes * self.height

    @property
    def is_plain(self) -> bool:
        """Return whether decoders read it unchanged in a TIFF.

        They read channels of less than a byte, or with inverted values, only if there
        is one channel. A negative matches by the complement of its signals; a negative
        of inks does not.
        """
        if self.channels == GREY:
            return True
        is_negative_ink = self.channels == CMYK and self.is_inverted
        return self.bits >= BYTE_BITS and not is_negative_ink

    @property
    def is_png(self) -> bool:
        """Return whether a PNG can hold it."""
        return self.channels == GREY or (self.channels == RGB and self.is_plain)


_SHORT, _LONG = 3, 4
_UNDEFINED: Final = 7
_FORMATS: Final = {_SHORT: "H", _LONG: "L", _UNDEFINED: "B"}
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _SEPARATED = 0, 1, 2, 3, 5
_STRIP_OFFSETS: Final = 273
_IN_FIELD_BYTES: Final = 4
"""Longest values, in bytes, that stand in the field itself."""

Field = tuple[int, int, list[int]]
"""Tag, type and values of one field of a TIFF file."""


def tiff_head(
    raster: Raster,
    packing: Packing,
    *,
    packed_bytes: int,
    predictor: int = 1,
    options: int = 0,
) -> bytes:
    """Make a TIFF file without its packed samples, which follow the head.

    Args:
        raster: The meaning of the samples.
        packing: Their packing.
        packed_bytes: Their length as packed.
        predictor: 2 if each sample is stored as the difference from the sample before
            it.
        options: For a fax packing: bit 0 for two dimensions, bit 2 for filled lines.
    """
    fields: list[Field] = [
        (256, _LONG, [raster.width]),
        (257, _LONG, [raster.height]),
        (258, _SHORT, [raster.bits] * raster.channels),
        (259, _SHORT, [packing]),
        (262, _SHORT, [_meaning(raster)]),
        (_STRIP_OFFSETS, _LONG, [0]),
        (277, _SHORT, [raster.channels]),
        (278, _LONG, [raster.height]),
        (279, _LONG, [packed_bytes]),
    ]
    if packing is Packing.FAX_G3:
        fields.append((292, _LONG, [options]))
    if predictor != 1:
        fields.append((317, _SHORT, [predictor]))
    if raster.palette:
        fields.append((320, _SHORT, _colour_map(raster)))
    return _directory(fields)


def _meaning(raster: Raster) -> int:
    """Return the photometric interpretation of TIFF."""
    if raster.palette:
        return _PALETTE
    if raster.channels == GREY:
        return _WHITE_IS_ZERO if _is_white_zero(raster) else _BLACK_IS_ZERO
    return _RGB if raster.channels == RGB else _SEPARATED


def _is_white_zero(raster: Raster) -> bool:
    """Return whether zero means white; decoders know no such samples of two bytes."""
    return raster.is_inverted and raster.bits <= BYTE_BITS


def _colour_map(raster: Raster) -> list[int]:
    """Return all reds, all greens and all blues, each as 16 bits."""
    colours = raster.palette[: 3 << raster.bits].ljust(3 << raster.bits, b"\0")
    return [257 * value for channel in range(3) for value in colours[channel::3]]


def _directory(fields: list[Field]) -> bytes:
    """Write the head of a TIFF file with one strip, which follows the head."""
    apart_at = 8 + 2 + 12 * len(fields) + 4
    size = apart_at + sum(len(_values(field)) for field in fields if _is_apart(field))
    entries, apart = b"", b""
    for field in fields:
        tag, kind, values = field
        data = struct.pack(">L", size) if tag == _STRIP_OFFSETS else _values(field)
        if _is_apart(field):
            data, apart = struct.pack(">L", apart_at + len(apart)), apart + data
        entries += struct.pack(">HHL", tag, kind, len(values)) + data.ljust(4, b"\0")
    count = struct.pack(">H", len(fields))
    return b"MM\0*\0\0\0\x08" + count + entries + bytes(4) + apart


def _values(field: Field) -> bytes:
    _, kind, values = field
    return struct.pack(f">{len(values)}{_FORMATS[kind]}", *values)


def _is_apart(field: Field) -> bool:
    """Return whether the values are too long to stand in the field itself."""
    return len(_values(field)) > _IN_FIELD_BYTES


_INDEXED: Final = 3
_COLOUR_TYPES: Final = {GREY: 0, RGB: 2}


def png(raster: Raster, filtered: bytes) -> Iterator[bytes]:
    """Yield a PNG file of samples that have PNG's filters and are deflated.

    Args:
        raster: The meaning of the samples; ``is_png``.
        filtered: All rows, deflated; each row follows a byte that names its filter.
    """
    colour_type = _INDEXED if raster.palette else _COLOUR_TYPES[raster.channels]
    head = struct.pack(
        ">2L5B", raster.width, raster.height, raster.bits, colour_type, 0, 0, 0
    )
    yield b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head)
    if raster.palette:
        yield _chunk(b"PLTE", raster.palette[: 3 << raster.bits])
    yield struct.pack(">L", len(filtered)) + b"IDAT"
    yield filtered
    checksum = zlib.crc32(filtered, zlib.crc32(b"IDAT"))
    yield struct.pack(">L", checksum) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">L", len(data)) + name + data + struct.pack(">L", checksum)


_PROFILE_TAG: Final = 34675
_EXTRA_SAMPLES: Final = 338
_UNASSOCIATED: Final = 2


def painted_tiff(
    colours: NDArray[np.uint8], profile: bytes, *, has_alpha: bool
) -> Iterator[bytes]:
    """Yield a TIFF file of computed colours.

    Args:
        colours: Shape (height, width, channels), the alpha last.
        profile: The ICC profile that the channels are for; may be empty.
        has_alpha: Whether the last channel is the alpha.
    """
    height, width, count = colours.shape
    raster = Raster(width=width, height=height, channels=count - has_alpha)
    fields: list[Field] = [
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [BYTE_BITS] * count),
        (259, _SHORT, [Packing.NONE]),
        (262, _SHORT, [_meaning(raster)]),
        (_STRIP_OFFSETS, _LONG, [0]),
        (277, _SHORT, [count]),
        (278, _LONG, [height]),
        (279, _LONG, [colours.size]),
    ]
    if has_alpha:
        fields.append((_EXTRA_SAMPLES, _SHORT, [_UNASSOCIATED]))
    if profile:
        fields.append((_PROFILE_TAG, _UNDEFINED, list(profile)))
    yield _directory(fields)
    yield np.ascontiguousarray(colours).tobytes()


def plain(raster: Raster, samples: bytes) -> tuple[Raster, bytes]:
    """Convert unpacked samples to one byte a channel, which decoders read.

    Args:
        raster: Their meaning.
        samples: All rows; missing bytes count as zero.

    Returns:
        The meaning of the new samples, and the new samples.
    """
    missing = bytes(max(0, raster.size - len(samples)))
    rows = np.frombuffer(samples[: raster.size] + missing, np.uint8)
    rows = rows.reshape(raster.height, raster.row_bytes)
    if raster.bits > BYTE_BITS:
        values = rows[:, ::2]
    elif raster.bits < BYTE_BITS:
        values = _widened(rows, raster)
    else:
        values = rows
    if raster.is_inverted:
        values = 255 - values
    new = replace(raster, bits=BYTE_BITS, is_inverted=False)
    return new, values.tobytes()


def _widened(rows: np.ndarray, raster: Raster) -> np.ndarray:
    """Scale values of a few bits to bytes."""
    per_row = raster.width * raster.channels
    places = np.arange(per_row) * raster.bits
    mask = (1 << raster.bits) - 1
    shifts = (BYTE_BITS - raster.bits - places % BYTE_BITS).astype(np.uint8)
    values = rows[:, places // BYTE_BITS] >> shifts & mask
    return values * (255 // mask)
