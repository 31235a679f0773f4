"""Decode a large WebP at a reduced size, or in bands, with Pillow's library.

Pillow can only get the whole picture from libwebp, and holds it twice. The library can
scale while it decodes, so that only a few rows of a lossy picture are held; and it can
decode any band of rows alone.

Rules this module keeps:

- The library is the one to which Pillow's module is linked, so there is only one copy
  of it, and one version to keep up to date.
- The structures of its interface have a version: it refuses those of another version.

Source: libwebp, ``src/webp/decode.h`` (decoder ABI 2).
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from PIL import Image, _webp

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers import padding
from uploadfilter.pictures.limits import DecodeLimits, check_large
from uploadfilter.pictures.reader import shows_nothing
from uploadfilter.pictures.sampling import Course
from uploadfilter.pictures.shrinking import Shrinker, Shrunk, scale_of_large

_LIBRARY: Final = ctypes.CDLL(_webp.__file__)
_LIBRARY.WebPDemuxInternal.restype = ctypes.c_void_p
_ABI: Final = 0x0200
"""The version of the interface: the library compares its upper byte."""

_RGB, _RGBA = 0, 1
_LOSSLESS = 2

_LOSSLESS_BYTES = 4
_ALPHA_BYTES = 5
"""Bytes that are held for each pixel: the colours of a lossless picture; or the alpha
of a lossy one, which is packed like a lossless picture, both while it is unpacked and
as it is shown."""

_LEAST_BAND_BYTES = 16_000_000
"""Least bytes of a band of a picture with alpha. The decoder begins again for each
band, so that a band is as large as the limit allows."""

_FLAT_PIXELS_OF_ALPHA = 16_600_000
"""Pixels that a picture with alpha may have even in a very short file: it is decoded
several times, and drawn on two colours."""

_DEMUX_ABI: Final = 0x0100
_ICC: Final = b"ICCP"


class _Data(ctypes.Structure):
    _fields_ = (("bytes", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Chunk(ctypes.Structure):
    _fields_ = (
        ("number", ctypes.c_int),
        ("count", ctypes.c_int),
        ("body", _Data),
        ("pad", ctypes.c_uint32 * 6),
        ("own", ctypes.c_void_p),
    )


class _Features(ctypes.Structure):
    _fields_ = (
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("has_alpha", ctypes.c_int),
        ("has_animation", ctypes.c_int),
        ("format", ctypes.c_int),
        ("pad", ctypes.c_uint32 * 5),
    )


class _Samples(ctypes.Structure):
    _fields_ = (
        ("pixels", ctypes.c_void_p),
        ("stride", ctypes.c_int),
        ("size", ctypes.c_size_t),
    )


class _Planes(ctypes.Structure):
    _fields_ = (
        ("planes", ctypes.c_void_p * 4),
        ("strides", ctypes.c_int * 4),
        ("sizes", ctypes.c_size_t * 4),
    )


class _Memory(ctypes.Union):
    _fields_ = (("samples", _Samples), ("planes", _Planes))


class _Output(ctypes.Structure):
    _fields_ = (
        ("colours", ctypes.c_int),
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("is_ours", ctypes.c_int),
        ("memory", _Memory),
        ("pad", ctypes.c_uint32 * 4),
        ("own", ctypes.c_void_p),
    )


class _Options(ctypes.Structure):
    _fields_ = (
        ("bypass_filtering", ctypes.c_int),
        ("no_fancy_upsampling", ctypes.c_int),
        ("use_cropping", ctypes.c_int),
        ("crop_left", ctypes.c_int),
        ("crop_top", ctypes.c_int),
        ("crop_width", ctypes.c_int),
        ("crop_height", ctypes.c_int),
        ("use_scaling", ctypes.c_int),
        ("scaled_width", ctypes.c_int),
        ("scaled_height", ctypes.c_int),
        ("use_threads", ctypes.c_int),
        ("dithering_strength", ctypes.c_int),
        ("flip", ctypes.c_int),
        ("alpha_dithering_strength", ctypes.c_int),
        ("pad", ctypes.c_uint32 * 5),
    )


class _Config(ctypes.Structure):
    _fields_ = (("input", _Features), ("output", _Output), ("options", _Options))


@dataclass(frozen=True, slots=True)
class _Box:
    """The decoded part: its first row and column, and their numbers."""

    top: int
    width: int
    height: int


class LargeWebPReader:
    """A WebP of one frame that is too large to be held as a whole.

    Args:
        data: The file.
        picture_format: The format.
        limits: The limits of its cost.
        is_padded: Whether zeros replace the missing end of the file.

    Raises:
        BadPictureError: There is no still picture in it.
        OverBudgetError: It is too large even so.
    """

    durations: Sequence[int] = (0,)
    lack: Reason | None = None
    keys: Sequence[int] | None = None
    course: Course | None = None

    def __init__(
        self,
        data: bytes,
        picture_format: Format,
        limits: DecodeLimits,
        *,
        is_padded: bool = False,
    ) -> None:
        found = _config(data).input
        if found.has_animation:
            raise BadPictureError("not a still picture")
        if padding.missing_bytes(data):
            raise BadPictureError("not all of it is there")
        self._data = data
        self._size = (found.width, found.height)
        self._has_alpha = bool(found.has_alpha)
        self._is_padded = is_padded
        self._by = scale_of_large(self._size)
        is_lossless = found.format == _LOSSLESS
        per_pixel = _LOSSLESS_BYTES if is_lossless else _ALPHA_BYTES * self._has_alpha
        held = found.width * found.height * per_pixel + len(data)
        check_large(
            self._size,
            limits,
            file_bytes=len(data),
            flat_pixels=_FLAT_PIXELS_OF_ALPHA
            if self._has_alpha
            else picture_format.flat_pixels,
            pixels_per_byte=picture_format.pixels_per_byte,
            needed_bytes=held + _LEAST_BAND_BYTES,
        )
        # The rest is for a band, and for the pieces in which it is reduced.
        self._band_bytes = (limits.max_decoded_bytes - held) // 2

    def frame(self, number: int) -> Frame:
        """Decode the picture, up to the end of the file."""
        return replace(self._frame(number, self._by), again=self._again)

    def _again(self, scale: int, mode: str) -> Frame:
        """Decode the picture at another scale."""
        del mode  # it always has its colours
        return self._frame(0, scale)

    def _frame(self, number: int, by: int) -> Frame:
        shrunk, is_whole = self._banded(by) if self._has_alpha else self._scaled(by)
        if not is_whole and shows_nothing(shrunk.image):
            raise BadPictureError("the decoder shows nothing")
        return shrunk.frame(
            number,
            profile=_profile_of(self._data),
            is_truncated=self._is_padded or not is_whole,
        )

    def _scaled(self, by: int) -> tuple[Shrunk, bool]:
        """Let the library scale; return also whether it reached the end."""
        width, height = self._size
        box = _Box(0, width // by * by, height // by * by)
        whole = (box.width // by, box.height // by)
        image, is_whole = _decoded(self._data, box, whole, "RGB")
        return Shrunk(
            image=_grown(image, (-(-width // by), -(-height // by))),
            stored=None,
            full=self._size,
            scale=by,
        ), is_whole

    def _banded(self, by: int) -> tuple[Shrunk, bool]:
        """Decode band by band, since the library does not weight colours by alpha."""
        width, height = self._size
        rows = max(1, self._band_bytes // (4 * width * by)) * by
        shrinker = Shrinker(self._size, "RGBA", by)
        for top in range(0, height, rows):
            box = _Box(top, width, min(rows, height - top))
            strip, is_whole = _decoded(self._data, box, (box.width, box.height), "RGBA")
            shrinker.add(strip)
            if not is_whole:
                return shrinker.shrunk(), False
        return shrinker.shrunk(), True


def _config(data: bytes) -> _Config:
    """Return a new configuration with the fields of a file's header.

    Raises:
        BadPictureError: It cannot be read.
    """
    config = _Config()
    if not _LIBRARY.WebPInitDecoderConfigInternal(ctypes.byref(config), _ABI):
        raise BadPictureError("the library has another interface")
    status = _LIBRARY.WebPGetFeaturesInternal(
        data, ctypes.c_size_t(len(data)), ctypes.byref(config.input), _ABI
    )
    if status or not config.input.width or not config.input.height:
        raise BadPictureError("no header of a WebP")
    return config


def _decoded(
    data: bytes, box: _Box, size: tuple[int, int], mode: str
) -> tuple[Image.Image, bool]:
    """Decode a part of a picture at a size; return also whether all of it was there."""
    config = _config(data)
    options = config.options
    options.use_cropping = 1
    options.crop_top = box.top
    options.crop_width, options.crop_height = box.width, box.height
    if size != (box.width, box.height):
        options.use_scaling = 1
        options.scaled_width, options.scaled_height = size
    stride = len(mode) * size[0]
    pixels = bytearray(stride * size[1])
    output = config.output
    output.colours = _RGBA if mode == "RGBA" else _RGB
    output.is_ours = 1
    samples = output.memory.samples
    room = (ctypes.c_uint8 * len(pixels)).from_buffer(pixels)
    samples.pixels, samples.stride = ctypes.addressof(room), stride
    samples.size = len(pixels)
    status = _LIBRARY.WebPDecode(data, ctypes.c_size_t(len(data)), ctypes.byref(config))
    return Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1), status == 0


def _profile_of(data: bytes) -> bytes | None:
    """Return the ICC profile that browsers find in a file, if there is one."""
    room = ctypes.c_char_p(data)
    whole = _Data(ctypes.cast(room, ctypes.c_void_p), len(data))
    opened = ctypes.c_void_p(
        _LIBRARY.WebPDemuxInternal(ctypes.byref(whole), 0, None, _DEMUX_ABI)
    )
    if opened.value is None:
        return None
    chunk = _Chunk()
    try:
        if not _LIBRARY.WebPDemuxGetChunk(opened, _ICC, 1, ctypes.byref(chunk)):
            return None
        return ctypes.string_at(chunk.body.bytes, chunk.body.size) or None
    finally:
        _LIBRARY.WebPDemuxDelete(opened)


def _grown(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return an image with its last column and row repeated, up to a size.

    The blocks at these edges are not whole, and would be averages of fewer pixels.
    """
    if image.size == size:
        return image
    grown = Image.new(image.mode, size)
    right, below = size[0] - image.width, size[1] - image.height
    for place in ((right, below), (right, 0), (0, below), (0, 0)):
        grown.paste(image, place)
    return grown
