"""Estimate for how many days the disk of a log lasts, if each day is like today.

Each day's records are subtracted from the free space, and the files that retention
deletes are added: a log that has reached its retention does not grow any more, however
little space is free.

Rules this module keeps: it is pure, and bounded: it estimates at most ``MOST_DAYS``.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from uploadfilter.decisions.records.lasting import Retention

MOST_DAYS: Final = 400
"""Most days of an estimate, which include a year of files with matches. A disk that
lasts longer is reported with this number."""


class LogFile(NamedTuple):
    """A file of a log.

    Attributes:
        bytes: The size of the file.
        until: The last day on which the file is kept; ``None`` if it is kept for good.
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
    """Return the number of days for which a log has space.

    Args:
        kept: The log's files.
        today: The current day, UTC.
        free_bytes: Bytes that may still be written; may be negative.
        bytes_a_day: Bytes that are written each day.
        share_with_match: Share of these bytes in files with a match, 0 to 1.
        retention: How long files are kept.

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
