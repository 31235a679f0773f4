"""Boxes that may hold a picture: against their slow twin, and in known frames."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.signals.soft import twins
from tests.signals.soft.planes import drawn, plane_of
from uploadfilter.outlines import Rectangle
from uploadfilter.pictures.picture import Luma
from uploadfilter.signals.soft.framing import MOST_BOXES, boxes


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1000))
@example(seed=313)  # two lines beside each other step as far as counts
def test_boxes_equal_their_twin(seed: int) -> None:
    """All seams at once bound the boxes that one seam after the other bounds."""
    plane = plane_of(drawn(seed % 7))
    plane[:, 10:] += np.random.default_rng(seed).normal(size=(64, 54)) * 8
    if seed % 2:
        plane[: 9 + seed % 13] = 30

    found = boxes(plane, 1000)

    expected = twins.boxes(plane.astype(np.float64))
    strengths = [expected[box] for box in found]
    assert len(found) == len(expected)
    assert strengths == pytest.approx(sorted(expected.values(), reverse=True), abs=1e-2)
    assert boxes(plane) == found[:MOST_BOXES]


def framed(pixels: Luma, box: Rectangle, *, size: tuple[int, int], ground: int) -> Luma:
    """Paint a picture into a box of a canvas with a little writing on it."""
    height, width = size
    canvas = np.full(size, ground, np.uint8)
    canvas[height // 50 : height // 30, width // 10 : width // 3] = 255 - ground
    left, top, right, bottom = (
        round(edge * side) for edge, side in zip(box, (width, height) * 2, strict=True)
    )
    rows = np.arange(bottom - top) * pixels.shape[0] // (bottom - top)
    columns = np.arange(right - left) * pixels.shape[1] // (right - left)
    canvas[top:bottom, left:right] = pixels[rows][:, columns]
    return canvas


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((0.0, 0.15, 1.0, 1.0), id="band-above"),
        pytest.param((0.0, 0.0, 1.0, 0.87), id="band-below"),
        pytest.param((0.0, 0.21, 1.0, 0.63), id="screenshot"),
        pytest.param((0.08, 0.06, 0.92, 0.8), id="card"),
        pytest.param((0.3, 0.4, 0.8, 0.85), id="picture-in-picture"),
    ],
)
@pytest.mark.parametrize("ground", [10, 245])
def test_box_of_a_frame_is_found(box: Rectangle, ground: int) -> None:
    """One of the boxes is the true one, at half a cell."""
    upload = framed(drawn(3), box, size=(900, 700), ground=ground)

    found = boxes(plane_of(upload))

    errors = [max(abs(a - b) for a, b in zip(one, box, strict=True)) for one in found]
    assert len(found) <= MOST_BOXES
    assert len(set(found)) == len(found)
    assert (0.0, 0.0, 1.0, 1.0) not in found
    assert min(errors) <= 0.5 / 64


def test_boxes_are_long_enough() -> None:
    """Seams close to one another bound no picture."""
    plane = np.zeros((64, 64), np.float32)
    plane[20:25] = 200

    found = boxes(plane)

    assert found
    assert all(
        right - left >= 14 / 64 and bottom - top >= 14 / 64
        for left, top, right, bottom in found
    )


@pytest.mark.parametrize(
    "plane",
    [
        pytest.param(np.zeros((64, 64)), id="flat"),
        pytest.param(np.tile([0.0, 255.0], (64, 32)), id="striped"),
        pytest.param(np.indices((64, 64)).sum(axis=0) % 2 * 255.0, id="chequered"),
    ],
)
def test_poor_plane_has_few_boxes(plane: np.ndarray[tuple[int, int]]) -> None:
    """Endless repetition has no box, or at most as many as any other plane."""
    assert len(boxes(plane.astype(np.float32))) <= MOST_BOXES


def test_same_plane_has_the_same_boxes() -> None:
    """Nothing is left to chance."""
    plane = plane_of(drawn(5))

    assert boxes(plane) == boxes(plane.copy())
