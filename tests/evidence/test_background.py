"""Agreements and moments, against the slow twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence import twins
from tests.evidence.values import pictures, raw
from uploadfilter.evidence.background import (
    BITS,
    FLOOR,
    SAMPLE,
    STRONGEST,
    Background,
    background_of,
    signs_of,
    strengths_of,
)
from uploadfilter.evidence.cohort import LEAST_VALUES

seeds = st.integers(0, 2**32)


def random_strengths(seed: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return a strength for each bit; some bits say nothing."""
    random = np.random.default_rng(seed)
    return random.integers(0, STRONGEST + 1, BITS).astype(np.uint8)


@given(seed=seeds, count=st.integers(2, 30))
@settings(max_examples=20, deadline=None)
def test_distances_are_those_of_the_twin(seed: int, count: int) -> None:
    """Whole numbers, from bits of strengths, as from one bit after the other."""
    values, strengths = pictures(count, seed), random_strengths(seed)
    probe = pictures(1, seed + 1)[0]
    background = Background.of(values)

    distances = background.distances(probe, strengths)

    bits = twins.bits_of(raw(probe))
    agreements = [
        twins.agreement(bits, twins.bits_of(raw(it)), strengths.tolist())
        for it in values
    ]
    assert (int(strengths.sum()) - 2 * distances).tolist() == agreements
    assert background.agreements(probe, strengths).tolist() == agreements
    apart = [twins.distance(raw(probe), raw(it)) for it in values]
    assert background.apart(probe).tolist() == apart


@given(seed=seeds, count=st.integers(2, 40))
@settings(max_examples=20, deadline=None)
def test_moments_are_those_of_the_agreements(seed: int, count: int) -> None:
    """Mean and deviation follow from the bits' means and covariances."""
    values, strengths = pictures(count, seed), random_strengths(seed)
    probe = pictures(1, seed + 1)
    background = Background.of(values)

    moments = background.moments(signs_of(probe) * strengths)

    agreements = (signs_of(values) * signs_of(probe) * strengths).sum(axis=1)
    assert moments.mean[0] == pytest.approx(agreements.mean(), abs=0.01)
    expected = max(float(agreements.std()), 1.0)
    assert moments.deviation[0] == pytest.approx(expected, rel=1e-3)


def test_the_sample_is_spread_over_the_cohort() -> None:
    """A large cohort is thinned evenly, a small one is taken whole."""
    few, many = pictures(10), pictures(SAMPLE + 400)

    assert np.array_equal(Background.of(few).sample(), few)
    sample = Background.of(many).sample()
    assert len(sample) == SAMPLE
    assert np.array_equal(sample[0], many[0])
    assert np.array_equal(sample[-1], many[(SAMPLE - 1) * len(many) // SAMPLE])


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_a_background_without_values_is_that_of_the_others(seed: int) -> None:
    """Refused values leave no trace in the moments."""
    values = pictures(20, seed)
    refused = np.arange(20) % 3 == seed % 3

    left = Background.of(values).without(refused)

    other = Background.of(values[~refused])
    assert len(left) == len(other)
    assert np.array_equal(left.products, other.products)
    assert np.array_equal(left.covariance, other.covariance)
    assert np.array_equal(left.mean, other.mean)


def test_a_cohort_that_is_full_of_one_picture_resembles_it() -> None:
    """One copy in a thousand is enough; a single one is not."""
    values = pictures(20_000)
    picture = pictures(1, 7)[0]
    single, many = values.copy(), values.copy()
    single[0] = picture
    many[::1000] = picture

    assert not Background.of(single).resembles(picture)
    assert Background.of(many).resembles(picture)


def test_strengths_grow_with_certainty() -> None:
    """A bit that is as often wrong as right says nothing; none is certain."""
    flips = np.array([0.0, FLOOR, 0.1, 0.3, 0.5, 0.9], np.float32)

    assert strengths_of(flips).tolist() == [15, 15, 8, 3, 0, 0]


def test_a_probe_without_strength_agrees_with_everything_equally() -> None:
    """A flat picture has no certain bit: its deviation is not zero, so z stays 0."""
    background = Background.of(pictures(20))

    moments = background.moments(np.zeros((1, BITS), np.float32))

    assert moments.deviations(np.zeros((1, 1), np.float32)).tolist() == [[0.0]]


def test_a_cohort_that_is_too_small_has_no_background() -> None:
    """Nothing is judged by it."""
    values = pictures(LEAST_VALUES)

    assert background_of(values) is not None
    assert background_of(values[1:]) is None
