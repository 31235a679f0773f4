"""An upload waits for a scanner only as long as its client waits for it."""

import asyncio
import functools
import os
import signal
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_asyncio

from tests.corpus import pictures
from tests.proxy.site import HOST, Site, site
from tests.proxy.wire import closed, status
from tests.waiting import until
from uploadfilter.model import Mode, Reason
from uploadfilter.scanners.pool.settings import PoolLoad, ScannerSettings
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.web.requests.limits import ProxyLimits

LONG_S = 600.0
"""Longer than any test here: the scanner is stopped for as long as the uploads take to
arrive, which on a busy machine is longer than the limits of the service."""

AHEAD = 4
"""Uploads that are scanned first, one after the other."""


SCANNER = ScannerSettings(
    workers=1,
    small_lane=0,
    slow_lane=0,
    queue_limit=64,
    queue_wait_s=LONG_S,
    budgets=Budgets(content_wall_s=LONG_S, upload_wall_s=LONG_S),
)
"""One scanner."""


@pytest_asyncio.fixture
async def busy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter with one scanner."""
    state = tmp_path_factory.mktemp("busy")
    patience = ProxyLimits(half_closed_s=LONG_S)
    async with site(state, scanner=SCANNER, proxy=patience) as running:
        yield running


def load(filtered: Site) -> PoolLoad:
    """Return what the scanners of a filter do at the moment."""
    assert filtered.service is not None
    return filtered.service.watched.scanners.load


@contextmanager
def held(filtered: Site) -> Iterator[None]:
    """Stop the scanner during the block, so that uploads wait on any machine."""
    assert filtered.service is not None
    pids = filtered.service.watched.scanners.pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@functools.cache
def long_body() -> bytes:
    """Return a file that takes a scanner some tenths of a second."""
    photograph = pictures.photograph(5003, width=400, height=300)
    return pictures.png(photograph.resize((4000, 3000)))


def upload(name: bytes) -> bytes:
    """Return the bytes of an upload for which others wait."""
    body = long_body()
    head = (
        b"PUT /%s HTTP/1.1\r\n%sContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
    )
    return head % (name, HOST, len(body)) + body


class Clients:
    """Clients that wait for their answers, in the order in which they came."""

    def __init__(self, filtered: Site) -> None:
        self._filtered = filtered
        self._open: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, name: bytes) -> asyncio.StreamWriter:
        """Upload, and return the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._filtered.port)
        writer.write(upload(name))
        await writer.drain()
        self._open.append((reader, writer))
        return writer

    async def answers(self) -> list[int]:
        """Return the statuses of those that still wait; 0 for none."""
        found = []
        for reader, writer in self._open:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (OSError, asyncio.IncompleteReadError):
                head = b""
            found.append(status(head) if head else 0)
            await closed(writer)
        return found


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the other side learns it at once."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_upload_of_a_lost_client_is_not_scanned(busy: Site) -> None:
    """It ends like one that was broken off before its end, and costs no scan."""
    clients = Clients(busy)
    with held(busy):
        for number in range(AHEAD):
            await clients.ask(b"%d" % number)
        await until(lambda: load(busy).waiting == AHEAD - 1)
        lost = await clients.ask(b"lost")
        await until(lambda: load(busy).waiting == AHEAD)
        reset(lost)
        await until(lambda: load(busy).waiting == AHEAD - 1)
    answers = await clients.answers()
    await until(lambda: len(busy.decisions()) > AHEAD)
    aborted = [it for it in busy.decisions() if it.reason is Reason.ABORTED]

    assert answers == [200] * AHEAD + [0]
    assert len(aborted) == 1
    assert len(busy.origin.got) == AHEAD


async def test_upload_of_a_client_that_sends_nothing_more_is_scanned_last(
    busy: Site,
) -> None:
    """It may be gone, or wait for its answer: then it gets it, after all others."""
    clients = Clients(busy)
    with held(busy):
        await clients.ask(b"first")
        await until(lambda: load(busy).scanning == 1)
        (await clients.ask(b"ended")).write_eof()
        await until(lambda: load(busy).waiting == 1)
        for number in range(AHEAD):
            await clients.ask(b"%d" % number)
        await until(lambda: load(busy).waiting == AHEAD + 1)
    answers = await clients.answers()
    order = [got.head.split()[1] for got in busy.origin.got]

    assert answers == [200] * (AHEAD + 2)
    assert order[-1] == b"/ended"


async def test_upload_of_a_lost_client_goes_on_in_monitor(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The origin gets what it would get without the filter."""
    state = tmp_path_factory.mktemp("monitor")
    async with site(state, scanner=SCANNER, mode=Mode.MONITOR) as filtered:
        clients = Clients(filtered)
        with held(filtered):
            await clients.ask(b"first")
            await until(lambda: load(filtered).scanning == 1)
            lost = await clients.ask(b"lost")
            await until(lambda: load(filtered).waiting == 1)
            reset(lost)
        answers = await clients.answers()
        await until(lambda: len(filtered.origin.got) > 1)

    assert answers == [200, 0]
