"""Connections are accepted, many at once, also when descriptors are lacking."""

import asyncio
import errno
import os
import resource
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from tests.waiting import until
from uploadfilter.web.clients.accepting import (
    LEAST_AT_ONCE,
    MOST_AT_ONCE,
    TRIES_AT_ONCE,
    Acceptor,
    open_with,
)

TIMEOUT_S = 30

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time at all: a close becomes a reset."""


class Echo(asyncio.Protocol):
    """Sends back what it receives."""

    made = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        type(self).made += 1
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


@asynccontextmanager
async def accepting(listener: socket.socket) -> AsyncIterator[type[Echo]]:
    """Accept the connections of a listener; yield the class that counts them."""

    class Counted(Echo):
        """One count for each listener."""

    acceptor = Acceptor(listener, open_with(Counted), backlog=128)
    try:
        yield Counted
    finally:
        await acceptor.close()


@contextmanager
def clients(listener: socket.socket, count: int) -> Iterator[list[socket.socket]]:
    """Let a number of clients connect before anything is accepted."""
    with ExitStack() as stack:
        opened = [
            stack.enter_context(socket.socket(listener.family)) for _ in range(count)
        ]
        for client in opened:
            client.connect(listener.getsockname())
            client.setblocking(False)
        yield opened


@pytest.fixture(params=["tcp", "unix"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """A socket that listens, of either family."""
    if request.param == "tcp":
        made = socket.create_server(("127.0.0.1", 0), backlog=128)
    else:
        made = socket.socket(socket.AF_UNIX)
        made.bind(str(tmp_path / "socket"))
        made.listen(128)
    with made:
        yield made


async def echoed(client: socket.socket) -> bytes:
    """Return the bytes that come back to a client."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(TIMEOUT_S):
        await loop.sock_sendall(client, b"hello")
        return await loop.sock_recv(client, 5)


async def test_socket_that_another_process_made_waiting_does_not_hold_the_loop(
    listener: socket.socket,
) -> None:
    """A socket is shared with the manager, which clears the flag for everybody."""
    async with accepting(listener) as counted:
        for number in range(3):
            os.set_blocking(listener.fileno(), True)
            with clients(listener, 1) as (client,):
                assert await asyncio.wait_for(echoed(client), TIMEOUT_S)
            assert counted.made == number + 1


async def test_each_connection_is_served(listener: socket.socket) -> None:
    """More connections wait than one round accepts."""
    count = MOST_AT_ONCE + 3
    with clients(listener, count) as waiting:
        async with accepting(listener) as counted:
            answers = [await echoed(client) for client in waiting]

    assert answers == [b"hello"] * count
    assert counted.made == count


async def test_many_connections_are_accepted_in_one_round(
    listener: socket.socket,
) -> None:
    """In a busy loop, new clients need not wait for each other."""
    rounds, count = 0, 16 * LEAST_AT_ONCE

    with clients(listener, count) as _:
        async with accepting(listener) as counted:
            async with asyncio.timeout(TIMEOUT_S):
                while counted.made < count:
                    await asyncio.sleep(0)
                    rounds += 1

    assert rounds < count // 2


async def test_client_behind_a_flood_is_opened_with_the_first(
    listener: socket.socket,
) -> None:
    """Connections are opened by client in turn, and all of them at last."""
    opened: list[bytes] = []

    class Noted(asyncio.Protocol):
        """Notes the first byte of each connection."""

        @override
        def data_received(self, data: bytes) -> None:
            opened.append(data)

    with clients(listener, 40) as waiting:
        for client in waiting[:-1]:
            client.sendall(b"a")
        waiting[-1].sendall(b"b")
        acceptor = Acceptor(
            listener, open_with(Noted), backlog=128, who=lambda sent, _: sent.decode()
        )
        await until(lambda: len(opened) == len(waiting))
        await acceptor.close()

    assert b"b" in opened[:LEAST_AT_ONCE]


async def test_no_more_is_accepted_than_there_is_room_for(
    listener: socket.socket,
) -> None:
    """Beyond it a few are accepted at a time, which are told that there is none."""
    with clients(listener, 40):
        acceptor = Acceptor(
            listener, open_with(asyncio.Protocol), backlog=128, room=lambda: 0
        )
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        most = acceptor.waiting
        await acceptor.close()

    assert most <= LEAST_AT_ONCE


async def test_connections_that_were_reset_take_no_turn() -> None:
    """A client behind them is served in the first round, and they are not opened."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=128) as listener,
        clients(listener, TRIES_AT_ONCE) as waiting,
    ):
        for client in waiting[:-1]:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
        async with accepting(listener) as counted:
            answer = await echoed(waiting[-1])

    assert answer == b"hello"
    assert counted.made == 1


async def test_clients_wait_while_descriptors_are_lacking(
    listener: socket.socket,
) -> None:
    """They are served when there is a descriptor again; the operator is told once."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with clients(listener, 2) as waiting, capture_logs() as logged:
        async with accepting(listener) as counted:
            spare = os.dup(0)
            resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 1, hard))
            try:
                await until(lambda: bool(logged))
                await asyncio.sleep(0.3)
                made_meanwhile = counted.made
            finally:
                os.close(spare)
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            answers = [await echoed(client) for client in waiting]

    assert made_meanwhile == 0
    assert answers == [b"hello"] * 2
    assert [line["event"] for line in logged] == ["connections_wait"]


async def test_listener_that_cannot_bound_unsent_bytes_is_served() -> None:
    """As one of MPTCP, with a Linux before 6.9: memory is bounded without it, too."""

    class Older(socket.socket):
        """Refuses all options of TCP."""

        @override
        def setsockopt(self, level: int, *rest: Any) -> None:
            if level == socket.IPPROTO_TCP:
                raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
            super().setsockopt(level, *rest)

    with Older() as listener:
        listener.bind(("127.0.0.1", 0))
        async with accepting(listener):
            with clients(listener, 1) as (client,):
                assert await echoed(client) == b"hello"


async def test_nothing_is_accepted_after_the_end(listener: socket.socket) -> None:
    """This also holds if the end comes while descriptors are lacking."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with clients(listener, 1) as (client,), capture_logs() as logged:
        spare = os.dup(0)
        resource.setrlimit(resource.RLIMIT_NOFILE, (spare + 1, hard))
        try:
            async with accepting(listener) as counted:
                await until(lambda: bool(logged))
        finally:
            os.close(spare)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        await asyncio.sleep(0.2)

        assert counted.made == 0
        assert listener.fileno() == -1
        with pytest.raises(ConnectionError):
            client.recv(1)


async def test_errors_of_a_new_connection_keep_nobody_out(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux passes them on to ``accept``; the next connection is served."""
    errors = [errno.EPROTO, errno.ENETUNREACH, errno.EPERM]
    accept = socket.socket.accept

    def failing(listening: socket.socket) -> tuple[socket.socket, object]:
        if errors:
            raise OSError(errors.pop(), "not this one")
        return accept(listening)

    with clients(listener, 2) as waiting:
        monkeypatch.setattr(socket.socket, "accept", failing)
        async with accepting(listener):
            answers = [await echoed(client) for client in waiting]

    assert answers == [b"hello"] * 2
    assert not errors


async def test_connection_that_cannot_be_opened_is_told(
    listener: socket.socket,
) -> None:
    """It is closed, and does not wait for ever."""

    def broken() -> asyncio.Protocol:
        raise RuntimeError("a bug")

    with clients(listener, 1) as (client,), capture_logs() as logged:
        acceptor = Acceptor(listener, open_with(broken), backlog=8)
        try:
            await until(lambda: bool(logged))
        finally:
            await acceptor.close()
        assert await asyncio.get_running_loop().sock_recv(client, 1) == b""

    assert [line["event"] for line in logged] == ["connection_not_opened"]


async def test_connections_that_were_accepted_are_open_after_the_end(
    listener: socket.socket,
) -> None:
    """So that they are seen out with all others."""
    with clients(listener, LEAST_AT_ONCE) as _:
        async with accepting(listener) as counted:
            acceptor_begun = counted.made
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        made = counted.made

    assert acceptor_begun == 0
    assert made in {0, LEAST_AT_ONCE}
