"""The same judgement, slow and obvious: bit by bit, and pair by pair.

The tests compare ``probes.py`` and ``judging.py`` with it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from statistics import NormalDist, fmean, linear_regression, pvariance

import numpy as np

from uploadfilter.evidence.background import BITS
from uploadfilter.evidence.crowds import CROWD, UNCOUNTED
from uploadfilter.evidence.patterns import ENOUGH
from uploadfilter.evidence.shapes import shapes

Bits = Sequence[int]
"""256 times -1 or 1."""


def bits_of(value: bytes) -> list[int]:
    """Return the bits of a value as -1 and 1, the most significant first."""
    number = int.from_bytes(value)
    return [1 if number >> place & 1 else -1 for place in reversed(range(BITS))]


def agreement(one: Bits, other: Bits, strengths: Sequence[int]) -> int:
    """Return the sum of the strengths of equal bits, minus that of the others."""
    return sum(a * b * s for a, b, s in zip(one, other, strengths, strict=True))


def distance(one: bytes, other: bytes) -> int:
    """Return the number of bits that differ."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def shape(probe: Bits, strengths: Sequence[int]) -> list[int]:
    """Return the shape that a probe is nearest to, or its negative."""
    weights = [bit * strength for bit, strength in zip(probe, strengths, strict=True)]
    # In Python alone it would take seconds; these are whole numbers, too.
    sums = (shapes() @ np.array(weights)).tolist()
    best = max(range(len(sums)), key=lambda it: abs(sums[it]))
    return [int(bit) * _sign(sums[best]) for bit in shapes()[best].tolist()]


def stripes(probe: Bits, strengths: Sequence[int]) -> list[int]:
    """Return the signs of a row times those of a column that a probe is nearest to."""
    side = range(16)
    grid = [[probe[16 * i + j] * strengths[16 * i + j] for j in side] for i in side]
    alike = [[_product(one, other) for other in grid] for one in grid]
    alike = [[_product(one, other) for other in alike] for one in alike]
    first = max(side, key=lambda it: alike[it][it])
    rows = [_sign(_product(it, alike[first])) for it in alike]
    columns = rows
    for _ in range(4):
        columns = [_sign(_product(rows, [it[j] for it in grid])) for j in side]
        rows = [_sign(_product(it, columns)) for it in grid]
    return [row * column for row in rows for column in columns]


def counted(value: Bits) -> float:
    """Return how much patterns count for a value: 0, a half or 1."""
    plain = [1] * BITS
    striped = abs(agreement(value, stripes(value, plain), plain)) / BITS
    shaped = abs(agreement(value, shape(value, plain), plain)) / BITS
    owed = max((striped - 0.46) / 0.08, (shaped - 0.35) / 0.08)
    return math.ceil(2 * min(max(owed, 0.0), 1.0)) / 2


def _product(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(map(mul, one, other))


def _sign(number: float) -> int:
    return -1 if number < 0 else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pattern:
    """A pattern of a probe, with its moments over the cohort."""

    bits: Bits
    mean: float
    deviation: float
    shared: float

    @classmethod
    def of(
        cls,
        bits: Bits,
        own: Sequence[int],
        strengths: Sequence[int],
        cohort: Sequence[Bits],
    ) -> "_Pattern":
        theirs = [agreement(bits, it, strengths) for it in cohort]
        deviations = [math.sqrt(max(pvariance(it), 1.0)) for it in (own, theirs)]
        together = fmean(a * b for a, b in zip(own, theirs, strict=True))
        covariance = together - fmean(own) * fmean(theirs)
        shared = covariance / deviations[0] / deviations[1]
        return cls(
            bits=bits, mean=fmean(theirs), deviation=deviations[1], shared=shared
        )

    def too_much(self, other: Bits, strengths: Sequence[int]) -> float:
        by = (agreement(self.bits, other, strengths) - self.mean) / self.deviation
        return max(self.shared, 0.0) * max(by - ENOUGH, 0.0)


def reaches(
    probe: Bits,
    strengths: Sequence[int],
    others: Sequence[Bits],
    cohort: Sequence[Bits],
) -> list[float]:
    """Return the reach of a probe towards some values.

    Args:
        probe: The probe.
        strengths: 0 to 15, one for each bit.
        others: The values.
        cohort: The cohort that gives mean and deviation.
    """
    own = [agreement(probe, it, strengths) for it in cohort]
    mean, deviation = fmean(own), math.sqrt(max(pvariance(own), 1.0))
    patterns = [
        _Pattern.of(it, own, strengths, cohort)
        for it in (stripes(probe, strengths), shape(probe, strengths))
    ]
    bits = max((sum(strengths) / deviation) ** 2, 1.0)
    found = []
    for other in others:
        z = (agreement(probe, other, strengths) - mean) / deviation
        if z > 3:  # as ``patterns.KEPT`` says
            z = max(z - max(it.too_much(other, strengths) for it in patterns), 3.0)
        if z >= 2:  # as ``crowds.reaches`` says
            share = min(z / math.sqrt(bits), 1.0)
            rate = (1 + share) * math.log1p(share)
            rate += (1 - share) * math.log(max(1 - share, 1e-9))
            z = max(math.sqrt(bits * rate), z)
        found.append(z)
    return found


def excess(reach: float, crowd: Sequence[float], *, views: int = 1) -> float:
    """Return the excess of a reach.

    Args:
        reach: The reach.
        crowd: The reach of each of the cohort, in any order.
        views: The number of views of which these are the best.
    """
    near = sorted(crowd, reverse=True)[: max(min(CROWD, len(crowd) // 4), 1)]
    normal = NormalDist()
    usual = [
        -normal.inv_cdf((place + 0.5) / len(crowd) / views)
        for place in range(len(near))
    ]
    drop = len(near) * UNCOUNTED // CROWD
    ours, theirs = near[drop:], usual[drop:]
    slope = linear_regression(theirs, ours).slope if len(ours) > 1 else 1.0
    nearest = fmean(ours) + slope * (theirs[-1] - fmean(theirs))
    beyond = reach - max(nearest, usual[-1])
    return usual[-1] + (beyond / max(slope, 1.0) if beyond > 0 else beyond)


def excess_of_pair(
    pair: tuple[bytes, bytes], cohort: Sequence[bytes], *, own: int
) -> float:
    """Return the excess of a pair of plain values, the lower one of its two sides.

    Args:
        pair: A value of the upload, and that of the entry.
        cohort: Values of harmless pictures.
        own: Bits within which a value of the cohort is the entry's own picture.
    """
    plain = [1] * BITS
    upload, entry = map(bits_of, pair)
    strangers = [bits_of(it) for it in cohort if distance(pair[1], it) > own]
    reach = min(
        reaches(probe, plain, [other], strangers)[0]
        for probe, other in ((upload, entry), (entry, upload))
    )
    return min(
        excess(reach, reaches(probe, plain, strangers, strangers))
        for probe in (upload, entry)
    )
