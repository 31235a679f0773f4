"""A sample tells an index that answers like the scan from one that does not."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.conformance.matchers import clustered
from tests.reference.search.eager import eager, usual
from uploadfilter.model import SignalType
from uploadfilter.reference.entries.sampling import sample_of
from uploadfilter.reference.search.index import LinearIndex, PairsFound, lanes_of
from uploadfilter.reference.search.matcher import Matcher

SHAPE = (SignalType.PDQ, None)
VALUES = clustered(1, count=400, width=32, threshold=31)
LANES = lanes_of(b"".join(VALUES), 32)


class Forgetful:
    """A scan that changes its results."""

    def __init__(self, *, loses: int = 0, adds: int = 0) -> None:
        self._loses = loses
        self._adds = adds
        self._scan = LinearIndex(LANES)

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._scan)

    def search(self, queries: Sequence[bytes], thresholds: Sequence[int]) -> PairsFound:
        """Find every value within the threshold, and err."""
        found = self._scan.search(queries, thresholds)
        return PairsFound(
            query=found.query[self._loses :],
            row=found.row[self._loses :],
            distance=found.distance[self._loses :] + np.uint16(self._adds),
        )


def wrong(matcher: Matcher, count: int = 30) -> int:
    """Return how many queries of a sample are answered wrongly."""
    report = sample_of(SHAPE, LANES, matcher, seed=3, count=count)
    assert report.queries == count
    assert report.found > 0
    return report.wrong


@pytest.mark.parametrize(
    "matcher", [eager(VALUES, 32), usual(VALUES, 32), LinearIndex(LANES)], ids=type
)
def test_sound_index_passes(matcher: Matcher) -> None:
    """An index that answers like the scan has no wrong answers."""
    assert wrong(matcher) == 0


def test_lost_pair_is_found_out() -> None:
    """One missing pair makes one wrong answer."""
    assert wrong(Forgetful(loses=1)) == 1


def test_wrong_distance_is_found_out() -> None:
    """The right pairs alone do not suffice."""
    assert wrong(Forgetful(adds=1)) > 1


def test_sample_is_repeatable() -> None:
    """The same seed gives the same queries."""
    one, two = (
        sample_of(SHAPE, LANES, LinearIndex(LANES), seed=seed, count=20)
        for seed in (7, 7)
    )

    assert one == two
