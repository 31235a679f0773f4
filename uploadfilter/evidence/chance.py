"""From an excess to the expected number of chance matches.

The excess of a pair (``crowds.py``) is the lower one of two figures, that of the
upload and that of the entry. It is made so that it is distributed normally for
unrelated pairs.

``python -m benchmarks evidence`` repeats the calibration, and draws it.
"""

import math
from typing import Final

ALTERED: Final = 1e-9
"""Most chance matches expected of an upload, for a match of the class ``altered``: at
a million uploads a day one in three years."""

NEAR: Final = 1e-4
"""The same for ``near_match``, which is only recorded."""

VARIANTS: Final = 8
"""Comparisons of each view with an entry: it is turned and mirrored."""


def probability(excess: float) -> float:
    """Return how often an unrelated pair has at least this excess, 0 to 1."""
    return 0.5 * math.erfc(excess / math.sqrt(2))


def expected(excess: float, *, entries: int, tries: float) -> float:
    """Return E: how many entries come so near to this upload by chance.

    Args:
        excess: The excess of the pair.
        entries: Entries of the reference set that have a value.
        tries: Comparisons of this upload with each entry: its views times
            ``VARIANTS``, or as many as count as independent.
    """
    return probability(excess) * max(entries, 1) * max(tries, 1.0)


def tries_of(views: int) -> float:
    """Return how many comparisons with an entry some views count as.

    Neighbouring views resemble each other, so each counting as one is an upper bound.

    Args:
        views: Soft views of the upload, in all variants.
    """
    return float(max(views, 1))
