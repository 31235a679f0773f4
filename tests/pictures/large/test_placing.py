"""Cutting, turning and mirroring a picture that comes in strips."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.pictures.test_shrinking import noise
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.large.placing import Placing
from uploadfilter.pictures.limits import OverBudgetError

STEPS = ("turn", "mirror", "flip", "cut")


def placed(image: Image.Image, steps: list[str], placing: Placing) -> Image.Image:
    """Take steps; return their result for the whole picture."""
    for step in steps:
        if step == "turn":
            placing.turn()
            image = image.transpose(Image.Transpose.ROTATE_90)
        elif step == "mirror":
            placing.mirror(is_left_to_right=True)
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        elif step == "flip":
            placing.mirror(is_left_to_right=False)
            image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        else:
            placing.cut(1, 2, 3, 4)
            image = image.crop((1, 2, image.width - 3, image.height - 4))
    return image


@settings(max_examples=200, deadline=None)
@given(
    mode=st.sampled_from(("L", "RGB", "RGBA")),
    by=st.sampled_from((2, 4, 8)),
    width=st.integers(40, 70),
    height=st.integers(40, 70),
    rows=st.integers(1, 40),
    steps=st.lists(st.sampled_from(STEPS), max_size=4),
)
def test_strips_give_what_the_whole_picture_gives(
    mode: str, by: int, width: int, height: int, rows: int, steps: list[str]
) -> None:
    """Whole blocks are those of the whole picture, after any steps."""
    image = noise(mode, width, height)
    placing = Placing(image.size)
    expected = placed(image, steps, placing)
    strips = (
        image.crop((0, top, width, min(top + rows, height)))
        for top in range(0, height, rows)
    )

    frame = placing.frame(strips, by, 3)

    assert (frame.full, frame.scale, frame.number) == (expected.size, by, 3)
    small = expected.reduce(by)
    assert frame.image.size == small.size
    whole = expected.height // by, expected.width // by
    ours, theirs = (
        np.asarray(each)[: whole[0], : whole[1]] for each in (frame.image, small)
    )
    assert (ours == theirs).all()
    assert not frame.is_truncated


def test_missing_piece_is_told() -> None:
    """A strip with a missing part is shown nevertheless."""
    strip = Image.new("L", (16, 16), 9)

    frame = Placing((16, 16)).frame([None, strip], 2, 0)

    assert frame.is_truncated
    assert frame.image.getextrema() == (9, 9)


def test_nothing_is_no_picture() -> None:
    """A picture that is cut away, has no rows, or keeps its size is not, either."""
    with pytest.raises(BadPictureError):
        Placing((10, 10)).cut(5, 0, 5, 0)
    with pytest.raises(BadPictureError):
        Placing((10, 10)).frame([], 2, 0)
    with pytest.raises(OverBudgetError):
        Placing((10, 10)).frame([Image.new("L", (10, 10))], 1, 0)
