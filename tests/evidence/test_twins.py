"""The slow twin itself, on values that a person can check."""

import pytest

from tests.evidence import twins
from tests.evidence.values import flipped

ONES = bytes([255]) * 32
HALF = bytes([255]) * 16 + bytes(16)
PLAIN = [1] * 256


def test_agreement_counts_equal_bits_and_takes_the_others_off() -> None:
    """Half of the bits are equal; those without strength do not count."""
    ones, half = twins.bits_of(ONES), twins.bits_of(HALF)

    assert twins.agreement(ones, half, PLAIN) == 0
    assert twins.agreement(ones, half, [3] * 128 + [1] * 128) == 256
    assert twins.agreement(ones, half, [0] * 128 + [1] * 128) == -128


def test_distance_is_the_number_of_bits() -> None:
    """As everywhere."""
    assert twins.distance(HALF, flipped(HALF, 37)) == 37


def test_reach_is_counted_in_deviations() -> None:
    """A cohort of agreements 128 and -128 has the mean 0 and the deviation 128."""
    ones = twins.bits_of(ONES)
    near, far = (twins.bits_of(flipped(ONES, it)) for it in (64, 192))

    found = twins.reaches(ones, PLAIN, [near, far], [near, far])

    assert found == [1.0, -1.0]


def test_reach_grows_where_few_bits_are_left_to_agree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """256 independent bits that all agree are one case in 2^256: 18.8 deviations."""
    # All bits are ones, which is a pattern.
    monkeypatch.setattr(twins, "ENOUGH", 256.0)
    ones = twins.bits_of(ONES)
    cohort = [twins.bits_of(flipped(ONES, it)) for it in (120, 136)]

    (found,) = twins.reaches(ones, PLAIN, [ones], cohort)

    assert found == pytest.approx(16.0 * (2 * 0.6931) ** 0.5, rel=1e-3)


def test_what_a_pattern_explains_counts_only_so_much() -> None:
    """Rows of ones and of zeros: all bits agree, for four deviations."""
    rows = [1 if it // 16 % 2 else -1 for it in range(256)]
    number = int("".join("1" if it > 0 else "0" for it in rows), 2)
    raw = number.to_bytes(32)
    cohort = [twins.bits_of(flipped(raw, it)) for it in (120, 136)]

    (found,) = twins.reaches(rows, PLAIN, [rows], cohort)

    assert twins.stripes(rows, PLAIN) == rows
    assert found == pytest.approx(4.0, abs=0.05)


def test_an_excess_is_that_beyond_the_crowd() -> None:
    """The nearest quarter of a small cohort is its crowd."""
    usual = twins.excess(6.0, [-1.0] * 100)
    crowded = twins.excess(6.0, [3.0] * 100)

    assert usual == pytest.approx(6.0)
    assert crowded < 4.0


def test_the_entrys_own_picture_does_not_count() -> None:
    """It is within the threshold."""
    cohort = [flipped(ONES, it, it) for it in range(100, 160)]
    pair = (flipped(ONES, 50), ONES)

    found = twins.excess_of_pair(pair, [ONES, *cohort], own=31)

    assert found == twins.excess_of_pair(pair, cohort, own=31)
