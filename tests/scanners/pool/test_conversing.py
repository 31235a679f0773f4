"""The conversation of one upload with its processes, with real ones."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.scanners import standins_parts
from tests.scanners.memory import upload_of
from tests.waiting import until
from uploadfilter.model import Reason, Scan
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.wire.budgets import Budgets

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])

SETTINGS = ScannerSettings(
    workers=1, slow_after_s=60, module=standins_parts.MODULE, formats=("psd",)
)
"""One stand-in, whose scans are never slow."""

HASTY = replace(SETTINGS, budgets=Budgets(content_cpu_s=0.1, content_wall_s=1.0))


async def scan(pool: ScannerPool, *contents: str, client: str = "") -> tuple[Scan, ...]:
    """Scan contents as one upload."""
    encoded = (content.encode("latin-1") for content in contents)
    with upload_of(*encoded) as (fd, spans):
        return await pool.scan(fd, spans, types=frozenset(), client=client)


def names(scan: Scan) -> list[str]:
    """Return the names of the views of a scan."""
    return [view.name for view in scan.views]


def pids(scans: Sequence[Scan]) -> list[int]:
    """Return in which process each content said that it was."""
    return [int(nested.path.rpartition("/")[2]) for s in scans for nested in s.contents]


async def test_parts_are_one_scan() -> None:
    """Parts are joined."""
    async with ScannerPool.open(SETTINGS) as pool:
        one, other = await scan(pool, ";part stored;part frame:1/white", ";part alpha")

    assert names(one) == ["stored", "frame:1/white"]
    assert names(other) == ["alpha"]
    assert (one.reason, other.reason) == (None, None)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        pytest.param("hang", Reason.NO_SCANNER, id="hangs"),
        pytest.param("burn 60", Reason.OUT_OF_TIME, id="burns-cpu"),
        pytest.param("die", Reason.CRASHED, id="dies"),
        pytest.param("no-such-act", Reason.CRASHED, id="raises"),
        pytest.param("part stored", Reason.CRASHED, id="repeats-itself"),
        pytest.param("part Frame", Reason.CRASHED, id="garbage"),
        pytest.param("parts 5000", Reason.TOO_MANY_SIGNALS, id="never-ends"),
    ],
)
async def test_what_was_seen_counts(end: str, reason: Reason) -> None:
    """However a process is lost, its findings are kept, beside the reason."""
    async with ScannerPool.open(HASTY) as pool:
        (found,) = await scan(pool, f";part stored;part white;{end}")
        (again,) = await scan(pool, ";part stored")

    assert (names(found), found.reason) == (["stored", "white"], reason)
    assert (names(again), again.reason) == (["stored"], None)


async def test_second_try_is_filled_up_from_the_first() -> None:
    """A crash that does not happen again costs nothing that was seen."""
    async with ScannerPool.open(SETTINGS) as pool:
        pid = pool.pids[0]
        (found,) = await scan(pool, f";part stored;die-as {pid};part white")

    assert (names(found), found.reason) == (["stored", "white"], None)
    assert pool.figures.crashed == 1


async def test_contents_of_common_formats_share_a_process() -> None:
    """One request, one process, and the next upload has the same."""
    async with ScannerPool.open(SETTINGS) as pool:
        first = await scan(pool, ";who", ";who")
        second = await scan(pool, ";who")

    assert len(set(pids([*first, *second]))) == 1
    assert pool.figures.alone == 0


async def test_uncommon_content_has_a_process_of_its_own() -> None:
    """No other content is scanned where a rare decoder ran, before it or after it."""
    uncommon = "%PDF-1.7;who"
    async with ScannerPool.open(SETTINGS) as pool:
        first = await scan(pool, ";who", uncommon, uncommon, ";who")
        second = await scan(pool, uncommon, ";who")
        found = pids([*first, *second])
        await until(lambda: not {*found[1:3], found[4]} & set(pool.pids))

    assert len(set(found)) == 4
    assert found[0] == found[3] == found[5]
    assert [each.path for each in first] == ["c0", "c1", "c2", "c3"]
    assert pool.figures.alone == 3


async def test_content_that_wants_it_is_scanned_again_alone() -> None:
    """The findings of a common process on it do not count."""
    async with ScannerPool.open(SETTINGS) as pool:
        wanting = ";want-alone;part stored;who"
        one, other = await scan(pool, wanting, ";who")

    assert names(one) == ["stored"]
    assert len(set(pids([one, other]))) == 2
    assert (pool.figures.put_off, pool.figures.alone) == (1, 1)


async def test_content_that_wants_it_twice_is_garbage() -> None:
    """A process cannot have itself asked for ever."""
    async with ScannerPool.open(SETTINGS) as pool:
        (found,) = await scan(pool, ";lie-alone")

    assert found.reason is Reason.CRASHED
    assert pool.figures.garbled == 1


async def test_processes_share_the_cpu_budget_of_their_upload() -> None:
    """A content in a separate process does not restart the count."""
    budgets = Budgets(upload_cpu_s=0.2)
    async with ScannerPool.open(replace(SETTINGS, budgets=budgets)) as pool:
        found = await scan(pool, *["%PDF-1.7;burn 0.15"] * 4)

    assert [each.reason for each in found] == [None, *[Reason.OUT_OF_TIME] * 3]
    assert pool.figures.alone <= 2


async def test_scanner_is_told_which_formats_are_switched_on() -> None:
    """Those of the settings, and those of the caller."""
    async with ScannerPool.open(SETTINGS) as pool:
        with upload_of(b";formats") as (fd, spans):
            (found,) = await pool.scan(
                fd, spans, types=frozenset(), formats=frozenset({"qoi"})
            )

    assert [nested.path for nested in found.contents] == ["c0!/psd", "c0!/qoi"]


async def test_slow_scan_goes_on_at_low_priority() -> None:
    """Slow scans do not take the CPU from fast ones, and are kept apart."""
    settings = replace(SETTINGS, slow_after_s=0.01)
    async with ScannerPool.open(settings) as pool, asyncio.TaskGroup() as group:
        task = group.create_task(scan(pool, ";who;hang", "%PDF-1.7;who"))
        await until(lambda: pool.figures.slowed == 1)
        # By the policy: under nice(1) every process here has a low priority already.
        slow = [p for p in pool.pids if os.sched_getscheduler(p) == os.SCHED_BATCH]
        priorities = [os.getpriority(os.PRIO_PROCESS, pid) for pid in slow]
        (photo,) = await scan(pool, ";who")
        task.cancel()

    assert len(slow) == 1
    assert min(priorities) > 0
    assert pids([photo]) != slow


async def test_scan_that_is_expected_to_be_slow_begins_at_low_priority() -> None:
    """By its header it will be slow; photos need not compete with it until it is."""
    large = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x1f\x40\0\0\x17\x70;who;hang"
    settings = replace(SETTINGS, slow_after_s=1.5)
    async with ScannerPool.open(settings) as pool, asyncio.TaskGroup() as group:
        task = group.create_task(scan(pool, large))
        await until(lambda: os.SCHED_BATCH in map(os.sched_getscheduler, pool.pids))
        slowed = pool.figures.slowed
        task.cancel()

    assert slowed == 0


async def test_process_that_was_slow_is_not_used_again() -> None:
    """Its priority cannot be raised again, nor that of the process after it."""
    settings = replace(SETTINGS, slow_after_s=0.01)
    async with ScannerPool.open(settings) as pool:
        first = await scan(pool, ";who;linger 0.1")
        second = await scan(pool, ";who")

    assert pids(first) != pids(second)
    assert pool.figures.slowed == pool.figures.retired > 0


CROWDED = replace(SETTINGS, slow_after_s=0.01, small_lane=0, slow_lane=1)
"""One place, and room for one slow scan beside it."""


@pytest.mark.parametrize("kind", ["", "%PDF-1.7"])
async def test_slow_scan_gives_way_and_goes_on(kind: str) -> None:
    """If the slow lane is full, it begins again later; its findings are not lost."""
    async with ScannerPool.open(CROWDED) as pool, asyncio.TaskGroup() as group:
        lane = group.create_task(scan(pool, ";hang", client="a"))
        await until(lambda: pool.figures.slowed == 1)
        wants = f"{kind};part stored;linger 0.2;who"
        held = group.create_task(scan(pool, ";who", wants, client="b"))
        await until(lambda: pool.figures.slowed == 2)
        (photo,) = await scan(pool, ";who", client="c")
        before = held.done()
        lane.cancel()
        found = await held

    assert (before, photo.reason) == (False, None)
    assert [each.reason for each in found] == [None, None]
    assert names(found[1]) == ["stored"]
    assert (pool.figures.put_back, pool.figures.timed_out) == (1, 0)
    assert (pool.figures.crashed, pool.figures.garbled) == (0, 0)


async def test_scan_that_gave_way_is_refused_in_the_end() -> None:
    """Without room in time the client is told to try again; findings count."""
    settings = replace(CROWDED, queue_wait_s=1.0)
    async with ScannerPool.open(settings) as pool, asyncio.TaskGroup() as group:
        lane = group.create_task(scan(pool, ";hang", client="a"))
        await until(lambda: pool.figures.slowed == 1)
        held = group.create_task(scan(pool, ";part stored;hang", client="b"))
        await until(lambda: pool.figures.slowed == 2)
        await scan(pool, ";who", client="c")
        (found,) = await held
        lane.cancel()

    assert (names(found), found.reason) == (["stored"], Reason.OVERLOADED)


async def test_client_of_a_scan_that_gave_way_may_vanish() -> None:
    """Nothing is left of it."""
    async with ScannerPool.open(CROWDED) as pool, asyncio.TaskGroup() as group:
        lane = group.create_task(scan(pool, ";hang", client="a"))
        await until(lambda: pool.figures.slowed == 1)
        held = group.create_task(scan(pool, ";hang", client="b"))
        await until(lambda: pool.figures.slowed == 2)
        await scan(pool, ";who", client="c")
        for task in (held, lane):
            task.cancel()
        await until(lambda: held.done() and lane.done())
        found = await scan(pool, ";who", ";who", client="b")

    assert held.cancelled()
    assert [each.reason for each in found] == [None, None]
