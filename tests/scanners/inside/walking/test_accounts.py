"""The ends of a walk and of its search, and the rest that they leave to the walk."""

from collections.abc import Iterator

import pytest

from uploadfilter.model import Reason
from uploadfilter.scanners.inside.walking.accounts import (
    SEARCH_SHARE,
    Accounts,
    Ended,
    SearchOver,
)


class Clock:
    """CPU seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 5.0

    def __call__(self) -> float:
        """Return the CPU seconds."""
        return self.now_s


def accounts_of(
    clock: Clock,
    *,
    seconds: float = 8,
    contents: int = 8,
    signals: int = 8,
    content_bytes: int = 1 << 30,
) -> Accounts:
    """Return accounts of a walk that has just begun."""
    return Accounts(
        clock,
        deadline_s=clock.now_s + seconds,
        contents=contents,
        signals=signals,
        content_bytes=content_bytes,
    )


def test_search_may_use_up_its_share_of_the_time() -> None:
    """Unsearched contents fall short, and the walk has time for the rest."""
    clock, reasons = Clock(), list[Reason]()
    accounts = accounts_of(clock)

    def steps() -> Iterator[None]:
        for _ in range(99):
            clock.now_s += 1
            accounts.check_time()
            yield

    taken = len(list(accounts.searching(steps(), reasons.append)))
    again = len(list(accounts.searching(steps(), reasons.append)))
    accounts.check_time()

    assert (taken, again) == (8 * SEARCH_SHARE - 1, 0)
    assert reasons == [Reason.SEARCH_UNFINISHED] * 2


def test_search_of_a_short_content_takes_little_time() -> None:
    """Whatever is packed into it: many short files would else cost much."""
    clock, reasons = Clock(), list[Reason]()
    accounts = accounts_of(clock, content_bytes=100)

    def steps() -> Iterator[None]:
        while True:
            clock.now_s += 0.15
            accounts.check_time()
            yield

    taken = len(list(accounts.searching(steps(), reasons.append)))

    assert (taken, reasons) == (1, [Reason.SEARCH_UNFINISHED])


def test_what_is_no_search_is_not_charged_to_it() -> None:
    """Contents that begin like a picture leave the search its share."""
    clock, reasons = Clock(), list[Reason]()
    accounts = accounts_of(clock)
    clock.now_s += 6

    list(accounts.searching(iter([None]), reasons.append))

    assert reasons == []


def test_walk_that_is_out_of_time_says_so() -> None:
    """Contents that begin like a picture may be left: the search is still finished."""
    clock = Clock()
    accounts = accounts_of(clock)
    clock.now_s += 9

    with pytest.raises(Ended) as ended:
        accounts.check_time()

    assert ended.value.reason is Reason.OUT_OF_TIME


def test_deadline_in_a_search_ends_the_search_alone() -> None:
    """If nothing that begins like a picture is left, everything of it was compared."""
    clock, reasons = Clock(), list[Reason]()
    accounts = accounts_of(clock)
    clock.now_s += 7.5

    def steps() -> Iterator[None]:
        clock.now_s += 1
        accounts.check_time()
        yield

    list(accounts.searching(steps(), reasons.append))

    assert reasons == [Reason.SEARCH_UNFINISHED]
    with pytest.raises(Ended):
        accounts.check_time()


def test_search_leaves_contents_and_signals_for_what_begins_like_a_picture() -> None:
    """It may find its share; the walk the rest."""
    accounts, reasons = accounts_of(Clock()), list[Reason]()

    def steps() -> Iterator[None]:
        while True:
            accounts.count_content()
            accounts.count_signals(1)
            yield

    found = len(list(accounts.searching(steps(), reasons.append)))
    for _ in range(3):
        accounts.count_content()

    assert (found, reasons) == (4, [Reason.SEARCH_UNFINISHED])
    with pytest.raises(Ended) as ended:
        accounts.count_content()
    assert ended.value.reason is Reason.TOO_MANY_CONTENTS


def test_search_in_a_search_is_a_part_of_it() -> None:
    """An archive in a string of a program has no separate account."""
    accounts, reasons = accounts_of(Clock()), list[Reason]()

    def inner() -> Iterator[None]:
        yield
        raise SearchOver

    def outer() -> Iterator[None]:
        yield from accounts.searching(inner(), lambda _: pytest.fail("not the inner"))

    list(accounts.searching(outer(), reasons.append))

    assert reasons == [Reason.SEARCH_UNFINISHED]


def test_pictures_in_the_middle_of_bytes_have_time_by_what_was_sent() -> None:
    """However many there are; where nothing is timed, nothing ends them."""
    short, long = (accounts_of(Clock(), content_bytes=mib << 20) for mib in (0, 9))
    for accounts in (short, long):
        accounts.found(0.2)

    assert (short.has_patience, long.has_patience) == (False, True)
    untimed = Accounts(Clock(), deadline_s=None, contents=1, signals=1, content_bytes=0)
    untimed.found(99)
    assert untimed.has_patience
