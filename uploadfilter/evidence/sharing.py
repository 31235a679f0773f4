"""Share out the chance that is allowed among the views of an upload.

E bounds the chance of any view together. That allows to give each view its own share,
so long as the shares add up to one: a view with a large share counts as few
comparisons, one with a small share as many. Of some 400 views, 300 are guesses of cuts,
while most altered copies show the whole original with a mark on it. With equal shares
the only view of those pays for all guesses of cuts.

Rules this module keeps: it is pure; the reciprocals of the figures average to one, so
that E of all views together is what it was.

Source:
    Genovese, Roeder, Wasserman: False discovery control with p-value weighting,
    Biometrika 93, 2006. Here the weights share out a union bound.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import numpy as np

from uploadfilter.evidence.crowds import Floats
from uploadfilter.outlines import WHOLE, Outline


class GuessSort(StrEnum):
    """What a view guesses that happened to the original."""

    NOTHING = "nothing"
    COVERED = "covered"
    TURNED = "turned"
    FRAMED = "framed"
    CUT = "cut"


SHARES: Final = {
    GuessSort.NOTHING: 0.05,
    GuessSort.COVERED: 0.08,
    GuessSort.TURNED: 0.1,
    GuessSort.FRAMED: 0.12,
    GuessSort.CUT: 0.65,
}
"""Share of each sort of guess. Half of it goes to cuts, of which there are three
hundred: they count somewhat less than before, and everything else more."""

_WHOLE: Final = Outline()


def times_of(outlines: Sequence[Outline]) -> Floats:
    """Return as how many views each view counts.

    Args:
        outlines: The guesses of all views of an upload.

    Returns:
        Shape (views,): more than 1 for a view whose share is less than that of an
        average one.
    """
    guesses = [guess_of(it) for it in outlines]
    counts = Counter(guesses)
    whole = sum(SHARES[it] for it in counts)
    times = {
        it: whole * count / SHARES[it] / len(guesses) for it, count in counts.items()
    }
    return np.array([times[it] for it in guesses])


_UNCUT: Final = frozenset({GuessSort.NOTHING, GuessSort.COVERED})
"""Sorts of one kind: a view with a covered part is nearly the upload as it is, which is
a single view."""


def is_alike(one: GuessSort, other: GuessSort) -> bool:
    """Tell whether views of two sorts have tails of one kind."""
    return one is other or {one, other} <= _UNCUT


def guess_of(outline: Outline) -> GuessSort:
    """Return the sort of a guess."""
    if outline.box != WHOLE:
        return GuessSort.FRAMED
    if outline.angle:
        return GuessSort.TURNED
    if outline.hidden is not None:
        return GuessSort.COVERED
    return GuessSort.NOTHING if outline == _WHOLE else GuessSort.CUT
