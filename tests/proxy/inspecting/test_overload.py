"""Overload: a burst is waited for, a lasting one is not."""

from uploadfilter.proxy.inspecting.overload import Overload

TARGET_S = 0.1
INTERVAL_S = 1.0


def looks(*waits: tuple[float, float]) -> list[bool]:
    """Return what is found at each moment, with the wait of that moment."""
    overload = Overload()
    return [
        overload.look(wait_s, target_s=TARGET_S, interval_s=INTERVAL_S, now_s=now_s)
        for now_s, wait_s in waits
    ]


def test_burst_is_no_overload() -> None:
    """A wait that comes down within the interval turns nobody away."""
    assert (
        looks((0, 5.0), (0.5, 3.0), (0.99, 0.2), (1.0, 0.1), (1.5, 5.0)) == [False] * 5
    )


def test_wait_that_stays_long_is_an_overload() -> None:
    """After an interval above the target, whoever comes is too much."""
    assert looks((0, 0.2), (0.5, 0.2), (1.0, 0.2), (1.1, 0.2)) == [
        False,
        False,
        True,
        True,
    ]


def test_overload_lasts_until_the_wait_was_short_for_an_interval() -> None:
    """Otherwise the queue would fill up again for an interval each time."""
    found = looks((0, 1.0), (1.0, 1.0), (1.1, 0.05), (2.0, 0.05), (2.1, 0.05))

    assert found == [False, True, True, True, False]


def test_short_wait_in_an_overload_does_not_end_it() -> None:
    """The wait goes up and down around the target then."""
    assert looks((0, 1.0), (1.0, 1.0), (1.5, 0.05), (1.6, 1.0), (2.6, 0.05))[-1]
