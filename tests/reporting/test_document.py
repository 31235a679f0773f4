"""Periods of a report."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.reporting.document import By, periods_of


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(0, 400),
    st.sampled_from([None, *By]),
)
def test_periods_hold_each_day_once(first: date, days: int, by: By | None) -> None:
    """Periods follow each other without a gap, from the first day to the last."""
    last = first + timedelta(days=days)
    periods = periods_of(first, last, by)

    assert (periods[0].first, periods[-1].last) == (first, last)
    for before, after in pairwise(periods):
        assert before.last + timedelta(days=1) == after.first
    assert len({it.name for it in periods}) == len(periods)
