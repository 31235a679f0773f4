"""The withdrawals of one officer in a day, command by command, and operators."""

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.errors import IssuerError
from uploadfilter.issuing import allowance
from uploadfilter.signedsets.freshness import (
    Status,
    first_withdrawn,
    most_withdrawals,
    with_withdrawn,
)
from uploadfilter.signedsets.roles import DAY_S

COMMANDS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 7200), st.integers(0, 3 * DAY_S)),
        st.sets(st.integers(0, 40), max_size=5),
    ),
    max_size=25,
)
"""Seconds since the command before, and which entries it withdraws."""


def is_taken(noted: dict[str, int], new: set[str], most: int, epoch_s: float) -> bool:
    """Tell whether a command is not refused."""
    try:
        allowance.check(noted, new, most, epoch_s)
    except IssuerError:
        return False
    return True


@given(COMMANDS, st.integers(1, 6), st.integers(0, 3600))
def test_what_the_issuer_takes_no_operator_holds_back(
    commands: list[tuple[int, set[int]]], most: int, late_s: int
) -> None:
    """A slow twin counts every command; one who syncs within the hour takes all."""
    noted: dict[str, int] = {}
    events: list[tuple[int, str]] = []
    now = 1_795_000_000
    site = Status(set="s", source="", root="", synced_at=now)
    for later_s, numbers in commands:
        now += later_s
        new = {f"p-{it}" for it in numbers} - {it for _, it in events}
        counted = sum(at > now - allowance.WINDOW_S for at, _ in events)
        wanted = not new or counted + len(new) <= most

        assert allowance.left(noted, most, now) == max(0, most - counted)
        assert is_taken(noted, new, most, now) is wanted
        at = allowance.possible_at(noted, new, most, now)
        assert (at is None) is (len(new) > most)
        if not wanted:
            if at is not None:
                assert at > now
                assert is_taken(noted, new, most, at)
                assert not is_taken(noted, new, most, at - 1)
            continue
        noted = allowance.recent(noted, now) | dict.fromkeys(new, now)
        events += [(now, it) for it in new]
        seen = now + late_s * (len(events) % 2)
        assert len(new) <= most_withdrawals(site, most, seen)
        site = with_withdrawn(site, len(new), seen)


@given(
    st.lists(
        st.tuples(st.integers(60, 2 * DAY_S), st.sets(st.integers(0, 60), max_size=30)),
        min_size=1,
        max_size=20,
    ),
    st.integers(1, 6),
)
def test_what_is_held_back_becomes_less(
    syncs: list[tuple[int, set[int]]], most: int
) -> None:
    """Whatever a list says, a day takes its bound and no more, and at last all is out.

    The slow twin counts for every second of the last day the withdrawals in it.
    """
    now = 1_795_000_000
    site = Status(set="s", source="", root="", synced_at=now)
    listed: set[str] = set()
    out: dict[str, int] = {}
    for later_s, numbers in [*syncs, *((DAY_S, set[int]()) for _ in range(61))]:
        now += later_s
        listed |= {f"p-{it}" for it in numbers}
        new = listed - out.keys()
        bound = most_withdrawals(site, most, now)
        taken = first_withdrawn(new, bound)

        assert taken <= new
        assert len(taken) == min(len(new), bound)
        assert all(one < other for one in taken for other in new - taken)
        out |= dict.fromkeys(taken, now)
        within = sum(at > now - DAY_S for at in out.values())
        assert not taken or within <= most * max(1, later_s // DAY_S)
        site = with_withdrawn(site, len(taken), now)
        site = Status(
            set="s", source="", root="", synced_at=now, withdrawn=site.withdrawn
        )
    assert out.keys() == listed


def test_order_is_that_of_ids() -> None:
    """All operators take the same ones first, and none if none is allowed."""
    assert first_withdrawn({"b", "a", "c"}, 2) == {"a", "b"}
    assert first_withdrawn({"b", "a"}, 0) == set()
    assert first_withdrawn(["a"], -1) == set()
