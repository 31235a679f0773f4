"""Bits of estimated blocks, and how likely each is wrong, against their slow twin."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.signals.soft import twins
from uploadfilter.signals.soft import reliabilities
from uploadfilter.signals.soft.reliabilities import (
    EXPECTED,
    LEAST_FLIP,
    bits_and_flips,
    expectations,
)


def shares(seed: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return made-up explained shares of rows and columns, and what stays."""
    draw = np.random.default_rng(seed)
    return (
        draw.uniform(0.3, 1, (3, 16)).astype(np.float32),
        draw.uniform(0.3, 1, (3, 16)).astype(np.float32),
        draw.uniform(0.5, 1, (3, 16, 16)).astype(np.float32),
    )


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_bits_and_flips_equal_their_twin(seed: int) -> None:
    """Many blocks at once give the bits and probabilities of one after the other."""
    rows, columns, sure = shares(seed)
    draw = np.random.default_rng(seed)
    blocks = (draw.normal(size=(3, 16, 16)) * np.sqrt(EXPECTED)).astype(np.float32)

    noise = expectations(rows, columns, sure)
    values, flips = bits_and_flips(blocks.copy(), noise)

    for one in range(3):
        expected = EXPECTED * rows[one][:, None] * columns[one][None, :]
        error = EXPECTED * 1.02 - expected * sure[one]
        value, probabilities = twins.bits_and_flips(
            blocks[one].astype(np.float64), expected, error, least=LEAST_FLIP
        )
        assert values[one].tobytes() == value
        assert np.allclose(flips[one], probabilities, atol=2e-3)


def test_what_is_unexplained_is_uncertain() -> None:
    """Where nothing is known of a coefficient, its bit may as well be the other one."""
    ones = np.ones((1, 16), np.float32)
    sure = np.ones((1, 16, 16), np.float32)
    rows = ones.copy()
    rows[0, 3] = 0.01

    noise = expectations(rows, ones, sure)
    sure_noise = expectations(ones, ones, sure)

    assert (noise[0, 3] > 20 * sure_noise[0, 3]).all()


def test_many_views_are_computed_in_parts() -> None:
    """How many views there are changes none of them, nor where they are put."""
    rows, columns, sure = shares(4)
    noise = np.tile(expectations(rows, columns, sure), (100, 1, 1))
    blocks = np.random.default_rng(4).normal(size=(300, 16, 16)).astype(np.float32)
    into = np.empty((300, 32), np.uint8), np.empty((300, 256), np.float32)

    values, flips = bits_and_flips(blocks, noise, into)
    last_values, last_flips = bits_and_flips(blocks[-3:], noise[-3:])

    assert values is into[0]
    assert (values[-3:] == last_values).all()
    assert np.allclose(flips[-3:], last_flips, atol=1e-6)


def test_block_of_zeros_has_no_certain_bit() -> None:
    """A block without power is divided by nothing."""
    rows, columns, sure = shares(1)
    noise = expectations(rows, columns, sure)

    _, flips = bits_and_flips(np.zeros((3, 16, 16), np.float32), noise)

    assert (flips == 0.5).all()


def test_flips_have_their_bounds() -> None:
    """No bit is more certain than the floor, nor less than a coin."""
    rows, columns, sure = shares(2)
    noise = expectations(rows, columns, sure)
    blocks = np.random.default_rng(2).normal(size=(3, 16, 16)) * 100
    blocks[0, 0, 0] = 1e4

    _, flips = bits_and_flips(blocks.astype(np.float32), noise)

    assert flips.min() >= np.float32(reliabilities.LEAST_FLIP)
    assert flips.max() <= 0.5
