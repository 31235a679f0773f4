"""Columns that do not agree with each other are named."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.conformance.generations import entry
from tests.reference.columns import exact_of, tables_of
from tests.reference.stores import ENTRY
from uploadfilter.reference.entries.structure import exact_problems, table_problems
from uploadfilter.reference.entries.tables import Shape, Tables, empty_tables

TABLES = tables_of("s", [entry(word, *ENTRY.signals) for word in ("1", "22", "3")])
(SHAPE,) = TABLES.perceptual

Damage = Callable[[Tables], Tables]


def with_signals(tables: Tables, shape: Shape, **columns: object) -> Tables:
    """Return tables with other columns of perceptual signals."""
    table = replace(tables.perceptual[shape], **columns)  # type: ignore[arg-type]
    return replace(tables, perceptual={shape: table})


def with_entries(tables: Tables, **columns: object) -> Tables:
    """Return tables with other columns of entries."""
    entries = replace(tables.entries, **columns)  # type: ignore[arg-type]
    return replace(tables, entries=entries)


THREE = np.array([0, 1, 3], np.uint16)

DAMAGES: dict[str, Damage] = {
    "sets of entries": lambda t: with_entries(t, sets=THREE),
    "categories of entries": lambda t: with_entries(t, categories=THREE),
    "entries of pdq/any": lambda t: with_signals(t, SHAPE, entries=THREE),
    "windows of pdq/any": lambda t: with_signals(t, SHAPE, windows=THREE),
    "qualities of pdq/any": lambda t: with_signals(
        t, SHAPE, quality=np.array([0, 255, 101], np.uint8)
    ),
    "end before they begin": lambda t: with_entries(
        t, id_ends=np.array([3, 1, 4], np.uint64)
    ),
    "bytes of ids": lambda t: with_entries(t, ids=t.entries.ids[:3]),
    "entries by hash set": lambda t: replace(t, sets=(replace(t.sets[0], entries=4),)),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_wrong_column_is_named(what: str) -> None:
    """Every rule that a search relies on is checked."""
    problems = list(table_problems(DAMAGES[what](TABLES)))

    assert any(what in problem for problem in problems)


def test_sound_tables_have_no_problems() -> None:
    """This holds with entries, and without any."""
    assert list(table_problems(TABLES)) == []
    assert list(table_problems(empty_tables())) == []


KEY = exact_of(TABLES)[0][0]
ROWS = np.arange(3, dtype="<u4").tobytes()


@pytest.mark.parametrize(
    ("pairs", "what"),
    [
        ([(KEY, ROWS)], None),
        ([(KEY, ROWS[:8])], "2 exact signals instead of 3"),
        ([(KEY, ROWS[:7])], "do not exist"),
        ([(KEY, b"")], "do not exist"),
        ([(KEY, ROWS[4:] + b"\3\0\0\0")], "do not exist"),
        ([(KEY[:15], ROWS)], "not sorted"),
        ([(KEY, ROWS[:4]), (KEY, ROWS[4:])], "not sorted"),
    ],
)
def test_wrong_exact_signals_are_named(
    pairs: list[tuple[bytes, bytes]], what: str | None
) -> None:
    """Keys must ascend, rows must exist, and their number must be the stated one."""
    problems = list(exact_problems(pairs, entries=3, stated=3))

    assert problems == [] if what is None else what in problems[0]
