"""Lending processes: who gets one, who waits, and who is told that there are none."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.scanners import standins
from uploadfilter.model import Reason
from uploadfilter.scanners.crew import Crew
from uploadfilter.scanners.process import ScannerProcess
from uploadfilter.scanners.settings import ScannerSettings, SilentLog

ONE = ScannerSettings(workers=1, module=standins.MODULE)


@asynccontextmanager
async def crew_of(settings: ScannerSettings) -> AsyncIterator[Crew]:
    """Keep a crew of stand-ins."""
    crew = Crew(settings, counts=Counter(), log=SilentLog())
    async with crew.keeping():
        yield crew


async def borrow(crew: Crew, *, again: bool = False) -> ScannerProcess:
    """Borrow a process that must be there sooner or later."""
    process = await crew.acquire(again=again)

    assert isinstance(process, ScannerProcess)
    return process


async def test_crew_prefers_an_upload_that_lost_its_process() -> None:
    """Who has already waited goes before who still waits, and is never turned away."""
    served: list[str] = []

    async def one(crew: Crew, name: str, *, again: bool) -> None:
        process = await borrow(crew, again=again)
        served.append(name)
        crew.release(process)

    async with crew_of(replace(ONE, queue_limit=1)) as crew:
        process = await borrow(crew)
        async with asyncio.TaskGroup() as group:
            group.create_task(one(crew, "later", again=False))
            await asyncio.sleep(0)
            group.create_task(one(crew, "again", again=True))
            await asyncio.sleep(0)
            crew.release(process)

    assert served == ["again", "later"]


async def test_crew_lends_no_process_that_is_over() -> None:
    """A process that was retired, or died, is not lent again."""
    async with crew_of(ONE) as crew:
        first = await borrow(crew)
        first.retire()
        crew.release(first)
        second = await borrow(crew)

    assert second is not first


async def test_crew_lends_the_process_that_was_used_last() -> None:
    """The warmest process goes first."""
    async with crew_of(replace(ONE, workers=2)) as crew:
        first, second = await borrow(crew), await borrow(crew)
        crew.release(first)
        crew.release(second)

        assert await borrow(crew) is second


async def test_crew_passes_on_a_process_whose_taker_was_cancelled() -> None:
    """A process that is given in the moment its taker vanishes is not lost."""
    async with crew_of(ONE) as crew:
        process = await borrow(crew)
        taker = asyncio.get_running_loop().create_task(crew.acquire(again=False))
        await asyncio.sleep(0)
        crew.release(process)
        taker.cancel()
        await asyncio.wait([taker])

        assert taker.cancelled()
        assert await borrow(crew) is process


async def test_crew_tells_those_who_wait_at_its_end() -> None:
    """Nobody waits for a crew that has gone home."""
    async with asyncio.TaskGroup() as group, crew_of(ONE) as crew:
        await borrow(crew)
        waiting = group.create_task(crew.acquire(again=False))
        await asyncio.sleep(0)

    assert waiting.result() is Reason.NO_SCANNER


async def test_crew_starts_anew_at_once_after_a_death_in_use() -> None:
    """Contents that kill processes cannot make the next start wait."""
    async with crew_of(ONE) as crew:
        processes = []
        for _ in range(3):
            processes.append(await borrow(crew))
            processes[-1].retire()

        assert [process.was_lent for process in processes] == [True] * 3


@pytest.mark.parametrize("failures", [1, 3, 20])
def test_back_off_grows_and_ends(failures: int) -> None:
    """Each failure in a row doubles the wait, up to some seconds."""
    waits = [0.0]
    for _ in range(failures):
        waits.append(Crew._longer(waits[-1]))  # noqa: SLF001 - needs no process

    assert waits == sorted(waits)
    assert 0 < waits[-1] <= 5
