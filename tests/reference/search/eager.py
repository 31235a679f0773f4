"""Limits with which the search takes its fast way at small sizes."""

from collections.abc import Sequence

from uploadfilter.reference.search.chunk_tables import build
from uploadfilter.reference.search.index import lanes_of
from uploadfilter.reference.search.multi_index import MultiIndex
from uploadfilter.reference.search.planning import Costs, plan_for

EAGER = Costs(search=0, scan=0, row=1e6, short_row=1e6)
"""Costs that never let a scan be cheaper."""

LIMITS = {8: 12, 16: 20, 24: 20, 32: 48}
"""Highest threshold that is tried, by the width in bytes."""


def eager(values: Sequence[bytes], width: int) -> MultiIndex:
    """Make an index that goes by its chunks wherever it can."""
    lanes = lanes_of(b"".join(values), width)
    plan = plan_for(8 * width, LIMITS[width], max(1, len(values)), EAGER)
    return MultiIndex(lanes, build(lanes, plan.bits), EAGER)


def usual(values: Sequence[bytes], width: int) -> MultiIndex:
    """Make an index that leaves to the scan the queries that are cheaper there."""
    lanes = lanes_of(b"".join(values), width)
    plan = plan_for(8 * width, 8, max(1, len(values)), EAGER)
    return MultiIndex(lanes, build(lanes, plan.bits))
