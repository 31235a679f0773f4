"""Print the tables of ``docs/growth.md``, with the planner's own figures.

    python -m benchmarks.matching.growth

``tests/test_growth.py`` compares the page with this.
"""

from collections.abc import Iterator, Sequence

from uploadfilter.model import SignalType
from uploadfilter.reference.search import planning
from uploadfilter.reference.search.matching import Thresholds
from uploadfilter.reference.search.planning import LANE_BITS, Plan, PlanKind, plan_for

COUNTS = (1_000_000, 10_000_000, 90_000_000, 300_000_000)
"""Values of one table: 90 million is the most that one table can hold today."""

_OFFSET_BYTES = _ID_BYTES = 4
_PREFIX_BYTES = 16
_ROW_BYTES = 7
"""For each signal besides its value: row of the entry, quality, window."""

_ENTRY_BYTES = 8 + 8 + 5
"""For each entry: an id of eight characters and where it ends, set, category, flag."""

_EXACT_BYTES = 50
"""For each digest: key of 16 bytes and row in LMDB's tree
(``reference/files/base.py``)."""

LARGEST_VALUE = (1 << 32) - 1
"""Most bytes of one value in LMDB (``MAXDATASIZE`` in ``mdb.c``)."""


def index_bytes(plan: Plan, count: int) -> int:
    """Return the bytes of a plan's tables besides the values."""
    if plan.kind is PlanKind.LINEAR:
        return 0
    offsets = sum(1 << bits for bits in plan.bits) * _OFFSET_BYTES
    prefixes = _PREFIX_BYTES * count if plan.width > LANE_BITS else 0
    return offsets + _ID_BYTES * len(plan.bits) * count + prefixes


def total_bytes(count: int) -> int:
    """Return the size of a base whose entries have SHA-256, PDQ and pHash each."""
    signals = 0
    for kind in (SignalType.PDQ, SignalType.PHASH):
        values = count * (kind.width_bytes + _ROW_BYTES)
        signals += values + index_bytes(planned(kind, count), count)
    return signals + count * (_ENTRY_BYTES + _EXACT_BYTES)


def planned(kind: SignalType, count: int) -> Plan:
    """Return the plan for the usual threshold of a type."""
    return plan_for(8 * kind.width_bytes, Thresholds().bits(kind), count)


def most_values() -> int:
    """Return how many PDQ values one table can hold: its ids are one value of LMDB."""
    chunks = len(planned(SignalType.PDQ, COUNTS[-2]).bits)
    return LARGEST_VALUE // (_ID_BYTES * chunks)


def plans() -> Iterator[str]:
    """Yield the rows of the table of plans."""
    yield "| signal type | values | plan | probes | candidates | one query | index |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for kind in (SignalType.PDQ, SignalType.PHASH):
        for count in COUNTS:
            plan = planned(kind, count)
            yield _row(f"`{kind.value}`", plan, count)


def sizes() -> Iterator[str]:
    """Yield the rows of the table of sizes."""
    yield "| entries | base on disk | of it index |"
    yield "| --- | --- | --- |"
    for count in COUNTS:
        index = sum(
            index_bytes(planned(kind, count), count)
            for kind in (SignalType.PDQ, SignalType.PHASH)
        )
        yield f"| {_count(count)} | {_size(total_bytes(count))} | {_size(index)} |"


def tables() -> Sequence[str]:
    """Return all tables, as they stand on the page."""
    return ["\n".join(table) for table in (sizes(), plans())]


def _row(name: str, plan: Plan, count: int) -> str:
    candidates = sum(chunk.probes * count / 2**chunk.bits for chunk in plan.chunks)
    return (
        f"| {name} | {_count(count)} | {planning.text_of(plan.chunks) or 'linear'} | "
        f"{plan.probes:,} | {candidates:,.0f} | {_ms(plan.cost_ns)} | "
        f"{_size(index_bytes(plan, count))} |"
    )


def _count(count: int) -> str:
    return f"{count / 1e6:g} million"


def _ms(nanoseconds: float) -> str:
    return f"{nanoseconds / 1e6:.2f} ms"


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"  # noqa: PLR2004


if __name__ == "__main__":
    print("\n\n".join(tables()))
    print(f"\none table holds {most_values():,} PDQ values")
