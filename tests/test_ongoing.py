"""Lasting faults: one line at their begin, and one at their end."""

import structlog
from structlog.testing import capture_logs

from uploadfilter.ongoing import OngoingFaults


class Stopwatch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.s = 100.0

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.s


def made(clock: Stopwatch, *, quiet_s: float = 0.0) -> OngoingFaults:
    """Return faults of a log that tests capture."""
    return OngoingFaults(structlog.get_logger(), clock=clock, quiet_s=quiet_s)


def test_fault_has_a_begin_and_an_end() -> None:
    """However often it is met; the end says for how long, and how often."""
    clock = Stopwatch()
    faults = made(clock)
    with capture_logs() as events:
        for _ in range(3):
            faults.fail("disk_full", error="full")
            clock.s += 5
        faults.recover("disk_full")
        faults.recover("disk_full")

    assert events == [
        {"event": "disk_full", "log_level": "error", "error": "full"},
        {
            "event": "fault_over",
            "log_level": "info",
            "fault": "disk_full",
            "lasted_s": 15.0,
            "count": 3,
        },
    ]


def test_fault_that_goes_on_is_repeated_each_minute() -> None:
    """So is one that is described otherwise, at once."""
    clock = Stopwatch()
    faults = made(clock)
    with capture_logs() as events:
        for error in ("a", "a", "b", "a"):
            faults.fail("disk_full", error=error)
        clock.s += 60
        faults.fail("disk_full", error="a")

    assert [item["error"] for item in events] == ["a", "b", "a"]


def test_faults_of_two_subjects_end_each_for_itself() -> None:
    """One origin answers while another one is lost; a kind may end as a whole."""
    clock = Stopwatch()
    faults = made(clock)
    with capture_logs() as events:
        faults.fail("origin_failed", "a")
        faults.fail("origin_failed", "b")
        faults.recover("origin_failed", "a")
        lasting = faults.lasting
        faults.recover("origin_failed")

    assert lasting == {("origin_failed", "b")}
    assert [item.get("about") for item in events[2:]] == ["a", "b"]


def test_success_between_failures_does_not_end_a_fault() -> None:
    """A flapping origin makes no flood of lines; the end is the first success."""
    clock = Stopwatch()
    faults = made(clock, quiet_s=10)
    with capture_logs() as events:
        for _ in range(20):
            faults.fail("origin_failed")
            faults.recover("origin_failed")
            clock.s += 1
        clock.s += 30
        faults.look()

    assert [item["event"] for item in events] == ["origin_failed", "fault_over"]
    assert (events[1]["lasted_s"], events[1]["count"]) == (19.0, 20)


def test_success_without_a_fault_says_nothing() -> None:
    """Every upload reports it."""
    with capture_logs() as events:
        made(Stopwatch()).recover("origin_failed")

    assert events == []
