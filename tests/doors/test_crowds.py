"""Ten thousand connections at a door: the others are served, and nothing is lost."""

import asyncio
import contextlib
import resource
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.doors.visiting import LISTED, Visit, chunks, visit
from tests.waiting import until
from uploadfilter.decisions.records.records import ShedRecord
from uploadfilter.model import Action
from uploadfilter.web.requests.limits import ProxyLimits

CROWD = Path(__file__).with_name("crowd.py")
COUNT = 10_000
EVICTED = 256
"""Idle connections that may be ended for new ones at a time."""

PATIENCE_S = 120
LIMITS = ProxyLimits(
    keep_alive_s=15.0,
    head_s=15.0,
    body_idle_s=15.0,
    body_total_s=15.0,
    linger_s=0.05,
    drain_idle_s=0.05,
)
TYPED = {"Content-Type": "text/plain"}
KNOWN = b"stream: Uploadfilter.Known.a FOUND\0"

UPLOAD = b"POST /v1/check/a HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
BEGUN_UPLOAD = UPLOAD + b"Content-Length: 9\r\n\r\nabc"
BEGUN_STREAM = b"zINSTREAM\0" + chunks(b"abc")[0]


@pytest.fixture(autouse=True)
def _descriptors() -> Iterator[None]:
    """Give the filter as many descriptors as the machine allows."""
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))


@contextlib.asynccontextmanager
async def crowd(door: Path, *begins: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """Have a crowd at a door, and yield what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(CROWD), str(door), str(COUNT)),
        *(it.hex() for it in begins),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        yield process.stdout
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def read_count(said: asyncio.StreamReader) -> int:
    """Return the next number that a crowd prints."""
    async with asyncio.timeout(PATIENCE_S):
        return int(await said.readline())


async def ask_api(it: Visit) -> bool:
    """Ask the scan API about a listed file; tell whether it is rejected."""
    status, *_ = await it.ask("POST", "/v1/check/a", LISTED, TYPED)
    return status == 403


async def ask_clamd(it: Visit) -> bool:
    """Ask the clamd door about a listed file; tell whether it is found."""
    return await it.stream(LISTED) == KNOWN


def room() -> int:
    """Return how many connections the filter may have."""
    return LIMITS.most_connections(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def connections(it: Visit) -> int:
    """Return how many connections the filter has."""
    return it.site.metrics.connections


@pytest.mark.slow
@pytest.mark.parametrize(
    ("door", "begins"),
    [
        ("api", (b"", UPLOAD, b"GET /v1/health HTTP/1.1\r\nHost: a\r\n\r\n")),
        ("clamd", (b"", b"zINST", b"zIDSESSION\0zPING\0")),
    ],
    ids=["api", "clamd"],
)
async def test_idle_crowd_keeps_nobody_from_an_answer(
    tmp_path: Path, door: str, begins: tuple[bytes, ...]
) -> None:
    """At each door a question is answered meanwhile; the idle ones end in time."""
    async with visit(tmp_path, proxy=LIMITS) as it:
        async with crowd(getattr(it, door), *begins) as said:
            opened = await read_count(said)
            most = min(opened, room())
            await until(lambda: connections(it) > most - EVICTED)
            rejected = await ask_api(it) and await ask_clamd(it)
            proxied = await it.site.put(LISTED)
            stood = connections(it)
            decisions = it.site.decisions()
            ended = await read_count(said)
        last = await it.stream(b"x")

    assert rejected
    assert proxied.startswith(b"HTTP/1.1 403 ")
    assert stood > most - EVICTED
    assert ended == opened
    assert last == b"stream: OK\0"
    assert len(decisions) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("door", "begin"),
    [("api", BEGUN_UPLOAD), ("clamd", BEGUN_STREAM)],
    ids=["api", "clamd"],
)
async def test_crowd_of_begun_uploads_is_on_record(
    tmp_path: Path, door: str, begin: bytes
) -> None:
    """Each upload that stands still is recorded or counted; others are served."""
    async with (
        visit(tmp_path, proxy=LIMITS) as it,
        crowd(getattr(it, door), begin) as said,
    ):
        opened = await read_count(said)
        proxied = await it.site.put(LISTED)
        other = ask_clamd if door == "api" else ask_api
        asked = await other(it)
        ended = await read_count(said)
    decisions = it.site.decisions()
    sheds = [each for each in it.site.records() if isinstance(each, ShedRecord)]

    assert proxied.startswith(b"HTTP/1.1 403 ")
    assert asked
    assert ended == opened
    assert len(decisions) + sum(each.count for each in sheds) == opened + 2
    assert Action.ACCEPT not in [each.effect for each in decisions]
