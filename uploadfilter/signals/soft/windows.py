"""Guess where a published window of the original lies in an upload that was cut.

An issuer may publish PDQ of the centre of a picture (``signals/windows.py``). For each
guessed cut of the upload, the window is a known box of it: the estimate interpolates
and never extrapolates, so that cuts of a fifth of a side are found like small ones.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import Final

from uploadfilter.outlines import Outline
from uploadfilter.signals.soft.plans import Guess, GuessPlan, plan_of
from uploadfilter.signals.windows import WINDOWS

_STEP: Final = 0.05
"""Between two guessed cuts of an end, in sides of the original."""

_MOST_SUM: Final = 0.2
"""Most of a side that unequal guessed cuts take off; equal ones go on to the window."""

_DEVIATION: Final = 0.0144
"""Deviation of an edge that lies anywhere within half a step, in sides of the
original."""


@lru_cache(1)
def windows() -> GuessPlan:
    """Return the guesses of all windows; a box that is one of both is one guess."""
    guesses = {
        guess.outline: guess
        for share in WINDOWS.values()
        for guess in _guesses_of(share)
    }
    return plan_of(list(guesses.values()))


def _guesses_of(share: float) -> Iterator[Guess]:
    cuts = _cuts((1 - share) / 2)
    for across, down in product(cuts, repeat=2):
        (left, right), (top, bottom) = _edges(share, across), _edges(share, down)
        outline = Outline(box=(left, top, right, bottom))
        yield Guess(outline=outline, step=_DEVIATION / share)


def _cuts(most: float) -> Sequence[tuple[float, float]]:
    """Return the cuts of an axis that leave the whole window."""
    steps = range(round(most / _STEP) + 1)
    sums = round(_MOST_SUM / _STEP)
    pairs = [
        (low, high)
        for low, high in product(steps, repeat=2)
        if low + high <= sums or low == high
    ]
    return [(low * _STEP, high * _STEP) for low, high in sorted(pairs, key=sum)]


def _edges(share: float, cut: tuple[float, float]) -> tuple[float, float]:
    low, high = cut
    first = (1 - share) / 2
    left = 1 - low - high
    start = abs(first - low)  # rounding may leave it below 0
    return round(start / left, 4), round((start + share) / left, 4)
