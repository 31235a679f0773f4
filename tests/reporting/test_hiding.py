"""Hiding small counts, so that nobody can compute them."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploadfilter.reporting.hiding import CountedFigure, Hidden, hide

LEAST = 3

_Shape = Sequence[tuple[str, frozenset[int], str | None, str | None]]

PARTITION: _Shape = (
    ("all", frozenset({0, 1, 2}), None, None),
    ("a", frozenset({0}), "parts", "all"),
    ("b", frozenset({1}), "parts", "all"),
    ("c", frozenset({2}), "parts", "all"),
)
HALVES: _Shape = (
    ("all", frozenset({0, 1}), None, None),
    ("a", frozenset({0}), "parts", "all"),
    ("b", frozenset({1}), "parts", "all"),
)
TWO_WAYS: _Shape = (
    ("all", frozenset({0, 1, 2, 3}), None, None),
    ("left", frozenset({0, 1}), "sides", "all"),
    ("right", frozenset({2, 3}), "sides", "all"),
    ("odd", frozenset({0, 2}), "kinds", "all"),
    ("even", frozenset({1, 3}), "kinds", "all"),
)
NESTED: _Shape = (
    ("all", frozenset({0, 1, 2, 3}), None, None),
    ("in", frozenset({0, 1}), "first", "all"),
    ("out", frozenset({2, 3}), "first", "all"),
    ("x", frozenset({0}), "second", "in"),
    ("y", frozenset({1}), "second", "in"),
)


def _figures(shape: _Shape, table: Sequence[Sequence[int]]) -> list[CountedFigure]:
    """Return the figures of a table: of each period the count of each cell."""
    return [
        CountedFigure(
            id=name,
            values=tuple(sum(period[cell] for cell in cells) for period in table),
            cells=cells,
            group=group,
            above=above,
        )
        for name, cells, group, above in shape
    ]


def _seen(
    figures: Sequence[CountedFigure], hidden: Hidden
) -> tuple[tuple[object, ...], ...]:
    """Return what a reader sees of the figures; one of 0 is always shown."""
    return tuple(
        (
            it.total > 0 if it.id in hidden.in_periods else it.values,
            it.total > 0 if it.id in hidden.as_total else it.total,
        )
        for it in figures
    )


@pytest.mark.parametrize(
    ("shape", "periods", "most"),
    [(PARTITION, 1, 8), (HALVES, 2, 7), (TWO_WAYS, 1, 5), (NESTED, 1, 5)],
    ids=["partition", "halves in two periods", "two ways", "nested"],
)
def test_reader_cannot_compute_a_hidden_count(
    shape: _Shape, periods: int, most: int
) -> None:
    """Of all tables with the same shown figures, a small hidden count has several.

    The reader knows which figures depend on each other, that counts are whole numbers,
    and that figures of 0 are shown.
    """
    cells = max(max(it[1]) for it in shape) + 1
    every = [
        _figures(shape, [flat[at : at + cells] for at in range(0, len(flat), cells)])
        for flat in product(range(most + 1), repeat=cells * periods)
    ]
    patterns: dict[Hidden, list[list[CountedFigure]]] = defaultdict(list)
    for figures in every:
        patterns[hide(figures, least=LEAST)].append(figures)

    for hidden, hiding in patterns.items():
        looks: dict[object, list[list[CountedFigure]]] = defaultdict(list)
        for figures in every:
            looks[_seen(figures, hidden)].append(figures)
        for figures in hiding:
            if figures[0].total > periods * most:
                continue  # tables with larger counts, not made here, look like it
            same = looks[_seen(figures, hidden)]
            for at, period in product(range(len(shape)), range(periods)):
                if 0 < figures[at].values[period] < LEAST:
                    assert len({it[at].values[period] for it in same}) > 1


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 30), min_size=6, max_size=6),
    st.lists(
        st.sets(st.integers(0, 5), min_size=1).map(frozenset), min_size=1, max_size=8
    ),
)
def test_no_small_count_is_a_combination_of_shown_ones(
    counts: list[int], sums: list[frozenset[int]]
) -> None:
    """Whatever overlaps figures have, no sum or difference of shown ones is a small."""
    figures = [
        CountedFigure(
            id=str(number),
            values=(sum(counts[cell] for cell in cells),),
            cells=cells,
        )
        for number, cells in enumerate(sums)
    ]
    hidden = hide(figures, least=5)
    shown = [it for it in figures if it.id not in hidden.in_periods]

    for figure in figures:
        if 0 < figure.values[0] < 5:
            assert figure.id in hidden.as_total
            vectors = [_vector(it) for it in shown]
            assert _rank([*vectors, _vector(figure)]) > _rank(vectors)


def _vector(figure: CountedFigure) -> list[int]:
    return [int(cell in figure.cells) for cell in range(6)]


def _rank(vectors: list[list[int]]) -> int:
    """Return the rank over the rationals, by plain elimination in whole numbers."""
    rows = [row[:] for row in vectors]
    rank = 0
    for column in range(6):
        pivot = next((row for row in rows[rank:] if row[column]), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows.insert(rank, pivot)
        for at in range(rank + 1, len(rows)):
            factor = rows[at][column]
            rows[at] = [
                value * pivot[column] - factor * top
                for value, top in zip(rows[at], pivot, strict=True)
            ]
        rank += 1
    return rank


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    """Counts that are 0 or large are all shown."""
    figures = _figures(PARTITION, [(0, 7, 9), (5, 0, 8)])

    assert hide(figures, least=5) == Hidden(frozenset(), frozenset())


def test_least_of_one_hides_nothing() -> None:
    """An operator's own report may show everything."""
    figures = _figures(PARTITION, [(1, 2, 3)])

    assert hide(figures, least=1) == Hidden(frozenset(), frozenset())


def test_small_count_of_a_period_shows_the_whole_time() -> None:
    """A figure that is small in one period is shown as a total only."""
    figures = _figures(PARTITION, [(2, 9, 9), (9, 9, 9)])

    hidden = hide(figures, least=5)

    assert hidden.in_periods == {"a", "b"}
    assert hidden.as_total == frozenset()
