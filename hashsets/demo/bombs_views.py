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
