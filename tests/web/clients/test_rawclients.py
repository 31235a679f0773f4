"""Connections of clients that speak another protocol than HTTP."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S, until
from uploadfilter.web.clients.rawclients import READ_BYTES, RawClient, read_file

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=["unix", "tcp"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Return our end of a connection, and the client's."""
    if request.param == "unix":
        ours, client = socket.socketpair(socket.AF_UNIX)
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname())
            ours, _ = listener.accept()
    ours.setblocking(False)
    with ours, client:
        yield ours, client


async def test_bytes_are_read_up_to_the_end(pair: Pair) -> None:
    """What arrives is returned, then nothing, however often it is asked for."""
    ours, client = pair
    with closing(RawClient(ours)) as it:
        reading = asyncio.ensure_future(it.read())
        await asyncio.sleep(0)
        client.sendall(b"abc")
        first = await reading
        client.shutdown(socket.SHUT_WR)
        rest = [await it.read(), await it.read()]

        assert first == b"abc"
        assert rest == [b"", b""]
        assert it.is_gone()


@pytest.mark.parametrize("how", ["half", "whole", "more"])
async def test_departure_is_noticed(pair: Pair, how: str) -> None:
    """A client that has ended its side may wait; further bytes are no departure."""
    ours, client = pair
    with closing(RawClient(ours)) as it:
        left = it.departure()
        if how == "more":
            client.sendall(b"abc")
            found = await it.read()
            await asyncio.sleep(0)

            assert found == b"abc"
            assert not left.ended.done()
            return
        client.shutdown(socket.SHUT_WR) if how == "half" else client.close()
        await left.ended

        # Over TCP a close looks like an end until something is sent.
        is_lost = how == "whole" and ours.family == socket.AF_UNIX
        assert left.lost.done() is is_lost
        assert it.is_gone() is is_lost


async def test_idle_connection_can_be_ended(pair: Pair) -> None:
    """Once, and only while nothing is asked on it."""
    ours, _ = pair
    begun = asyncio.Event()
    talks: list[RawClient] = []

    async def answer() -> None:
        with closing(RawClient(ours)) as it:
            talks.append(it)
            it.is_idle = False
            begun.set()
            await it.read()

    task = asyncio.ensure_future(answer())
    await begun.wait()
    while_busy = talks[0].end_if_idle()
    talks[0].is_idle = True
    found = [talks[0].end_if_idle(), talks[0].end_if_idle()]
    await until(task.cancelled)

    assert not while_busy
    assert found == [True, False]
    assert ours.fileno() == -1


async def test_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    """Wherever the client has read it up to, and though it grows meanwhile."""
    path = tmp_path / "file"
    path.write_bytes(b"a" * (READ_BYTES + 5))
    with path.open("rb+") as file:
        os.lseek(file.fileno(), 7, os.SEEK_SET)
        read = read_file(file.fileno())
        found = [await read(), await read()]
        os.pwrite(file.fileno(), b"bc", READ_BYTES + 5)
        found += [await read(), await read()]

    assert [len(it) for it in found] == [READ_BYTES, 5, 2, 0]
    assert found[2] == b"bc"


async def test_files_are_read_by_threads_of_their_own(tmp_path: Path) -> None:
    """A file that stands still cannot keep the threads that others need."""
    path, goes_on = tmp_path / "file", threading.Event()
    path.write_bytes(b"a")
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    busy = loop.run_in_executor(None, goes_on.wait)
    try:
        with path.open("rb") as file:
            async with asyncio.timeout(PATIENCE_S):
                data = await read_file(file.fileno())()
        was_busy = not busy.done()
    finally:
        goes_on.set()
    await busy

    assert data == b"a"
    assert was_busy
