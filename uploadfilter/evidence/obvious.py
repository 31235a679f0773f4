"""The same judgement, slow and obvious: bit by bit, and pair by pair.

The tests compare ``background.py`` and ``judging.py`` with it.
"""

import math
from collections.abc import Sequence
from statistics import fmean

from uploadfilter.evidence.background import BITS, CROWD_SHARE
from uploadfilter.evidence.chance import excess_of

Bits = Sequence[int]
"""256 times -1 or 1."""


def bits_of(value: bytes) -> list[int]:
    """Return the bits of a value as -1 and 1, the most significant first."""
    number = int.from_bytes(value)
    return [1 if number >> place & 1 else -1 for place in reversed(range(BITS))]


def agreement(one: Bits, other: Bits, strengths: Sequence[int]) -> int:
    """Return the sum of the strengths of equal bits, minus that of the others."""
    return sum(a * b * s for a, b, s in zip(one, other, strengths, strict=True))


def excess(
    pair: tuple[bytes, bytes],
    strengths: Sequence[int],
    cohort: Sequence[bytes],
    *,
    own: int,
) -> float:
    """Return the excess of a pair, which is the lower one of its two sides.

    Args:
        pair: A value of the upload, and that of the entry.
        strengths: 0 to 15, one for each bit.
        cohort: Values of harmless pictures, at least one of them no own one.
        own: Bits within which a value of the cohort is the entry's own picture.
    """
    upload, entry = map(bits_of, pair)
    reached = agreement(upload, entry, strengths)
    strangers = [bits_of(it) for it in cohort if distance(pair[1], it) > own]
    sides = []
    for probe in (upload, entry):
        others = sorted(agreement(probe, it, strengths) for it in strangers)
        mean = fmean(others)
        deviation = math.sqrt(max(fmean([(it - mean) ** 2 for it in others]), 1.0))
        crowd = others[-1 - len(others) // CROWD_SHARE]
        sides.append(
            excess_of((reached - mean) / deviation, (crowd - mean) / deviation)
        )
    return min(sides)


def distance(one: bytes, other: bytes) -> int:
    """Return the number of bits that differ."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
