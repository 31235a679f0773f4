"""Turning coefficients against turning the picture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.pictures.sketches import TURNED
from uploadfilter.model import VARIANTS, Variant
from uploadfilter.signals.dihedral import variants


def dct(first: int, size: int, length: int) -> NDArray[np.float64]:
    """Return rows of an unscaled DCT-II."""
    phases = np.outer(np.arange(first, first + size), 2 * np.arange(length) + 1)
    rows: NDArray[np.float64] = np.cos(np.pi / (2 * length) * phases)
    return rows


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("first", [0, 1])
@given(seed=st.integers(0, 1 << 32))
def test_turned_block_is_the_block_of_the_turned_plane(
    variant: Variant, first: int, seed: int
) -> None:
    """A variant's block is the DCT of the plane turned as ``model.Variant`` says."""
    plane = np.random.default_rng(seed).normal(size=(24, 24))
    rows = dct(first, 6, 24)
    turned = TURNED[variant](plane)

    blocks = variants(rows @ plane @ rows.T, first_frequency=first)

    ours = blocks[VARIANTS.index(variant)]
    np.testing.assert_allclose(ours, rows @ turned @ rows.T, atol=1e-9)


def test_upright_comes_first() -> None:
    """The first signal is the upright one."""
    assert VARIANTS[0] is Variant.UPRIGHT
