"""Origins that do wrong: each has a clear end, and no client takes a part for a whole.

The origin is raw bytes, and so is the client.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.proxy.fidelity import Client, fresh, parsed, passing, says
from tests.proxy.site import CLOSE, HOST, Site
from tests.proxy.wire import OK, TIMEOUT_S, Got, closed, status

pytestmark = pytest.mark.asyncio(loop_scope="module")

GET = b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n"
OLD_GET = b"GET / HTTP/1.0\r\n" + HOST + b"\r\n"
BEGUN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
ANSWER_TIMEOUT_S = 1.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter in ENFORCE, shared by the tests of this module."""
    async with passing(tmp_path_factory.mktemp("faults")) as shared:
        yield shared


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter with little patience: on a busy machine any origin may be too late."""
    async with passing(
        tmp_path_factory.mktemp("hasty"), answer_timeout_s=ANSWER_TIMEOUT_S
    ) as shared:
        yield shared


@pytest.fixture
def filtered(running: Site) -> Site:
    """The shared filter, whose origin answers as it does by default."""
    return fresh(running)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConte", id="half-a-head"),
        pytest.param(b"\x16\x03\x01\r\n\r\n", id="garbage"),
        pytest.param(b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok", id="version"),
        pytest.param(
            BEGUN + b"X-A : 1\r\nContent-Length: 2\r\n\r\nok", id="blank-in-name"
        ),
        pytest.param(
            BEGUN + b"X-A: a\0b\r\nContent-Length: 2\r\n\r\nok", id="zero-byte"
        ),
        pytest.param(
            BEGUN + b"X-A: %s\r\nContent-Length: 2\r\n\r\nok" % (b"a" * 20_000),
            id="long-line",
        ),
        pytest.param(
            BEGUN + b"X-A: 1\r\n" * 200 + b"Content-Length: 2\r\n\r\nok",
            id="many-lines",
        ),
        pytest.param(
            BEGUN + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="length-and-chunks",
        ),
        pytest.param(
            BEGUN + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            id="two-lengths",
        ),
        pytest.param(BEGUN + b"Content-Length: -2\r\n\r\nok", id="negative-length"),
        pytest.param(
            BEGUN + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            id="transfer-coding",
        ),
        pytest.param(
            BEGUN + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n", id="chunks"
        ),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
            b"Connection: Upgrade\r\n\r\n",
            id="switching-protocols",
        ),
    ],
)
async def test_answer_that_is_no_http_is_502(filtered: Site, answer: bytes) -> None:
    """A request with more than one reading is not forwarded; the client is told so."""
    filtered.origin.answering = says(answer)

    assert status(await filtered.send(GET)) == 502


async def test_answer_that_is_longer_than_it_says_is_whole(filtered: Site) -> None:
    """What stands behind it is dropped with its connection (issue 27)."""
    filtered.origin.answering = says(BEGUN + b"Content-Length: 2\r\n\r\nokay")

    answer = await filtered.send(GET)

    assert status(answer) == 200
    assert answer.endswith(b"\r\n\r\nok")


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nConte", id="half-a-head"),
        pytest.param(b"HTTP/1.1 102 Processing\r\n\r\n", id="on-its-way"),
    ],
)
async def test_origin_that_hangs_in_its_head_is_504(hasty: Site, said: bytes) -> None:
    """There was no answer yet, so the filter can give one."""
    hasty.origin.answering = says(said, hangs=True)

    assert status(await hasty.send(GET)) == 504


@pytest.mark.parametrize(
    ("framing", "resets", "hangs"),
    [
        pytest.param(b"Content-Length: 9\r\n", False, False, id="length-closed"),
        pytest.param(b"Content-Length: 9\r\n", True, False, id="length-reset"),
        pytest.param(b"Content-Length: 9\r\n", False, True, id="length-hangs"),
        pytest.param(
            b"Transfer-Encoding: chunked\r\n", False, False, id="chunks-closed"
        ),
        pytest.param(b"Transfer-Encoding: chunked\r\n", True, False, id="chunks-reset"),
        pytest.param(b"Transfer-Encoding: chunked\r\n", False, True, id="chunks-hang"),
        pytest.param(b"", True, False, id="endless-reset"),
        pytest.param(b"", False, True, id="endless-hangs"),
    ],
)
async def test_part_of_an_answer_is_not_taken_for_the_whole(
    filtered: Site, hasty: Site, framing: bytes, *, resets: bool, hangs: bool
) -> None:
    """The client sees that the end is missing: of chunks, or of the length."""
    body = b"4\r\npart\r\n" if b"chunked" in framing else b"part"
    site = hasty if hangs else filtered
    site.origin.answering = says(
        BEGUN + framing + b"\r\n" + body, resets=resets, hangs=hangs
    )

    answer = await site.send(GET)

    # No bytes at all are a reset, which is not taken for an end.
    assert answer == b"" or not parsed(answer).is_whole


@pytest.mark.parametrize("framing", [b"", b"Transfer-Encoding: chunked\r\n"])
async def test_old_client_is_reset_where_the_end_is_missing(
    hasty: Site, framing: bytes
) -> None:
    """Without a length, HTTP/1.0 takes a close for the end: so it is a reset."""
    body = b"4\r\npart\r\n" if framing else b"part"
    hasty.origin.answering = says(BEGUN + framing + b"\r\n" + body, hangs=True)
    async with Client.connected(hasty.port) as client:
        client.writer.write(OLD_GET)

        with pytest.raises(ConnectionError):
            await client.rest()


@pytest.mark.parametrize(
    ("method", "asked"),
    [
        (b"GET", 3),
        (b"HEAD", 3),
        (b"OPTIONS", 3),
        (b"POST", 2),
        (b"DELETE", 2),
        (b"PUT", 2),
        (b"PROPFIND", 3),
        (b"REPORT", 3),
        (b"SEARCH", 3),
        (b"LOCK", 2),
    ],
)
async def test_only_what_changes_nothing_is_sent_again(
    filtered: Site, method: bytes, asked: int
) -> None:
    """After a kept connection broke, only safe methods are sent again."""

    async def answer_once_each(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if len(filtered.origin.got) == 2:
            await closed(writer)
        else:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    filtered.origin.answering = answer_once_each
    request = method + b" / HTTP/1.1\r\n" + CLOSE + b"\r\n"
    answers = [status(await filtered.send(request)) for _ in range(2)]

    assert answers == [204, 204 if asked == 3 else 502]
    assert len(filtered.origin.got) == asked


@pytest.mark.parametrize(
    "unasked",
    [
        pytest.param(
            b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
            b"Content-Length: 0\r\n\r\n",
            id="408",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", id="an-answer"
        ),
        pytest.param(b"junk", id="junk"),
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"POST"])
async def test_what_came_unasked_is_nobodys_answer(
    filtered: Site, method: bytes, unasked: bytes
) -> None:
    """A kept connection on which an origin sent something unasked is not used again."""
    answered, spoke = asyncio.Event(), asyncio.Event()
    connections = set()

    async def answer_and_speak_up(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        connections.add(writer)
        writer.write(OK)
        await answered.wait()
        if not spoke.is_set():
            writer.write(unasked)
            spoke.set()

    filtered.origin.answering = answer_and_speak_up
    async with asyncio.timeout(TIMEOUT_S):
        first = await filtered.send(GET)
        answered.set()
        await spoke.wait()
        second = await filtered.send(method + b" / HTTP/1.1\r\n" + CLOSE + b"\r\n")

    assert first.endswith(b"\r\n\r\nok")
    assert second.endswith(b"\r\n\r\nok")
    assert (len(filtered.origin.got), len(connections)) == (2, 2)
