"""Fixed lists of guesses, prepared once: only the plane is new for an upload.

A *plan* is a list of guesses whose blocks are products of row and column estimates. All
row estimates in one matrix, and all column estimates in another, give the blocks of all
their pairs in two products.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.outlines import Outline, Rectangle
from uploadfilter.signals.soft.axes import (
    WAVES,
    AxisEstimate,
    Floats,
    Seen,
    axis_of,
    certainty,
)
from uploadfilter.signals.soft.reliabilities import expectations

_CROPPED: Final = 0.2
"""Most of a side that the fixed cuts take off, both ends together. Refinement goes on
from there."""

_STEP: Final = 0.05
"""Between two fixed cuts. The reliabilities know that an edge lies up to half a step
away, and so a finer grid finds little more."""

_ALONG: Final = (0.25, 0.333, 0.375, 0.44)
"""Larger cuts, along one axis: 4:3, 3:2, 16:10 or 16:9 becomes square."""

_ENDS: Final = (0.5, 0.36, 0.64, 0.0, 1.0)
"""Parts of such a cut that are at its low end: most are about the middle."""

_STRIPS: Final = (0.1, 0.2)
"""Heights of covered strips: captions have one or two lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """One guess of how an upload shows the original, and how far its edges deviate."""

    outline: Outline
    step: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class GuessPlan:
    """Guesses, ready to be applied to a plane.

    Attributes:
        rows: Different row estimates, shape (16 * rows, 64).
        columns: Different column estimates, transposed: (64, 16 * columns).
        pairs: For each guess the number of its row estimate and of its column one.
    """

    rows: Floats
    columns: Floats
    pairs: tuple[NDArray[np.intp], NDArray[np.intp]]
    noise: Floats
    outlines: tuple[Outline, ...]

    def blocks(self, plane: Floats) -> Floats:
        """Return the estimated blocks of all guesses, shape (guesses, 16, 16)."""
        rows: Floats = self.rows @ plane
        wide: Floats = rows @ self.columns
        split = wide.reshape(len(self.rows) // WAVES, WAVES, -1, WAVES)
        found: Floats = split.swapaxes(1, 2)[self.pairs]
        return found


def plan_of(guesses: Sequence[Guess]) -> GuessPlan:
    """Prepare guesses; one that shows too little of the original is left out."""
    rows: dict[AxisEstimate, int] = {}
    columns: dict[AxisEstimate, int] = {}
    kept: list[Guess] = []
    pairs: list[tuple[int, int]] = []
    for guess in guesses:
        row, column = axis_of(down(guess.outline)), axis_of(across(guess.outline))
        if row is not None and column is not None:
            kept.append(guess)
            pairs.append(
                (
                    rows.setdefault(row, len(rows)),
                    columns.setdefault(column, len(columns)),
                )
            )
    first, second = np.array(pairs, np.intp).T
    of_rows = np.stack([axis.explained for axis in rows])
    of_columns = np.stack([axis.explained for axis in columns])
    sure = np.stack([_sure(guess.step) for guess in kept])
    return GuessPlan(
        rows=np.concatenate([axis.estimate for axis in rows]),
        columns=np.concatenate([axis.estimate for axis in columns]).T.copy(),
        pairs=(first, second),
        noise=expectations(of_rows[first], of_columns[second], sure),
        outlines=tuple(guess.outline for guess in kept),
    )


def down(outline: Outline) -> Seen:
    """Return what an outline shows of the vertical axis."""
    hidden = outline.hidden
    return Seen(
        outline.top,
        outline.bottom,
        (outline.box[1], outline.box[3]),
        (hidden[1], hidden[3]) if hidden and hidden[1::2] != (0, 1) else None,
    )


def across(outline: Outline) -> Seen:
    """Return what an outline shows of the horizontal axis."""
    hidden = outline.hidden
    return Seen(
        outline.left,
        outline.right,
        (outline.box[0], outline.box[2]),
        (hidden[0], hidden[2]) if hidden and hidden[::2] != (0, 1) else None,
    )


@lru_cache(16)
def _sure(step: float) -> Floats:
    share = certainty(step)
    return np.outer(share, share).astype(np.float32)


def _cuts() -> list[tuple[float, float]]:
    """Return the fixed cuts of an axis: low and high end, nothing cut first."""
    steps = round(_CROPPED / _STEP)
    grid = [
        (low * _STEP, high * _STEP)
        for low, high in product(range(steps + 1), repeat=2)
        if low + high <= steps
    ]
    return sorted([*grid, (0.025, 0.025), (0.075, 0.075)], key=sum)


@lru_cache(1)
def upright() -> GuessPlan:
    """Return the guess that the upload shows the whole original and nothing else."""
    return plan_of([Guess(outline=Outline(), step=_UPRIGHT_STEP)])


@lru_cache(1)
def crops() -> GuessPlan:
    """Return the guesses that something was cut off: each pair of fixed cuts."""
    guesses = [
        Guess(
            outline=Outline(left=left, top=top, right=right, bottom=bottom),
            step=_CROP_STEP,
        )
        for (left, right), (top, bottom) in product(_cuts(), repeat=2)
        if left + right + top + bottom > 0
    ]
    return plan_of(guesses)


@lru_cache(1)
def squares() -> GuessPlan:
    """Return the guesses that much was cut off one axis alone."""
    cuts = [(share * part, share * (1 - part)) for share in _ALONG for part in _ENDS]
    across_only = [Outline(left=low, right=high) for low, high in cuts]
    down_only = [Outline(top=low, bottom=high) for low, high in cuts]
    return plan_of(
        [Guess(outline=item, step=_SQUARE_STEP) for item in across_only + down_only]
    )


@lru_cache(1)
def cells() -> GuessPlan:
    """Return the guesses that the picture is a cell of a collage of two to four."""
    halves, thirds = (
        ((0.0, 0.5), (0.5, 1.0)),
        ((0.0, 1 / 3), (1 / 3, 2 / 3), (2 / 3, 1.0)),
    )
    whole = ((0.0, 1.0),)
    grids = (
        *product(whole, halves),
        *product(halves, whole),
        *product(halves, halves),
        *product(whole, thirds),
        *product(thirds, whole),
    )
    return boxed([(left, top, right, bottom) for (left, right), (top, bottom) in grids])


def boxed(boxes: Sequence[Rectangle]) -> GuessPlan:
    """Return the guesses that the picture fills some boxes of the upload."""
    return plan_of([Guess(outline=Outline(box=it), step=_BOX_STEP) for it in boxes])


@lru_cache(1)
def strips() -> GuessPlan:
    """Return the guesses that a strip along a side is covered."""
    hidden = [
        edge
        for strip in _STRIPS
        for edge in (
            (0.0, 0.0, 1.0, strip),
            (0.0, 1 - strip, 1.0, 1.0),
            (0.0, 0.0, strip, 1.0),
            (1 - strip, 0.0, 1.0, 1.0),
        )
    ]
    return plan_of(
        [Guess(outline=Outline(hidden=edge), step=_UPRIGHT_STEP) for edge in hidden]
    )


_UPRIGHT_STEP: Final = 0.003
"""An upload that was not cut on purpose may have lost a pixel or two."""

_BOX_STEP: Final = 0.004
"""Deviation of an edge of a box: a quarter of a cell."""

_SQUARE_STEP: Final = 0.018
"""Deviation of an edge between two of the larger cuts."""

_CROP_STEP: Final = 0.0144
"""Deviation of an edge that lies anywhere within half a step of a fixed cut."""
