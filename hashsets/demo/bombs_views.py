"""Hostile pictures that are shown in many ways: parts of ``bombs.py``."""

import io

import numpy as np
from PIL import Image

_SEED = 3


def sheer_png() -> bytes:
    """Return a PNG of four megapixels that shows another picture on each grey page."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    blocks = rng.integers(0, 256, (24, 32, 2), np.uint8)
    samples = blocks.repeat(230, axis=0)[:5500].repeat(23, axis=1)[:, :719]
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(samples), "LA").save(file, "PNG")
    return file.getvalue()


def canvas_jpeg() -> bytes:
    """Return a progressive JPEG of 24 megapixels with little on a plain canvas.

    It is decoded once more when its border was trimmed.
    """
    rng = np.random.Generator(np.random.PCG64(_SEED))
    canvas = np.full((4890, 4890), 255, np.uint8)
    canvas[2300:2600, 2300:2600] = rng.integers(0, 256, (300, 300), np.uint8)
    file = io.BytesIO()
    Image.fromarray(canvas).save(file, "JPEG", progressive=True, quality=95)
    return file.getvalue()
