"""Rows that can be added, packed and unpacked."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reporting.logs import lines_of, records
from uploadfilter.decisions.records.records import Record
from uploadfilter.reporting.obvious import count_plainly
from uploadfilter.reporting.tables import (
    LATENCY_EDGES_US,
    latency_bin,
    packed,
    unpacked,
)


@settings(max_examples=15)
@given(st.lists(records, max_size=12))
def test_part_survives_its_bytes(found: list[Record]) -> None:
    """A part that is packed and unpacked is the same part."""
    part = count_plainly(lines_of(found))

    assert unpacked(packed(part)) == part


def test_bins_are_narrow() -> None:
    """A bin of durations is at most a tenth wide, so that a quantile is that exact."""
    pairs = pairwise(LATENCY_EDGES_US)

    assert all(low < high <= 1.11 * low for low, high in pairs)
    assert latency_bin(0) == 0
    assert latency_bin(10**12) == len(LATENCY_EDGES_US)
