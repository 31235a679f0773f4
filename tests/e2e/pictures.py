"""The pictures of the end-to-end tests: one that is listed, and others."""

from functools import cache
from pathlib import Path

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


@cache
def slow() -> bytes:
    """Return a file that a scanner takes some tenths of a second to decode."""
    image = pictures.photograph(5003, width=400, height=300)
    return pictures.png(image.resize((4000, 3000), Image.Resampling.NEAREST))


def fill_slowly(folder: Path, count: int) -> None:
    """Fill a folder with files that keep one scanner busy for minutes.

    A test ends the reading of them in the middle, on a fast and on a slow machine.
    """
    first = folder / "slow-0.png"
    first.write_bytes(slow())
    for number in range(1, count):
        (folder / f"slow-{number}.png").hardlink_to(first)


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
