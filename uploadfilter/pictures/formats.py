"""List all picture formats, with the memory and the options of each.

Pillow would open some fifty formats, a few of which run interpreters (EPS, WMF). Only
formats in this list are ever opened.

To add a format: a line in ``FORMATS``, its magic in ``contents/kinds/magic.py`` under
the same name, a generated file in the tests (also in ``tests/fuzz/``), its measured
figure, and a run of ``make fuzz``.
"""

from dataclasses import dataclass
from functools import lru_cache

from uploadfilter.contents.kinds.magic import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A picture format.

    The bytes of a pixel were measured: the growth of a process's resident memory while
    it decodes 20 megapixels (HEIC in 10 bits, icons and JPEG XL: 6), for the worst
    picture that could be made in code.

    Attributes:
        name: Its kind; operators switch it on by this word.
        pillow: Its name in Pillow; empty if another library decodes it, without Pillow.
        bytes_per_pixel: Most bytes that its decoder holds for each pixel, including the
            pixel.
        moving_bytes_per_pixel: The same for a file of several frames, some of which the
            decoder keeps to build the next one; the caller gets a copy of a frame.
        deep_bytes_per_pixel: The same for samples of more than 8 bits.
        flat_pixels: Pixels that a large picture may have even in a very short file.
        pixels_per_byte: More pixels that each byte of such a file allows. Photos have
            up to 50 for a byte, and plain colour has thousands: so a short file is
            never expensive, and the sender of a large picture must send many bytes.
        held_times: Number of copies of the file in memory.
        is_usual: If false, it is decoded only if the operator switches it on.
        is_common: If true, scanner processes decode many contents of it; any other
            format is decoded in a process that ends with its content.
    """

    name: Kind
    pillow: tuple[str, ...]
    bytes_per_pixel: int = 4
    moving_bytes_per_pixel: int = 8
    deep_bytes_per_pixel: int = 8
    flat_pixels: int = 25_000_000
    pixels_per_byte: int = 64
    held_times: int = 0
    is_usual: bool = True
    is_common: bool = False

    def paid_by(self, file_bytes: int) -> int:
        """Return the pixels for which a file pays that has so many bytes."""
        return self.flat_pixels + self.pixels_per_byte * file_bytes


FORMATS: tuple[Format, ...] = (
    # 4.0 after scaling. Coefficients of several scans come on top (``jpegscans.py``).
    Format(name=Kind.JPEG, pillow=("JPEG",), is_common=True),
    # 4.0; moving 12.0, and a fourth image if one frame is to be taken back.
    Format(
        name=Kind.PNG,
        pillow=("PNG",),
        moving_bytes_per_pixel=16,
        # Photos have one or two pixels for a byte; each takes 25 ns.
        pixels_per_byte=16,
        is_common=True,
    ),
    # 1.2, with a palette; moving 13.4, and a frame that is to be taken back.
    Format(name=Kind.GIF, pillow=("GIF",), moving_bytes_per_pixel=16, held_times=1),
    # 12.0: two canvases and the frame; moving 16.1.
    Format(
        name=Kind.WEBP,
        pillow=("WEBP",),
        bytes_per_pixel=12,
        moving_bytes_per_pixel=17,
        held_times=2,
    ),
    # 9.1 in 4:2:0, 10.7 in 4:4:4, 11.5 with alpha; moving 15.4 in 4:2:0. The figure for
    # more than 8 bits is computed from that.
    Format(
        name=Kind.AVIF,
        pillow=("AVIF",),
        bytes_per_pixel=12,
        moving_bytes_per_pixel=18,
        deep_bytes_per_pixel=20,
        held_times=2,
    ),
    # 7.4 to 8.0; in 10 bits 8.2 in 4:2:0, 15.7 in 4:4:4, 20.8 with alpha.
    Format(
        name=Kind.HEIC,
        pillow=(),
        bytes_per_pixel=8,
        deep_bytes_per_pixel=21,
        held_times=1,
    ),
    # 7.2 to 9.4, floating-point numbers 11.4, lossless pictures of few colours 15.
    Format(
        name=Kind.JXL,
        pillow=(),
        bytes_per_pixel=15,
        held_times=2,
    ),
    # 4.0, pages 8.0; strips and tiles come on top (``pictures/reader.py``).
    Format(name=Kind.TIFF, pillow=("TIFF",)),
    # 4.0.
    Format(name=Kind.BMP, pillow=("BMP", "DIB")),
    # 14.3 for a bitmap of 32 bits.
    Format(name=Kind.ICO, pillow=("ICO", "CUR"), bytes_per_pixel=15, held_times=1),
    # 19.4.
    Format(name=Kind.JP2, pillow=("JPEG2000",), bytes_per_pixel=20, is_usual=False),
    # 6.0.
    Format(name=Kind.PSD, pillow=("PSD",), bytes_per_pixel=6, is_usual=False),
    # 4.0; those that are decoded in Python are short.
    Format(name=Kind.PNM, pillow=("PPM",), bytes_per_pixel=8),
    # 7.0.
    Format(name=Kind.QOI, pillow=("QOI",), bytes_per_pixel=7, is_usual=False),
    # 9.0. Last, since this format has no magic: it is tried on files that no other
    # format fits.
    Format(name=Kind.TGA, pillow=("TGA",), bytes_per_pixel=9, is_usual=False),
)

COMMON = frozenset(item.name for item in FORMATS if item.is_common)
SWITCHED_ON = frozenset(item.name for item in FORMATS if not item.is_usual)
"""Names of the formats that an operator may switch on."""


@lru_cache(maxsize=256)  # Every picture asks, with few different names.
def formats_named(names: frozenset[str]) -> tuple[Format, ...]:
    """Return the formats of these names, in the order of the list."""
    return tuple(item for item in FORMATS if item.name in names)


@lru_cache(maxsize=16)  # Every content asks, with one or two different names.
def decoded(also: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the names of all formats that are decoded."""
    return frozenset(
        item.name for item in FORMATS if item.is_usual or item.name in also
    )
