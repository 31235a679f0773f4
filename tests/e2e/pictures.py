"""The pictures of the end-to-end tests: one that is listed, and others."""

from functools import cache

from PIL import Image, ImageOps

from tests.corpus import pictures


@cache
def listed() -> bytes:
    """Return the listed file."""
    return pictures.jpeg(pictures.photograph(5001))


@cache
def unlisted(seed: int = 5002) -> bytes:
    """Return a file that no set lists; each seed gives another."""
    return pictures.jpeg(pictures.photograph(seed, width=640, height=480))


def smaller() -> bytes:
    """Return the listed picture, resized and encoded again."""
    image = pictures.photograph(5001).resize((800, 600), Image.Resampling.LANCZOS)
    return pictures.jpeg(image, quality=70)


def mirrored() -> bytes:
    """Return the listed picture, mirrored."""
    return pictures.jpeg(ImageOps.mirror(pictures.photograph(5001)), quality=80)


def turned() -> bytes:
    """Return the listed picture, turned by a quarter, as WebP."""
    image = pictures.photograph(5001).transpose(Image.Transpose.ROTATE_90)
    return pictures.webp(image, quality=80)
