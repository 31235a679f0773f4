"""From an excess to the expected number of chance matches.

The excess of a pair (``crowds.py``) is the lower one of two figures, that of the
upload and that of the entry. It is made so that it is distributed normally for
unrelated pairs.

``python -m benchmarks evidence`` repeats the calibration.
"""

import math
from statistics import NormalDist
from typing import Final

ALTERED: Final = 1e-9
"""Most chance matches expected of an upload, for a match of the class ``altered``: at
a million uploads a day one in three years."""

NEAR: Final = 1e-4
"""The same for ``near_match``, which is only recorded."""

VARIANTS: Final = 8
"""Comparisons of each view with an entry: it is turned and mirrored."""

_ROUNDING: Final = 1e-6
"""By so much the two functions of ``least_excess`` and ``probability`` may part."""

REFINED_TRIES: Final = 1000
"""Further comparisons that a refinement counts as: it moves four edges and an angle
until the guess fits this entry best. Measured on half A of ``benchmarks altered``: with
a hundred, 432 unrelated uploads have seven pairs of pictures with E <= 0.001 in a set
of a million; with a thousand four."""

SHIFTED_TRIES: Final = 300
"""The same for a refinement of a fixed cut, which only moves four edges: the fixed cuts
are 5 % apart, so that each further guess lies within 2.5 % of one of them. Were all
agreements normal, some 200 of these guesses would be independent at 9 deviations, by
their correlations (Adler, Blanchet, Liu: Efficient Monte Carlo for high excursions of
Gaussian random fields, 2012)."""

BOXED_TRIES: Final = 100
"""Comparisons that a box within the upload counts as. Its edges are those of things in
the upload, so that its content looks like other pictures of one thing. Measured in the
same way: with one, photographs have 4 pairs with E <= 0.01, with a hundred one, where
1.2 are expected."""


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


def least_excess(most: float, *, entries: int, tries: float) -> float:
    """Return the excess below which more than some chance matches are expected.

    It is less than the exact one by less than 1e-6, so that it may leave out pairs.

    Args:
        most: The chance matches, above 0.
        entries: As in ``expected``.
        tries: The same.
    """
    share = most / (max(entries, 1) * max(tries, 1.0))
    return -math.inf if share >= 1 else -NormalDist().inv_cdf(share) - _ROUNDING


def tries_of(views: int) -> float:
    """Return how many comparisons with an entry some views count as.

    Each counts as one. Neighbouring views resemble each other, but not so far out: by
    their correlations, 357 views are as good as 241 independent ones at 4 deviations,
    as 335 at 6 and as 366 at 9.

    Args:
        views: Soft views of the upload, in all variants.
    """
    return float(max(views, 1))
