"""Read the formats that Pillow does not read: HEIC by libheif, JPEG XL by libjxl.

Their libraries come with plugins for Pillow, but are called directly here, so that
Pillow never opens these formats, and so that the cost is known before any decoding.
"""

import io
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
from uploadfilter.pictures.reader import Reader
from uploadfilter.pictures.readers.jpegs import JPEGReader

_USUAL_BITS = 8
"""Bits of a sample; samples with more bits take twice the memory during decoding."""


def open_heif(
    data: bytes,
    picture_format: Format,
    limits: DecodeLimits,
    *,
    is_padded: bool = False,
) -> Reader:
    """Open a HEIC or HEIF: its primary picture, then the others at its top level."""
    opened = pillow_heif.open_heif(io.BytesIO(data))
    others = [at for at in range(len(opened)) if at != opened.primary_index]
    pictures = [opened[at] for at in (opened.primary_index, *others)]
    waiting = dict(enumerate(pictures))
    pictures.clear()

    def frame(number: int) -> Frame:
        # A picture keeps its pixels as long as it exists.
        picture = waiting.pop(number)
        info: dict[str, Any] = picture.info
        check_frame(
            picture.size,
            limits,
            bytes_per_pixel=picture_format.deep_bytes_per_pixel
            if info["bit_depth"] > _USUAL_BITS
            else picture_format.bytes_per_pixel,
            held_bytes=len(data),
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
            profile=info.get("icc_profile") or None,
            is_truncated=is_padded,
        )

    return Reader(frame=frame, durations=(0,) * len(waiting))


def open_jxl(
    data: bytes, picture_format: Format, limits: DecodeLimits, jpeg: Format
) -> Reader:
    """Open a JPEG XL: the JPEG that it packs, if it does, and its last frame."""
    header = jxlheader.read_header(data)
    if header is None:
        raise BadPictureError("no header of a JPEG XL")
    size = header.size

    def frame(number: int) -> Frame:
        check_frame(
            size,
            limits,
            bytes_per_pixel=picture_format.bytes_per_pixel,
            held_bytes=picture_format.held_times * len(data),
        )
        packed = boxes.with_other_name(data, _PACKED_JPEG, b"free") if number else data
        with panics_are_errors():
            is_jpeg, info, pixels, profile, _ = JXLDecoder(num_threads=0)(packed)
        if is_jpeg:
            return JPEGReader(io.BytesIO(pixels), jpeg, limits).frame(0)
        image = _image_of(pixels, info.mode, (info.width, info.height))
        return Frame(
            image=image, number=number, full=image.size, profile=profile or None
        )

    # Beside a JPEG of the samples stand the samples, which viewers show.
    is_packed = boxes.has_box(data, _PACKED_JPEG)
    return Reader(
        frame=frame,
        durations=(0, 0) if is_packed else (0,),
        # The library shows only the last frame.
        lack=Reason.KEY_FRAME_UNSEEN if header.is_animated else None,
    )


_PACKED_JPEG = b"jbrd"
"""The name of the box that makes a JPEG of the samples."""


def _image_of(pixels: bytes, mode: str, size: tuple[int, int]) -> Image.Image:
    """Return the samples of a JPEG XL as an image, if they are as many as its mode has.

    The library calls grey with alpha in 16 bits by the name of that in 8.
    """
    # Half floats arrive as floats of 32 bits.
    mode = "F" if mode == "F;16" else mode
    expected = size[0] * size[1] * {"F": 4, "I;16": 2}.get(mode, len(mode))
    if mode == "LA" and len(pixels) == 2 * expected:
        pixels = (np.frombuffer(pixels, "<u2") >> 8).astype(np.uint8).tobytes()
    if len(pixels) != expected:
        raise BadPictureError("another number of samples than its mode has")
    return Image.frombytes(mode, size, pixels)
