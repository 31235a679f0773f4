"""Long GIFs are looked into where a viewer looks for long."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hashsets.demo import pictures
from tests.fuzz import seeds
from uploadfilter.model import Reason
from uploadfilter.signals.decoding import DecodeLimits, frames_of
from uploadfilter.signals.formats import formats_named
from uploadfilter.signals.frame import Frame, Lack

COUNT = 20
LONGEST = 9


def gif() -> bytes:
    """Return a GIF whose tenth frame is shown longest."""
    durations = [100] * COUNT
    durations[LONGEST] = 900
    frames = [seeds.image(seed) for seed in range(COUNT)]
    return pictures.encoded(
        frames[0],
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=durations,
    )


def shown(content: bytes, reach: int) -> dict[int, NDArray[np.uint8]]:
    """Return the pixels of the frames that are shown, by their numbers."""
    limits = DecodeLimits(max_total_pixels=reach * seeds.WIDTH * seeds.HEIGHT)
    formats = formats_named(frozenset({"gif"}))
    return {
        item.number: np.asarray(item.image.convert("RGB"))
        for item in frames_of(io.BytesIO(content), formats=formats, limits=limits)
        if isinstance(item, Frame)
    }


@pytest.mark.parametrize(
    ("reach", "numbers"),
    [
        pytest.param(0, [0], id="one at least"),
        pytest.param(1, [0], id="the first"),
        pytest.param(3, [0, 9, 19], id="first, longest, last"),
        pytest.param(8, [0, 1, 2, 3, 8, 9, 18, 19], id="and those before"),
        pytest.param(16, [*range(10), *range(16, 20)], id="longest in the beginning"),
        pytest.param(20, list(range(20)), id="all"),
    ],
)
def test_windows_of_a_long_gif_are_shown(reach: int, numbers: list[int]) -> None:
    """Beginning, end and what leads to the longest frame are within the limits."""
    assert list(shown(gif(), reach)) == numbers


def test_frame_that_covers_all_shows_as_it_is() -> None:
    """A picture that stays is the same, whatever was left out before it."""
    last = Image.open(io.BytesIO(gif()))
    last.seek(COUNT - 1)

    (*_, (number, pixels)) = shown(gif(), 3).items()

    assert number == COUNT - 1
    np.testing.assert_array_equal(pixels, np.asarray(last.convert("RGB")))


@pytest.mark.parametrize("kept", [0.99, 0.8, 0.5])
def test_gif_that_broke_off_is_shown_to_where_it_did(kept: float) -> None:
    """What arrived of the last frame counts as the end."""
    cut = pictures.truncated(gif(), kept=kept)

    assert max(shown(cut, 3)) >= int(COUNT * kept) - 2


def test_something_is_said_to_be_missing() -> None:
    """That frames were left out is the reason, though no frame was left of a sample."""
    limits = DecodeLimits(max_total_pixels=3 * seeds.WIDTH * seeds.HEIGHT)
    formats = formats_named(frozenset({"gif"}))

    (*_, lack) = frames_of(io.BytesIO(gif()), formats=formats, limits=limits)

    assert lack == Lack(reason=Reason.TOO_MANY_FRAMES)
