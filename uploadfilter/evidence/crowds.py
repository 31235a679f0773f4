"""How far the tail of the cohort reaches towards a probe.

The *reach* of an agreement is by how many deviations it exceeds the mean, corrected for
a sum of few bits, which cannot exceed all of them. Unrelated pictures have a reach as
of a normal distribution, if the probe resembles no others. A probe that does has a
*crowd*: the nearest of the cohort reach further, and their tail falls more slowly. The
*excess* of a pair takes both off.

Rules this module keeps: it is pure; an excess is never more than the reach; single
values of the cohort change little, since the nearest ones do not count.

Source:
    The correction is the rate of Cramer's theorem for a sum of signs. Place and scale
    of a tail from its upper order statistics: Coles, An Introduction to Statistical
    Modeling of Extreme Values, 2001, chapter 4.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

CROWD: Final = 128
"""Values of the cohort that describe the tail. The error of its scale is a tenth."""

UNCOUNTED: Final = 8
"""The nearest ones of them, which do not count: a few altered copies of an entry's own
picture in the cohort would make every tail long, and hide the entry."""

_SHARE: Final = 4
"""The crowd is at most a quarter of a small cohort."""

_BENDS: Final = 2.0
"""Deviations below which the correction is less than a hundredth."""

_TINY: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Crowd:
    """The tail of a cohort, as seen from a probe or from the views of an upload.

    Attributes:
        usual: Reach of the last of the crowd, if the cohort were normal.
        nearest: Its reach, or ``usual`` if it is less.
        stretch: By how much more slowly the tail falls than a normal one, at least 1.
    """

    usual: float
    nearest: float
    stretch: float

    def excess(self, reach: float) -> float:
        """Return the excess of a reach beyond the crowd."""
        beyond = reach - self.nearest
        return self.usual + beyond / (self.stretch if beyond > 0 else 1.0)


@dataclass(frozen=True, slots=True)
class TwoCrowds:
    """The tail of a cohort as seen in two ways, each with an error of its own.

    How slowly a tail falls is known to a tenth, and a tenth is worth decades where a
    match is decided. The mean of two figures is wrong by less, and in neither way.

    Attributes:
        one: The tail as a view of the upload sees it, over the whole cohort.
        many: The tail as all views of its sort see it: further out, in a part.
    """

    one: Crowd
    many: Crowd

    def excess(self, reach: float) -> float:
        """Return the mean excess of a reach beyond both crowds."""
        return (self.one.excess(reach) + self.many.excess(reach)) / 2


def reaches(deviations: Floats, bits: Floats) -> Floats:
    """Return the reach of agreements.

    Args:
        deviations: By how many deviations they exceed the mean.
        bits: As how many equal and independent bits the probe counts, see ``bits_of``;
            any shape that broadcasts.
    """
    found = np.array(deviations)
    bends = found >= _BENDS
    if bends.any():
        count = np.broadcast_to(bits, found.shape)[bends]
        share = np.minimum(found[bends] / np.sqrt(count), 1.0)
        rate = (1 + share) * np.log1p(share)
        rate += (1 - share) * np.log(np.maximum(1 - share, _TINY))
        found[bends] = np.maximum(np.sqrt(count * rate), found[bends])
    return found


def reach_of(deviation: float, bits: float) -> float:
    """Return the reach of one agreement, as ``reaches`` does for many."""
    if deviation < _BENDS:
        return deviation
    share = min(deviation / math.sqrt(bits), 1.0)
    rate = (1 + share) * math.log1p(share)
    rate += (1 - share) * math.log(max(1 - share, _TINY))
    return max(math.sqrt(bits * rate), deviation)


def bits_of(total: Floats, deviation: Floats) -> Floats:
    """Return as how many equal and independent bits probes count.

    Args:
        total: Sum of the strengths.
        deviation: Deviation of the agreements with the cohort.
    """
    bits: Floats = np.maximum(np.square(total / deviation), 1.0)
    return bits


def crowd_of(reached: Floats, *, size: int, views: int = 1) -> Crowd:
    """Describe the tail of a cohort.

    Args:
        reached: Reach of each of the cohort, that of the best view; at least one. The
            ``CROWD`` highest suffice.
        size: Values of the cohort.
        views: Views of which it is the best.
    """
    count = max(min(CROWD, size // _SHARE), 1)
    drop = count * UNCOUNTED // CROWD
    usual = _usual(size, views, count)
    near = np.sort(np.partition(reached, -count)[-count:])[::-1][drop:]
    # A line through all of them: plain agreements have steps of a quarter deviation.
    apart = usual[drop:] - usual[drop:].mean()
    spread = float(apart @ apart)
    slope = float(apart @ near) / spread if spread else 1.0
    stretch = max(slope, 1.0)
    last = float(usual[-1])
    nearest = float(near.mean()) + slope * float(apart[-1])
    return Crowd(last, max(nearest, last), stretch)


@lru_cache(64)
def _usual(size: int, views: int, count: int) -> NDArray[np.float64]:
    """Return the reaches of a crowd, if the cohort and all views were normal."""
    normal = NormalDist()
    places = [(place + 0.5) / size / views for place in range(count)]
    return np.array([-normal.inv_cdf(place) for place in places])
