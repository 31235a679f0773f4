"""The tripwire gives the same as counting everything in dictionaries."""

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decisions.logs import LISTED
from tests.decisions.near import NEAR
from uploadfilter.decisions import tripping
from uploadfilter.decisions.tripping import Counting, Key, softened, suspicious
from uploadfilter.model import EntryState, MatchKind, SignalType

KEYS = [("unit7", f"p-{number}") for number in range(5)]

uploads = st.lists(
    st.tuples(
        st.integers(20_000, 20_002),
        st.frozensets(st.sampled_from(KEYS), max_size=3),
        st.sampled_from("abcdefgh"),
    ),
    max_size=60,
)


def slowly(
    seen: list[tuple[int, frozenset[Key], str]], threshold: int
) -> list[dict[Key, int]]:
    """Look at all uploads since the day changed last, after each of them."""
    found = []
    for at in range(len(seen)):
        day = seen[at][0]
        begun = at
        while begun and seen[begun - 1][0] == day:
            begun -= 1
        networks: dict[Key, set[str]] = defaultdict(set)
        for _, keys, network in seen[begun : at + 1]:
            for key in keys:
                networks[key].add(network)
        now = seen[at][1]
        found.append(
            {key: len(networks[key]) for key in now if len(networks[key]) >= threshold}
        )
    return found


@given(uploads, st.integers(1, 6))
def test_networks_are_counted_by_day(
    seen: list[tuple[int, frozenset[Key], str]], threshold: int
) -> None:
    """Each once; another day starts a new count, even an earlier day."""
    counting = Counting()

    found = [counting.saw(*it, threshold=threshold) for it in seen]

    assert found == slowly(seen, threshold)


@given(uploads, st.integers(1, 6), st.integers(1, 4))
def test_bound_never_trips_what_counting_all_would_not(
    seen: list[tuple[int, frozenset[Key], str]], threshold: int, most: int
) -> None:
    """With less memory some are missed, and none is made up."""
    counting = Counting(most_entries=most)
    for it, full in zip(seen, slowly(seen, threshold), strict=True):
        found = counting.saw(*it, threshold=threshold)

        assert all(found[key] <= full[key] for key in found)


def test_entry_that_most_networks_match_stays_counted() -> None:
    """A flood of other entries does not wash it away."""
    counting = Counting(most_entries=3)
    for at in range(100):
        counting.saw(1, [KEYS[0]], f"n{at}", threshold=101)
        counting.saw(1, [("unit7", f"other-{at}")], "n", threshold=101)

    assert counting.saw(1, [KEYS[0]], "last", threshold=101) == {KEYS[0]: 101}


def test_threshold_beyond_the_bound_never_trips(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That is how it is switched off, and it costs bounded memory."""
    monkeypatch.setattr(tripping, "MOST_NETWORKS", 5)
    counting = Counting()

    found = [counting.saw(1, KEYS[:1], f"n{at}", threshold=6) for at in range(50)]

    assert not any(found)


@pytest.mark.parametrize(
    ("matches", "expected"),
    [
        ((NEAR,), {("unit7", "p-1")}),
        ((), set()),
        ((NEAR, LISTED), {("unit7", "p-1")}),
        ((LISTED,), set()),
        ((replace(NEAR, kind=MatchKind.ALTERED),), {("unit7", "p-1")}),
        ((replace(NEAR, kind=MatchKind.NEAR),), set()),
    ],
)
def test_exact_match_is_no_suspicion(matches: tuple, expected: set[Key]) -> None:  # type: ignore[type-arg]  # of matches
    """The listed picture itself proves that the entry is not a mistake."""
    exact = LISTED.__class__(
        content="0",
        set="unit7",
        entry="p-1",
        category="1",
        state=EntryState.ACTIVE,
        signal_type=SignalType.SHA256,
        distance=0,
    )

    assert suspicious(matches) == expected
    assert suspicious((*matches, exact)) == expected - {("unit7", "p-1")}


def test_only_what_a_picture_looks_like_is_softened() -> None:
    """A demoted entry's near match is accepted; an exact copy is rejected as before."""
    other = LISTED
    exact = other.__class__(
        content="0",
        set="unit7",
        entry="p-1",
        category="1",
        state=EntryState.ACTIVE,
        signal_type=SignalType.MD5,
        distance=0,
    )
    found = softened((NEAR, exact, other), frozenset({("unit7", "p-1")}))

    assert [it.state for it in found] == [
        EntryState.MONITORED,
        EntryState.ACTIVE,
        other.state,
    ]
