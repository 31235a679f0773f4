"""Spools against a real file system."""

import asyncio
import errno
import os
import random
import resource
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from uploadfilter.inspection.spool import (
    FLUSH_BYTES,
    Spool,
    SpoolLimits,
    SpoolRoom,
    closed,
)

KIB = 1024


def room(
    directory: Path, *, memory: int = 8, total: int = 64, disk: int = 640
) -> SpoolRoom:
    """Make a room with limits in bytes."""
    limits = SpoolLimits(
        memory_per_upload_bytes=memory, memory_total_bytes=total, disk_total_bytes=disk
    )
    return SpoolRoom(limits, directory=str(directory))


def open_descriptors() -> int:
    """Count the descriptors of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def shared_by(spool: Spool) -> bytes:
    """Return the bytes that a spool passes on, from anywhere, and close it."""
    shared = await spool.share()
    assert shared is not None
    with closed(shared):
        if isinstance(shared, int):
            return os.pread(shared, os.fstat(shared).st_size, 0)
        return bytes(shared)


async def content(spool: Spool, start: int = 0, length: int | None = None) -> bytes:
    """Read from a spool in one piece."""
    return b"".join([data async for data in spool.read(start, length)])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(chunks=st.lists(st.binary(max_size=12), max_size=12))
async def test_spool_gives_back_what_was_written(
    tmp_path: Path, chunks: list[bytes]
) -> None:
    """Written in any pieces, and held anywhere, the bytes come back unchanged."""
    with room(tmp_path).spool() as spool:
        for chunk in chunks:
            assert await spool.write(chunk)

        assert await content(spool) == b"".join(chunks)
        assert spool.size == len(b"".join(chunks))
        assert await shared_by(spool) == b"".join(chunks)
        assert await content(spool) == b"".join(chunks)


async def test_shared_file_cannot_be_changed(tmp_path: Path) -> None:
    """A process with the descriptor can read the bytes and cannot write them."""
    with room(tmp_path).spool() as spool:
        await spool.write(b"x" * 9)
        shared = await spool.share()
        assert isinstance(shared, int)
        with closed(shared):
            assert os.pread(shared, 100, 0) == b"x" * 9
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.write(shared, b"y")
            with pytest.raises(OSError, match=r"not permitted|Invalid argument"):
                os.ftruncate(shared, 0)


@pytest.mark.parametrize("size", [0, 8], ids=["empty", "full"])
async def test_memory_is_shared_as_bytes(tmp_path: Path, size: int) -> None:
    """Bytes in memory need no descriptor: scanners get a copy of them."""
    before = open_descriptors()
    with room(tmp_path).spool() as spool:
        await spool.write(b"x" * size)
        shared = await spool.share()
        assert isinstance(shared, memoryview)
        with closed(shared):
            assert shared == b"x" * size
            assert open_descriptors() == before


async def test_large_bodies_leave_no_file_name(tmp_path: Path) -> None:
    """A file on disk has no name, so that a crash leaves nothing."""
    with room(tmp_path).spool() as spool:
        await spool.write(b"x" * 100)
        assert await shared_by(spool) == b"x" * 100

        assert not any(os.scandir(tmp_path))
        assert await content(spool) == b"x" * 100


async def test_room_is_given_back(tmp_path: Path) -> None:
    """Closed spools hold nothing, whether they were in memory or on disk."""
    shared = room(tmp_path)
    with shared.spool() as small, shared.spool() as large:
        await small.write(b"x" * 5)
        await large.write(b"x" * 50)

        assert (shared.memory_bytes, shared.disk_bytes) == (5, 50)

    assert (shared.memory_bytes, shared.disk_bytes) == (0, 0)


async def test_full_memory_sends_spools_to_disk(tmp_path: Path) -> None:
    """The memory of all spools is bounded; further bytes go to disk."""
    shared = room(tmp_path, memory=8, total=8)
    with shared.spool() as first, shared.spool() as second:
        assert await first.write(b"x" * 6)
        assert await second.write(b"y" * 6)

        assert (shared.memory_bytes, shared.disk_bytes) == (6, 6)


async def test_full_disk_refuses_and_keeps_what_was_there(tmp_path: Path) -> None:
    """A lack of room is an expected result, and the bytes so far are kept."""
    with room(tmp_path, disk=20).spool() as spool:
        assert await spool.write(b"x" * 20)
        assert not await spool.write(b"y")

        assert await content(spool) == b"x" * 20


@pytest.mark.parametrize("pieces", [1, 3, 40], ids=["once", "thrice", "in-bits"])
async def test_large_body_is_the_same_wherever_it_is_read(
    tmp_path: Path, pieces: int
) -> None:
    """Bytes in the file and bytes that wait for it are read as one body."""
    data = random.Random(pieces).randbytes(pieces * (2 * FLUSH_BYTES // pieces + 7))  # noqa: S311
    size = len(data) // pieces
    limits = SpoolLimits(memory_per_upload_bytes=FLUSH_BYTES // 4)
    with SpoolRoom(limits, directory=str(tmp_path)).spool() as spool:
        for start in range(0, len(data), size):
            assert await spool.write(data[start : start + size])

        assert await content(spool) == data
        assert await content(spool, 1000, FLUSH_BYTES) == data[1000:][:FLUSH_BYTES]
        assert await shared_by(spool) == data
        assert await content(spool) == data


def test_disk_that_is_full_refuses_and_keeps_what_was_there(tmp_path: Path) -> None:
    """A full disk is a lack of room, an expected result; no held byte is lost."""

    async def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (FLUSH_BYTES, FLUSH_BYTES))
        with room(tmp_path, disk=10 * FLUSH_BYTES).spool() as spool:
            assert await spool.write(b"x" * (FLUSH_BYTES - 1))
            assert not await spool.write(b"y" * 2)
            assert await content(spool) == b"x" * (FLUSH_BYTES - 1)
            assert await spool.share() is not None
            assert await spool.write(b"y" * 10)
            assert await spool.share() is None
            assert await content(spool) == b"x" * (FLUSH_BYTES - 1) + b"y" * 10

    # The kernel's own limit of a file's size stands for a full disk.
    in_child(fill)


def in_child(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run ``work`` in a separate process, whose limits end with it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            asyncio.run(work())
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0


async def test_disk_error_that_is_not_about_room_is_raised(tmp_path: Path) -> None:
    """A missing directory is not a full disk, and is raised."""
    with room(tmp_path / "missing").spool() as spool:
        await spool.write(b"x" * 100)
        with pytest.raises(OSError, match="No such file") as error:
            await spool.share()

        assert error.value.errno == errno.ENOENT


async def test_parts_of_a_spool_are_read(tmp_path: Path) -> None:
    """A part is read from its place, for its length."""
    with room(tmp_path).spool() as spool:
        await spool.write(b"0123456789abcdef")

        assert await content(spool, 4, 6) == b"456789"
        assert await content(spool, 4, 0) == b""


async def test_descriptor_outlives_a_thread_that_uses_it(tmp_path: Path) -> None:
    """A spool that is closed in mid-write keeps its number until the thread is done.

    Otherwise the thread would write into whatever file is given that number next.
    """
    shared = room(tmp_path, disk=64 * 1024 * KIB)
    before = open_descriptors()
    with shared.spool() as spool:
        await spool.write(b"x" * 100)
        writing = asyncio.ensure_future(spool.write(b"y" * 32 * 1024 * KIB))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

    assert shared.disk_bytes == 0
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.sleep(0)
    assert open_descriptors() <= before


@pytest.mark.parametrize(
    "wrong",
    [
        {"memory_per_upload_bytes": -1},
        {"memory_total_bytes": -1},
        {"disk_total_bytes": 0},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_limits_refuse_what_no_upload_could_keep(wrong: dict[str, int]) -> None:
    """A limit that lets no upload pass is a mistake, and is reported at once."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SpoolLimits(**wrong)


async def test_household_does_not_fill_the_disk(tmp_path: Path) -> None:
    """If little room is left, it holds half at most, with any number of addresses."""
    limits = SpoolLimits(memory_per_upload_bytes=0, disk_total_bytes=8000)
    shared = SpoolRoom(limits, directory=str(tmp_path))
    house = [f"20010db80000000{number}" for number in range(4)]
    taken = {}
    with ExitStack() as held:
        for client in (*house, "c0000207"):
            spool = held.enter_context(shared.spool(client))
            taken[client] = await spool.write(bytes(2000))
        has_room = [shared.has_room(it, 1000) for it in (house[3], "c0000208")]

    assert list(taken.values()) == [True, True, True, False, True]
    assert has_room == [False, False]
    assert shared.disk_bytes == 0
    assert shared.has_room(house[3], 2000)
