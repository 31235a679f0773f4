"""For how many days the disk of a log lasts."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploadfilter.decisions.records.lasting import Retention
from uploadfilter.decisions.records.outlook import MOST_DAYS, LogFile, days_left

TODAY = date(2026, 11, 27)
RETENTION = Retention(days_without_match=30, days_with_match=365)


def left(
    *kept: LogFile, free: int, a_day: float, share: float = 0.0, today: date = TODAY
) -> float:
    """Return the days that are left."""
    return days_left(
        kept,
        today=today,
        free_bytes=free,
        bytes_a_day=a_day,
        share_with_match=share,
        retention=RETENTION,
    )


@pytest.mark.parametrize(
    ("free", "a_day", "days"),
    [
        pytest.param(1000, 100.0, 10.0, id="whole-days"),
        pytest.param(50, 100.0, 0.5, id="a-part-of-a-day"),
        pytest.param(0, 100.0, 0.0, id="full"),
        pytest.param(-7, 100.0, 0.0, id="into-the-reserve"),
        pytest.param(1000, 0.0, MOST_DAYS, id="nothing-is-written"),
        pytest.param(10**9, 1.0, MOST_DAYS, id="large"),
    ],
)
def test_days_of_a_log_that_keeps_everything(
    free: int, a_day: float, days: float
) -> None:
    """The free space, divided by the written bytes, before any deletion."""
    assert left(free=free, a_day=a_day, share=1.0) == days


def test_log_that_has_reached_its_retention_lasts() -> None:
    """Thirty-one days of files go one by one, as new ones come."""
    kept = [LogFile(100, TODAY + timedelta(days=n)) for n in range(31)]

    assert left(*kept, free=150, a_day=100.0) == MOST_DAYS
    assert left(free=150, a_day=100.0) == 1.5


def test_files_with_matches_stay_longer() -> None:
    """After thirty days only records without a match are deleted."""
    assert left(free=3000, a_day=100.0, share=0.0) == 30
    assert left(free=3100, a_day=100.0, share=0.0) == MOST_DAYS
    assert left(free=3300, a_day=100.0, share=1.0) == 33
    assert left(free=3300, a_day=100.0, share=0.5) < 60


def test_file_whose_time_is_over_goes_tomorrow() -> None:
    """Retention runs once an hour: a file that is not deleted yet is not lost."""
    old = LogFile(1000, TODAY - timedelta(days=5))

    assert left(old, free=100, a_day=100.0, share=1.0) == 11


@given(
    kept=st.lists(
        st.builds(
            LogFile,
            st.integers(0, 50_000),
            st.none() | st.dates(TODAY - timedelta(9), TODAY + timedelta(500)),
        ),
        max_size=8,
    ),
    free=st.integers(-10, 2_000_000),
    a_day=st.integers(0, 300),
    percent=st.integers(0, 100),
)
@settings(max_examples=30)
def test_days_are_those_of_a_slow_twin(
    kept: list[LogFile], free: int, a_day: int, percent: int
) -> None:
    """Writing and deleting file by file, day by day, gives the same result."""
    found = left(*kept, free=free, a_day=100.0 * a_day, share=percent / 100)

    assert found == pytest.approx(slow(kept, free, a_day, percent))


def slow(kept: list[LogFile], free: int, a_day: int, percent: int) -> float:
    """Keep a list of files, and look at each of them each day."""
    if not a_day:
        return MOST_DAYS
    there = list(kept)
    left = max(free, 0)
    for number in range(MOST_DAYS):
        if left < 100 * a_day:
            return number + left / (100 * a_day)
        day = TODAY + timedelta(days=number)
        left -= 100 * a_day
        there.append(LogFile(a_day * (100 - percent), day + timedelta(days=30)))
        there.append(LogFile(a_day * percent, day + timedelta(days=365)))
        tomorrow = day + timedelta(days=1)
        gone = [it for it in there if it.until is not None and it.until < tomorrow]
        there = [it for it in there if it.until is None or it.until >= tomorrow]
        left += sum(it.bytes for it in gone)
    return MOST_DAYS
