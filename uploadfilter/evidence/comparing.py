"""Compare the views of an upload with entries and with the cohort.

What several entries share is computed once: the patterns of a view, and the crowds of
views.

Rules this module keeps: it is pure; patterns take most of the time, and only lower a
reach, so a view is not compared with them where that cannot make it the best one.
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from uploadfilter.evidence.background import Background, words_of
from uploadfilter.evidence.cohort import Words
from uploadfilter.evidence.crowding import crowd_of_value, crowd_of_views
from uploadfilter.evidence.crowds import Crowd, TwoCrowds, reach_of
from uploadfilter.evidence.patterns import (
    KEPT,
    Explained,
    Gauge,
    counted,
    shapes_of,
)
from uploadfilter.evidence.probes import Pairs, Probes, Value
from uploadfilter.outlines import WHOLE, Outline

_CROWD_VIEWS: Final = 64
"""Views of a sort that are compared with the cohort to describe its tail; of more,
evenly chosen ones. Neighbouring views are alike, so that a part shows the tail of
all."""


_WHOLE: Final = Outline()


class GuessSort(StrEnum):
    """What a view guesses that happened to the original."""

    LITTLE = "little"
    TURNED = "turned"
    FRAMED = "framed"
    CUT = "cut"


def guess_of(outline: Outline) -> GuessSort:
    """Return the sort of a guess; views of one sort have tails of one kind.

    A view with a covered part is nearly the upload as it is, which is a single view.
    """
    if outline.box != WHOLE:
        return GuessSort.FRAMED
    if outline.angle:
        return GuessSort.TURNED
    is_whole = outline.hidden is not None or outline == _WHOLE
    return GuessSort.LITTLE if is_whole else GuessSort.CUT


class Best(NamedTuple):
    """The view that reaches furthest towards an entry.

    Attributes:
        view: Its number.
        reach: Its reach, the lower one of both sides.
        counted: How much patterns count for it and the entry.
    """

    view: int
    reach: float
    counted: float


@dataclass(slots=True, kw_only=True)
class UploadSide:
    """The views of an upload beside a cohort.

    Attributes:
        probes: The views.
        background: The cohort, perhaps without an entry's own pictures.
        counts: How much patterns count for the views that were asked for.
        shapes: The shapes that are nearest to the views that were asked for.
        crowds: The crowds of views that were computed, by how much patterns count.
        sorts: The crowds of views of a sort, by the first of them and the same.
    """

    probes: Probes
    background: Background
    counts: dict[int, float] = field(default_factory=dict)
    shapes: dict[int, Explained] = field(default_factory=dict)
    crowds: dict[tuple[int, float], TwoCrowds] = field(default_factory=dict)
    sorts: dict[tuple[int, float], Crowd] = field(default_factory=dict)

    def pairs(self, entries: Words) -> list[Pairs]:
        """Return the views that agree best with some entries, for each entry.

        Args:
            entries: Their values, shape (n, 4).
        """
        return self.probes.pairs(self.background, entries)

    def best(
        self, pairs: Pairs, *, least: float = -math.inf, counted_at_least: float = 0.0
    ) -> Best:
        """Return the view that reaches furthest towards an entry.

        Args:
            pairs: The views beside the entry.
            least: A reach below which all are alike: the result may be an upper bound
                then.
            counted_at_least: How much patterns count at least, see ``counted``.
        """
        at_least = max(pairs.counted, counted_at_least)
        bounds = pairs.bounds(at_least)
        order = np.argsort(-bounds, kind="stable").tolist()
        best, place, counts = -math.inf, order[0], at_least
        for number in order:
            if bounds[number] <= max(best, least):
                best = max(best, float(bounds[number]))
                break
            share = self._counted(int(pairs.views[number]), at_least)
            found = self._reach(pairs, number, share, max(best, least))
            if found > best:
                best, place, counts = found, number, share
        return Best(int(pairs.views[place]), best, counts)

    def _counted(self, view: int, at_least: float) -> float:
        """Return how much patterns count for a view and an entry."""
        if at_least == 1:
            return at_least
        if view not in self.counts:
            bits = np.unpackbits(self.probes.views.values[view][None], axis=1)
            found = counted(bits.astype(np.float32) * 2 - 1)
            self.counts[view] = float(found[0])
        return max(self.counts[view], at_least)

    def _reach(self, pairs: Pairs, number: int, share: float, least: float) -> float:
        """Return the reach of a pair; an upper bound if it is at most ``least``."""
        one = slice(number, number + 1)
        found = math.inf
        for side in range(2):
            by = float(pairs.by[side, number])
            if share > 0 and by > KEPT:
                others = pairs.others[side, one]
                shape = float(self._shape(pairs, side, number).too_much(others)[0])
                too_much = max(shape, float(pairs.striped[side, number]))
                by = max(by - too_much * share, KEPT)
            found = min(found, reach_of(by, float(pairs.bits[side, number])))
            if found <= least:
                break
        return found

    def _shape(self, pairs: Pairs, side: int, number: int) -> Explained:
        """Return the shape that is nearest to one side of a pair."""
        # All entries share the shapes of a view.
        known = pairs.shapes if side else self.shapes
        view = int(pairs.views[number])
        if view in known:
            return known[view]
        one = slice(number, number + 1)
        known[view] = Explained.of(
            self.background,
            shapes_of(pairs.weights[side, one]),
            pairs.products[side, one],
            pairs.deviation[side, one],
        )
        return known[view]

    def crowd_of_entry(self, pairs: Pairs, entry: Value, best: Best) -> Crowd:
        """Return the crowd of an entry, with the strengths of its best view."""
        return self._crowd(pairs, 1, entry, best)

    def crowd(self, pairs: Pairs, best: Best) -> TwoCrowds:
        """Return the crowd of the best view of an entry, and of all of its sort."""
        key = best.view, best.counted
        if key not in self.crowds:
            packed = self.probes.views.values[best.view]
            one = self._crowd(pairs, 0, words_of(np.unpackbits(packed)), best)
            self.crowds[key] = TwoCrowds(one, self._crowd_of_sort(best))
        return self.crowds[key]

    def _crowd(self, pairs: Pairs, side: int, value: Value, best: Best) -> Crowd:
        """Return the crowd of one side of a pair, without what patterns explain."""
        strengths = self.probes.strengths[best.view]
        number = pairs.views.tolist().index(best.view)
        one = slice(number, number + 1)
        patterns = None
        if best.counted > 0:
            shape = self._shape(pairs, side, number).patterns
            patterns = np.stack([pairs.stripes[side, one], shape])
        gauge = Gauge.of(
            self.background,
            pairs.weights[side, one],
            strengths[None],
            with_patterns=False,
            patterns=patterns,
        )
        return crowd_of_value(
            self.background, value, strengths, best.counted, gauge=gauge
        )

    def _crowd_of_sort(self, best: Best) -> Crowd:
        """Return the crowd of the views that guess what the best one does."""
        rows = self._alike(best.view)
        key = int(rows[0]), best.counted
        if key not in self.sorts:
            self.sorts[key] = crowd_of_views(
                self.background,
                self.probes.weights[rows],
                self.probes.strengths[rows],
                best.counted,
            )
        return self.sorts[key]

    def _alike(self, view: int) -> NDArray[np.intp]:
        """Return some views of the sort and the variant of a view, the same each."""
        views = self.probes.views
        sort, variant = guess_of(views.outlines[view]), views.variants[view]
        rows = np.flatnonzero(
            [
                other is variant and guess_of(outline) is sort
                for outline, other in zip(views.outlines, views.variants, strict=True)
            ]
        )
        count = min(len(rows), _CROWD_VIEWS)
        return rows[np.arange(count) * len(rows) // count]
