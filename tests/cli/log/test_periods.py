"""Which time an answer covers, in words."""

from datetime import UTC, date, datetime

import pytest

from uploadfilter.cli.log.periods import period_words
from uploadfilter.decisions.files.period import Gone, Period

FIRST = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
LAST = datetime(2026, 11, 30, 12, tzinfo=UTC)


def gone(*days: tuple[int, int]) -> Period:
    """Return a period of which days of September are gone."""
    return Period(
        since=FIRST,
        until=LAST,
        gone=tuple(
            Gone(since=date(2026, 9, first), until=date(2026, 9, last), matches=0)
            for first, last in days
        ),
    )


@pytest.mark.parametrize(
    ("period", "since", "words"),
    [
        pytest.param(
            gone(), None, "covers 2026-09-01 08:30 to 2026-11-30 12:00 (UTC)", id="all"
        ),
        pytest.param(
            gone((2, 5)), None, "without uploads of 2026-09-02 to 2026-09-05", id="gone"
        ),
        pytest.param(gone((2, 2)), None, "uploads of 2026-09-02, which", id="one-day"),
        pytest.param(
            gone((2, 5)),
            datetime(2026, 10, 1, tzinfo=UTC),
            "covers 2026-10-01 00:00 to 2026-11-30 12:00 (UTC)",
            id="not-asked-for",
        ),
        pytest.param(
            gone((2, 2), (4, 4), (6, 6), (8, 8), (10, 10)),
            None,
            "2026-09-06 and 2 more times, which are gone",
            id="many",
        ),
        pytest.param(
            gone(),
            datetime(2027, 1, 1, tzinfo=UTC),
            "nothing of that time: the log has records from 2026-09-01 to 2026-11-30",
            id="later",
        ),
    ],
)
def test_period_in_words(period: Period, since: datetime | None, words: str) -> None:
    """The existing part of the requested period, and the missing part."""
    assert words in period_words(period, since=since, until=None)
