"""Pairs of plain values: as the E of an ordinary match is made."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from benchmarks.evidence.counting import Counts
from benchmarks.evidence.halves import bits, turned
from uploadfilter.evidence.background import BITS, Background, Signs
from uploadfilter.evidence.chance import probability
from uploadfilter.evidence.cohort import Words
from uploadfilter.evidence.crowding import crowd_of_value
from uploadfilter.evidence.crowds import Crowd, Floats, reaches
from uploadfilter.evidence.patterns import KEPT, Gauge
from uploadfilter.evidence.probes import PLAIN

LOWEST = 4.5
"""Deviations from which a pair is looked at: three in a million of a normal
distribution, and excesses are less."""

_LEAST_DEVIATION = 6.0
"""No value has a smaller deviation, in bits: fewer agreements than this times
``LOWEST`` are passed over at once."""

_BLOCK = 1000
_PAIRS = 1000


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
            reached = _reached(background, part[one[near]], theirs[two[near]])
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


def _reached(background: Background, ours: Signs, theirs: Signs) -> Floats:
    """Return the reach of pairs of values, the lower one of both sides."""
    found = [
        _reached_by(background, probes[at : at + _PAIRS], others[at : at + _PAIRS])
        for probes, others in ((ours, theirs), (theirs, ours))
        for at in range(0, len(ours), _PAIRS)
    ]
    half = len(found) // 2
    if not half:
        return np.zeros(0, np.float32)
    ours_first, theirs_first = (
        np.concatenate(it) for it in (found[:half], found[half:])
    )
    lower: Floats = np.minimum(ours_first, theirs_first)
    return lower


def _reached_by(background: Background, probes: Signs, others: Signs) -> Floats:
    """Return the reach of probes towards one value each."""
    gauge = Gauge.of(background, probes, np.broadcast_to(PLAIN, probes.shape))
    found = gauge.deviations(np.einsum("nb,nb->n", probes, others))
    far = np.flatnonzero(found > KEPT)
    found[far] = gauge.capped(found[far], others[far], far)
    return reaches(found, gauge.bits)


def _crowds(background: Background, values: Words) -> Callable[[int], Crowd]:
    """Return the crowds of values by their numbers, each computed once."""

    @lru_cache(None)
    def crowd(number: int) -> Crowd:
        return crowd_of_value(background, values[number])

    return crowd
