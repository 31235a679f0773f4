"""Variants of a PDQ value, out of those that a corpus keeps."""

import numpy as np
import pytest

from tests.pictures.sketches import luma, picture_of
from uploadfilter.gate.variants import VARIANT_COUNT, Words, all_variants
from uploadfilter.knowngood.gathering import STORED_VARIANTS
from uploadfilter.model import VARIANTS, Geometry, SignalType
from uploadfilter.signals.views import view_of


def rows_of(seed: int, width: int, height: int) -> Words:
    """Return the eight values of a picture, in the order of ``VARIANTS``."""
    view = view_of(picture_of(luma(seed, width, height)), name="stored")
    row = next(
        row
        for row in view.rows
        if row.type is SignalType.PDQ and row.geometry is Geometry.FULL
    )
    return np.frombuffer(row.values, ">u8").reshape(-1, 4).astype(np.uint64)


def as_set(values: Words) -> set[bytes]:
    """Return values as a set."""
    return {value.tobytes() for value in values}


def bits(left: Words, right: Words) -> list[int]:
    """Return by how many bits each value differs from the nearest of others."""
    apart = np.bitwise_count(left[:, None] ^ right[None]).sum(axis=-1)
    return [int(it) for it in apart.min(axis=1)]


@pytest.mark.parametrize(("width", "height"), [(64, 64), (640, 480), (333, 300)])
@pytest.mark.parametrize("seed", range(3))
def test_four_variants_give_all(seed: int, width: int, height: int) -> None:
    """The eight variants follow exactly from the four that are kept."""
    eight = rows_of(seed, width, height)
    kept = eight[[VARIANTS.index(it) for it in STORED_VARIANTS]]

    found = all_variants(kept[None])

    assert found.shape == (1, VARIANT_COUNT, 4)
    assert as_set(found[0]) == as_set(eight)


def test_upright_value_gives_nearly_all() -> None:
    """For a picture of 64 x 64, whose signs flip without loss, few bits differ."""
    for seed in range(5):
        eight = rows_of(seed, 64, 64)
        found = all_variants(eight[:1][None])

        assert (found[0, 0] == eight[0]).all()
        assert max(bits(eight, found[0])) <= 31


def test_nothing_gives_nothing() -> None:
    """A corpus without pictures has no variants."""
    assert all_variants(np.empty((0, 4, 4), np.uint64)).shape == (0, 8, 4)
    assert all_variants(np.empty((0, 1, 4), np.uint64)).shape == (0, 8, 4)
