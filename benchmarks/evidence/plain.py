"""Pairs of plain values: as the E of an ordinary match is made."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from benchmarks.evidence.counting import Counts
from benchmarks.evidence.halves import bits, turned
from uploadfilter.evidence.background import BITS, Background
from uploadfilter.evidence.chance import probability
from uploadfilter.evidence.cohort import Words
from uploadfilter.evidence.crowds import Crowd, bits_of, reaches
from uploadfilter.evidence.probes import crowd_of_value

LOWEST = 4.5
"""Deviations from which a pair is looked at: three in a million of a normal
distribution, and excesses are less."""

_LEAST_DEVIATION = 6.0
"""No value has a smaller deviation, in bits: fewer agreements than this times
``LOWEST`` are passed over at once."""

_BLOCK = 1000


def count(
    background: Background,
    uploads: Words,
    entries: Words,
    ways: range,
    *,
    lowest: float = LOWEST,
) -> Counts:
    """Compare all uploads, turned in some ways, with all entries.

    Args:
        background: The cohort.
        uploads: Values, shape (n, 4).
        entries: Values of other pictures, shape (m, 4).
        ways: Variants of the uploads.
        lowest: Deviations from which pairs are looked at.
    """
    found = Counts(highest=probability(lowest) / 2)
    theirs = bits(entries)
    listed = background.moments(theirs)
    crowd_of_entry = _crowds(background, entries)
    total = np.full(1, BITS, np.float32)
    for way in ways:
        asked = turned(uploads, way)
        crowd_of_upload = _crowds(background, asked)
        for first in range(0, len(asked), _BLOCK):
            part = bits(asked[first : first + _BLOCK])
            ours = background.moments(part)
            agreements = part @ theirs.T
            found.pairs += agreements.size
            floor = max(2 * _LEAST_DEVIATION * lowest - 8, -BITS)
            one, two = np.nonzero(agreements >= floor)
            pair = agreements[one, two]
            by = [
                (pair - side.mean[at]) / side.deviation[at]
                for side, at in ((ours, one), (listed, two))
            ]
            near = np.flatnonzero(np.minimum(*by) >= lowest)
            sides = zip(by, (ours, listed), (one, two), strict=True)
            reached = np.minimum(
                *(
                    reaches(it[near], bits_of(total, side.deviation[at[near]]))
                    for it, side, at in sides
                )
            )
            predicted = [
                probability(
                    min(
                        crowd_of_upload(first + int(one[at])).excess(reach),
                        crowd_of_entry(int(two[at])).excess(reach),
                    )
                )
                for at, reach in zip(near.tolist(), reached.tolist(), strict=True)
            ]
            found.add(np.array(predicted))
    found.compared = found.pairs
    return found


def _crowds(background: Background, values: Words) -> Callable[[int], Crowd]:
    """Return the crowds of values by their numbers, each computed once."""

    @lru_cache(None)
    def crowd(number: int) -> Crowd:
        return crowd_of_value(background, values[number])

    return crowd
