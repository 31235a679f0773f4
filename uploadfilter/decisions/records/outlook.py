"""Reckon for how many days the disk of a log lasts, if each day is like today.

What is written each day is taken off what is free, and what retention deletes is added
to it: a log that has reached its retention does not grow any more, however little is
free beside it.

Rules this module keeps: it is pure, and bounded: beyond ``MOST_DAYS`` nothing is
reckoned.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from uploadfilter.decisions.records.lasting import Retention

MOST_DAYS: Final = 400
"""Days that are looked ahead, a year of files with matches included. A disk that lasts
for longer is said to last for so long."""


class LogFile(NamedTuple):
    """A file of a log.

    Attributes:
        bytes: Its size.
        until: The last day on which it is kept; ``None`` for good.
    """

    bytes: int
    until: date | None


def days_left(
    kept: Sequence[LogFile],
    *,
    today: date,
    free_bytes: int,
    bytes_a_day: float,
    share_with_match: float,
    retention: Retention,
) -> float:
    """Return for how many days there is room for a log.

    Args:
        kept: Its files.
        today: The day by the clock, UTC.
        free_bytes: What may still be written; negative for nothing.
        bytes_a_day: What is written each day.
        share_with_match: Of what is written, the share in files with a match, 0 to 1.
        retention: For how long files are kept.

    Returns:
        Days, with a fraction; at most ``MOST_DAYS``.
    """
    if bytes_a_day <= 0:
        return MOST_DAYS
    freed: dict[date, float] = {}
    for file in kept:
        if file.until is not None:
            day = max(file.until, today) + timedelta(days=1)
            freed[day] = freed.get(day, 0.0) + file.bytes
    left = float(max(free_bytes, 0))
    for number in range(MOST_DAYS):
        if left < bytes_a_day:
            return number + left / bytes_a_day
        left -= bytes_a_day
        left += freed.get(today + timedelta(days=number + 1), 0.0)
        if number >= retention.days_without_match:
            left += bytes_a_day * (1 - share_with_match)
        if number >= retention.days_with_match:
            left += bytes_a_day * share_with_match
    return MOST_DAYS
