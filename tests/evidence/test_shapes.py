"""Shapes: their bits are those of pictures, and such pictures are no evidence."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.evidence.values import pictures
from uploadfilter.evidence.background import BITS, Background, signs_of
from uploadfilter.evidence.chance import NEAR
from uploadfilter.evidence.judging import judge_values, words
from uploadfilter.evidence.shapes import shapes
from uploadfilter.signals import pdq

SIDE = 64


def value_of(plane: NDArray[np.float64]) -> bytes:
    """Return PDQ of a plane."""
    bits = pdq.bits_of(plane.astype(np.float32)[None]).reshape(BITS)
    return np.packbits(bits[::-1]).tobytes()


def edge(angle: float, place: float) -> NDArray[np.float64]:
    """Return a picture that is dark on one side of a straight edge."""
    centres = (np.arange(SIDE) + 0.5) / SIDE - 0.5
    across, down = np.meshgrid(centres, centres)
    along = across * np.cos(angle) + down * np.sin(angle) - place
    plane: NDArray[np.float64] = 40 + 180 * np.clip(along * SIDE, 0, 1)
    return plane


def disc(left: float, top: float, radius: float) -> NDArray[np.float64]:
    """Return a picture of a dark disc."""
    centres = (np.arange(SIDE) + 0.5) / SIDE
    across, down = np.meshgrid(centres, centres)
    far = np.hypot(across - left, down - top) - radius
    plane: NDArray[np.float64] = 40 + 180 * np.clip(far * SIDE, 0, 1)
    return plane


def test_shapes_are_values() -> None:
    """Each once."""
    found = shapes()

    assert found.shape[1] == BITS
    assert set(np.unique(found)) == {-1, 1}
    assert len(np.unique(found, axis=0)) == len(found) > 1000


@pytest.mark.parametrize(
    "plane",
    [
        pytest.param(edge(0.6, 0.13), id="an edge"),
        pytest.param(edge(2.1, -0.22), id="another edge"),
        pytest.param(255 - edge(0.6, 0.13), id="its negative"),
        pytest.param(disc(0.3, 0.8, 0.52), id="a disc"),
        pytest.param(disc(1.1, 0.2, 0.9), id="an arc"),
    ],
)
def test_a_picture_of_a_shape_is_near_to_one(plane: NDArray[np.float64]) -> None:
    """Or to the negative of one, though its place is between theirs."""
    bits = signs_of(words(value_of(plane))[None])[0]

    agreements = np.abs(shapes() @ bits)

    # Of 256 bits, 80 are wrong at most.
    assert agreements.max() >= 96


def test_two_pictures_of_one_edge_are_not_evidence() -> None:
    """Nearly all of their bits agree, and all they share is the edge."""
    one, other = (value_of(edge(0.6, it)) for it in (0.13, 0.135))
    background = Background.of(pictures(8192))

    found = judge_values(background, one, other, entries=1_000_000, tries=400)

    assert found.distance < 31
    assert found.expected is not None
    assert found.expected > NEAR
