"""What the operator is told of what every upload runs into, and how often."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from uploadfilter.decisions.clients import ClientHasher
from uploadfilter.decisions.log import DecisionLog
from uploadfilter.errors import LogWriteError, StoreMissingError
from uploadfilter.proxy.metrics import Metrics
from uploadfilter.proxy.origin import OriginFailure
from uploadfilter.proxy.recorder import Recorder

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
