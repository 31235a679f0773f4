"""Read bitmaps with colour masks that Pillow does not know, and those of 32 bits.

Pillow knows a dozen layouts of masks and refuses all others. Browsers show every layout
whose masks have no holes. The bits beside three colours are alpha to some programs, and
nothing to others: they are always read as alpha, unless all of them are zero.

Source:
    Microsoft, "BITMAPV5HEADER"; where it leaves a choice, Chromium 156.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.colours.profiles import MAX_PROFILE_BYTES
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError, check_frame
from uploadfilter.pictures.reader import ChainedReader, PillowReader, Reader
from uploadfilter.pictures.readers.icons import IconReader, Opener, icon_of
from uploadfilter.pictures.sampling import Course

_HEAD: Final = struct.Struct("<2s8xIIiiHHI20x4I")
"""The header up to the four masks, which may stand in it or after it."""

_LAST_BEFORE_MASKS: Final = 40
_WITH_ALPHA: Final = 56
_MASKS, _MASKS_AND_ALPHA = 3, 6
"""Values of the packing that mean masks: of three colours, and of alpha too."""

_WITH_SPARE_BITS: Final = 32
_USUAL_MASKS: Final = (0xFF0000, 0xFF00, 0xFF)
_SAMPLE_BITS: Final = frozenset({16, 32})
_LONGEST_SIDE: Final = 65_535
"""Longest side in pixels; browsers refuse longer ones, and a row is held several times.
"""

_BAND_PIXELS: Final = 1 << 18
"""Pixels that are read at a time, at 20 bytes each."""

_DEPTH: Final = 8
_BYTE: Final = 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """The header of a bitmap.

    Attributes:
        size: Width and height, in pixels.
        is_top_down: Whether the top row is stored first.
        start: Offset of the rows.
        sample_bytes: Bytes of a pixel: 2 or 4.
        masks: One for each of red, green, blue and, if the bitmap has it, alpha.
    """

    size: tuple[int, int]
    is_top_down: bool
    start: int
    sample_bytes: int
    masks: tuple[int, ...]


def profile_of(file: BinaryIO) -> bytes | None:
    """Return the colour profile in a bitmap, if there is one.

    Args:
        file: The bitmap, from its first byte; its position is used.

    Raises:
        OverBudgetError: Its stated length is above the limit.
    """
    file.seek(0)
    head = file.read(_PROFILE_HEAD.size)
    if len(head) < _PROFILE_HEAD.size:
        return None
    magic, length, kind, start, size = _PROFILE_HEAD.unpack(head)
    if magic != b"BM" or length < _WITH_PROFILE or kind != _HELD_PROFILE:
        return None
    if size > MAX_PROFILE_BYTES:
        raise OverBudgetError(Reason.TOO_MANY_BYTES)
    file.seek(_FILE_HEAD_BYTES + start)
    return file.read(size) or None


_PROFILE_HEAD: Final = struct.Struct("<2s12xI52xI52xII4x")
"""The header up to the place of a profile, which counts from the second header."""

_WITH_PROFILE: Final = 124
_FILE_HEAD_BYTES: Final = 14
_HELD_PROFILE: Final = int.from_bytes(b"MBED", "big")


def open_bitmap(
    file: BinaryIO,
    picture_format: Format,
    limits: DecodeLimits,
    open_entry: Opener,
) -> Reader:
    """Open a bitmap; masks that Pillow does not know are read here.

    A bitmap without a file header may be that of an icon, and is read both ways.
    """
    reader: Reader
    try:
        reader = MaskedReader(file, picture_format, limits)
    except BadPictureError:
        file.seek(0)
        image = Image.open(file, formats=picture_format.pillow)
        image.info["icc_profile"] = profile_of(file)
        reader = PillowReader(image, picture_format, limits)
    icon = icon_of(file)
    if icon is None:
        return reader
    return ChainedReader(reader, IconReader(icon, picture_format, limits, open_entry))


class MaskedReader:
    """A bitmap of 32 bits, or of 16 with masks.

    Args:
        file: The bitmap, from its first byte.
        picture_format: Its format.
        limits: The limits of its cost.

    Raises:
        BadPictureError: It is not such a bitmap, or its masks have holes.
    """

    durations: Sequence[int] = (0,)
    lack: Reason | None = None
    keys: Sequence[int] | None = None
    course: Course | None = None

    def __init__(
        self, file: BinaryIO, picture_format: Format, limits: DecodeLimits
    ) -> None:
        self._head = _head_of(file)
        self._file = file
        self._format = picture_format
        self._limits = limits

    def frame(self, number: int) -> Frame:
        """Decode the picture, up to the end of the file."""
        head = self._head
        check_frame(
            head.size, self._limits, bytes_per_pixel=self._format.bytes_per_pixel
        )
        height = head.size[1]
        image = Image.new("RGBA"[: len(head.masks)], head.size)
        is_truncated = False
        for top in range(0, height, self._rows):
            band, is_whole = self._band(top, min(self._rows, height - top))
            if not head.is_top_down:
                band = band[::-1]
            at = top if head.is_top_down else height - top - len(band)
            image.paste(Image.fromarray(band), (0, at))
            if not is_whole:
                is_truncated = True
                break
        if image.mode == "RGBA" and image.getchannel("A").getbbox() is None:
            image = image.convert("RGB")
        return Frame(
            image=image,
            number=number,
            full=head.size,
            profile=profile_of(self._file),
            is_truncated=is_truncated,
        )

    @property
    def _rows(self) -> int:
        """Return the number of rows that are read at a time."""
        return max(1, _BAND_PIXELS // self._head.size[0])

    def _band(self, top: int, rows: int) -> tuple[NDArray[np.uint8], bool]:
        """Return some rows as stored in the file, and whether all of them are there."""
        head = self._head
        width = head.size[0]
        stride = -(-width * head.sample_bytes // 4) * 4
        self._file.seek(head.start + top * stride)
        data = self._file.read(rows * stride)
        if top == 0 and not data:
            raise BadPictureError("no row arrived")
        padded = data.ljust(rows * stride, b"\0")
        samples = np.frombuffer(padded, f"<u{head.sample_bytes}").reshape(rows, -1)
        words = samples[:, :width].astype(np.uint32)
        planes = [_plane(words, mask) for mask in head.masks]
        return np.stack(planes, axis=2), len(data) == len(padded)


def _plane(samples: NDArray[np.uint32], mask: int) -> NDArray[np.uint8]:
    """Return the values under a mask, 0 to 255; an empty mask gives zeros."""
    if not mask:
        return np.zeros(samples.shape, np.uint8)
    # If there are more than eight bits, the lowest are dropped.
    shift = max((mask & -mask).bit_length() - 1, mask.bit_length() - _DEPTH)
    largest = mask >> shift
    if largest == _BYTE:
        return (samples >> shift).astype(np.uint8)
    steps = (np.arange(1 << _DEPTH) * 255 // largest).astype(np.uint8)
    plane: NDArray[np.uint8] = steps[samples >> shift & largest]
    return plane


def _head_of(file: BinaryIO) -> _Head:
    """Read the header.

    Raises:
        BadPictureError: It is not the header of such a bitmap.
    """
    file.seek(0)
    head = file.read(_HEAD.size)
    before = 0 if head.startswith(b"BM") else _FILE_HEAD_BYTES
    head = bytes(before) + head[: _HEAD.size - before]
    if len(head) < _HEAD.size:
        raise BadPictureError("too short for masks")
    _, start, length, width, height, _, bits, packing, *masks = _HEAD.unpack(head)
    if length < _LAST_BEFORE_MASKS or bits not in _SAMPLE_BITS:
        raise BadPictureError("not a bitmap with masks")
    if packing not in {_MASKS, _MASKS_AND_ALPHA}:
        if packing or bits != _WITH_SPARE_BITS:
            raise BadPictureError("no masks")
        masks = [*_USUAL_MASKS, 0]
    if not (0 < width <= _LONGEST_SIDE and 0 < abs(height) <= _LONGEST_SIDE):
        raise BadPictureError("an invalid size of a bitmap")
    if before:
        # Without a header of a file, the rows follow the masks.
        follow = packing and length == _LAST_BEFORE_MASKS
        start = length + (4 * (3 if packing == _MASKS else 4) if follow else 0)
    return _Head(
        size=(width, abs(height)),
        is_top_down=height < 0,
        start=start,
        sample_bytes=bits // 8,
        masks=_used(masks, bits, packing == _MASKS_AND_ALPHA or length >= _WITH_ALPHA),
    )


def _used(masks: Sequence[int], bits: int, has_alpha: bool) -> tuple[int, ...]:
    """Return the masks of the colours, and of alpha if there is a bit for it.

    Raises:
        BadPictureError: One of them has holes.
    """
    whole = (1 << bits) - 1
    *colours, alpha = (mask & whole for mask in masks)
    if not (has_alpha and alpha) and bits == _WITH_SPARE_BITS:
        alpha, has_alpha = whole & ~(colours[0] | colours[1] | colours[2]), True
        alpha = 0 if _has_holes(alpha) else alpha
    used = (*colours, alpha) if has_alpha and alpha else tuple(colours)
    if any(_has_holes(mask) for mask in used):
        raise BadPictureError("masks with holes")
    return used


def _has_holes(mask: int) -> bool:
    """Return whether the ones of a mask are not side by side."""
    lowest = mask & -mask
    return bool(mask & (mask + lowest))
