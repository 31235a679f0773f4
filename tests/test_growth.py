"""The growth plan shows the planner's current results."""

import pytest

from benchmarks.matching import growth
from tests.repository import ROOT
from uploadfilter.model import SignalType

PAGE = (ROOT / "docs" / "growth.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", growth.tables())
def test_tables_are_the_planners(table: str) -> None:
    """Every table stands in the page as the planner makes it today.

    If this fails, run ``python -m benchmarks.matching.growth`` and copy.
    """
    assert table in PAGE


def test_limit_of_one_table_is_stated() -> None:
    """The page says how many values one table can hold."""
    assert f"{growth.most_values() // 10**6} million PDQ values" in PAGE


def test_index_of_a_scan_takes_nothing() -> None:
    """A table that is scanned has no index."""
    plan = growth.planned(SignalType.PDQ, 10)

    assert growth.index_bytes(plan, 10) == 0
