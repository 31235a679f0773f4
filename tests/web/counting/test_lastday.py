"""The last day of uploads, in hours."""

from datetime import UTC, datetime, timedelta

import msgspec

from tests.decisions.logs import REFUSED, decision
from uploadfilter.web.counting.lastday import HOURS, LastDay

BEGUN = datetime(2026, 11, 25, 12, 30, tzinfo=UTC)


def test_day_forgets_what_is_older() -> None:
    """Each hour counts for a day, and their number is bounded."""
    day = LastDay()
    for hour in range(HOURS + 5):
        time = BEGUN + timedelta(hours=hour)
        day.add(msgspec.structs.replace(decision("d", REFUSED), time=time))

    last = BEGUN + timedelta(hours=HOURS + 4)
    now = last.timestamp()
    later = (last + timedelta(hours=HOURS - 1)).timestamp()
    assert day.compared(now=now).uploads == HOURS
    assert day.compared(now=later).uploads == 1


def test_clock_that_is_put_back_makes_no_hour_of_its_own() -> None:
    """The hours stay in order, and no count is lost."""
    day = LastDay()
    for time in (BEGUN, BEGUN - timedelta(hours=3), BEGUN + timedelta(minutes=1)):
        day.add(msgspec.structs.replace(decision("d", REFUSED), time=time))

    assert day.compared(now=BEGUN.timestamp()).uploads == 3
