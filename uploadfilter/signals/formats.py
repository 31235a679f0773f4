"""The one list of picture formats, and what each costs and needs.

Pillow would open some fifty formats, a few of which run interpreters (EPS, WMF). Only
what stands here is ever opened.

To add a format: a line in ``FORMATS``, its magic in ``contents/magic.py`` under the
same name, a generated file in the tests, and a run of ``make fuzz``.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A picture format.

    Attributes:
        name: As ``contents.magic.Kind`` calls it, and as operators switch it on.
        pillow: What Pillow calls it.
        bytes_per_pixel: What its decoder holds at worst for each pixel, pixels
            included.
        is_usual: If false, it is decoded only where the operator switched it on.
        is_common: If true, scanner processes decode many contents of it; any other
            format is decoded in a process that ends with its content.
    """

    name: str
    pillow: tuple[str, ...]
    bytes_per_pixel: int = 4
    is_usual: bool = True
    is_common: bool = False


FORMATS: tuple[Format, ...] = (
    Format(name="jpeg", pillow=("JPEG",), is_common=True),
    Format(name="png", pillow=("PNG",), is_common=True),
    Format(name="gif", pillow=("GIF",), bytes_per_pixel=8),
    Format(name="webp", pillow=("WEBP",), bytes_per_pixel=16),
    Format(name="avif", pillow=("AVIF",), bytes_per_pixel=12),
    Format(name="heic", pillow=("HEIF",), bytes_per_pixel=12),
    Format(name="jxl", pillow=("JXL",), bytes_per_pixel=20),
    Format(name="tiff", pillow=("TIFF",)),
    Format(name="bmp", pillow=("BMP", "DIB")),
    Format(name="ico", pillow=("ICO", "CUR")),
    Format(name="jp2", pillow=("JPEG2000",), bytes_per_pixel=12, is_usual=False),
    Format(name="psd", pillow=("PSD",), is_usual=False),
    Format(name="tga", pillow=("TGA",), is_usual=False),
    Format(name="pnm", pillow=("PPM",), is_usual=False),
    Format(name="qoi", pillow=("QOI",), is_usual=False),
)

COMMON = frozenset(item.name for item in FORMATS if item.is_common)
SWITCHED_ON = frozenset(item.name for item in FORMATS if not item.is_usual)
"""Names of the formats that an operator may switch on."""


def formats_named(names: frozenset[str]) -> tuple[Format, ...]:
    """Return the formats of these names, in the order of the list."""
    return tuple(item for item in FORMATS if item.name in names)


def decoded(also: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the names of all formats that are decoded.

    Args:
        also: Names of those that the operator switched on.
    """
    return frozenset(
        item.name for item in FORMATS if item.is_usual or item.name in also
    )
