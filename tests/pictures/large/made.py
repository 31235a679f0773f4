"""Large pictures, and what they show as a whole and when they are made smaller."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image

from tests.corpus import pictures
from tests.pictures.sketches import value
from uploadfilter.model import View
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Omission
from uploadfilter.signals import pdq
from uploadfilter.signals.views import views_of

WHOLE = DecodeLimits(max_decoded_bytes=10**9)
"""With these limits every picture is held whole."""

MOST_BITS = 4
LEAST_QUALITY = 50


@lru_cache(4)
def photo(width: int = 2101, height: int = 2083, seed: int = 7) -> Image.Image:
    """Return a photo that is large enough to be made smaller, with odd sides."""
    small = pictures.photograph(seed, width=width // 3, height=height // 3)
    return small.resize((width, height), Image.Resampling.BICUBIC)


def with_alpha(image: Image.Image) -> Image.Image:
    """Return a picture that is transparent towards one side."""
    alpha = Image.linear_gradient("L").resize(image.size)
    both = image.copy()
    both.putalpha(alpha)
    return both


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


def agree(
    content: bytes, limits: DecodeLimits, *, unlike: tuple[str, ...] = ()
) -> list[str]:
    """Return the names of views that a file has with both limits.

    Those that are made of the whole frame must be the same ones, and as far apart as
    rounding is.

    Args:
        content: The file.
        limits: The limits, beside those with which every picture is held whole.
        unlike: Words of names of views that rounding may merge with others.
    """
    whole, large = (_by_name(seen(content, each)) for each in (WHOLE, limits))
    words = ("trim", *unlike)
    plain, ours_too = (
        [name for name in names if not any(word in name for word in words)]
        for names in (whole, large)
    )
    assert ours_too == plain
    for name in plain:
        ours, theirs = large[name], whole[name]
        assert abs(quality_of(ours) - quality_of(theirs)) <= 3, name
        if quality_of(theirs) >= LEAST_QUALITY:
            assert distance(ours, theirs) <= MOST_BITS, name
    return plain


def _by_name(shown: list[View | Omission]) -> dict[str, View]:
    views = [item for item in shown if isinstance(item, View)]
    assert len(views) == len(shown), [item for item in shown if item not in views]
    return {view.name: view for view in views}


def quality_of(view: View) -> int:
    """Return the quality of a view."""
    return pdq.quality(view.plane)


def distance(one: View, other: View) -> int:
    """Return by how many bits the upright PDQ of two views differ."""
    first, second = (np.frombuffer(value(view), np.uint8) for view in (one, other))
    return int(np.bitwise_count(first ^ second).sum())
