"""Guesses of small turns find the original that was turned."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.signals.soft.planes import bits_of, drawn, plane_of
from uploadfilter.signals.soft.turns import ANGLES, Canvas, outline_of, turns, turns_of

ANGLE = 4.0


def turned_picture(pixels: NDArray[Any], angle: float, canvas: Canvas) -> NDArray[Any]:
    """Turn a picture as an editor does."""
    image = Image.fromarray(pixels).rotate(
        angle, Image.Resampling.BICUBIC, expand=canvas is Canvas.GROWN
    )
    if canvas is Canvas.CUT:
        outline = outline_of(angle, canvas, pixels.shape[1] / pixels.shape[0])
        width, height = image.size
        across, down = outline.left * width, outline.top * height
        image = image.crop(
            (round(across), round(down), round(width - across), round(height - down))
        )
    return np.asarray(image)


@pytest.mark.parametrize("canvas", list(Canvas))
@pytest.mark.parametrize("angle", [ANGLE, -ANGLE])
def test_turn_is_undone(canvas: Canvas, angle: float) -> None:
    """The guess of the true angle is much nearer to the original than the upload."""
    pixels = drawn(5)
    original = bits_of(plane_of(pixels))
    upload = plane_of(turned_picture(pixels, angle, canvas))
    upload -= upload.mean()
    guess = turns_of([outline_of(angle, canvas, 640 / 480)], step=0.001)

    block = guess.blocks(upload)[0]

    found = (block > np.median(block)).ravel()[::-1]
    apart = int((found != original).sum())
    plain = int((bits_of(upload) != original).sum())
    assert apart < 50
    assert apart < plain - 20


@pytest.mark.parametrize("aspect", [4 / 3, 3 / 4, 2.0])
def test_grown_canvas_tells_the_aspect_of_the_original(aspect: float) -> None:
    """The guesses for an upload fit the original that it was made from."""
    width, height = round(300 * aspect), 300
    grown = Image.new("L", (width, height)).rotate(ANGLES[-1], expand=True)

    guesses = turns([grown.width / grown.height]).outlines

    found = [it for it in guesses if it.left < 0 and abs(it.angle) == ANGLES[-1]]
    assert len(found) == 2
    assert all(abs(it.aspect / (width / height) - 1) < 0.02 for it in found)


def test_canvas_of_a_turn_holds_or_loses_the_corners() -> None:
    """A grown canvas shows every corner of the original, a cut one none."""
    grown = outline_of(5, Canvas.GROWN, 1.5).corners()
    cut = outline_of(5, Canvas.CUT, 1.5).corners()

    assert all(-1e-9 <= part <= 1 + 1e-9 for corner in grown for part in corner)
    assert not any(0 < x < 1 and 0 < y < 1 for x, y in cut)
