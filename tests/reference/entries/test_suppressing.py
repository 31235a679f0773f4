"""Suppressions have an end, a reason and a person."""

import pytest

from uploadfilter.errors import UsageError
from uploadfilter.reference.entries.suppressing import (
    MOST_SUPPRESSED_S,
    SUPPRESSED_S,
    Suppression,
    new_suppression,
)

NOW = 1_700_000_000.5


def suppression(entry: str = "1", *, expires_at: float | None = None) -> Suppression:
    """Return a suppression that begins now."""
    return new_suppression(
        "s", entry, reason="ours", by="me", now=NOW, expires_at=expires_at
    )


def test_suppression_lasts_three_days() -> None:
    """That is the default, and no suppression lasts longer than a month."""
    assert suppression().expires_at == int(NOW + SUPPRESSED_S)
    assert suppression(expires_at=NOW + 10).expires_at == int(NOW + 10)
    for end in (NOW, NOW - 1):
        with pytest.raises(UsageError, match="is not in the future"):
            suppression(expires_at=end)
    for end in (NOW + MOST_SUPPRESSED_S + 1, float("nan")):
        with pytest.raises(UsageError, match="longer than 30 days"):
            suppression(expires_at=end)


@pytest.mark.parametrize(
    "reason", ["", "  ", "x" * 201, "two\nlines", "mail a@b.example", "\x1b[0m"]
)
def test_reason_is_one_line_for_people(reason: str) -> None:
    """A text that could mislead, or names a person, is refused."""
    with pytest.raises(UsageError, match="needs a reason"):
        new_suppression("s", "1", reason=reason, by="me", now=NOW, expires_at=None)


@pytest.mark.parametrize("by", ["", "-x", "a b", "a@b", "x" * 65])
def test_who_asks_is_an_account(by: str) -> None:
    """An address is refused, and so is a text that is not one word."""
    with pytest.raises(UsageError, match="who asks"):
        new_suppression("s", "1", reason="ours", by=by, now=NOW, expires_at=None)
