"""A client that accepts nothing ends its own answer, and nothing else."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from aiohttp import web

from uploadfilter.web.clients.flow import Patience, while_client_takes
from uploadfilter.web.clients.waiting import SLOW_AFTER_S, Waiters

IDLE_S = 0.04


def stalled() -> web.BaseRequest:
    """Return a request whose client accepts nothing of its answer."""
    request = SimpleNamespace(
        protocol=SimpleNamespace(writing_paused=True),
        writer=SimpleNamespace(output_size=0),
        transport=None,
    )
    return cast("web.BaseRequest", request)


async def test_answer_that_is_ending_is_not_ended_for_another_one() -> None:
    """Its time is over, and the connection to its origin takes a moment to end."""
    ends: list[None] = []
    waiters = Waiters(lambda: ends.append(None))
    is_ending, may_end = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        patience = Patience(idle_s=IDLE_S, among=waiters, most=1)
        async with while_client_takes(stalled(), patience):
            try:
                await asyncio.sleep(60)
            finally:
                is_ending.set()
                await may_end.wait()

    async def run_out_of_time() -> None:
        with pytest.raises(TimeoutError):
            await wait()

    async with asyncio.TaskGroup() as group:
        ending = group.create_task(run_out_of_time())
        await is_ending.wait()
        await asyncio.sleep(SLOW_AFTER_S)
        patience = Patience(idle_s=60, among=waiters, most=1)
        async with while_client_takes(stalled(), patience):
            may_end.set()
        await ending

    assert ends == []
    assert len(waiters) == 0
