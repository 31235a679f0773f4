"""Hostile pictures: short files that claim to be large ones."""

import io

from PIL import Image

from tests.corpus.bombs.pictures import flat_png
from tests.corpus.grids import grid


def large_webp() -> bytes:
    """Return a lossless WebP of 49 million pixels of one colour, in forty bytes."""
    return _saved(Image.new("RGB", (7000, 7000), (9, 99, 9)), "WEBP", lossless=True)


def veiled_webp() -> bytes:
    """Return a WebP of 16 million pixels of one colour, half transparent."""
    image = Image.new("RGBA", (4000, 4000), (9, 99, 9, 128))
    return _saved(image, "WEBP", quality=50)


def large_avif() -> bytes:
    """Return an AVIF of 25 million pixels of one colour."""
    return _saved(Image.new("RGB", (5000, 4990), (9, 99, 9)), "AVIF", speed=10)


def paid_webp() -> bytes:
    """Return a WebP of 100 million veiled pixels, with zeros that pay for them."""
    image = Image.new("RGBA", (10_000, 10_000), (9, 99, 9, 128))
    return _saved(image, "WEBP", lossless=True) + bytes(1_300_000)


def tiled_heic() -> bytes:
    """Return a HEIC of 24 million pixels in equal tiles."""
    tile = Image.new("RGB", (512, 512), (9, 99, 9))
    return grid([tile], size=(4900, 4900), is_shared=True)


def crumbled_heic() -> bytes:
    """Return a HEIC of 16 million pixels in four thousand tiles."""
    tile = Image.new("RGB", (64, 64), (9, 99, 9))
    return grid([tile], size=(4000, 4000), is_shared=True)


def huge_heic() -> bytes:
    """Return a HEIC that claims 250 million pixels."""
    tile = Image.new("RGB", (512, 512), (9, 99, 9))
    return grid([tile], size=(16_000, 15_600), is_shared=True)


def large_progressive_jpeg() -> bytes:
    """Return a progressive JPEG of 64 million pixels of one colour."""
    image = Image.new("RGB", (8000, 8000), (9, 99, 9))
    return _saved(image, "JPEG", progressive=True, subsampling=0)


def large_png() -> bytes:
    """Return a PNG of 61 million pixels of one colour."""
    return flat_png(9504, 6336, bits=8, channels=3)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
