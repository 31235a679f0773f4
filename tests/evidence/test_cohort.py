"""Which values a cohort refuses, and how it counts them."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.evidence.values import flipped, pictures, raw
from uploadfilter.evidence.cohort import (
    LEAST_VALUES,
    MOST_VALUES,
    Cohort,
    CohortRefusal,
    cohort_of,
    without_listed,
)
from uploadfilter.model import EntryState, SignalType
from uploadfilter.reference.search.matching import Candidate, Query


class OneEntry:
    """A reference set of one entry."""

    number = 1
    signal_types = frozenset({SignalType.PDQ})
    entry_count = 1

    def __init__(self, value: bytes) -> None:
        self._value = value

    def search(self, queries: Sequence[Query]) -> tuple[tuple[Candidate, ...], ...]:
        """Find it where it is within the threshold."""
        return tuple(map(self._found, queries))

    def _found(self, query: Query) -> tuple[Candidate, ...]:
        ours, theirs = (int.from_bytes(it) for it in (self._value, query.signal.value))
        distance = (ours ^ theirs).bit_count()
        if distance > query.threshold:
            return ()
        return (
            Candidate(
                set="unit7",
                entry="p-1",
                category="1",
                state=EntryState.ACTIVE,
                distance=distance,
            ),
        )


def test_a_cohort_takes_the_upright_values_of_all_corpora() -> None:
    """Corpora have one or four values a picture; each picture counts once."""
    values = pictures(6)
    four = np.stack([values[:3], ~values[:3], ~values[:3], ~values[:3]], axis=1)

    cohort = cohort_of([four.astype(">u8"), values[2:, None]])

    assert sorted(map(raw, cohort.values)) == sorted(map(raw, values))
    assert cohort.refused == {CohortRefusal.REPEATED: 1}


def test_values_that_are_no_pictures_are_refused() -> None:
    """Nearly all bits equal: no picture has such a value, and it would bend moments."""
    values = np.concatenate((pictures(5), np.zeros((2, 4), np.uint64)))
    values[-1] = np.uint64((1 << 64) - 1)

    cohort = cohort_of([values])

    assert len(cohort) == 5
    assert cohort.refused == {CohortRefusal.UNBALANCED: 2}


@pytest.mark.parametrize("parts", [[], [np.empty((0, 4, 4), np.uint64)]])
def test_a_missing_cohort_is_empty_and_not_usable(
    parts: list[np.ndarray[tuple[int, ...], np.dtype[np.uint64]]],
) -> None:
    """No corpus, or one without pictures, is no error."""
    cohort = cohort_of(parts)

    assert len(cohort) == 0
    assert not cohort.is_usable


def test_a_cohort_is_usable_from_a_stated_size() -> None:
    """One value fewer, and nothing is judged."""
    values = pictures(LEAST_VALUES)

    assert cohort_of([values]).is_usable
    assert not cohort_of([values[1:]]).is_usable


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
    assert cohort.refused == {CohortRefusal.THINNED: 10}


def test_values_that_match_an_entry_are_refused_with_a_report() -> None:
    """An entry's own picture in the cohort would hide it."""
    cohort = Cohort(values=pictures(50))
    entry = flipped(raw(cohort.values[7]), 31)

    left = without_listed(cohort, OneEntry(entry))

    assert len(left) == 49
    assert left.refused == {CohortRefusal.NEAR_AN_ENTRY: 1}
    assert left.near == (("unit7", "p-1"),)


def test_a_cohort_without_listed_pictures_stays_as_it_is() -> None:
    """At 32 bits a value is not the entry's own picture."""
    cohort = Cohort(values=pictures(50))
    entry = flipped(raw(cohort.values[7]), 32)

    assert without_listed(cohort, OneEntry(entry)) is cohort
