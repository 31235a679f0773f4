"""Describe the period that a query of the decision log covers."""

from datetime import UTC, date, datetime
from typing import Final

from uploadfilter.decisions.files.period import Gone, Period

SHOWN: Final = 3
"""Most ranges of missing days that are named; the others are counted."""


def period_words(
    period: Period, *, since: datetime | None, until: datetime | None
) -> str:
    """Return in words the period that is covered, and the missing parts of it."""
    first = period.since if since is None else max(period.since, _utc(since))
    last = period.until if until is None else min(period.until, _utc(until))
    if first > last:
        return (
            f"nothing of that time: the log has records from {period.since:%Y-%m-%d} "
            f"to {period.until:%Y-%m-%d} (UTC)"
        )
    words = f"covers {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} (UTC)"
    gone = [item for item in period.gone if _meets(item, since, last)]
    if not gone:
        return words
    ranges = ", ".join(_range(item) for item in gone[:SHOWN])
    if len(gone) > SHOWN:
        ranges += f" and {len(gone) - SHOWN} more times"
    return (
        f"{words}, without uploads of {ranges}, which are gone; "
        "'uploadfilter log totals' has their numbers"
    )


def _meets(gone: Gone, since: datetime | None, last: datetime) -> bool:
    is_after = gone.since is not None and gone.since > last.date()
    is_before = since is not None and gone.until < _utc(since).date()
    return not is_after and not is_before


def _range(gone: Gone) -> str:
    since: date | str = gone.since or "the beginning"
    if since == gone.until:
        return f"{gone.until}"
    return f"{since} to {gone.until}"


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC)
