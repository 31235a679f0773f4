"""The messages to the service manager, over real sockets."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from uploadfilter.errors import ServiceError
from uploadfilter.service.notify import Manager

WITHIN_S = 10.0
"""Seconds until a datagram must have come; it comes at once."""


@contextlib.contextmanager
def listener(address: str) -> Iterator[socket.socket]:
    """Be the socket of a service manager for the length of the block."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind("\0" + address[1:] if address[0] == "@" else address)
        sock.settimeout(WITHIN_S)
        yield sock


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Return a path for the manager's socket, with an @ as instances of units have."""
    return str(tmp_path / "uploadfilter@a")


def test_ready_says_what_is_served(address: str) -> None:
    """READY and STATUS come in one datagram, so that neither comes alone."""
    with listener(address) as sock:
        Manager.of({"NOTIFY_SOCKET": address}).ready("serving")
        message = sock.recv(4096)

    assert message == b"READY=1\nSTATUS=serving"


def test_abstract_socket_is_reached() -> None:
    """An address that begins with @ has no place in the file system."""
    name = f"@uploadfilter-test-{os.getpid()}"
    with listener(name) as sock:
        Manager.of({"NOTIFY_SOCKET": name}).stopping("2 requests in flight")
        message = sock.recv(4096)

    assert message == b"STOPPING=1\nSTATUS=2 requests in flight"


def test_reload_bears_the_time_of_the_monotonic_clock(address: str) -> None:
    """``Type=notify-reload`` refuses a RELOADING without its microseconds."""
    before = time.monotonic_ns() // 1000
    with listener(address) as sock:
        Manager.of({"NOTIFY_SOCKET": address}).reloading()
        first, second = sock.recv(4096).decode().split("\n")

    assert first == "RELOADING=1"
    name, _, stamp = second.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(stamp) <= time.monotonic_ns() // 1000


def test_nobody_is_told_where_nobody_asked() -> None:
    """Outside of a service manager every call does nothing."""
    with capture_logs() as said:
        manager = Manager.of({})
        manager.ready("serving")
        manager.stopping("")

    assert said == []
    assert manager.watchdog_s is None


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({"NOTIFY_SOCKET": "vsock:2:1234"}, id="neither-path-nor-abstract"),
        pytest.param({"WATCHDOG_USEC": "often"}, id="no-number"),
        pytest.param({"WATCHDOG_USEC": "0"}, id="no-time"),
    ],
)
def test_unusable_environment_is_refused(environment: dict[str, str]) -> None:
    """A manager that waits in vain would end the service; the start says why."""
    with pytest.raises(ServiceError, match=next(iter(environment))):
        Manager.of(environment)


@pytest.mark.parametrize(
    ("pid", "expected"),
    [
        pytest.param(None, 30.0, id="anybody"),
        pytest.param(os.getpid(), 30.0, id="us"),
        pytest.param(1, None, id="another-process"),
    ],
)
def test_watchdog_is_ours_if_it_names_us(
    pid: int | None, expected: float | None
) -> None:
    """``WATCHDOG_PID`` tells a child that inherited the variables apart."""
    environment = {"WATCHDOG_USEC": "30000000"}
    if pid is not None:
        environment["WATCHDOG_PID"] = str(pid)

    assert Manager.of(environment).watchdog_s == expected


async def test_watchdog_is_pinged_while_we_live(address: str) -> None:
    """Ping follows ping, without anybody asking."""
    with listener(address) as sock:
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        keeping = asyncio.ensure_future(
            Manager(address, watchdog_s=0.02).keep_watchdog(lambda: True)
        )
        async with asyncio.timeout(WITHIN_S):
            messages = [await loop.sock_recv(sock, 4096) for _ in range(3)]
        keeping.cancel()
        await asyncio.wait([keeping])

    assert messages == [b"WATCHDOG=1"] * 3


async def test_watchdog_is_not_pinged_by_what_is_dead(address: str) -> None:
    """Without the log's writer the service does not start; the reason is given once."""
    looks = 0
    seen_twice = asyncio.Event()

    def alive() -> bool:
        nonlocal looks
        looks += 1
        if looks > 2:
            seen_twice.set()
        return False

    with listener(address) as sock, capture_logs() as said:
        sock.setblocking(False)
        keeping = asyncio.ensure_future(
            Manager(address, watchdog_s=0.02).keep_watchdog(alive)
        )
        async with asyncio.timeout(WITHIN_S):
            await seen_twice.wait()
        keeping.cancel()
        await asyncio.wait([keeping])
        with pytest.raises(BlockingIOError):
            sock.recv(4096)

    assert [entry["event"] for entry in said] == ["watchdog_withheld"]


async def test_watchdog_that_nobody_set_is_not_kept(address: str) -> None:
    """Without ``WATCHDOG_USEC`` there is nothing to keep, and the chore is done."""
    async with asyncio.timeout(WITHIN_S):
        await Manager(address).keep_watchdog(lambda: True)


def test_manager_that_is_gone_is_said_and_harms_nothing(address: str) -> None:
    """Uploads do not depend on the manager; the operator is told."""
    with capture_logs() as said:
        Manager(address).ready("serving")

    assert [entry["event"] for entry in said] == ["notify_failed"]
    assert said[0]["message"] == "READY=1"
