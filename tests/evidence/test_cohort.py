"""Which values a cohort has."""

import numpy as np
import pytest

from tests.evidence.values import pictures, raw
from uploadfilter.evidence.cohort import MOST_VALUES, cohort_of


def test_a_cohort_takes_the_upright_values_of_all_corpora() -> None:
    """Corpora have one or four values a picture; each picture counts once."""
    values = pictures(6)
    four = np.stack([values[:3], ~values[:3], ~values[:3], ~values[:3]], axis=1)

    cohort = cohort_of([four.astype(">u8"), values[2:, None]])

    assert sorted(map(raw, cohort)) == sorted(map(raw, values))


def test_values_that_are_no_pictures_are_left_out() -> None:
    """Nearly all bits equal: no picture has such a value, and it would bend moments."""
    values = np.concatenate((pictures(5), np.zeros((2, 4), np.uint64)))
    values[-1] = np.uint64((1 << 64) - 1)

    cohort = cohort_of([values])

    assert len(cohort) == 5


@pytest.mark.parametrize("parts", [[], [np.empty((0, 4, 4), np.uint64)]])
def test_a_missing_cohort_is_empty(
    parts: list[np.ndarray[tuple[int, ...], np.dtype[np.uint64]]],
) -> None:
    """No corpus, or one without pictures, is no error."""
    cohort = cohort_of(parts)

    assert len(cohort) == 0


def test_a_damaged_array_is_an_error() -> None:
    """A corpus file was checked before; another shape is a mistake in the code."""
    with pytest.raises(ValueError, match="shape"):
        cohort_of([np.zeros((3, 5), np.uint64)])


def test_a_cohort_is_thinned_evenly() -> None:
    """Four million pictures would cost an upload with a candidate 0.2 s."""
    count = MOST_VALUES + 10
    random = np.random.default_rng(3).integers(0, 1 << 64, (count, 2), np.uint64)
    values = np.concatenate((random, ~random), axis=1)

    cohort = cohort_of([values])

    assert len(cohort) == MOST_VALUES
