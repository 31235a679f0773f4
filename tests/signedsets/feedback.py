"""Feedback of operators to an issuer."""

from datetime import date, timedelta

from tests.signedsets.keys import signer
from uploadfilter.signedsets import feedback
from uploadfilter.signedsets.feedback import FeedbackHeader, Number

TODAY = date(2026, 11, 27)
FIRST = date(2026, 11, 1)
DIGEST = "0f" * 32


def header(
    operator: str = "hoster-1",
    *,
    since: date = FIRST,
    to: date = date(2026, 11, 26),
    numbers: dict[int, date] | None = None,
    entries: int = 0,
    root: str = DIGEST,
) -> FeedbackHeader:
    """Make a header of an operator."""
    return FeedbackHeader(
        feedback=feedback.FORMAT,
        set="unit7",
        root=root,
        operator=operator,
        public=signer(operator).public_key.keyval["public"],
        since=since,
        to=to,
        entries=entries,
        numbers=tuple(
            Number(sequence=at, day=day) for at, day in (numbers or {}).items()
        ),
    )


def day(number: int) -> date:
    """Return a day of November."""
    return FIRST + timedelta(days=number)
