"""The contract of every index of perceptual values, and the list of them.

To add one, give it a member of ``PlanKind``, a line in ``matcher_for``, and a test that
calls ``tests/conformance/matchers.py``.
"""

from collections.abc import Sequence
from typing import Protocol, assert_never

from uploadfilter.reference.search.chunk_tables import ChunkTables
from uploadfilter.reference.search.index import Lane, LinearIndex, PairsFound
from uploadfilter.reference.search.multi_index import MultiIndex
from uploadfilter.reference.search.planning import DEFAULT_COSTS, Costs, PlanKind


class Matcher(Protocol):
    """Values of one width; it searches batches of values, each with a threshold.

    Every implementation gives the result of ``index.reference_search``, for any number
    of values and any threshold. A batch gives the same as its queries one by one.
    Several threads may search it at once.
    """

    def __len__(self) -> int:
        """Return the number of values."""

    def search(self, queries: Sequence[bytes], thresholds: Sequence[int]) -> PairsFound:
        """Find every value within the threshold of each query.

        Args:
            queries: Values as wide as the index's, most significant byte first.
            thresholds: Most bits that may differ, inclusive, one for each query.

        Returns:
            Every pair within the threshold, and no other.

        Raises:
            ValueError: A query has another width, or the lengths differ.
        """


def matcher_for(
    kind: PlanKind,
    lanes: Sequence[Lane],
    tables: ChunkTables | None,
    costs: Costs = DEFAULT_COSTS,
) -> Matcher:
    """Return the implementation of an index that a plan names.

    Raises:
        ValueError: The tables are missing.
    """
    match kind:
        case PlanKind.LINEAR:
            return LinearIndex(lanes)
        case PlanKind.MULTI_INDEX:
            if tables is None:
                raise ValueError("a multi-index needs its tables")
            return MultiIndex(lanes, tables, costs)
        case never:
            assert_never(never)
