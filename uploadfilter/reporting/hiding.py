"""Hide small counts, and enough of the others that nobody can compute the hidden ones.

A count of 1 or 2 can point to a person. So a figure is hidden if its count is at least
1 and below ``least``. That alone is no protection, because figures depend on each
other: a sum of shown ones may leave only one value for a hidden one. What else has to
be hidden follows from three rules, which are applied until nothing changes:

1. In a group (the rows of a breakdown) the hidden counts of a period together are 0, or
   at least ``least`` and more than the rows need to be shown as more than 0; and more
   than one row is hidden, unless the figure above the group is hidden.
2. Below a hidden figure the whole group is hidden.
3. No figure with a small count is a linear combination of shown ones. Figures are sums
   over *cells* (classes of uploads that all figures treat alike), so this is a question
   of rank, which is answered exactly, modulo a large prime.

A figure is hidden in all periods or in none, so that periods and the whole time cannot
be subtracted from each other: shown periods are the same sums of cells in each period.
A figure that is hidden for the whole time is hidden in the periods, too.

Rules this module keeps: it is pure; a hidden figure looks the same, whether its own
count was small or not.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

LEAST: Final = 5
"""Smallest count that is shown unless the operator chose another one. Official
statistics of small groups hide counts below 5 or 10; here a count is of uploads, of
which one person often makes several."""

LEAST_ALLOWED: Final = 3
"""With 2, a hidden count can only be 1, so nothing would be hidden."""

_PRIME: Final = (1 << 61) - 1

_Lowest = Mapping[str, tuple[int, ...]]
"""The lowest count of each figure in each period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedFigure:
    """A count that may have to be hidden.

    Attributes:
        id: Its name, unique.
        values: The count of each period.
        cells: The cells whose uploads it counts.
        group: The breakdown that it is a row of; ``None`` if it is no row.
        above: Name of the figure that the group breaks down.
    """

    id: str
    values: tuple[int, ...]
    cells: frozenset[int]
    group: str | None = None
    above: str | None = None

    @property
    def total(self) -> int:
        """The count of the whole time."""
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class Hidden:
    """The hidden figures."""

    in_periods: frozenset[str]
    as_total: frozenset[str]


def hide(figures: Sequence[CountedFigure], *, least: int = LEAST) -> Hidden:
    """Return the figures to hide.

    Args:
        figures: All counts that would be shown, the more general ones first.
        least: Smallest count that is shown; 1 hides nothing.
    """
    if least <= 1:
        return Hidden(frozenset(), frozenset())
    totals = [_whole(figure) for figure in figures]
    as_total = _hidden(totals, least, ())
    in_periods = _hidden(figures, least, as_total)
    return Hidden(frozenset(in_periods), frozenset(as_total))


def _whole(figure: CountedFigure) -> CountedFigure:
    return CountedFigure(
        id=figure.id,
        values=(figure.total,),
        cells=figure.cells,
        group=figure.group,
        above=figure.above,
    )


def _hidden(
    figures: Sequence[CountedFigure], least: int, already: Collection[str]
) -> set[str]:
    small = {it.id for it in figures if any(0 < value < least for value in it.values)}
    hidden = small | set(already)
    groups: dict[str, list[CountedFigure]] = {}
    for figure in figures:
        if figure.group is not None:
            groups.setdefault(figure.group, []).append(figure)
    lowest = _lowest(figures)
    while True:
        before = len(hidden)
        for rows in groups.values():
            _protect_group(rows, hidden, least, lowest)
        # One at a time: a figure that is hidden for one often protects the next.
        if len(hidden) == before and not _protect_one(figures, small, hidden):
            return hidden


def _protect_group(
    rows: Sequence[CountedFigure], hidden: set[str], least: int, lowest: _Lowest
) -> None:
    """Apply the first two rules to the rows of a breakdown."""
    above = rows[0].above
    if above is None:
        return
    if above in hidden:
        hidden.update(row.id for row in rows)
        return
    waiting = sorted(
        (row for row in rows if row.id not in hidden and row.total),
        key=lambda row: (row.total, row.id),
    )
    while not _is_enough([it for it in rows if it.id in hidden], least, lowest):
        if not waiting:
            hidden.add(above)
            hidden.update(row.id for row in rows)
            return
        hidden.add(waiting.pop(0).id)


def _is_enough(hidden: Sequence[CountedFigure], least: int, lowest: _Lowest) -> bool:
    """Return whether the sums of hidden rows leave several values for each.

    They do not if a sum is the smallest that these rows can have, as rows of 0 are
    shown; nor if each row is ``least - 1``, the largest small count.
    """
    if not hidden:
        return True
    for period in range(len(hidden[0].values)):
        filled = [row for row in hidden if row.values[period]]
        counts = [row.values[period] for row in filled]
        known = sum(lowest[row.id][period] for row in filled)
        is_largest = all(count == least - 1 for count in counts)
        if counts and (sum(counts) < max(least, known + 1) or is_largest):
            return False
    return sum(1 for row in hidden if row.total) != 1


def _lowest(figures: Sequence[CountedFigure]) -> _Lowest:
    """Return the lowest count that each figure can have, by the rows below it."""
    found = {it.id: tuple(int(value > 0) for value in it.values) for it in figures}
    for _, rows in groupby(
        sorted(
            (it for it in figures if it.above is not None),
            key=lambda it: (-_depth(figures, it), it.group or ""),
        ),
        key=lambda it: (it.group, it.above),
    ):
        below = list(rows)
        above = below[0].above or ""
        sums = map(sum, zip(*(found[row.id] for row in below), strict=True))
        found[above] = tuple(map(max, found[above], sums))
    return found


def _depth(figures: Sequence[CountedFigure], figure: CountedFigure) -> int:
    above = {it.id: it.above for it in figures}
    depth, name = 0, figure.above
    while name is not None:
        depth, name = depth + 1, above[name]
    return depth


def _protect_one(
    figures: Sequence[CountedFigure], small: set[str], hidden: set[str]
) -> bool:
    """Apply the third rule; return whether a further figure was hidden."""
    shown = [figure for figure in figures if figure.id not in hidden]
    span = _Span()
    for place, figure in enumerate(shown):
        span.add(place, dict.fromkeys(figure.cells, 1))
    for figure in figures:
        if figure.id in small and any(figure.values):
            used = span.combination(dict.fromkeys(figure.cells, 1))
            if used:
                chosen = min(
                    (shown[place] for place in used),
                    key=lambda it: (it.total == 0, it.total, it.id),
                )
                hidden.add(chosen.id)
                return True
    return False


class _Span:
    """The linear combinations of some vectors, modulo a prime."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[dict[int, int], dict[int, int]]] = {}

    def add(self, name: int, vector: Mapping[int, int]) -> None:
        """Add a vector with its name."""
        rest, used = self._reduced(vector)
        if not rest:
            return
        pivot = min(rest)
        inverse = pow(rest[pivot], -1, _PRIME)
        used[name] = used.get(name, 0) - 1
        row = {at: value * inverse % _PRIME for at, value in rest.items()}
        # The row is the vector minus its known parts, times the inverse.
        self._rows[pivot] = (
            row,
            {at: -value * inverse % _PRIME for at, value in used.items()},
        )

    def combination(self, vector: Mapping[int, int]) -> Collection[int]:
        """Return the names of the vectors whose combination a vector is; else none."""
        rest, used = self._reduced(vector)
        return () if rest else [name for name, times in used.items() if times % _PRIME]

    def _reduced(
        self, vector: Mapping[int, int]
    ) -> tuple[dict[int, int], dict[int, int]]:
        """Return the rest of a vector, and the combination that was taken off."""
        rest = dict(vector)
        used: dict[int, int] = {}
        for pivot in self._pivots(rest):
            times = rest.get(pivot, 0)
            if not times:
                continue
            row, parts = self._rows[pivot]
            _add(rest, row, -times)
            _add(used, parts, times)
        return rest, used

    def _pivots(self, rest: Mapping[int, int]) -> Iterable[int]:
        """Yield the pivots that a vector meets, in order; a row may bring new ones."""
        done = -1
        while True:
            following = [at for at in rest if at > done and at in self._rows]
            if not following:
                return
            done = min(following)
            yield done


def _add(to: dict[int, int], row: Mapping[int, int], times: int) -> None:
    for at, value in row.items():
        found = (to.get(at, 0) + value * times) % _PRIME
        if found:
            to[at] = found
        else:
            to.pop(at, None)
