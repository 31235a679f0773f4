"""The first bytes of picture files: the magic of each format, and the brands of boxes.

Each stands here once: for ``magic.py``, which tells the kind of a content, and for the
room that opens pictures. Some decoders open more than the standard allows; the names of
those bytes say so.
"""

from typing import Final

JPEG: Final = b"\xff\xd8\xff"
"""A start of image, and the first byte of any other marker (T.81, B.1.1.2)."""

PNG: Final = b"\x89PNG\r\n\x1a\n"
"""The signature (PNG, 5.2)."""

GIFS: Final = (b"GIF87a", b"GIF89a")
"""The signatures of both versions (GIF89a, 17)."""

GIF_LETTERS: Final = b"GIF8"
"""The letters that ImageMagick requires, for any version."""

TIFFS: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""Byte order, and 42 or 43 (TIFF 6.0, section 2; BigTIFF)."""

SWAPPED_TIFFS: Final = {b"II\0*": b"II*\0", b"MM*\0": b"MM\0*"}
"""Magics with the number 42 in the wrong byte order, which Pillow opens nevertheless,
and the right ones."""

ICONS: Final = (b"\0\0\1\0", b"\0\0\2\0")
"""Those of icons and of cursors."""

HEIC_BRANDS: Final = frozenset(
    {
        *(b"heic", b"heix", b"heim", b"heis"),
        *(b"hevc", b"hevx", b"hevm", b"hevs"),
    }
)
"""Brands of pictures in HEVC (ISO/IEC 23008-12, annex B)."""

AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
"""Brands of pictures in AV1 (AVIF, 5.2)."""

SEQUENCE_BRANDS: Final = frozenset({b"avis", b"msf1"})
"""Brands of sequences of pictures."""

ANY_CODEC_BRANDS: Final = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})
"""Brands of pictures in any codec (ISO/IEC 23008-12, 10.2; MIAF, ISO/IEC 23000-22)."""

AVIF_OPENED_BRANDS: Final = AVIF_BRANDS | {b"mif1", b"msf1"}
"""Major brands of files that are opened as AVIF."""

HEIC_OPENED_BRANDS: Final = HEIC_BRANDS | ANY_CODEC_BRANDS
"""Major brands of files that are opened as HEIC."""
