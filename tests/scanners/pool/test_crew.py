"""Lending processes: scans that get one, that wait, and that get a refusal."""

import asyncio
import os
import resource
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from typing_extensions import override

from tests.scanners import standins, standins_bare
from tests.waiting import parent_of, until
from uploadfilter.model import Reason
from uploadfilter.scanners.pool.crew import Crew, Warmth
from uploadfilter.scanners.pool.process import ScannerProcess
from uploadfilter.scanners.pool.settings import ScannerSettings, SilentLog
from uploadfilter.scanners.wire.messages import ProcessKind

ONE = ScannerSettings(workers=1, small_lane=0, module=standins.MODULE)


def template_of(process: ScannerProcess) -> int:
    """Return the process id of the template of a process that is alive."""
    return parent_of(process.pid)


def waits(pid: int) -> bool:
    """Return whether a template waits for orders, and has closed those it had."""
    stat = Path(f"/proc/{pid}/stat").read_bytes()
    return stat.rpartition(b")")[2].split()[0] == b"S"


def exhaust_descriptors(pid: int) -> None:
    """Leave a template one descriptor: for an order, and not for watching a process."""
    held = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    _, limit = [number for number in range(len(held) + 2) if number not in held][:2]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Have a process do nothing for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def crew_of(settings: ScannerSettings) -> AsyncIterator[Crew]:
    """Keep a crew of stand-ins."""
    crew = Crew(settings, counts=Counter(), log=SilentLog())
    async with crew.keeping():
        yield crew


async def borrow(
    crew: Crew,
    *,
    kind: ProcessKind = ProcessKind.COMMON,
    warmth: Warmth = Warmth.WARMEST,
) -> ScannerProcess:
    """Borrow a process that must be there sooner or later."""
    process = await crew.take(kind, warmth=warmth)

    assert isinstance(process, ScannerProcess)
    return process


async def test_crew_lends_no_process_that_is_over() -> None:
    """A process that was retired, or died, is not lent again."""
    async with crew_of(ONE) as crew:
        first = await borrow(crew)
        first.retire()
        crew.give_back(first)
        second = await borrow(crew)

    assert second is not first


async def test_crew_lends_the_process_that_was_used_last() -> None:
    """The warmest process goes first."""
    async with crew_of(replace(ONE, workers=2)) as crew:
        first, second = await borrow(crew), await borrow(crew)
        crew.give_back(first)
        crew.give_back(second)

        assert await borrow(crew) is second


async def test_crew_keeps_the_last_warm_process_for_small_scans() -> None:
    """A large scan takes the coldest of several used processes, or a fresh one."""
    async with crew_of(replace(ONE, workers=2, spares=1)) as crew:
        first, second = await borrow(crew), await borrow(crew)
        crew.give_back(first)
        crew.give_back(second)
        await until(lambda: len(crew.pids) == 3)

        assert await borrow(crew, warmth=Warmth.NOT_LAST) is first
        assert await borrow(crew, warmth=Warmth.NOT_LAST) not in {first, second}
        assert await borrow(crew) is second


async def test_crew_lends_a_fresh_process_to_a_scan_that_ends_it() -> None:
    """No warm process is lost to a scan that is slow from its beginning."""
    async with crew_of(replace(ONE, spares=1)) as crew:
        warm = await borrow(crew)
        crew.give_back(warm)
        await until(lambda: len(crew.pids) == 2)

        assert await borrow(crew, warmth=Warmth.COLD) is not warm
        assert await borrow(crew) is warm


@pytest.mark.parametrize("warmth", Warmth)
async def test_crew_lends_a_warm_process_rather_than_wait(warmth: Warmth) -> None:
    """A preference makes nobody wait for a fork."""
    async with crew_of(replace(ONE, spares=0)) as crew:
        warm = await borrow(crew)
        crew.give_back(warm)
        with stopped(template_of(warm)):
            assert await borrow(crew, warmth=warmth) is warm


async def test_crew_lends_no_used_process_for_a_content_alone() -> None:
    """A used process only scans more of the common formats."""
    async with crew_of(ONE) as crew:
        used = await borrow(crew)
        crew.give_back(used)
        alone = [await borrow(crew, kind=ProcessKind.ALONE) for _ in range(4)]

        assert used not in alone
        assert await borrow(crew) is used


async def test_crew_keeps_spares_ready() -> None:
    """Spare processes wait for a scan that needs one."""
    async with crew_of(replace(ONE, spares=3)) as crew:
        await until(lambda: len(crew.pids) == 3)
        first = await borrow(crew, kind=ProcessKind.ALONE)
        await until(lambda: len(crew.pids) == 4)

        assert first.pid in crew.pids


async def test_crew_without_spares_makes_what_is_asked_for() -> None:
    """An operator without memory to spare pays with time."""
    async with crew_of(replace(ONE, spares=0)) as crew:
        processes = [await borrow(crew, kind=ProcessKind.ALONE) for _ in range(3)]

        assert len({process.pid for process in processes}) == 3
        assert len(crew.pids) == 3


async def test_crew_keeps_no_more_common_processes_than_workers() -> None:
    """Those that made room for slow scans are not kept for ever."""
    async with crew_of(ONE) as crew:
        first, second = await borrow(crew), await borrow(crew)
        crew.give_back(first)
        crew.give_back(second)

        assert second.over.is_set()
        assert await borrow(crew) is first


async def test_crew_gives_a_returned_process_to_whoever_waits() -> None:
    """A common content does not wait for a fork when a process comes back."""
    async with crew_of(replace(ONE, spares=0)) as crew:
        process = await borrow(crew)
        with stopped(template_of(process)):
            waiting = asyncio.get_running_loop().create_task(
                crew.take(ProcessKind.COMMON)
            )
            await asyncio.sleep(0)
            crew.give_back(process)

            assert await waiting is process


async def test_crew_passes_on_a_process_whose_taker_was_cancelled() -> None:
    """A process that is given in the moment its taker vanishes is not lost."""
    async with crew_of(replace(ONE, spares=0)) as crew:
        process = await borrow(crew)
        with stopped(template_of(process)):
            taker = asyncio.get_running_loop().create_task(
                crew.take(ProcessKind.COMMON)
            )
            await asyncio.sleep(0)
            crew.give_back(process)
            taker.cancel()
            await asyncio.wait([taker])

            assert taker.cancelled()
            assert await borrow(crew) is process


async def test_crew_has_one_large_process_at_a_time() -> None:
    """The next one is forked after the one before has ended; others do not wait."""
    async with crew_of(ONE) as crew:
        first = await borrow(crew, kind=ProcessKind.LARGE)
        second = asyncio.get_running_loop().create_task(crew.take(ProcessKind.LARGE))
        await borrow(crew, kind=ProcessKind.ALONE)

        assert not second.done()
        first.retire()
        given = await second
        assert isinstance(given, ScannerProcess)
        assert first.pid not in crew.pids


async def test_large_process_is_never_lent_again() -> None:
    """It ends even if it is given back."""
    async with crew_of(ONE) as crew:
        first = await borrow(crew, kind=ProcessKind.LARGE)
        crew.give_back(first)

        assert first.over.is_set()
        assert await borrow(crew, kind=ProcessKind.LARGE) is not first


async def test_scan_that_stops_waiting_for_a_large_process_leaves_it_to_others() -> (
    None
):
    """Neither a timeout nor a client that has gone keeps the only large one."""
    async with crew_of(replace(ONE, queue_wait_s=2)) as crew:
        first = await borrow(crew, kind=ProcessKind.LARGE)
        late = await crew.take(ProcessKind.LARGE)
        gone = asyncio.get_running_loop().create_task(crew.take(ProcessKind.LARGE))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
        first.retire()
        await until(lambda: first.pid not in crew.pids)

        assert late is Reason.OVERLOADED
        assert await borrow(crew, kind=ProcessKind.LARGE) is not first


async def test_crew_lets_nobody_wait_longer_than_it_says() -> None:
    """A template that does not answer in time is the pool's own incapacity."""
    async with crew_of(replace(ONE, spares=0, queue_wait_s=0.05)) as crew:
        process = await borrow(crew)
        with stopped(template_of(process)):
            assert await crew.take(ProcessKind.ALONE) is Reason.OVERLOADED


async def test_crew_tells_those_who_wait_at_its_end() -> None:
    """A closed crew does not keep scans waiting."""
    async with asyncio.TaskGroup() as group, crew_of(replace(ONE, spares=0)) as crew:
        process = await borrow(crew)
        os.kill(template_of(process), signal.SIGSTOP)
        waiting = group.create_task(crew.take(ProcessKind.ALONE))
        await asyncio.sleep(0)

    assert waiting.result() is Reason.NO_SCANNER


@pytest.mark.parametrize("kind", ProcessKind)
async def test_crew_that_has_gone_home_keeps_nobody_waiting(kind: ProcessKind) -> None:
    """A scan that lost its process to the end of the crew asks once more."""
    async with crew_of(ONE) as crew:
        await borrow(crew)

    assert await crew.take(kind) is Reason.NO_SCANNER


async def test_crew_starts_anew_at_once_after_a_death_in_use() -> None:
    """Contents that kill processes cannot make the next start wait."""
    async with crew_of(ONE) as crew:
        processes = []
        for _ in range(3):
            processes.append(await borrow(crew))
            processes[-1].retire()

        assert [process.was_lent for process in processes] == [True] * 3


async def test_crew_outlives_its_template() -> None:
    """A template that is killed takes its processes with it, and a new one comes."""
    async with crew_of(ONE) as crew:
        first = await borrow(crew)
        template = template_of(first)
        os.kill(template, signal.SIGKILL)
        await first.over.wait()
        second = await borrow(crew)
        while parent_of(template_of(second)) != os.getpid():
            # It was at hand, and is about to die with the same template.
            await second.over.wait()
            second = await borrow(crew)

        assert template_of(second) != template


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees a template's descriptors")
@pytest.mark.parametrize("spares", [0, 2])
async def test_crew_replaces_a_template_that_cannot_fork(spares: int) -> None:
    """Meanwhile requests are refused at once; then they work again."""
    counts: Counter[str] = Counter()
    crew = Crew(replace(ONE, spares=spares), counts=counts, log=SilentLog())
    async with crew.keeping():
        first = await borrow(crew)
        await until(lambda: len(crew.pids) == 1 + spares)
        template = template_of(first)
        await until(partial(waits, template))
        exhaust_descriptors(template)
        taken = [await crew.take(ProcessKind.ALONE) for _ in range(spares + 1)]
        await until(lambda: counts["started"] == 2)
        second = await borrow(crew, kind=ProcessKind.ALONE)

        assert taken[-1] is Reason.NO_SCANNER
        assert template_of(second) != template


async def test_crew_replaces_a_worn_template(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process in use goes on until it is given back, without a wait."""
    monkeypatch.setattr("uploadfilter.scanners.pool.process.MAX_FORKS", 3)
    async with crew_of(ONE) as crew:
        old = [await borrow(crew) for _ in range(3)]
        await until(lambda: all(process.is_worn for process in old))
        new = await borrow(crew)

        assert not any(process.over.is_set() for process in old)
        assert template_of(new) != template_of(old[0])


@pytest.mark.parametrize("failures", [1, 3, 20])
def test_back_off_grows_and_ends(failures: int) -> None:
    """Each failure in a row doubles the wait, up to some seconds."""
    waits = [0.0]
    for _ in range(failures):
        waits.append(Crew._longer(waits[-1]))  # noqa: SLF001 - needs no process

    assert waits == sorted(waits)
    assert 0 < waits[-1] <= 5


class Told(SilentLog):
    """A log that keeps the names of its events."""

    def __init__(self) -> None:
        self.events: list[str] = []

    @override
    def warning(self, event: str, **fields: object) -> None:
        self.events.append(event)

    @override
    def info(self, event: str, **fields: object) -> None:
        self.events.append(event)


async def test_what_the_machine_lacks_is_said() -> None:
    """The operator hears of it at the start."""
    log = Told()
    settings = replace(ONE, module=standins_bare.MODULE)
    crew = Crew(settings, counts=Counter(), log=log)
    async with crew.keeping():
        await borrow(crew)

    assert log.events == [
        "sandbox_incomplete",
        "libarchive_missing",
        "videos_not_inspected",
    ]
