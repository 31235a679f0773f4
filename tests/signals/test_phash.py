"""pHash against imagehash, on the same luma and on a smaller one."""

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.corpus import pictures
from tests.pictures.sketches import TURNED, luma, picture_of, value, view
from tests.signals import twins
from uploadfilter.model import SignalType, Variant
from uploadfilter.pictures.picture import Luma, Picture, Shape
from uploadfilter.signals.views import view_of


def theirs(plane: Luma) -> bytes:
    """Return imagehash's value of a plane."""
    return bytes.fromhex(str(imagehash.phash(Image.fromarray(plane))))


def ours(picture: Picture, variant: Variant = Variant.UPRIGHT) -> bytes:
    """Return our value of a picture."""
    shown = view_of(picture, name="stored")
    return value(shown, SignalType.PHASH, variant=variant)


@settings(max_examples=40)
@given(seed=st.integers(0, 40), width=st.integers(1, 500), height=st.integers(1, 500))
def test_phash_equals_imagehash_on_the_same_luma(
    seed: int, width: int, height: int
) -> None:
    """Rounding as Pillow rounds makes the value imagehash's, bit for bit.

    The width is resized separately, so that every version of Pillow does it first.
    """
    plane = luma(seed, width, height)
    narrow = Image.fromarray(plane).resize((32, height), Image.Resampling.LANCZOS)

    assert ours(picture_of(plane)) == theirs(np.asarray(narrow))


@pytest.mark.parametrize("seed", range(6))
def test_phash_of_a_tall_picture_is_near_imagehash(seed: int) -> None:
    """Where this Pillow begins with the height, two bits may differ."""
    plane = luma(seed, 150, 432)

    assert twins.bits_apart(ours(picture_of(plane)), theirs(plane)) <= 2


@pytest.mark.parametrize("variant", list(Variant))
def test_variant_is_near_the_turned_picture(variant: Variant) -> None:
    """A variant is the signal of the picture turned so, rounding aside."""
    plane = luma(4, 512, 400)
    turned = np.ascontiguousarray(TURNED[variant](plane))

    assert twins.bits_apart(ours(picture_of(plane), variant), theirs(turned)) <= 2


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_scaled_plane_gives_the_signal_of_the_full_picture(
    seed: int, scale: int
) -> None:
    """A plane of block means drifts by two bits at most."""
    width, height = 160 * scale - 1, 120 * scale + 1
    plane = luma(seed, width, height)
    shape = Shape(height=height, width=width, scale=scale)
    small = Picture(plane=twins.block_means(plane, scale), shape=shape)

    assert twins.bits_apart(ours(small), theirs(plane)) <= 2


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_flat_picture_has_only_the_mean(level: int) -> None:
    """Rounding noise makes no bits: only the mean is above the median, if any is."""
    plane = np.full((90, 70), level, np.uint8)

    expected = bytes(8) if level == 0 else b"\x80" + bytes(7)
    assert ours(picture_of(plane)) == expected


def test_phash_survives_reencoding_and_resizing() -> None:
    """A smaller JPEG of a picture keeps its signal within a few bits."""
    image = pictures.photograph(12)
    smaller = pictures.jpeg(image.resize((500, 375)), 60)

    one = value(view(pictures.png(image)), SignalType.PHASH)
    other = value(view(smaller), SignalType.PHASH)

    assert twins.bits_apart(one, other) <= 4
