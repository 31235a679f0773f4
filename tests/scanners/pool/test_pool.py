"""The pool, with real processes that hang, die, lie and write garbage."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.scanners import standins
from tests.scanners.memory import upload_of
from tests.waiting import is_alive, parent_of, until
from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.errors import ScannerError
from uploadfilter.model import Reason, Scan, SignalType
from uploadfilter.scanners.pool.pool import ScannerPool, is_alone
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import ContentSpan

one_loop = pytest.mark.asyncio(loop_factories=["uvloop"])
"""For tests of the other process."""

OURS = os.getpid()

NO_TYPES: frozenset[SignalType] = frozenset()
STANDIN = ScannerSettings(workers=1, small_lane=0, module=standins.MODULE)
"""One stand-in, with the budgets of the product."""

HASTY = replace(STANDIN, budgets=Budgets(content_cpu_s=0.1, content_wall_s=1.0))
"""One stand-in that has no time to lose."""


async def scan(pool: ScannerPool, *contents: str) -> tuple[Scan, ...]:
    """Scan contents as one upload."""
    with upload_of(*(content.encode() for content in contents)) as (fd, spans):
        return await pool.scan(fd, spans, types=NO_TYPES)


async def cancel(pool: ScannerPool, work: Coroutine[None, None, object]) -> None:
    """Begin a scan, and cancel it once it is in the hands of a process."""
    begun = pool.figures.uploads
    task = asyncio.get_running_loop().create_task(work)
    await until(lambda: pool.figures.uploads > begun)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def reasons(scans: Sequence[Scan]) -> list[Reason | None]:
    """Return the reason of each scan."""
    return [each.reason for each in scans]


async def template_of(pool: ScannerPool) -> int:
    """Wait for a scanner that is alive, and return its template's process id.

    A scanner whose template died has another parent until it ends itself.
    """
    templates = set[int]()

    def find() -> bool:
        templates.update(
            parent for pid in pool.pids if parent_of(parent := parent_of(pid)) == OURS
        )
        return bool(templates)

    await until(find)
    return templates.pop()


def all_gone(pool: ScannerPool, pids: Sequence[int]) -> bool:
    """Return whether none of these processes is left, but others are."""
    return bool(pool.pids) and not set(pids) & set(pool.pids)


def has_lost(pool: ScannerPool, count: int) -> bool:
    """Return whether a number of processes was lost during scans."""
    return pool.figures.crashed >= count


def is_over_or_has_lost(
    task: "asyncio.Task[object]", pool: ScannerPool, count: int
) -> bool:
    """Return whether a scan has ended, or a number of processes was lost."""
    return task.done() or has_lost(pool, count)


def exists(pid: int) -> bool:
    """Return whether there is a process of that number, alive or zombie."""
    return Path(f"/proc/{pid}").exists()


@one_loop
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param("hang", Reason.NO_SCANNER, id="hangs"),
        pytest.param("spin", Reason.OUT_OF_TIME, id="burns-cpu"),
        pytest.param("die", Reason.CRASHED, id="dies"),
        pytest.param("leave", Reason.CRASHED, id="exits"),
        pytest.param("hang-up", Reason.CRASHED, id="ends-its-socket"),
        pytest.param("raise", Reason.CRASHED, id="raises"),
        pytest.param("hoard", Reason.OUT_OF_MEMORY, id="out-of-memory"),
        pytest.param("babble", Reason.CRASHED, id="garbage"),
        pytest.param("boast", Reason.CRASHED, id="announces-too-much"),
        pytest.param("flood", Reason.CRASHED, id="floods"),
        pytest.param("overwrite", Reason.CRASHED, id="writes-to-its-content"),
    ],
)
async def test_pool_loses_one_content_to_each_misdeed(
    content: str, reason: Reason
) -> None:
    """An effect of one content on its scanner costs its neighbours nothing."""
    async with ScannerPool.open(HASTY) as pool:
        scans = await scan(pool, "fine", content, "fine")
        again = await scan(pool, "fine")

    assert reasons(scans) == [None, reason, None]
    assert reasons(again) == [None]


async def test_pool_scans_a_content_again_that_crashed_once() -> None:
    """A crash is retried once, in another process."""
    async with ScannerPool.open(STANDIN) as pool:
        scans = await scan(pool, "fine", f"die-as {pool.pids[0]}", "fine")

    assert reasons(scans) == [None, None, None]
    assert pool.figures.crashed == 1


@one_loop
async def test_pool_does_not_scan_again_what_ran_out_of_time() -> None:
    """Content that used up its CPU seconds costs one process, not two."""
    async with ScannerPool.open(HASTY) as pool:
        await scan(pool, "spin")

    assert (pool.figures.timed_out, pool.figures.crashed) == (1, 0)


@one_loop
async def test_pool_gives_an_upload_only_so_many_processes() -> None:
    """An upload full of crashes does not keep the pool busy with starting processes."""
    settings = replace(STANDIN, losses_per_upload=2)
    async with ScannerPool.open(settings) as pool:
        scans = await scan(pool, *["die"] * 50)

    assert reasons(scans) == [Reason.CRASHED] * 50
    assert pool.figures.crashed == 2


@one_loop
async def test_pool_ends_an_upload_that_takes_too_long_in_all() -> None:
    """Contents that each stay within their time may not add up to hours."""
    budgets = Budgets(content_wall_s=60, upload_wall_s=0.2)
    async with ScannerPool.open(replace(STANDIN, budgets=budgets)) as pool:
        scans = await scan(pool, "fine", "linger 60", "fine", "fine")

    assert reasons(scans) == [None, *[Reason.NO_SCANNER] * 3]


@one_loop
async def test_stopped_scanner_is_no_fault_of_its_content() -> None:
    """A content without CPU time is scanned again, by another process."""
    async with ScannerPool.open(HASTY) as pool:
        os.kill(pool.pids[0], signal.SIGSTOP)
        scans = await scan(pool, "fine", "fine")

    assert reasons(scans) == [None, None]
    assert (pool.figures.starved, pool.figures.timed_out) == (1, 0)


@one_loop
async def test_content_is_not_blamed_for_want_of_cpu_time() -> None:
    """A content that hangs in every process gets ``no_scanner``; others are scanned."""
    async with ScannerPool.open(HASTY) as pool:
        scans = await scan(pool, "hang", "fine")

    assert reasons(scans) == [Reason.NO_SCANNER, None]
    assert pool.figures.starved == 2


@one_loop
async def test_scanner_spends_no_more_cpu_on_an_upload_than_its_budget() -> None:
    """Once the CPU seconds of an upload are used up, the rest is not looked at."""
    budgets = Budgets(content_cpu_s=60, upload_cpu_s=0.1)
    async with ScannerPool.open(replace(STANDIN, budgets=budgets)) as pool:
        scans = await scan(pool, "burn 0.05", "spin", "fine", "fine")

    assert reasons(scans) == [None, *[Reason.OUT_OF_TIME] * 3]
    assert pool.figures.timed_out == 1


@one_loop
async def test_scanner_may_use_the_cpu_of_one_content_for_each_content() -> None:
    """The CPU alarm starts again with every content."""
    budgets = Budgets(content_cpu_s=0.2)
    async with ScannerPool.open(replace(STANDIN, budgets=budgets)) as pool:
        scans = await scan(pool, *["burn 0.1"] * 4)

    assert reasons(scans) == [None] * 4
    assert pool.figures.timed_out == 0


async def test_pool_replaces_a_scanner_that_spoke_out_of_turn() -> None:
    """A reply before its request is not taken for the answer to the next one."""
    async with ScannerPool.open(STANDIN) as pool:
        first = await scan(pool, "forestall 12")
        second = await scan(pool, "raise now...")

    assert reasons(first) == [None]
    assert reasons(second) == [Reason.CRASHED]
    assert pool.figures.garbled == 1


@one_loop
async def test_pool_takes_no_descriptors_from_a_scanner() -> None:
    """A scanner that tries to send some dies of it, and the pool keeps none."""
    async with ScannerPool.open(replace(STANDIN, spares=0)) as pool:
        await scan(pool, "fine")
        before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
        scans = await scan(pool, "smuggle", "fine")
        after = set(os.listdir("/proc/self/fd"))  # noqa: PTH208

    assert reasons(scans) == [Reason.CRASHED, None]
    assert after <= before


@one_loop
async def test_scanner_is_confined_before_its_first_content() -> None:
    """Limits, environment and privileges are set when a content is seen."""
    async with ScannerPool.open(STANDIN) as pool:
        scans = await scan(pool, "check-limits")

    assert reasons(scans) == [None]


async def test_pool_answers_in_the_order_of_the_contents() -> None:
    """A thousand contents come back in order, each with its path and size."""
    contents = ["fine" + " " * (number % 7) for number in range(1000)]
    async with ScannerPool.open(STANDIN) as pool:
        scans = await scan(pool, *contents)

    assert [each.path for each in scans] == [f"c{number}" for number in range(1000)]
    assert [each.size for each in scans] == [len(content) for content in contents]


async def test_pool_serves_many_uploads_with_few_processes() -> None:
    """Fifty uploads at once are all scanned by two processes."""
    async with ScannerPool.open(replace(STANDIN, workers=2)) as pool:
        uploads = [scan(pool, "fine", "raise", "fine") for _ in range(50)]
        results = await asyncio.gather(*uploads)

        await until(lambda: len(pool.pids) <= 2 + STANDIN.spares)

    assert [reasons(each) for each in results] == [[None, Reason.CRASHED, None]] * 50


async def test_pool_serves_waiting_uploads_in_order_of_arrival() -> None:
    """Uploads of one client are served in order."""
    done: list[int] = []

    async def one(number: int) -> None:
        await scan(pool, "linger 0.01")
        done.append(number)

    async with ScannerPool.open(STANDIN) as pool:
        await asyncio.gather(*(one(number) for number in range(10)))

    assert done == list(range(10))


async def test_pool_turns_uploads_away_when_the_queue_is_full() -> None:
    """Beyond the queue, uploads are overloaded at once; those in it are served."""
    settings = replace(STANDIN, queue_limit=2)
    async with ScannerPool.open(settings) as pool:
        uploads = [scan(pool, "linger 0.05", "fine") for _ in range(5)]
        results = await asyncio.gather(*uploads)

    assert [reasons(each) for each in results] == [
        *[[None, None]] * 3,
        *[[Reason.OVERLOADED] * 2] * 2,
    ]
    assert pool.figures.unserved == 2


async def test_pool_lets_nobody_wait_longer_than_it_says() -> None:
    """An upload that got no process in time is overloaded."""
    settings = replace(STANDIN, queue_wait_s=0.05)
    async with ScannerPool.open(settings) as pool, asyncio.TaskGroup() as group:
        busy = group.create_task(scan(pool, "linger 0.5"))
        await asyncio.sleep(0)
        late = group.create_task(scan(pool, "fine"))

    assert reasons(busy.result()) == [None]
    assert reasons(late.result()) == [Reason.OVERLOADED]


async def test_pool_ends_a_scan_whose_client_vanished() -> None:
    """A scan whose client is gone does not delay others."""
    async with ScannerPool.open(STANDIN) as pool:
        pids = pool.pids
        await cancel(pool, scan(pool, "hang"))
        scans = await scan(pool, "fine")
        await until(lambda: not set(pids) <= set(pool.pids))

    assert reasons(scans) == [None]
    assert pool.figures.abandoned == 1


async def test_flood_of_one_client_does_not_turn_another_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client that fills the queue is turned away for others, and waits longer."""
    # On a busy machine a scan takes longer, and then the longest wait counts.
    monkeypatch.setattr("uploadfilter.scanners.pool.waiting.PATIENCE_S", 60.0)
    settings = replace(STANDIN, queue_limit=4)
    order: list[str] = []

    async def one(pool: ScannerPool, client: str) -> Reason | None:
        with upload_of(b"linger 0.02") as (fd, spans):
            (found,) = await pool.scan(fd, spans, types=NO_TYPES, client=client)
        order.append(client)
        return found.reason

    async with ScannerPool.open(settings) as pool, asyncio.TaskGroup() as group:
        flood = [group.create_task(one(pool, "a")) for _ in range(5)]
        await asyncio.sleep(0)
        other = group.create_task(one(pool, "b"))

    turned_away = [task.result() for task in flood].count(Reason.OVERLOADED)
    assert other.result() is None
    assert turned_away == pool.figures.shed == 1
    assert order.index("b") <= 2


class Gone:
    """A client that has lost its connection; as ``Departing``."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self.lost.set_result(None)


async def test_client_that_breaks_off_its_uploads_is_served_after_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those who wait for their answers go first, even if they come later."""
    monkeypatch.setattr("uploadfilter.scanners.pool.waiting.PATIENCE_S", 60.0)
    order: list[str] = []

    async def one(pool: ScannerPool, client: str) -> None:
        with upload_of(b"linger 0.02") as (fd, spans):
            await pool.scan(fd, spans, types=NO_TYPES, client=client)
        order.append(client)

    async with ScannerPool.open(STANDIN) as pool:
        with upload_of(b"fine") as (fd, spans):
            for _ in range(3):
                await pool.scan(fd, spans, types=NO_TYPES, client="a", departure=Gone())
        async with asyncio.TaskGroup() as group:
            for client in "baab":
                group.create_task(one(pool, client))
                await asyncio.sleep(0)

    assert order == list("bbaa")


async def test_bombs_of_one_client_do_not_delay_another() -> None:
    """A hanging scan soon makes room for a photo."""
    settings = replace(STANDIN, workers=2, slow_after_s=0.01, slow_lane=1)
    async with ScannerPool.open(settings) as pool:
        loop = asyncio.get_running_loop()
        with upload_of(b"hang") as (fd, spans):
            bombs = [
                loop.create_task(pool.scan(fd, spans, types=NO_TYPES, client="a"))
                for _ in range(10)
            ]
            await until(lambda: pool.figures.slowed == 2)
            with upload_of(b"fine") as (photo_fd, photo_spans):
                (photo,) = await pool.scan(
                    photo_fd, photo_spans, types=NO_TYPES, client="b"
                )
            for bomb in bombs:
                bomb.cancel()
            await asyncio.wait(bombs)

    assert photo.reason is None
    assert pool.figures.uploads == 3


async def test_pool_scans_again_what_a_killed_template_left() -> None:
    """The death of the template costs every scan in flight a try, and no verdict."""
    async with ScannerPool.open(replace(STANDIN, workers=3)) as pool:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(scan(pool, "fine", "linger 0.2", "fine"))
                for _ in range(3)
            ]
            await until(lambda: pool.figures.contents == 3)
            os.kill(await template_of(pool), signal.SIGKILL)
        after = await scan(pool, "fine")

    assert [reasons(task.result()) for task in tasks] == [[None] * 3] * 3
    assert reasons(after) == [None]
    # One that was about to die may have been borrowed for the second try.
    assert 3 <= pool.figures.crashed <= 6
    assert pool.figures.started == 2


async def test_death_of_the_template_is_no_verdict() -> None:
    """A content is not to blame for processes that end with their template."""
    settings = replace(STANDIN, losses_per_upload=20)
    async with ScannerPool.open(settings) as pool, asyncio.TaskGroup() as group:
        task = group.create_task(scan(pool, "linger 1.5", "fine"))
        for times in range(1, 4):
            await until(lambda: pool.figures.uploads == 1)
            pids = pool.pids
            os.kill(await template_of(pool), signal.SIGKILL)
            await until(partial(all_gone, pool, pids))
            # On a busy machine the scan may be over, or between two processes.
            await until(partial(is_over_or_has_lost, task, pool, times))
        found = await task

    assert has_lost(pool, 1)
    assert reasons(found) == [None, None]


async def test_wait_for_a_process_is_not_slow() -> None:
    """An upload is not delayed, nor its client charged, for missing processes."""
    settings = replace(STANDIN, spares=0, slow_after_s=0.02)
    async with ScannerPool.open(settings) as pool, asyncio.TaskGroup() as group:
        now_s = asyncio.get_running_loop().time
        template = await template_of(pool)
        used_up = group.create_task(scan(pool, "hang"))
        await until(lambda: pool.figures.slowed == 1)
        os.kill(template, signal.SIGSTOP)
        waiting = group.create_task(scan(pool, "fine"))
        late_s = now_s() + 5 * settings.slow_after_s
        await until(lambda: now_s() > late_s)
        before = (pool.figures.slowed, pool.figures.uploads)
        os.kill(template, signal.SIGCONT)
        found = await waiting
        used_up.cancel()

    assert before == (1, 1)
    assert reasons(found) == [None]


@pytest.mark.slow
async def test_pool_outlives_its_template_under_load() -> None:
    """Whenever the template dies, every upload has a clear end, and service goes on."""
    settings = replace(STANDIN, workers=2, losses_per_upload=20)
    async with ScannerPool.open(settings) as pool:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(scan(pool, "fine", "linger 0.01", "die", "fine"))
                for _ in range(20)
            ]
            for _ in range(3):
                await until(lambda: bool(pool.pids))
                pids = pool.pids
                os.kill(await template_of(pool), signal.SIGKILL)
                await until(partial(all_gone, pool, pids))
        after = await scan(pool, "fine")

    # A template that is killed while it starts is one that cannot be started.
    allowed = {None, Reason.CRASHED, Reason.NO_SCANNER}
    ends = {reason for task in tasks for reason in reasons(task.result())}
    assert ends <= allowed
    assert reasons(after) == [None]


@pytest.mark.parametrize(
    ("kind", "declared", "alone"),
    [
        pytest.param(Kind.JPEG, None, False, id="jpeg"),
        pytest.param(Kind.PNG, "image/png", False, id="png"),
        pytest.param(Kind.JPEG, "image/webp", False, id="jpeg-declared-webp"),
        pytest.param(Kind.EMPTY, "image/png", False, id="empty"),
        pytest.param(Kind.SVG, "image/svg+xml", False, id="svg"),
        pytest.param(Kind.TEXT, "text/plain", False, id="text"),
        pytest.param(Kind.VIDEO, "video/mp4", True, id="video"),
        pytest.param(Kind.DATA, None, False, id="data"),
        pytest.param(Kind.DATA, " IMAGE/x-tga", True, id="data-declared-picture"),
        pytest.param(Kind.TEXT, "image/png", True, id="text-declared-picture"),
        *(
            pytest.param(kind, None, True, id=kind.value)
            for kind in sorted(magic.PICTURES | magic.CONTAINERS)
            if kind not in {Kind.JPEG, Kind.PNG}
        ),
    ],
)
def test_alone_table(kind: Kind, declared: str | None, *, alone: bool) -> None:
    """Every decoder but those of JPEG and PNG meets one content each."""
    assert is_alone(kind, declared) is alone


async def test_pool_forgets_a_waiting_upload_that_is_cancelled() -> None:
    """The process that a vanished client waited for goes to the next in the queue."""
    async with ScannerPool.open(STANDIN) as pool, asyncio.TaskGroup() as group:
        group.create_task(scan(pool, "linger 0.1"))
        await asyncio.sleep(0)
        vanished = group.create_task(scan(pool, "fine"))
        served = group.create_task(scan(pool, "fine"))
        await asyncio.sleep(0)
        vanished.cancel()

    assert vanished.cancelled()
    assert reasons(served.result()) == [None]


async def test_fault_of_ours_costs_no_place_in_the_pool() -> None:
    """An unexpected exception is raised, and its process is replaced, not lost."""
    unknown: frozenset[Any] = frozenset({object()})
    async with ScannerPool.open(STANDIN) as pool:
        with upload_of(b"fine") as (fd, spans), pytest.raises(TypeError):
            await pool.scan(fd, spans, types=unknown)
        scans = await scan(pool, "fine")

    assert reasons(scans) == [None]


async def test_pool_replaces_a_scanner_that_dies_while_idle() -> None:
    """The death of an idle process is noticed and made good without any upload."""
    async with ScannerPool.open(STANDIN) as pool:
        pids = pool.pids
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        await until(lambda: len(set(pool.pids) - set(pids)) >= STANDIN.spares)
        scans = await scan(pool, "fine")

    assert reasons(scans) == [None]


async def test_pool_scans_again_what_a_killed_scanner_left() -> None:
    """A process that the kernel kills in mid-scan costs no verdict."""
    async with ScannerPool.open(STANDIN) as pool, asyncio.TaskGroup() as group:
        (pid,) = pool.pids
        task = group.create_task(scan(pool, "fine", "linger 0.2", "fine"))
        await until(lambda: pool.figures.contents == 1)
        os.kill(pid, signal.SIGKILL)

    assert reasons(task.result()) == [None] * 3
    assert pool.figures.crashed == 1


@one_loop
async def test_pool_recycles_scanners() -> None:
    """A process is replaced after a number of contents."""
    async with ScannerPool.open(replace(STANDIN, recycle_after=3)) as pool:
        pids = pool.pids
        results = [await scan(pool, "fine", "fine") for _ in range(3)]

        assert not set(pids) & set(pool.pids)

    assert [reasons(each) for each in results] == [[None, None]] * 3
    assert pool.figures.retired == 1


@pytest.mark.usefixtures("started_anew")
@pytest.mark.parametrize("spares", [0, 2])
async def test_pool_without_processes_says_so_and_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spares: int
) -> None:
    """While no process starts, uploads get ``no_scanner``; then all is well again."""
    async with ScannerPool.open(replace(STANDIN, spares=spares)) as pool:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", str(tmp_path / "missing"))
            os.kill(await template_of(pool), signal.SIGKILL)
            await until(lambda: pool.figures.start_failures > 0)
            without = await scan(pool, "fine", "fine")
        await until(lambda: pool.figures.started == 2)
        scans = await scan(pool, "fine")

    assert reasons(without) == [Reason.NO_SCANNER] * 2
    assert reasons(scans) == [None]


@pytest.mark.usefixtures("started_anew")
async def test_pool_answers_those_who_wait_when_no_process_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No upload waits in the queue of a pool without processes."""
    async with ScannerPool.open(STANDIN) as pool:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
        os.kill(await template_of(pool), signal.SIGKILL)
        await until(lambda: not pool.pids)
        scans = await asyncio.gather(scan(pool, "fine"), scan(pool, "fine"))

    assert [reasons(each) for each in scans] == [[Reason.NO_SCANNER]] * 2


@one_loop
@pytest.mark.parametrize(
    ("module", "hint"),
    [
        pytest.param("tests.scanners.missing", "No module named", id="missing"),
        pytest.param("this", "", id="ends-at-once"),
    ],
)
async def test_pool_does_not_open_without_a_process(module: str, hint: str) -> None:
    """A service that cannot scan does not start, and shows its process's output."""
    settings = replace(STANDIN, module=module)
    with pytest.raises(ScannerError, match="ended before it was ready") as caught:
        async with ScannerPool.open(settings):
            pass

    assert hint in caught.value.hint


async def test_pool_does_not_wait_for_ever_for_its_first_process() -> None:
    """A process that does not become ready in time is an error of the start."""
    settings = replace(STANDIN, start_timeout_s=0.001)
    with pytest.raises(ScannerError, match="not ready within"):
        async with ScannerPool.open(settings):
            pass


async def test_pool_leaves_nothing_behind() -> None:
    """After the block no process and no descriptor of it is left."""
    async with ScannerPool.open(STANDIN):
        pass  # the process that templates are forked from in tests stays for all pools
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
    async with ScannerPool.open(replace(STANDIN, workers=2)) as pool:
        await scan(pool, "fine", "die", "raise", "fine")
        await cancel(pool, scan(pool, "linger 20"))
        await until(lambda: bool(pool.pids))
        pids = (*pool.pids, await template_of(pool))
    after = set(os.listdir("/proc/self/fd"))  # noqa: PTH208

    assert pids
    assert not any(exists(pid) for pid in pids)
    assert after <= before


@one_loop
async def test_pool_passes_on_what_its_block_raises() -> None:
    """An error of the block is neither wrapped nor replaced."""
    with pytest.raises(LookupError, match="of the block"):
        async with ScannerPool.open(STANDIN):
            raise LookupError("of the block")


@one_loop
async def test_pool_counts_cpu_of_scanners_that_are_gone() -> None:
    """CPU seconds are not forgotten with the process that used them."""
    async with ScannerPool.open(STANDIN) as pool:
        await scan(pool, "burn 0.1", "die")

        assert pool.cpu_s > 0.1

    assert pool.cpu_s > 0.1


async def test_pool_scans_no_contents() -> None:
    """An upload without contents has no scans, and needs no process."""
    async with ScannerPool.open(STANDIN) as pool:
        scans = await scan(pool)

    assert scans == ()
    assert pool.figures.uploads == 0


async def test_pool_survives_a_descriptor_that_is_closed() -> None:
    """A caller's mistake is the caller's error, and costs one process."""
    span = ContentSpan(path="c0", offset=0, length=4)
    async with ScannerPool.open(STANDIN) as pool:
        with pytest.raises(OSError, match="Bad file descriptor"):
            await pool.scan(2**20, [span], types=NO_TYPES)
        scans = await scan(pool, "fine")

    assert reasons(scans) == [None]


@one_loop
@pytest.mark.parametrize("content", ["hang", "spin", ""])
async def test_scanners_die_with_a_killed_proxy(content: str) -> None:
    """A killed proxy leaves no process, busy or idle."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.scanners.standins_proxy", content),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert program.stdout is not None
    pids = [int(pid) for pid in (await program.stdout.readline()).split()]

    assert pids
    assert all(is_alive(pid) for pid in pids)

    program.kill()
    await program.wait()
    await until(lambda: not any(is_alive(pid) for pid in pids))


async def test_small_picture_is_scanned_beside_what_holds_all_places() -> None:
    """With one place that hangs, a photo has its answer."""
    settings = replace(STANDIN, small_lane=1, slow_lane=0)
    async with ScannerPool.open(settings) as pool:
        with upload_of(b"hang") as (fd, spans):
            hanging = asyncio.ensure_future(
                pool.scan(fd, spans, types=NO_TYPES, client="a")
            )
            await until(lambda: pool.load.scanning == 1)
            (found,) = await pool.scan(
                b"linger 0.01",
                [ContentSpan(path="0", offset=0, length=11)],
                types=NO_TYPES,
                client="b",
            )
            hanging.cancel()

    assert found.reason is None
