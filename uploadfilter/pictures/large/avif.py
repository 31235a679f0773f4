"""Decode a large AVIF to planes, and reduce these.

Pillow gets the colours of the whole picture from libavif and copies them twice. The
planes alone take a third of that memory. The libraries are those to which Pillow's
module is linked.

Source: libavif 1.4, ``include/avif/avif.h``.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.large.planes import (
    IS_KNOWN,
    LIBRARY,
    AvifImage,
    Converter,
    check,
)
from uploadfilter.pictures.limits import DecodeLimits, check_large
from uploadfilter.pictures.sampling import Course
from uploadfilter.pictures.shrinking import scale_of_large

_SAMPLES: Final = {1: 3.0, 2: 2.0, 3: 1.5, 4: 1.0}
"""Samples of a pixel: 4:4:4, 4:2:2, 4:2:0, grey."""

_TIMES_HELD: Final = 1.9
"""Number of copies of the samples in the decoder: 1.1, or 2.3 if it adds film grain,
which the header does not tell. So a picture with grain takes up to 20 % more than
allowed, which is still 300 MiB with the libraries."""

_ALPHA_TIMES_HELD: Final = 1.2

_FLAT_PIXELS_OF_ALPHA: Final = 11_000_000
"""Pixels that a picture with alpha may have even in a very short file: it is drawn on
two colours."""

_BAND_BYTES: Final = 12_000_000
"""Bytes of the smaller picture, and of a band while it is reduced."""


class _Decoder(ctypes.Structure):
    """The beginning of ``avifDecoder``."""

    _fields_ = (
        ("codec", ctypes.c_int),
        ("threads", ctypes.c_int),
        ("source", ctypes.c_int),
        ("allows_progressive", ctypes.c_int),
        ("allows_incremental", ctypes.c_int),
        ("ignores_exif", ctypes.c_int),
        ("ignores_xmp", ctypes.c_int),
        ("most_pixels", ctypes.c_uint32),
        ("longest_side", ctypes.c_uint32),
        ("most_images", ctypes.c_uint32),
        ("strictness", ctypes.c_uint32),
        ("image", ctypes.c_void_p),
        ("index", ctypes.c_int),
        ("count", ctypes.c_int),
        ("progress", ctypes.c_int),
        ("timing", ctypes.c_uint64 * 5),
        ("timescale", ctypes.c_uint64),
        ("duration", ctypes.c_double),
        ("ticks", ctypes.c_uint64),
        ("repetitions", ctypes.c_int),
        ("has_alpha", ctypes.c_int),
    )


class LargeAVIFReader:
    """An AVIF of one frame that is too large to be held as a whole.

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
        if not IS_KNOWN:
            raise BadPictureError("the library has another interface")
        self._data = data
        self._is_padded = is_padded
        self._handle = ctypes.c_void_p(LIBRARY.avifDecoderCreate())
        self._decoder = _Decoder.from_address(self._handle.value or 0)
        self._decoder.threads = 1
        self._decoder.ignores_exif = self._decoder.ignores_xmp = 1
        # Pillow and browsers allow these as well.
        self._decoder.strictness = 0
        check(
            LIBRARY.avifDecoderSetIOMemory(
                self._handle, data, ctypes.c_size_t(len(data))
            )
        )
        check(LIBRARY.avifDecoderParse(self._handle))
        image = self._image()
        if self._decoder.count != 1:
            raise BadPictureError("not a still picture")
        size = image.width, image.height
        self._by = scale_of_large(size)
        check_large(
            size,
            limits,
            file_bytes=len(data),
            flat_pixels=_FLAT_PIXELS_OF_ALPHA
            if self._decoder.has_alpha
            else picture_format.flat_pixels,
            pixels_per_byte=picture_format.pixels_per_byte,
            needed_bytes=self._held_bytes(image) + len(data) + _BAND_BYTES,
        )

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            LIBRARY.avifDecoderDestroy(self._handle)

    def _image(self) -> AvifImage:
        return AvifImage.from_address(self._decoder.image)

    def _held_bytes(self, image: AvifImage) -> int:
        """Return the bytes that the decoder will hold for an opened picture."""
        samples = _SAMPLES.get(image.sampling, max(_SAMPLES.values())) * _TIMES_HELD
        samples += _ALPHA_TIMES_HELD * bool(self._decoder.has_alpha)
        bytes_each = 2 if image.depth > 8 else 1  # noqa: PLR2004  # bits of a byte
        return int(image.width * image.height * samples * bytes_each)

    def frame(self, number: int) -> Frame:
        """Decode the picture, up to the end of the file."""
        check(LIBRARY.avifDecoderNextImage(self._handle))
        return replace(self._shrunk(number, self._by), again=self._again)

    def _again(self, scale: int, mode: str) -> Frame:
        """Return the decoded picture at another scale."""
        del mode  # it always has its colours
        return self._shrunk(0, scale)

    def _shrunk(self, number: int, by: int) -> Frame:
        image = self._image()
        shrunk = Converter(self._decoder.image).shrunk(by)
        profile = None
        if image.profile_bytes:
            profile = ctypes.string_at(image.profile, image.profile_bytes)
        return shrunk.frame(number, profile=profile, is_truncated=self._is_padded)
