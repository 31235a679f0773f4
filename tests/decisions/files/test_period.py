"""The time that a log covers, and the lost part of it."""

from datetime import date, timedelta
from pathlib import Path

from tests.decisions.logs import (
    DAY_S,
    NOON,
    REFUSED,
    REJECTED,
    decision,
    segment_paths,
    write_log,
)
from uploadfilter.decisions.files.period import Gone, period_of
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.records.records import moment

FIRST = date(2026, 11, 25)


def day(number: int) -> date:
    """Return a day, counted from the first one."""
    return FIRST + timedelta(days=number)


def test_whole_log_lacks_nothing(tmp_path: Path) -> None:
    """From its first record to its last one."""
    write_log(tmp_path, [[decision("a")], [decision("b")]])
    period = period_of(tmp_path)

    assert period is not None
    assert (period.since, period.until) == (moment(NOON), moment(NOON + DAY_S))
    assert period.gone == ()


def test_days_that_are_gone_are_put_together(tmp_path: Path) -> None:
    """Deleted periods are given in days, divided by the remaining ones."""
    judgements = [REJECTED if number == 3 else REFUSED for number in range(40)]
    write_log(tmp_path, [[decision("a", it)] for it in judgements])
    prune(tmp_path, now=NOON + 39 * DAY_S)
    period = period_of(tmp_path)

    assert period is not None
    assert period.gone == (
        Gone(since=day(0), until=day(2), matches=0),
        Gone(since=day(4), until=day(8), matches=0),
    )


def test_newest_file_without_a_record_is_passed_over(tmp_path: Path) -> None:
    """A crash may leave a file that is empty."""
    write_log(tmp_path, [[decision("a")]])
    newest = segment_paths(tmp_path)[-1]
    (tmp_path / newest.name.replace("00000001", "00000002")).write_bytes(b'{"torn')
    period = period_of(tmp_path)

    assert period is not None
    assert period.until == moment(NOON)


def test_empty_log_covers_nothing(tmp_path: Path) -> None:
    """There is no time to tell."""
    assert period_of(tmp_path) is None
