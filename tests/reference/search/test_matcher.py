"""A plan gets the implementation that it names."""

import pytest

from uploadfilter.reference.search.chunk_tables import build
from uploadfilter.reference.search.index import LinearIndex, lanes_of
from uploadfilter.reference.search.matcher import matcher_for
from uploadfilter.reference.search.multi_index import MultiIndex
from uploadfilter.reference.search.planning import PlanKind

LANES = lanes_of(bytes(8 * 5), 8)


def test_linear_plan_scans() -> None:
    """Without chunks, values are scanned."""
    assert isinstance(matcher_for(PlanKind.LINEAR, LANES, None), LinearIndex)


def test_multi_index_plan_uses_chunks() -> None:
    """With chunks, their tables are used."""
    tables = build(LANES, [8, 8])

    assert isinstance(matcher_for(PlanKind.MULTI_INDEX, LANES, tables), MultiIndex)


def test_multi_index_needs_its_tables() -> None:
    """A plan that cannot be followed is an error, and never a slow search."""
    with pytest.raises(ValueError, match="needs its tables"):
        matcher_for(PlanKind.MULTI_INDEX, LANES, None)
