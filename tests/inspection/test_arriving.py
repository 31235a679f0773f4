"""Which body yields its place, by a table and against a slow obvious twin."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.inspection.arriving import (
    MOST_YIELDING,
    SLOW_AFTER_S,
    SLOW_BYTES_S,
    Arriving,
    Body,
)

LATER_S = 2 * SLOW_AFTER_S


def arriving_of(*bodies: Body) -> Arriving:
    """Return an object that holds these bodies."""
    arriving = Arriving()
    for body in bodies:
        arriving.add(body)
    return arriving


def body_of(network: str, *, received: int = 0, begun_s: float = 0) -> Body:
    """Return a body of a network."""
    return Body(network=network, begun_s=begun_s, received_bytes=received)


def test_slowest_of_the_network_with_the_most_yields() -> None:
    """Other clients keep their bodies, even slower ones."""
    slow = body_of("a", received=3)
    others = [body_of("a", received=10**6) for _ in range(2)]
    slower = body_of("b", received=1)
    arriving = arriving_of(slow, *others, slower)

    assert arriving.make_room("c", now_s=LATER_S)
    assert slow.has_yielded
    assert not slower.has_yielded


def test_body_that_yields_is_told_once() -> None:
    """A body that waits for its next bytes ends at once."""
    told: list[Body] = []
    body = body_of("a")
    body.on_yield = lambda: told.append(body)
    arriving = arriving_of(body)

    assert arriving.make_room("b", now_s=LATER_S)
    assert not arriving.make_room("b", now_s=LATER_S)
    assert told == [body]
    assert arriving.yielding == 1

    arriving.end(body)

    assert arriving.yielding == 0


def test_network_does_not_make_room_for_itself() -> None:
    """A flood gains nothing by one more body that makes progress."""
    arriving = arriving_of(*(body_of("a", received=10**6) for _ in range(3)))

    assert not arriving.make_room("a", now_s=LATER_S)


@pytest.mark.parametrize(
    ("received", "now_s", "yields"),
    [
        pytest.param(3, LATER_S, True, id="slow"),
        pytest.param(3, SLOW_AFTER_S / 2, False, id="young"),
        pytest.param(int(SLOW_BYTES_S * LATER_S) + 1, LATER_S, False, id="fast"),
    ],
)
def test_among_equals_only_slow_bodies_yield(
    received: int, now_s: float, *, yields: bool
) -> None:
    """Many people with one upload each do not end each other's."""
    arriving = arriving_of(*(body_of(name, received=received) for name in "abc"))

    assert arriving.make_room("d", now_s=now_s) is yields


def test_bodies_of_nobody_yield_only_if_they_are_slow() -> None:
    """Behind a front end that does not name its clients, no network has the most."""
    fast = [body_of("", received=10**6) for _ in range(5)]
    slow = body_of("", received=10)
    arriving = arriving_of(*fast, slow)

    assert arriving.make_room("", now_s=LATER_S)
    assert slow.has_yielded
    assert not arriving.make_room("", now_s=LATER_S)


def test_only_so_many_are_on_their_way_out() -> None:
    """Each has its place and its memory until it has ended."""
    bodies = [body_of("a") for _ in range(2 * MOST_YIELDING)]
    arriving = arriving_of(*bodies)
    made = [arriving.make_room("b", now_s=LATER_S) for _ in bodies]

    assert made.count(True) == MOST_YIELDING


networks = st.sampled_from(["", "a", "b", "c"])


@given(
    bodies=st.lists(
        st.tuples(networks, st.integers(0, 200_000), st.floats(0, LATER_S)),
        max_size=12,
    ),
    asking=networks,
)
def test_choice_is_that_of_a_slow_twin(
    bodies: list[tuple[str, int, float]], asking: str
) -> None:
    """For any arrivals, the body that yields is the one that the rules name."""
    made = [body_of(n, received=r, begun_s=b) for n, r, b in bodies]
    arriving = arriving_of(*made)
    allowed = _may_yield(made, asking)
    has_yielded = arriving.make_room(asking, now_s=LATER_S)

    gone = [body for body in made if body.has_yielded]
    assert has_yielded == bool(allowed)
    if allowed:
        slowest = min(body.rate(now_s=LATER_S) for body in allowed)
        (body,) = gone
        assert body in allowed
        assert body.rate(now_s=LATER_S) == slowest
    else:
        assert gone == []


def _may_yield(bodies: list[Body], asking: str) -> list[Body]:
    count = Counter(body.network for body in bodies)
    named = {name: n for name, n in count.items() if name}
    most = max(named.values(), default=0)
    if most > count[asking] + 1:
        return [b for b in bodies if b.network and count[b.network] == most]
    return [b for b in bodies if b.is_slow(now_s=LATER_S)]
