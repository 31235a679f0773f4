"""Judge whether an entry is near to an upload by more than chance.

Rules this module keeps: it is pure; the cost of a judgement is that of its candidates;
the cohort's values within ``Thresholds.pdq`` of an entry do not count for that entry,
because they are its own picture.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.evidence.background import (
    BITS,
    Background,
    Strengths,
    signs_of,
)
from uploadfilter.evidence.chance import excess_of, expected
from uploadfilter.evidence.cohort import LEAST_VALUES, Words
from uploadfilter.model import SignalType
from uploadfilter.reference.search.matching import Thresholds

GENERIC: Final = 60
"""Bits within which nearly all pairs from different collections show the same
picture."""

_PLAIN: Final = np.ones(SignalType.PDQ.width_bytes * 8, np.uint8)
_PLAIN.flags.writeable = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The judgement on one entry.

    Attributes:
        expected: E, the number of entries that chance is expected to bring so near to
            this upload; ``None`` if there is no usable cohort to judge by.
        excess: Deviations by which the pair is nearer than the cohort, see ``chance``.
        distance: Bits that differ.
        refused: Values of the cohort that did not count, because the entry matches
            them.
        generic: Values of the cohort within ``GENERIC`` bits of the entry, without the
            refused ones: a generic entry is near many pictures.
    """

    expected: float | None
    excess: float
    distance: int
    refused: int = 0
    generic: int = 0


def judge_values(
    background: Background | None,
    upload: bytes,
    entry: bytes,
    *,
    entries: int,
    tries: float,
) -> Evidence:
    """Judge a pair of PDQ values; it takes some 2 ms.

    Args:
        background: The prepared cohort; ``None`` if there is none.
        upload: A value of the upload, in the variant that is compared.
        entry: The value of the entry; for a match of the negative, its complement.
        entries: Entries of the reference set that have a value.
        tries: Comparisons of this upload with each entry, see ``chance.expected``.
    """
    one, other = _words(upload), _words(entry)
    distance = int(np.bitwise_count(one ^ other).sum())
    if background is None:
        return Evidence(expected=None, excess=0.0, distance=distance)
    to_entry = background.distances(other, _PLAIN)
    is_own = to_entry <= Thresholds().bits(SignalType.PDQ)
    refused = int(is_own.sum())
    if len(background) - refused < LEAST_VALUES:
        return Evidence(expected=None, excess=0.0, distance=distance, refused=refused)
    strangers = background.without(is_own)
    agreement = BITS - 2 * distance
    excess = min(_excess(strangers, it, _PLAIN, agreement) for it in (one, other))
    return Evidence(
        expected=expected(excess, entries=entries, tries=tries),
        excess=excess,
        distance=distance,
        refused=refused,
        generic=int((to_entry <= GENERIC).sum()) - refused,
    )


def _excess(
    background: Background,
    probe: NDArray[np.uint64],
    strengths: Strengths,
    agreement: float,
) -> float:
    """Return the excess of an agreement by one side of the pair."""
    moments = background.moments(signs_of(probe[None]) * strengths)
    crowd = background.crowd(probe, strengths)
    z, crowd_z = moments.z(np.array([[agreement], [crowd]], np.float32))[:, 0].tolist()
    return excess_of(z, crowd_z)


def _words(value: bytes) -> Words:
    """Return a value as four numbers.

    Raises:
        ValueError: It is no PDQ value.
    """
    if len(value) != SignalType.PDQ.width_bytes:
        raise ValueError(f"a PDQ value has 32 bytes, not {len(value)}")
    return np.frombuffer(value, ">u8").astype(np.uint64)
