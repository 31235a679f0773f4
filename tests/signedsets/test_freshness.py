"""How fresh a signed set is, and how much may be withdrawn from it at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.signedsets.freshness import (
    MOST_REMEMBERED,
    Freshness,
    Status,
    Withdrawn,
    freshness,
    most_withdrawals,
    with_withdrawn,
)

DAY_S = 86_400


def status(**more: object) -> Status:
    """Make the status of a set that was synced at 1,000,000 and ends in 10 days."""
    known = {"synced_at": 1_000_000, "expires_at": 1_000_000 + 10 * DAY_S}
    return Status(**{"set": "s", "source": "", "root": ""} | known | more)  # type: ignore[arg-type]  # checked by msgspec


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        (0, Freshness.FRESH),
        (4.9, Freshness.FRESH),
        (5, Freshness.AGING),
        (9.9, Freshness.AGING),
        (10, Freshness.EXPIRED),
        (500, Freshness.EXPIRED),
    ],
)
def test_set_ages_after_half_of_its_time(days: float, wanted: Freshness) -> None:
    """The warning comes when half of the time is left."""
    assert freshness(status(), 1_000_000 + days * DAY_S) is wanted


def test_set_that_was_never_synced_is_expired() -> None:
    """A trusted root without a set leads to an alarm."""
    it = status(synced_at=0, expires_at=0)

    assert freshness(it, 1.0) is Freshness.EXPIRED


@pytest.mark.parametrize(
    ("days", "recent", "wanted"),
    [(0.1, 0, 10), (0.1, 4, 6), (0.1, 99, 0), (3.5, 0, 30), (400, 0, 310)],
)
def test_days_that_passed_may_be_made_up_for(
    days: float, recent: int, wanted: int
) -> None:
    """The withdrawals of several days may come at once, at most those of a month."""
    now = 1_000_000 + days * DAY_S
    it = with_withdrawn(status(), recent, now)

    assert most_withdrawals(it, 10, now) == wanted


def test_first_sync_may_withdraw_what_a_day_may() -> None:
    """A site that has lost its state allows those of a day, and not of a month."""
    assert most_withdrawals(status(synced_at=0), 10, 5e9) == 10


@given(st.lists(st.integers(1, 5), max_size=200), st.integers(0, 3600))
def test_many_small_withdrawals_are_not_forgotten(
    counts: list[int], step_s: int
) -> None:
    """Remembered withdrawals are bounded, and never count for less than they were."""
    it, now = status(), 1_000_000
    seen: list[Withdrawn] = []
    for count in counts:
        now += step_s
        it = with_withdrawn(it, count, now)
        seen.append(Withdrawn(at=now, count=count))

    within = sum(one.count for one in seen if one.at > now - DAY_S)
    assert len(it.withdrawn) <= MOST_REMEMBERED
    assert sum(one.count for one in it.withdrawn) >= within
