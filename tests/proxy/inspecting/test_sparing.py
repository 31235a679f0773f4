"""Capacity that nobody else wants: who gets a place for a search, and who does not."""

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.decisions.judgement import CopySearch
from uploadfilter.proxy.inspecting.sparing import (
    LONGEST_PAUSE_S,
    MOST_SHARE,
    MOST_STRETCH,
    PAUSE_S,
    PLACES,
    QUIET_S,
    SQUEEZED_SHARE,
    SURELY_QUICK_S,
    WINDOW_S,
    SpareCapacity,
)

ONE = "c0000201"
OTHER = "c0000205"


class Machine:
    """The capacity of a machine whose clock and CPU time are set by hand."""

    def __init__(self, places: int = 2) -> None:
        self.now_s = 1000.0
        self.spent_s = 7.0
        self.spare = SpareCapacity(
            places=places, clock=lambda: self.now_s, spent_s=lambda: self.spent_s
        )

    def taken(self, client: str = ONE) -> CopySearch | None:
        """Ask for a place as an upload that is in work."""
        with self.spare:
            return self.spare.taken(client)


@pytest.mark.parametrize("places", [1, 2, 16])
def test_search_needs_no_more_uploads_in_work_than_fit(places: int) -> None:
    """One more upload than can be worked on waits for something already."""
    machine = Machine(places)
    with ExitStack() as others:
        for _ in range(places - 1):
            others.enter_context(machine.spare)
        assert machine.taken() is None
        machine.spare.left(ONE, cpu_s=0.0, took_s=0.0)
        others.enter_context(machine.spare)
        assert machine.taken() is CopySearch.BUSY


def test_filter_has_to_be_quiet_for_a_while() -> None:
    """Under a lasting load there are moments in which little is in work."""
    machine = Machine(places=1)
    with machine.spare, machine.spare:
        machine.now_s += 5.0
    machine.now_s += QUIET_S / 2
    assert machine.taken() is CopySearch.BUSY
    machine.now_s += QUIET_S
    assert machine.taken() is None


def test_process_that_is_busy_itself_searches_nothing() -> None:
    """Each search would take the interpreter's lock from the event loop."""
    machine = Machine()
    for share, expected in ((MOST_SHARE * 1.1, CopySearch.BUSY), (0.1, None)):
        machine.now_s += WINDOW_S
        machine.spent_s += share * WINDOW_S
        assert machine.taken() is expected


def test_few_searches_run_at_a_time() -> None:
    """A place is free again when its search ends, also if nobody waits for it."""
    machine = Machine(places=16)
    clients = [f"c000030{number}" for number in range(PLACES)]

    assert [machine.taken(it) for it in clients] == [None] * PLACES
    assert machine.taken(ONE) is CopySearch.OCCUPIED
    machine.spare.left(clients[0], cpu_s=0.01, took_s=0.01)
    assert machine.taken(ONE) is None


def test_client_has_its_share_of_searches() -> None:
    """Dear pictures of one client do not keep those of others from being searched."""
    machine = Machine()
    assert machine.taken(ONE) is None
    machine.spare.left(ONE, cpu_s=0.6, took_s=0.6)

    assert machine.taken(ONE) is CopySearch.CLIENT
    assert machine.taken(OTHER) is None
    machine.now_s += 2.0
    machine.spare.left(OTHER, cpu_s=0.0, took_s=0.0)
    assert machine.taken(ONE) is None


def test_slow_search_is_followed_by_a_pause_that_doubles() -> None:
    """Another program wants the cores: the clients of the site pay no more for it."""
    machine = Machine()
    pause_s = PAUSE_S
    for _ in range(8):
        assert machine.taken(OTHER) is None
        machine.spare.left(OTHER, cpu_s=0.01, took_s=0.2)
        machine.now_s += pause_s * 0.9
        assert machine.taken(OTHER) is CopySearch.BUSY
        machine.now_s += pause_s * 0.2
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    assert pause_s == LONGEST_PAUSE_S
    assert machine.taken(OTHER) is None
    machine.spare.left(OTHER, cpu_s=0.01, took_s=0.01)
    assert machine.taken(OTHER) is None
    machine.spare.left(OTHER, cpu_s=0.01, took_s=0.2)
    machine.now_s += PAUSE_S * 1.1
    assert machine.taken(OTHER) is None


@pytest.mark.parametrize(
    ("cpu_s", "took_s"), [(0.0001, SURELY_QUICK_S), (0.1, 0.1 * MOST_STRETCH)]
)
def test_search_of_an_ordinary_length_needs_no_pause(
    cpu_s: float, took_s: float
) -> None:
    """The start of a thread takes a moment, and two searches share one lock."""
    machine = Machine()
    assert machine.taken("") is None
    machine.spare.left("", cpu_s=cpu_s, took_s=took_s)
    assert machine.taken("") is None


def test_client_that_is_not_known_has_no_share() -> None:
    """A front end that names no clients is not one client."""
    machine = Machine()
    for _ in range(5):
        assert machine.taken("") is None
        machine.spare.left("", cpu_s=0.6, took_s=0.6)


@given(
    steps=st.lists(
        st.tuples(st.floats(0, 0.3), st.integers(0, 4), st.floats(0, 0.3)), max_size=30
    )
)
def test_no_search_begins_while_others_want_the_capacity(
    steps: list[tuple[float, int, float]],
) -> None:
    """The slow twin: all moments are kept, and looked through at each question."""
    machine = Machine(places=2)
    crowded: list[tuple[float, float]] = []
    for pause_s, others, took_s in steps:
        machine.now_s += pause_s
        with ExitStack() as stack:
            for _ in range(others):
                stack.enter_context(machine.spare)
            begun_s = machine.now_s
            if others + 1 > 2:
                crowded.append((begun_s, begun_s))
            is_busy = any(machine.now_s - end_s < QUIET_S for _, end_s in crowded)
            found = machine.taken()
            assert (found is CopySearch.BUSY) == is_busy
            if found is None:
                machine.spare.left(ONE, cpu_s=0.0, took_s=0.0)
            machine.now_s += took_s
            if others > 2:
                crowded[-1] = (begun_s, machine.now_s)


def test_promising_uploads_get_a_small_share_of_a_core() -> None:
    """On a busy site one is searched at a time, and the next one waits in proportion.

    Their searches are slow there, which does not mean that a pause is due later.
    """
    machine = Machine(places=1)
    machine.now_s += WINDOW_S
    machine.spent_s += WINDOW_S
    assert machine.taken() is CopySearch.BUSY

    assert machine.spare.squeezed(ONE) is None
    assert not machine.spare.may_squeeze
    assert machine.spare.squeezed(OTHER) is CopySearch.BUSY
    machine.now_s += 1.0
    machine.spare.left_squeezed(ONE, cpu_s=0.02)
    assert machine.spare.squeezed(OTHER) is CopySearch.BUSY
    machine.now_s += 0.02 / SQUEEZED_SHARE + 0.001
    assert machine.spare.squeezed(OTHER) is None
    machine.spare.left_squeezed(OTHER, cpu_s=0.0)
    machine.now_s += 2 * WINDOW_S
    assert machine.taken() is None


def test_promising_uploads_share_places_and_clients_with_all_others() -> None:
    """They never run beside as many searches as may run, nor above a client's share."""
    machine = Machine(places=16)
    assert [machine.taken(f"c000030{it}") for it in range(PLACES)] == [None] * PLACES
    assert machine.spare.squeezed(ONE) is CopySearch.OCCUPIED
    assert machine.spare.may_squeeze
    machine.spare.left("c0000300", cpu_s=0.0, took_s=0.0)
    assert machine.spare.squeezed(ONE) is None
    machine.spare.left_squeezed(ONE, cpu_s=0.0)
    assert machine.taken(ONE) is None
    machine.spare.left(ONE, cpu_s=5.0, took_s=5.0)
    assert machine.spare.squeezed(ONE) is CopySearch.CLIENT
