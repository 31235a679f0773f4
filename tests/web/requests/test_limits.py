"""Limits of uploads, clients and room: only requests beyond them end."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from tests.proxy.site import CLOSE, Site, site
from tests.proxy.wire import OK, TIMEOUT_S, Got, closed, status
from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.inspection.spool import SpoolLimits
from uploadfilter.model import Mode, Reason
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.clients.silent import TURNING_AWAY
from uploadfilter.web.requests.limits import (
    DESCRIPTORS_PER_UPLOAD,
    RESERVED_DESCRIPTORS,
    ProxyLimits,
)

TEXT = b"a holiday greeting without any picture"


def last(shared: Site) -> DecisionRecord:
    """Return the newest decision on record."""
    return shared.decisions()[-1]


@pytest.mark.parametrize(
    ("mode", "expected"), [(Mode.ENFORCE, 503), (Mode.MONITOR, 200)]
)
async def test_full_spool_sheds_or_streams(
    tmp_path: Path, mode: Mode, expected: int
) -> None:
    """Without room the client gets 503; in MONITOR the bytes pass unheld, on record."""
    limits = SpoolLimits(
        memory_per_upload_bytes=1000, memory_total_bytes=1000, disk_total_bytes=100_000
    )
    body = bytes(range(256)) * 4000
    async with site(tmp_path, mode=mode, spool=limits) as shared:
        answer = await shared.put(body)

        assert status(answer) == expected
        assert [got.body for got in shared.origin.got] == [body] * (expected == 200)
        if mode is Mode.MONITOR:
            assert last(shared).reason is Reason.SPOOL_FULL


async def test_upload_that_is_sent_on_makes_room_before_its_answer(
    tmp_path: Path,
) -> None:
    """A client that reads a long answer slowly does not keep other uploads out."""
    answering = asyncio.Event()

    async def answer_late(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await answering.wait()
        writer.write(OK)

    limits = ProxyLimits(open_uploads=1, linger_s=0.05)
    async with site(tmp_path, proxy=limits) as shared:
        shared.origin.answering = answer_late
        first = asyncio.ensure_future(shared.put(TEXT))
        async with asyncio.timeout(TIMEOUT_S):
            while not shared.origin.got:  # noqa: ASYNC110 - the origin has no event
                await asyncio.sleep(0.01)
        second = asyncio.ensure_future(shared.put(TEXT))
        await shared.new_decision(1)
        answering.set()

        assert status(await first) == status(await second) == 200


async def test_one_upload_too_many_is_shed(tmp_path: Path) -> None:
    """Over the limit of open uploads, the newest one gets 503."""
    async with site(
        tmp_path, proxy=ProxyLimits(open_uploads=1, linger_s=0.05)
    ) as shared:
        reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
        writer.write(b"PUT /x HTTP/1.1\r\n" + CLOSE + b"Content-Length: 2\r\n")
        writer.write(b"Expect: 100-continue\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")

        assert status(await shared.put(TEXT)) == 503

        writer.write(b"ok")
        assert status(await reader.read()) == 200
        await closed(writer)


async def test_client_that_takes_no_answer_is_cut_off(tmp_path: Path) -> None:
    """A client that does not read a long answer is disconnected after some time."""
    limits = ProxyLimits(answer_idle_s=0.05, linger_s=0.05)
    long = b"x" * 20_000_000
    async with site(tmp_path, proxy=limits) as shared:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(long)
        shared.origin.answers = [head + long]
        reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
        writer.write(b"PUT /x HTTP/1.1\r\n" + CLOSE + b"Content-Length: 2\r\n\r\nok")
        await reader.readexactly(len(b"HTTP/1.1 200"))

        # Its outcome is on record when nothing more is done for it.
        assert await shared.outcome((await shared.new_decision(0)).id) == 200

        assert len(await rest_of(reader)) < len(long)
        await closed(writer)


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """Return the bytes that still arrive, up to a reset or the end."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1 << 20):
            found += data
    return found


async def test_client_that_stops_in_the_unheld_rest_is_cut_off(tmp_path: Path) -> None:
    """In MONITOR the wait for an unheld body has a time limit too."""
    spool = SpoolLimits(
        memory_per_upload_bytes=1000, memory_total_bytes=1000, disk_total_bytes=10_000
    )
    limits = ProxyLimits(body_idle_s=0.05, linger_s=0.05)
    async with site(tmp_path, mode=Mode.MONITOR, spool=spool, proxy=limits) as shared:
        head = b"PUT /x HTTP/1.1\r\n" + CLOSE + b"Content-Length: 200000\r\n\r\n"

        assert status(await shared.send(head, b"x" * 100_000)) == 408
        assert last(shared).reason is Reason.SPOOL_FULL
        assert await shared.outcome(last(shared).id) == "aborted"


async def test_unheld_rest_keeps_to_the_limit(tmp_path: Path) -> None:
    """In MONITOR an unheld body has the same limit as a held one."""
    spool = SpoolLimits(
        memory_per_upload_bytes=10, memory_total_bytes=10, disk_total_bytes=10
    )
    limits = UploadLimits(max_body_bytes=100_000)
    async with site(tmp_path, mode=Mode.MONITOR, spool=spool, limits=limits) as shared:
        reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
        writer.write(
            b"PUT /x HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
            b"100\r\n" + b"x" * 256 + b"\r\n"
        )
        decision = await shared.new_decision(0)
        writer.write(b"18000\r\n" + b"x" * 98_304 + b"\r\n1000\r\n" + b"x" * 4096)
        writer.write(b"\r\n0\r\n\r\n")

        assert status(await reader.read()) == 413
        assert await shared.outcome(decision.id) == "aborted"
        assert shared.origin.got == []
        await closed(writer)


@pytest.mark.parametrize("descriptors", [256, 1024, 4096])
def test_scarce_descriptors_mean_fewer_connections_and_uploads(
    descriptors: int,
) -> None:
    """Something is left for the log and the scanners if all wait for slow origins."""
    most = ProxyLimits()
    connections = most.most_connections(descriptors)

    used = 2 * connections
    used += DESCRIPTORS_PER_UPLOAD * most.most_open_uploads(descriptors)
    assert 0 < used < descriptors
    assert used < descriptors - TURNING_AWAY or descriptors < RESERVED_DESCRIPTORS
    assert most.most_connections(1 << 20) == most.connections
    assert most.most_open_uploads(1 << 20) == most.open_uploads


@pytest.mark.parametrize(
    ("uploads", "connections"), [(64, 256), (1000, 4000), (1, 64), (16, 64)]
)
def test_connections_of_a_client_follow_from_its_uploads(
    uploads: int, connections: int
) -> None:
    """Who lowers the uploads of a client in a flood must not lock browsers out."""
    limits = ProxyLimits(open_uploads_per_client=uploads)

    assert limits.connections_per_client == connections
