"""An animation is begun at a later frame that does not build on others."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.frames import gif_file, gif_frame
from tests.fuzz import seeds
from uploadfilter.model import Reason
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Frame, Omission
from uploadfilter.pictures.headers.timing import webp_timing
from uploadfilter.pictures.readers.segments import webp_segment

COUNT = 20
LONGEST = 9
COST = 10_000 + 5 * seeds.WIDTH * seeds.HEIGHT // 4
"""The highest cost of a frame, in pixels."""


OPTIONS: dict[str, dict[str, object]] = {
    "GIF": {},
    "PNG": {"blend": 0},
    "WEBP": {"lossless": True, "method": 0},
}
"""How every frame is written so that it covers those before it."""


def animation(file_format: str) -> bytes:
    """Return an animation whose tenth frame is shown longest."""
    durations = [100] * COUNT
    durations[LONGEST] = 900
    frames = [seeds.image(seed) for seed in range(COUNT)]
    if file_format == "GIF":
        # Pillow would leave out what does not change.
        return gif_file(
            frames[0].size,
            [
                gif_frame(frame, (0, 0), delay_ms=duration, disposal=1)
                for frame, duration in zip(frames, durations, strict=True)
            ],
        )
    return pictures.encoded(
        frames[0],
        file_format,
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        **OPTIONS[file_format],
    )


def shown(content: bytes, reach: int) -> dict[int | Reason, NDArray[np.uint8]]:
    """Return the pixels of the frames that are shown, by their numbers."""
    limits = DecodeLimits(max_total_pixels=reach * COST)
    found: dict[int | Reason, NDArray[np.uint8]] = {}
    for item in frames_of(io.BytesIO(content), formats=FORMATS, limits=limits):
        if isinstance(item, Frame):
            found[item.number] = np.asarray(item.image.convert("RGB"))
        else:
            found[item.reason] = np.empty(0, np.uint8)
    return found


@pytest.mark.parametrize("file_format", OPTIONS)
@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        pytest.param(0, [0, Reason.KEY_FRAME_UNSEEN], id="one at least"),
        pytest.param(1, [0, 9, Reason.KEY_FRAME_UNSEEN], id="first and longest"),
        pytest.param(2, [0, 9, 19, Reason.TOO_MANY_FRAMES], id="and last"),
        pytest.param(20, list(range(20)), id="all"),
    ],
)
def test_key_frames_are_reached(
    file_format: str, reach: int, expected: list[int | Reason]
) -> None:
    """First, longest and last frame come before all others."""
    assert list(shown(animation(file_format), reach)) == expected


@pytest.mark.parametrize("file_format", OPTIONS)
def test_frame_looks_as_if_all_had_been_shown(file_format: str) -> None:
    """Where it was begun changes nothing."""
    content = animation(file_format)
    plain = Image.open(io.BytesIO(content))

    for number, pixels in shown(content, 3).items():
        if not isinstance(number, Reason):
            plain.seek(number)
            np.testing.assert_array_equal(pixels, np.asarray(plain.convert("RGB")))


@pytest.mark.parametrize(
    "segment", [range(1), range(1, 4), range(3, 4), range(4)], ids=str
)
def test_segment_is_a_file_of_its_frames(segment: range) -> None:
    """Any program can open it."""
    content = seeds.seed("webp/moving")
    whole = Image.open(io.BytesIO(content))

    part = Image.open(io.BytesIO(webp_segment(content, webp_timing(content), segment)))

    assert getattr(part, "n_frames", 1) == len(segment)
    whole.seek(segment.start)
    np.testing.assert_array_equal(
        np.asarray(part.convert("RGB")), np.asarray(whole.convert("RGB"))
    )


def test_lack_comes_last() -> None:
    """That frames were left out is said after those that were not."""
    limits = DecodeLimits(max_total_pixels=3 * COST)

    (*_, lack) = frames_of(io.BytesIO(animation("GIF")), formats=FORMATS, limits=limits)

    assert isinstance(lack, Omission)
