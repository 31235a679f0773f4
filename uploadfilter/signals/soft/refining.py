"""Move a guess until it fits an entry best.

The fixed guesses stand on a coarse grid. For a candidate, a *pattern search* tries the
neighbours of the best guess: each edge moved out and in, the window widened, narrowed
and shifted, the angle changed, a covered box moved or resized. It goes on from the best
one while the soft score rises, then halves the step. The score that it begins with is
the least that it returns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import Variant
from uploadfilter.outlines import Outline
from uploadfilter.signals.soft.axes import Floats
from uploadfilter.signals.soft.batches import Prepared
from uploadfilter.signals.soft.covers import covers_of, is_cover, moved
from uploadfilter.signals.soft.family import (
    SoftViews,
    luma_of,
    turned_as,
)
from uploadfilter.signals.soft.plans import Guess, plan_of
from uploadfilter.signals.soft.reliabilities import BITS, bits_and_flips
from uploadfilter.signals.soft.turns import turns_of

_STEPS: Final = (0.025, 0.0125, 0.005)
"""Steps of the edges, in sides of the original: from half the grid of the fixed guesses
to a third of a cell."""

_CELLS: Final = dict(zip(_STEPS, (5, 2, 1), strict=True))
"""Cells by which a covered box moves in a step: from half of what lies between two
fixed ones."""

_DEGREES: Final = 40.0
"""Degrees of a step of the angle, for each side of a step of the edges: both move the
corners of a picture about as far."""

_EDGE_SHARE: Final = 0.3
"""Deviation of an edge that lies within half a step, as a share of the step."""

_LEAST_DEVIATION: Final = 0.003
"""Least deviation of an edge: a perspective or a lens moves it by more than that."""

_MOST_ROUNDS: Final = 24
"""Most rounds of neighbours; nine of ten searches end before the twelfth. A round costs
a fifth of a millisecond, and four with edges that were never tried before."""

_MOST_CUT: Final = 0.4
"""Most that the search takes off a side: the rest has to show a picture."""

_MOST_BEYOND: Final = 0.1
_MOST_ANGLE: Final = 12.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refined:
    """The guess that fits an entry best, and its soft score in nats."""

    view: SoftViews
    score: float

    @property
    def outline(self) -> Outline:
        """The guess."""
        return self.view.outlines[0]

    @property
    def variant(self) -> Variant:
        """How the upload is turned or mirrored before."""
        return self.view.variants[0]


def scores(views: SoftViews, value: bytes) -> Floats:
    """Return the soft score of each view for an entry's PDQ: nats better than chance.

    The sum over bits of log(2 x probability of the entry's bit).
    """
    return _scores(views.values, views.flips, value)


def refine(plane: bytes, views: SoftViews, index: int, value: bytes) -> Refined:
    """Return the guess near one of some views of a plane that fits an entry best.

    Its score is at least that of the view.
    """
    best = _first(views, index, value)
    luma = luma_of(plane)
    if luma is None:
        return best
    luma = turned_as(luma, best.variant)
    steps = list(_STEPS)
    for _ in range(_MOST_ROUNDS):
        if not steps:
            break
        guesses = list(_neighbours(best.outline, steps[0]))
        tried = _best_of(luma, guesses, steps[0], value)
        if tried is None or tried.score <= best.score:
            del steps[0]
        else:
            view = replace(tried.view, variants=(best.variant,))
            best = replace(tried, view=view)
    return best


def _first(views: SoftViews, index: int, value: bytes) -> Refined:
    place = slice(index, index + 1)
    view = SoftViews(
        values=views.values[place],
        flips=views.flips[place],
        outlines=views.outlines[place],
        variants=views.variants[place],
    )
    return Refined(view=view, score=float(scores(view, value)[0]))


def _best_of(
    luma: Floats, outlines: Sequence[Outline], step: float, value: bytes
) -> Refined | None:
    if not outlines:
        return None
    deviation = max(_LEAST_DEVIATION, step * _EDGE_SHARE)
    made = _prepared(outlines, deviation)
    values, flips = bits_and_flips(made.blocks(luma), made.noise)
    found = _scores(values, flips, value)
    place = int(found.argmax())
    view = SoftViews(
        values=values[place : place + 1],
        flips=flips[place : place + 1],
        outlines=(made.outlines[place],),
        variants=(Variant.UPRIGHT,),
    )
    return Refined(view=view, score=float(found[place]))


def _prepared(outlines: Sequence[Outline], deviation: float) -> Prepared:
    if is_cover(outlines[0]):
        return covers_of(outlines)
    if outlines[0].angle:
        return turns_of(outlines, step=deviation)
    return plan_of([Guess(outline=item, step=deviation) for item in outlines])


def _neighbours(outline: Outline, step: float) -> Iterator[Outline]:
    if is_cover(outline):
        yield from moved(outline, _CELLS[step])
        return
    cuts = np.array((outline.left, outline.top, outline.right, outline.bottom))
    for left, top, right, bottom in (cuts + step * _MOVES).round(4).tolist():
        if _shows_enough((left, top, right, bottom)):
            yield Outline(
                left=left,
                top=top,
                right=right,
                bottom=bottom,
                box=outline.box,
                hidden=outline.hidden,
                angle=outline.angle,
                aspect=outline.aspect,
            )
    if outline.angle:
        for sign in (1, -1):
            angle = round(outline.angle + sign * step * _DEGREES, 3)
            if angle and abs(angle) <= _MOST_ANGLE:
                yield replace(outline, angle=angle)


def _shows_enough(cuts: tuple[float, float, float, float]) -> bool:
    left, top, right, bottom = cuts
    return (
        min(cuts) >= -_MOST_BEYOND
        and max(cuts) <= _MOST_CUT
        and max(left + right, top + bottom) <= _MOST_CUT
    )


_MOVES: Final[NDArray[np.float64]] = np.array(
    [
        *(sign * np.eye(4)[edge] for edge in range(4) for sign in (1, -1)),
        *(
            sign * np.array(move)
            for move in (
                (1, 1, 1, 1),  # a smaller window, then one moved across and down
                (1, 0, 1, 0),
                (0, 1, 0, 1),
                (1, 0, -1, 0),
                (0, 1, 0, -1),
            )
            for sign in (1, -1)
        ),
    ]
)
"""Directions of a step: left, top, right, bottom."""


def _scores(values: NDArray[np.uint8], flips: Floats, value: bytes) -> Floats:
    apart = np.unpackbits(values ^ np.frombuffer(value, np.uint8), axis=1)
    odds = np.log(2 * np.where(apart, flips, 1 - flips))
    found: Floats = odds.reshape(-1, BITS).sum(axis=1)
    return found
