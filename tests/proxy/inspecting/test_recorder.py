"""What the operator is told of what every upload runs into, and how often."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from uploadfilter.decisions.clients import ClientHasher
from uploadfilter.decisions.log import DecisionLog
from uploadfilter.decisions.policy import Policy, decide
from uploadfilter.errors import LogWriteError, StoreMissingError
from uploadfilter.model import Mode
from uploadfilter.proxy.counting.metrics import Metrics
from uploadfilter.proxy.inspecting import inspection
from uploadfilter.proxy.inspecting.recorder import Recorder
from uploadfilter.proxy.origins.origin import OriginFailure
from uploadfilter.proxy.routing.routes import Route

NOON = 1_793_620_800.0


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    """A recorder over a real log."""
    with DecisionLog.open(tmp_path, instance="main", clock=lambda: NOON) as decisions:
        yield Recorder(
            decisions,
            clients=ClientHasher(tmp_path, clock=lambda: NOON),
            instance="main",
            clock=lambda: NOON,
            metrics=Metrics(),
        )


@pytest.mark.parametrize(
    ("event", "say"),
    [
        (
            "decision_log_unwritable",
            lambda recorder: recorder.say_unwritable(LogWriteError("full")),
        ),
        (
            "reference_set_unusable",
            lambda recorder: recorder.say_unusable(StoreMissingError("none")),
        ),
        (
            "origin_failed",
            lambda recorder: recorder.say_origin_failed(OriginFailure.UNREACHABLE),
        ),
    ],
)
async def test_what_lasts_is_said_once_a_minute(
    recorder: Recorder, event: str, say: Callable[[Recorder], None]
) -> None:
    """A flood of uploads that fail alike is one line, and a minute later one more."""
    with capture_logs() as events:
        for _ in range(3):
            say(recorder)
        assert [item["event"] for item in events] == [event]

        await recorder.check_in()
        say(recorder)

    assert [item["event"] for item in events] == [event, "checkpoint", event]


async def test_two_failures_of_the_origin_are_told_apart(recorder: Recorder) -> None:
    """An origin that is slow is other news than one that is down."""
    with capture_logs() as events:
        recorder.say_origin_failed(OriginFailure.UNREACHABLE)
        recorder.say_origin_failed(OriginFailure.TOO_SLOW)

    assert [item["failure"] for item in events] == ["unreachable", "too_slow"]


@pytest.mark.parametrize("leap_s", [-3600.0, 3600.0], ids=["back", "forth"])
async def test_duration_does_not_depend_on_who_sets_the_clock(
    tmp_path: Path, leap_s: float
) -> None:
    """An upload takes as long as it takes, whatever the time of day is said to be."""
    wall, elapsed = [NOON], [100.0]
    metrics = Metrics()
    with DecisionLog.open(tmp_path, instance="main", clock=lambda: NOON) as decisions:
        recorder = Recorder(
            decisions,
            clients=ClientHasher(tmp_path, clock=lambda: NOON),
            instance="main",
            clock=lambda: wall[0],
            metrics=metrics,
            elapsed=lambda: elapsed[0],
        )
        ticket = recorder.ticket("192.0.2.7", "PUT")
        wall[0] += leap_s
        elapsed[0] += 1.5
        await recorder.decision(
            ticket,
            inspection.Record(
                judgement=decide((), (), mode=Mode.ENFORCE, policy=Policy()),
                scans=(),
                matches=(),
                status=None,
            ),
            generation=1,
            route=Route(name="all", origin="all", mode=Mode.ENFORCE),
            size=0,
            cpu_s=0.25,
            within_s=30,
        )

    (recent,) = metrics.recent
    assert recent.duration_ms == 1500
