"""Boxes on a page are mapped, cut and joined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.pdf.library import IDENTITY, Box, Matrix
from uploadfilter.contents.pdf.objects import (
    groups_of,
    intersect,
    join_matrices,
    map_box,
)

numbers = st.integers(-50, 50).map(float)
matrices = st.tuples(*[numbers] * 6)
# A box without width or height would have something in common with one far away.
boxes = st.tuples(*[st.integers(1, 50).map(float)] * 4).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)


@given(inner=matrices, outer=matrices, x=numbers, y=numbers)
def test_joined_matrix_maps_by_one_after_the_other(
    inner: Matrix, outer: Matrix, x: float, y: float
) -> None:
    """A point goes the same way in one step as in two."""
    point = (x, y, x, y)

    assert map_box(point, join_matrices(inner, outer)) == map_box(
        map_box(point, inner), outer
    )
    assert map_box(point, IDENTITY) == point


@given(some=st.lists(boxes, max_size=12))
def test_groups_hold_every_box_and_do_not_touch(some: list[Box]) -> None:
    """Each box lies in one group, and no two groups are one."""
    groups = groups_of(some, gap=1)

    assert all(
        sum(intersect(box, group) == box for group in groups) == 1 for box in some
    )
    assert groups_of(groups, gap=1) == sorted(groups)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param((5, 5, 20, 20), (5, 5, 10, 10), id="corner"),
        pytest.param((20, 20, 30, 30), (20, 20, 20, 20), id="apart"),
    ],
)
def test_common_part_of_boxes(other: Box, expected: Box) -> None:
    """Boxes apart have nothing in common."""
    assert intersect((0, 0, 10, 10), other) == expected
