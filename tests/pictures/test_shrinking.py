"""Making a picture smaller while it comes in strips."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from uploadfilter.pictures.limits import OverBudgetError
from uploadfilter.pictures.shrinking import (
    Shrinker,
    Shrunk,
    reduction_of,
    scale_of_large,
    shrunk_of,
)

MODES = ("L", "LA", "RGB", "RGBA")


def noise(mode: str, width: int, height: int, seed: int = 1) -> Image.Image:
    """Return a picture of random samples."""
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, 256, (height, width, len(mode)), np.uint8)
    return Image.frombytes(mode, (width, height), samples.tobytes())


def in_strips(image: Image.Image, by: int, heights: list[int]) -> Shrunk:
    """Return a picture that was made smaller strip by strip."""
    shrinker = Shrinker(image.size, image.mode, by)
    top = 0
    for height in (*heights, image.height):
        bottom = min(top + height, image.height)
        if bottom > top:
            shrinker.add(image.crop((0, top, image.width, bottom)))
        top = bottom
    return shrinker.shrunk()


@settings(max_examples=100, deadline=None)
@given(
    mode=st.sampled_from(MODES),
    by=st.sampled_from((2, 4, 8)),
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    heights=st.lists(st.integers(1, 20), max_size=20),
)
def test_strips_give_what_the_whole_picture_gives(
    mode: str, by: int, width: int, height: int, heights: list[int]
) -> None:
    """However a picture is cut into strips, each pixel is the average of its block."""
    image = noise(mode, width, height)

    shrunk = in_strips(image, by, heights)

    assert shrunk.image.tobytes() == image.reduce(by).tobytes()
    assert (shrunk.full, shrunk.scale) == (image.size, by)
    if mode.endswith("A"):
        assert shrunk.stored is not None
        bare = image.convert(mode[:-1]).reduce(by)
        assert shrunk.stored.tobytes() == bare.tobytes()
    else:
        assert shrunk.stored is None


@pytest.mark.parametrize("mode", MODES)
def test_samples_in_memory_are_taken_piece_by_piece(mode: str) -> None:
    """A picture of several pieces gives the same as in one piece."""
    image = noise(mode, 1201, 1803)

    shrunk = shrunk_of(image.tobytes(), mode, image.size, 2)

    assert shrunk.image.tobytes() == image.reduce(2).tobytes()


def test_rows_that_never_came_are_black() -> None:
    """A picture that breaks off keeps its size."""
    shrinker = Shrinker((16, 16), "L", 4)
    shrinker.add(Image.new("L", (16, 8), 200))

    shown = np.asarray(shrinker.shrunk().image)

    assert (shown[:2] == 200).all()
    assert not shown[2:].any()


@pytest.mark.parametrize(
    ("size", "by"),
    [
        ((2000, 2000), 1),
        ((2001, 2000), 2),
        ((2100, 2083), 4),
        ((8064, 6048), 8),
        ((1000, 50_000), 8),
        ((600, 12_288), 1),
    ],
)
def test_planes_keep_their_least_side(size: tuple[int, int], by: int) -> None:
    """A large picture gets smaller as long as 512 pixels are left, or is very long."""
    assert reduction_of(size) == by


def test_a_picture_that_stays_as_it_is_is_refused() -> None:
    """Where nothing is to be gained, the limits of whole pictures hold."""
    with pytest.raises(OverBudgetError):
        scale_of_large((600, 12_288))

    assert scale_of_large((8064, 6048)) == 8
