"""The slow twin itself, on values that a person can check."""

import pytest

from tests.evidence.values import flipped
from uploadfilter.evidence import obvious

ONES = bytes([255]) * 32
HALF = bytes([255]) * 16 + bytes(16)
PLAIN = [1] * 256


def test_agreement_counts_equal_bits_and_takes_the_others_off() -> None:
    """Half of the bits are equal; those without strength do not count."""
    ones, half = obvious.bits_of(ONES), obvious.bits_of(HALF)

    assert obvious.agreement(ones, half, PLAIN) == 0
    assert obvious.agreement(ones, half, [3] * 128 + [1] * 128) == 256
    assert obvious.agreement(ones, half, [0] * 128 + [1] * 128) == -128


def test_distance_is_the_number_of_bits() -> None:
    """As everywhere."""
    assert obvious.distance(HALF, flipped(HALF, 37)) == 37


def test_excess_is_counted_in_deviations_and_shrunk_by_the_crowd() -> None:
    """A cohort of agreements 128 and -128 has the mean 0 and the deviation 128."""
    near, far = flipped(ONES, 64), flipped(ONES, 192)
    found = obvious.excess((ONES, ONES), PLAIN, [near, far], own=31)

    assert found == pytest.approx(256 / 128)


def test_the_entrys_own_picture_does_not_count() -> None:
    """It is within the threshold."""
    cohort = [flipped(ONES, 64), flipped(ONES, 192)]
    found = obvious.excess((ONES, ONES), PLAIN, [ONES, *cohort], own=31)

    assert found == obvious.excess((ONES, ONES), PLAIN, cohort, own=31)
