"""The task that compresses closed segments."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.decisions.logs import decision, write_log
from uploadfilter.decisions.files.compressing import LEAST_BYTES
from uploadfilter.decisions.files.segments import Segment, segments
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.files.verify import verify
from uploadfilter.service.compressing import RETRY_S, Compressing

SETTINGS = LogSettings(segment_bytes=LEAST_BYTES, compress_after_s=0.0)
LATER = 4e9
"""A time by which every file is old."""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a log of some segments that are large enough to be compressed."""
    made = tmp_path / "main" / "log"
    write_log(
        made,
        [[decision(f"{day}-{at}") for at in range(150)] for day in range(3)],
        settings=SETTINGS,
    )
    return made


class Minutes:
    """Lets some minutes pass, and then cancels."""

    def __init__(self, count: int) -> None:
        self.left = count

    async def __call__(self, _seconds: float) -> None:
        """Let a minute pass."""
        self.left -= 1
        if self.left <= 0:
            raise asyncio.CancelledError


async def kept(
    directory: Path,
    *,
    minutes: int,
    settings: LogSettings = SETTINGS,
    newest: Segment | None = None,
    times: list[float] | None = None,
) -> list[bool]:
    """Run the task for some minutes; return what it told."""
    told: list[bool] = []
    clock = iter(times or [])
    task = Compressing(
        directory,
        settings,
        newest=lambda: newest or segments(directory)[-1],
        tell=told.append,
        clock=lambda: next(clock, LATER),
        sleep=Minutes(minutes),
    )
    with pytest.raises(asyncio.CancelledError):
        await task.keep()
    return told


def plain(directory: Path) -> list[str]:
    """Return the plain files that are large enough."""
    return sorted(
        path.name
        for path in directory.glob("*.jsonl")
        if path.stat().st_size >= LEAST_BYTES
    )


async def test_closed_segments_are_compressed(directory: Path) -> None:
    """The log verifies as before."""
    before, newest = verify(directory), segments(directory)[-1].name
    count = len(plain(directory))
    with capture_logs() as logged:
        told = await kept(directory, minutes=2)

    expected = [name for name in plain(directory) if name != newest]
    assert expected == []
    assert told == [True] * (count - (newest in plain(directory)))
    assert verify(directory) == before
    (event,) = [it for it in logged if it["event"] == "segments_compressed"]
    assert event["bytes"] < event["plain_bytes"] / 3
    assert len(event["segments"]) == len(told)


async def test_log_that_has_not_begun_is_left_alone(tmp_path: Path) -> None:
    """There is no newest segment yet, so it is not known which are closed."""
    task = Compressing(
        tmp_path / "none",
        SETTINGS,
        newest=lambda: None,
        tell=lambda _: None,
        clock=lambda: LATER,
        sleep=Minutes(1),
    )
    with pytest.raises(asyncio.CancelledError):
        await task.keep()


async def test_failure_is_told_and_tried_again_later(directory: Path) -> None:
    """The plain file stays; others are compressed all the same."""
    first = plain(directory)[0]
    path = directory / first
    (directory / f".{first}.gz.new").mkdir()
    with capture_logs() as logged:
        told = await kept(directory, minutes=3)

    failures = [it for it in logged if it["event"] == "segment_not_compressed"]
    assert [it["segment"] for it in failures] == [first]
    assert failures[0]["hint"]
    assert path.exists()
    assert told.count(False) == 1
    assert told.count(True) >= 1
    later = [LATER, LATER, LATER + RETRY_S + 1]
    told = await kept(directory, minutes=3, times=later)
    assert told.count(False) == 2


async def test_log_that_cannot_be_read_does_not_end_the_task(tmp_path: Path) -> None:
    """The writer tells the cause; the task goes on, and says it once a minute."""
    with capture_logs() as logged:
        await kept(tmp_path / "none", minutes=2, newest=Segment(1, _DAY))

    assert [it["event"] for it in logged] == ["segments_not_looked_at"]


_DAY = Segment.parse("00000001-20261125.jsonl").day  # type: ignore[union-attr]
