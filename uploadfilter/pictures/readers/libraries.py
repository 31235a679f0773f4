"""Read the formats that Pillow does not read: HEIC by libheif, JPEG XL by libjxl.

Their libraries come with plugins for Pillow, but are called directly here, so that
Pillow never opens these formats, and so that the cost is known before any decoding.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image
from pillow_jxl import Decoder as JXLDecoder

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError, panics_are_errors
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers import boxes, jxlheader
from uploadfilter.pictures.limits import DecodeLimits, check_frame
from uploadfilter.pictures.readers.jpegs import JPEGReader
from uploadfilter.pictures.sampling import Course

_USUAL_BITS = 8
"""Bits of a sample; samples with more bits take twice the memory during decoding."""


class HEIFReader:
    """A HEIC or HEIF file: its primary picture, then the others at its top level.

    Args:
        data: The file.
        picture_format: The format.
        limits: The limits of a picture's cost.
        lack: The reason if something is known to be missing.
        is_padded: Whether zeros stand for missing bytes of the file.
    """

    keys: Sequence[int] | None = None
    course: Course | None = None

    def __init__(
        self,
        data: bytes,
        picture_format: Format,
        limits: DecodeLimits,
        *,
        lack: Reason | None = None,
        is_padded: bool = False,
    ) -> None:
        opened = pillow_heif.open_heif(io.BytesIO(data))
        others = [at for at in range(len(opened)) if at != opened.primary_index]
        self._places = (opened.primary_index, *others)
        self._pictures = {number: opened[at] for number, at in enumerate(self._places)}
        self._is_padded = is_padded
        self._data = data
        self._format = picture_format
        self._limits = limits
        self.durations: Sequence[int] = (0,) * len(self._pictures)
        self.lack = lack

    def frame(self, number: int) -> Frame:
        """Decode a picture, up to the end of the file."""
        # A picture keeps its pixels as long as it exists.
        picture = self._pictures.pop(number)
        info: dict[str, Any] = picture.info
        is_deep = info["bit_depth"] > _USUAL_BITS
        profile: bytes | None = info.get("icc_profile") or None
        check_frame(
            picture.size,
            self._limits,
            bytes_per_pixel=self._format.deep_bytes_per_pixel
            if is_deep
            else self._format.bytes_per_pixel,
            held_bytes=len(self._data),
        )
        pixels = picture.data
        # Pixels of four bytes are used in place.
        of = Image.frombuffer if picture.mode == "RGBA" else Image.frombytes
        image = of(
            picture.mode, picture.size, pixels, "raw", picture.mode, picture.stride, 1
        )
        return Frame(
            image=image,
            number=number,
            full=image.size,
            profile=profile,
            is_truncated=self._is_padded,
        )


class JXLReader:
    """A JPEG XL: the JPEG that it packs, if it does, and its last frame.

    Args:
        data: The file.
        picture_format: The format.
        limits: The limits of its cost.
        jpeg: The format of the JPEG that may be in it.

    Raises:
        BadPictureError: Its header cannot be read.
    """

    keys: Sequence[int] | None = None
    course: Course | None = None

    def __init__(
        self, data: bytes, picture_format: Format, limits: DecodeLimits, jpeg: Format
    ) -> None:
        header = jxlheader.read_header(data)
        if header is None:
            raise BadPictureError("no header of a JPEG XL")
        self._header = header
        self._data = data
        self._format = picture_format
        self._limits = limits
        self._jpeg = jpeg
        # The library shows only the last frame.
        self.lack = Reason.KEY_FRAME_UNSEEN if header.is_animated else None
        # Beside a JPEG of the samples stand the samples, which viewers show.
        is_packed = boxes.has_box(data, _PACKED_JPEG)
        self.durations: Sequence[int] = (0, 0) if is_packed else (0,)

    def frame(self, number: int) -> Frame:
        """Decode the picture; the library shows no part of a truncated one."""
        check_frame(
            self._header.size,
            self._limits,
            bytes_per_pixel=self._format.bytes_per_pixel,
            held_bytes=self._format.held_times * len(self._data),
        )
        data = self._data
        if number:
            data = boxes.with_other_name(data, _PACKED_JPEG, b"free")
        with panics_are_errors():
            is_jpeg, info, pixels, profile, _ = JXLDecoder(num_threads=0)(data)
        if is_jpeg:
            return JPEGReader(io.BytesIO(pixels), self._jpeg, self._limits).frame(0)
        image = _image_of(pixels, info.mode, (info.width, info.height))
        return Frame(
            image=image, number=number, full=image.size, profile=profile or None
        )


_PACKED_JPEG = b"jbrd"
"""The name of the box that makes a JPEG of the samples."""


def _image_of(pixels: bytes, mode: str, size: tuple[int, int]) -> Image.Image:
    """Return the samples of a JPEG XL as an image.

    The library calls grey with alpha in 16 bits by the name of that in 8.

    Raises:
        BadPictureError: They are not as many as the mode has.
    """
    # Half floats arrive as floats of 32 bits.
    mode = "F" if mode == "F;16" else mode
    expected = size[0] * size[1] * {"F": 4, "I;16": 2}.get(mode, len(mode))
    if mode == "LA" and len(pixels) == 2 * expected:
        pixels = (np.frombuffer(pixels, "<u2") >> 8).astype(np.uint8).tobytes()
    if len(pixels) != expected:
        raise BadPictureError("another number of samples than its mode has")
    return Image.frombytes(mode, size, pixels)
