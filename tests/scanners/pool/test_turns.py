"""Waiting for a turn: called, leaving and refused scans."""

import asyncio
from collections import Counter
from dataclasses import replace
from functools import partial

import pytest

from uploadfilter.model import Reason
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.pool.turns import Turns
from uploadfilter.scanners.pool.waiting import Claim, Standing

ONE = ScannerSettings(workers=1)


def turns_of(settings: ScannerSettings) -> tuple[Turns, Counter[str]]:
    """Return turns, and their counters."""
    counts: Counter[str] = Counter()
    return Turns(settings, counts=counts), counts


def never() -> None:
    """Fail: no scan must be put back."""
    raise AssertionError("it was put back")


async def test_turn_comes_when_somebody_leaves() -> None:
    """A place that is given back goes to a waiting claim."""
    turns, _ = turns_of(ONE)
    first, second = Claim("a"), Claim("b")
    async with asyncio.TaskGroup() as group:
        entered = await turns.enter(first, on_put_back=never)
        waiting = group.create_task(turns.enter(second, on_put_back=never))
        await asyncio.sleep(0)
        before = waiting.done()
        turns.leave(first)

    assert (entered, before, waiting.result()) == (None, False, None)


async def test_turn_comes_when_somebody_is_slow() -> None:
    """A wait for a bomb ends when it is recognised."""
    turns, counts = turns_of(ONE)
    bomb, photo = Claim("a"), Claim("b")
    async with asyncio.TaskGroup() as group:
        await turns.enter(bomb, on_put_back=never)
        waiting = group.create_task(turns.enter(photo, on_put_back=never))
        await asyncio.sleep(0)
        turns.slow_down(bomb)

    assert waiting.result() is None
    assert counts["slowed"] == 1


async def test_nobody_waits_longer_than_the_settings_say() -> None:
    """A client that has given up by then is not scanned for."""
    turns, _ = turns_of(replace(ONE, queue_wait_s=0.01))
    first, second = Claim("a"), Claim("b")
    await turns.enter(first, on_put_back=never)
    refusal = await turns.enter(second, on_put_back=never)
    turns.leave(second)
    turns.leave(first)

    assert refusal is Reason.OVERLOADED
    assert await turns.enter(Claim("c"), on_put_back=never) is None


async def test_full_queue_turns_away_the_flood() -> None:
    """One who waits is called off for another client; the flood itself is refused."""
    turns, counts = turns_of(replace(ONE, queue_limit=2))
    first = Claim("a")
    await turns.enter(first, on_put_back=never)
    async with asyncio.TaskGroup() as group:
        flood = [
            group.create_task(turns.enter(Claim("a"), on_put_back=never))
            for _ in range(3)
        ]
        await asyncio.sleep(0)
        other = group.create_task(turns.enter(Claim("b"), on_put_back=never))
        await asyncio.wait([flood[1]])
        done = [task.done() for task in (*flood, other)]
        turns.close()

    assert done == [False, True, True, False]
    assert flood[1].result() is flood[2].result() is Reason.OVERLOADED
    assert counts["shed"] == 2


@pytest.mark.parametrize("is_called", [False, True])
async def test_place_of_a_client_that_vanishes_goes_to_the_next(
    *, is_called: bool
) -> None:
    """This also holds if it vanishes in the moment of its call."""
    turns, _ = turns_of(ONE)
    first, vanishing, third = Claim("a"), Claim("b"), Claim("c")
    await turns.enter(first, on_put_back=never)
    loop = asyncio.get_running_loop()
    task = loop.create_task(turns.enter(vanishing, on_put_back=never))
    following = loop.create_task(turns.enter(third, on_put_back=never))
    await asyncio.sleep(0)
    if is_called:
        turns.leave(first)
    task.cancel()
    await asyncio.wait([task])
    turns.leave(vanishing)
    turns.leave(first)

    assert task.cancelled()
    assert await following is None


async def test_end_of_the_pool_calls_everybody() -> None:
    """A waiting task ends at once when the pool closes."""
    turns, _ = turns_of(ONE)
    await turns.enter(Claim("a"), on_put_back=never)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(turns.enter(Claim("b"), on_put_back=never))
        await asyncio.sleep(0)
        turns.close()

    assert waiting.result() is Reason.NO_SCANNER


CROWDED = ScannerSettings(workers=1, small_lane=0, slow_lane=1)


async def put_back(turns: Turns) -> tuple[Claim, Claim, Claim]:
    """Let a photo take the place of a bomb while another one holds the lane."""
    claims = (Claim("a"), Claim("b"), Claim("c"))
    calls: list[str] = []
    await turns.enter(claims[0], on_put_back=never)
    turns.slow_down(claims[0])
    await turns.enter(claims[1], on_put_back=partial(calls.append, "back"))
    turns.slow_down(claims[1])
    refusal = await turns.enter(claims[2], on_put_back=never)

    assert (refusal, calls) == (None, ["back"])
    return claims


@pytest.mark.parametrize("is_waiting", [False, True])
async def test_scan_that_was_put_back_goes_on(*, is_waiting: bool) -> None:
    """Room may come before it waits for it, and after."""
    turns, counts = turns_of(CROWDED)
    slow, held, _ = await put_back(turns)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(turns.reenter(held))
        if is_waiting:
            await asyncio.sleep(0)
        turns.leave(slow)

    assert waiting.result() is None
    assert held.standing is Standing.SLOW
    assert counts["put_back"] == 1


@pytest.mark.parametrize("is_waiting", [False, True])
async def test_scan_that_was_put_back_ends_with_the_pool(*, is_waiting: bool) -> None:
    """A waiting task ends at once when the pool closes."""
    turns, _ = turns_of(CROWDED)
    _, held, _ = await put_back(turns)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(turns.reenter(held))
        if is_waiting:
            await asyncio.sleep(0)
        turns.close()

    assert waiting.result() is Reason.NO_SCANNER


async def test_scan_that_was_put_back_does_not_wait_for_ever() -> None:
    """It waits no longer than an upload that was not begun."""
    turns, _ = turns_of(replace(CROWDED, queue_wait_s=0.01))
    _, held, _ = await put_back(turns)
    refusal = await turns.reenter(held)
    turns.leave(held)

    assert refusal is Reason.OVERLOADED
    assert held.standing is Standing.OVER


class Leaving:
    """A client that may leave; as ``Departing``."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()


async def test_client_that_is_lost_has_no_turn() -> None:
    """Its claim ends at once; one that holds a place goes on."""
    turns, counts = turns_of(ONE)
    first, second, client = Claim("a"), Claim("b"), Leaving()
    await turns.enter(first, on_put_back=never, departure=client)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(
            turns.enter(second, on_put_back=never, departure=client)
        )
        await asyncio.sleep(0)
        client.lost.set_result(None)

    assert waiting.result() is Reason.ABORTED
    assert counts["withdrawn"] == 1
    assert first.standing is Standing.PLACED
    assert turns.lanes.waiting == 0


async def test_client_that_was_lost_before_it_waits_has_no_turn() -> None:
    """It may have left while its body was looked up."""
    turns, _ = turns_of(ONE)
    first, second, client = Claim("a"), Claim("b"), Leaving()
    await turns.enter(first, on_put_back=never)
    client.lost.set_result(None)
    refusal = await turns.enter(second, on_put_back=never, departure=client)

    assert refusal is Reason.ABORTED


async def test_client_that_ended_its_side_has_the_last_turn() -> None:
    """Others that come later go before it."""
    turns, _ = turns_of(ONE)
    first, second, third, client = Claim("a"), Claim("b"), Claim("c"), Leaving()
    await turns.enter(first, on_put_back=never)
    async with asyncio.TaskGroup() as group:
        last = group.create_task(
            turns.enter(second, on_put_back=never, departure=client)
        )
        await asyncio.sleep(0)
        client.ended.set_result(None)
        await asyncio.sleep(0)
        late = group.create_task(turns.enter(third, on_put_back=never))
        await asyncio.sleep(0)
        turns.leave(first)
        await late
        is_last = not last.done()
        turns.leave(third)

    assert is_last
    assert last.result() is None
