"""Make small files that cost a careless filter seconds or gigabytes.

Everything here is computed in code, shows nothing, and is a few kilobytes to a few
megabytes long. Each bomb attacks another budget; ``python -m benchmarks hostile``
measures what each costs, and ``tests/scanners/test_bombs.py`` what becomes of it.

To add a bomb: a function in ``bombs_pictures.py`` or ``bombs_containers.py`` that
returns its bytes, and its line in ``BOMBS``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hashsets.demo import bombs_containers as containers
from hashsets.demo import bombs_pictures as pictures


@dataclass(frozen=True, slots=True)
class Bomb:
    """A hostile file.

    Attributes:
        name: What it attacks, for reports.
        media_type: What an attacker would declare.
        make: Returns its bytes.
    """

    name: str
    media_type: str
    make: Callable[[], bytes]


BOMBS: tuple[Bomb, ...] = (
    Bomb(
        "png-169-megapixels",
        "image/png",
        lambda: pictures.flat_png(13000, 13000, bits=8, channels=1),
    ),
    Bomb(
        "png-195-megapixels-1-bit",
        "image/png",
        lambda: pictures.flat_png(13960, 13960, bits=1, channels=1),
    ),
    Bomb(
        "png-63-megapixels",
        "image/png",
        lambda: pictures.flat_png(7900, 7990, bits=8, channels=1),
    ),
    Bomb(
        "png-49-megapixels-rgba",
        "image/png",
        lambda: pictures.flat_png(7000, 7000, bits=8, channels=4),
    ),
    Bomb("png-comments", "image/png", pictures.text_png),
    Bomb("png-profile", "image/png", pictures.profile_png),
    Bomb("png-frames", "image/png", pictures.animated_png),
    Bomb("jpeg-2000-scans", "image/jpeg", pictures.many_scans_jpeg),
    Bomb("jpeg-96-scans", "image/jpeg", pictures.some_scans_jpeg),
    Bomb("jpeg-4-gigapixels", "image/jpeg", pictures.huge_jpeg),
    Bomb("jpeg-segments", "image/jpeg", pictures.segmented_jpeg),
    Bomb("jpeg-thousandfold", "image/jpeg", pictures.pictures_in_a_row),
    Bomb("gif-4-gigapixels", "image/gif", pictures.huge_gif),
    Bomb("gif-frames", "image/gif", pictures.long_gif),
    Bomb("gif-wide-frames", "image/gif", pictures.wide_gif),
    Bomb("webp-268-megapixels", "image/webp", pictures.huge_webp),
    Bomb("webp-frames", "image/webp", pictures.long_webp),
    Bomb("avif-4-gigapixels", "image/avif", pictures.huge_avif),
    Bomb("avif-16-megapixels", "image/avif", pictures.wide_avif),
    Bomb("jxl-huge", "image/jxl", pictures.huge_jxl),
    Bomb("bmp-900-megapixels", "image/bmp", pictures.huge_bmp),
    Bomb("tiff-pages", "image/tiff", pictures.long_tiff),
    Bomb("tiff-59-megapixels", "image/tiff", pictures.huge_tiff),
    Bomb("tiff-loop", "image/tiff", pictures.looping_tiff),
    Bomb("ico-entries", "image/x-icon", pictures.crowded_icon),
    Bomb("zip-zeros", "application/zip", containers.flat_zip),
    Bomb("zip-nested", "application/zip", containers.nested_zip),
    Bomb("zip-members", "application/zip", containers.crowded_zip),
    Bomb("zip-overlap", "application/zip", containers.overlapping_zip),
    Bomb("gzip-zeros", "application/gzip", containers.zeros_gzip),
    Bomb("gzip-nested", "application/gzip", containers.nested_gzip),
    Bomb("bzip2-zeros", "application/x-bzip2", containers.zeros_bzip2),
    Bomb("xz-zeros", "application/x-xz", containers.zeros_xz),
    Bomb("zstd-zeros", "application/zstd", containers.zeros_zstd),
    Bomb("tar-members", "application/x-tar", containers.crowded_tar),
    Bomb("pdf-768-megabytes", "application/pdf", containers.huge_pdf),
    Bomb("pdf-pictures", "application/pdf", containers.crowded_pdf),
    Bomb("svg-entities", "image/svg+xml", containers.laughing_svg),
    Bomb("html-data-uris", "text/html", containers.crowded_page),
    Bomb("html-nested", "text/html", containers.nested_strings),
    Bomb("base64-endless", "text/plain", containers.endless_string),
    Bomb(
        "beginnings-of-jpeg",
        "application/octet-stream",
        lambda: containers.beginnings(containers.JPEG_BEGINNING),
    ),
    Bomb(
        "beginnings-of-png",
        "application/octet-stream",
        lambda: containers.beginnings(containers.PNG_BEGINNING),
    ),
    Bomb(
        "beginnings-of-bmp",
        "application/octet-stream",
        lambda: containers.beginnings(containers.BMP_BEGINNING),
    ),
)
"""Every bomb, by what it is made of."""
