"""Convert planes of luma and chroma to a smaller picture, with libavif.

Decoders of AVIF and HEIC hold a picture as planes, which take at most half the memory
of its colours. libavif converts any rows of such planes to colours, for every matrix
and depth, whichever decoder made them. It is in the wheel of Pillow, whose module is
linked to it.

Rules this module keeps:

- Planes are converted in bands, and each band is reduced before the next.
- Structures of libavif's interface are only used with their own version (1.x): their
  beginnings do not change within it.

Source: libavif 1.4, ``include/avif/avif.h``.
"""

import ctypes
from collections.abc import Iterator
from typing import Final

from PIL import Image, _avif

from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.shrinking import Shrinker, Shrunk

LIBRARY: Final = ctypes.CDLL(_avif.__file__)
LIBRARY.avifVersion.restype = ctypes.c_char_p
LIBRARY.avifImageCreateEmpty.restype = ctypes.c_void_p
LIBRARY.avifDecoderCreate.restype = ctypes.c_void_p

IS_KNOWN: Final = LIBRARY.avifVersion().startswith(b"1.")
"""Whether the library has the structures that are declared here."""

_RGB, _RGBA = 0, 1
_BAND_PIXELS = 1 << 20
"""Pixels of a band that is converted to colours: 4 MiB."""


class AvifImage(ctypes.Structure):
    """The beginning of ``avifImage``."""

    _fields_ = (
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("depth", ctypes.c_uint32),
        ("sampling", ctypes.c_int),
        ("is_full_range", ctypes.c_int),
        ("chroma_place", ctypes.c_int),
        ("planes", ctypes.c_void_p * 3),
        ("strides", ctypes.c_uint32 * 3),
        ("owns_planes", ctypes.c_int),
        ("alpha", ctypes.c_void_p),
        ("alpha_stride", ctypes.c_uint32),
        ("owns_alpha", ctypes.c_int),
        ("is_premultiplied", ctypes.c_int),
        ("profile", ctypes.c_void_p),
        ("profile_bytes", ctypes.c_size_t),
        ("primaries", ctypes.c_uint16),
        ("transfer", ctypes.c_uint16),
        ("matrix", ctypes.c_uint16),
    )


class _AvifColours(ctypes.Structure):
    """``avifRGBImage``, with room for fields of later versions."""

    _fields_ = (
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("depth", ctypes.c_uint32),
        ("layout", ctypes.c_int),
        ("upsampling", ctypes.c_int),
        ("downsampling", ctypes.c_int),
        ("avoids_libyuv", ctypes.c_int),
        ("ignores_alpha", ctypes.c_int),
        ("is_premultiplied", ctypes.c_int),
        ("is_float", ctypes.c_int),
        ("threads", ctypes.c_int),
        ("pixels", ctypes.c_void_p),
        ("stride", ctypes.c_uint32),
        ("room", ctypes.c_uint32 * 16),
    )


class _Rows(ctypes.Structure):
    """``avifCropRect``."""

    _fields_ = (
        ("left", ctypes.c_uint32),
        ("top", ctypes.c_uint32),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
    )


class Converter:
    """Converts planes to colours, band by band.

    Args:
        address: Address of the ``avifImage`` with the planes, which must not move.
    """

    def __init__(self, address: int) -> None:
        self._address = address
        self._image = AvifImage.from_address(address)
        self.mode = "RGBA" if self._image.alpha else "RGB"

    def shrunk(self, by: int) -> Shrunk:
        """Return the whole picture, reduced.

        Raises:
            BadPictureError: The library cannot convert it.
        """
        image = self._image
        shrinker = Shrinker((image.width, image.height), self.mode, by)
        for strip in self.strips():
            shrinker.add(strip)
        return shrinker.shrunk()

    def strips(self) -> Iterator[Image.Image]:
        """Yield the whole picture as colours, from top to bottom.

        Raises:
            BadPictureError: The library cannot convert it.
        """
        image = self._image
        rows = max(1, _BAND_PIXELS // (image.width * 8)) * 8
        for top in range(0, image.height, rows):
            yield self.strip(top, min(rows, image.height - top))

    def strip(self, top: int, height: int) -> Image.Image:
        """Return some rows; the first one must have an even number.

        Raises:
            BadPictureError: The library cannot convert them.
        """
        width = self._image.width
        view = ctypes.c_void_p(LIBRARY.avifImageCreateEmpty())
        colours = _AvifColours()
        stride = len(self.mode) * width
        pixels = bytearray(stride * height)
        room = (ctypes.c_uint8 * len(pixels)).from_buffer(pixels)
        rows = _Rows(0, top, width, height)
        try:
            check(
                LIBRARY.avifImageSetViewRect(
                    view, ctypes.c_void_p(self._address), ctypes.byref(rows)
                )
            )
            LIBRARY.avifRGBImageSetDefaults(ctypes.byref(colours), view)
            colours.depth = 8
            colours.layout = _RGBA if self.mode == "RGBA" else _RGB
            colours.pixels, colours.stride = ctypes.addressof(room), stride
            check(LIBRARY.avifImageYUVToRGB(view, ctypes.byref(colours)))
        finally:
            LIBRARY.avifImageDestroy(view)
        size = (width, height)
        return Image.frombuffer(self.mode, size, pixels, "raw", self.mode, 0, 1)


def check(result: int) -> None:
    """Raise the exception for a result of libavif.

    Raises:
        MemoryError: There was not enough memory.
        BadPictureError: Anything else was wrong.
    """
    if result == _OUT_OF_MEMORY:
        raise MemoryError
    if result:
        raise BadPictureError(f"libavif says {result}")


_OUT_OF_MEMORY = 26
