"""Pictures as files, and what is seen of them."""

import io

import numpy as np
from PIL import Image

from tests.pictures.sketches import value
from uploadfilter.model import View
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Omission
from uploadfilter.signals.views import views_of


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return a picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def seen(content: bytes, limits: DecodeLimits) -> list[View | Omission]:
    """Return everything that is seen of a file."""
    return list(
        views_of(
            io.BytesIO(content),
            formats=FORMATS,
            limits=limits,
            most_views=64,
            most_signals=4096,
        )
    )


def distance(one: View, other: View) -> int:
    """Return by how many bits the upright PDQ of two views differ."""
    first, second = (np.frombuffer(value(view), np.uint8) for view in (one, other))
    return int(np.bitwise_count(first ^ second).sum())
