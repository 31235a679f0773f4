"""The tasks beside requests."""

import asyncio

from structlog.testing import capture_logs

from uploadfilter.service.chores import beside


async def fail() -> None:
    """Be a chore with a fault."""
    raise RuntimeError("a fault")


async def test_chore_that_fails_is_said_and_ends_no_other() -> None:
    """The operator is told at once; the other tasks go on to the end."""
    ended = asyncio.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with capture_logs() as events:
        async with beside(broken=fail(), sound=wait()):
            while not events:  # noqa: ASYNC110 - a log has no event
                await asyncio.sleep(0)
            assert not ended.is_set()

    assert [(e["event"], e["chore"]) for e in events] == [("chore_failed", "broken")]
    assert ended.is_set()
