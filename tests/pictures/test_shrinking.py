"""The size of the planes of a picture."""

import pytest

from uploadfilter.pictures.shrinking import reduction_of


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
