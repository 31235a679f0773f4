"""Turning planes into a smaller picture."""

import ctypes

import numpy as np
import pytest
from PIL import Image

from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.large.planes import AvifImage, Converter, check

GREY = 4


def grey(
    width: int, height: int
) -> tuple[AvifImage, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    """Return planes of luma alone, and the luma."""
    rng = np.random.default_rng(3)
    luma = rng.integers(0, 256, (height, width), np.uint8)
    image = AvifImage(width=width, height=height, depth=8, sampling=GREY)
    image.is_full_range, image.matrix = 1, 2
    image.planes[0], image.strides[0] = luma.ctypes.data, width
    return image, luma


@pytest.mark.parametrize(("width", "height"), [(64, 64), (33, 71), (1400, 1501)])
@pytest.mark.parametrize("by", [2, 4, 8])
def test_bands_are_averages_of_the_samples(width: int, height: int, by: int) -> None:
    """Luma in full range stays unchanged, in any number of bands."""
    image, luma = grey(width, height)

    shrunk = Converter(ctypes.addressof(image)).shrunk(by)

    expected = Image.fromarray(luma).convert("RGB").reduce(by)
    assert shrunk.image.tobytes() == expected.tobytes()


def test_planes_that_make_no_colours_are_a_bad_picture() -> None:
    """A refusal of the library is an error of the file."""
    image, _ = grey(8, 8)
    image.depth = 7

    with pytest.raises(BadPictureError):
        Converter(ctypes.addressof(image)).shrunk(2)


def test_want_of_memory_is_told_apart() -> None:
    """Not every failure is the fault of the file."""
    with pytest.raises(MemoryError):
        check(26)
    with pytest.raises(BadPictureError):
        check(9)
    check(0)
