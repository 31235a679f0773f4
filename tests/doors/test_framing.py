"""A front end that frames an upload oddly is not told that it was accepted."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.doors.visiting import LISTED, Visit, visit

pytestmark = pytest.mark.asyncio(loop_scope="module")

LENGTH = b"Content-Length: %d\r\n" % len(LISTED)
TYPED = b"Content-Type: application/octet-stream\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
IN_CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(LISTED), LISTED)
PIECE = b"Upload-Offset: 0\r\nTus-Resumable: 1.0.0\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Visit]:
    """Return a filter that lists a file, for all tests of the module."""
    async with visit(tmp_path_factory.mktemp("doors")) as it:
        yield it


@pytest.mark.parametrize("path", ["/v1/check/u", "/v1/check/../u", "/v1/scan"])
@pytest.mark.parametrize(
    ("line", "headers", "body"),
    [
        pytest.param(*case, id=name)
        for name, case in {
            "plain": (b"1.1", TYPED + LENGTH, LISTED),
            "untyped": (b"1.1", LENGTH, LISTED),
            "http-1.0": (b"1.0", TYPED + LENGTH, LISTED),
            "length-and-chunks": (b"1.1", TYPED + CHUNKED + LENGTH, IN_CHUNKS),
            "short-length": (b"1.1", TYPED + CHUNKED + b"Content-Length: 0\r\n", b""),
            "two-lengths": (b"1.1", TYPED + b"Content-Length: 1\r\n" + LENGTH, LISTED),
            "length-twice": (b"1.1", TYPED + LENGTH + LENGTH, LISTED),
            "length-with-a-sign": (b"1.1", TYPED + b"Content-Length: +112\r\n", LISTED),
            "blank-in-a-name": (b"1.1", TYPED + b"Content-Length : 112\r\n", LISTED),
            "chunks-in-1.0": (b"1.0", TYPED + CHUNKED, IN_CHUNKS),
            "chunked-twice": (b"1.1", TYPED + CHUNKED + CHUNKED, IN_CHUNKS),
            "gzip-and-chunked": (
                b"1.1",
                TYPED + b"Transfer-Encoding: gzip, chunked\r\n",
                IN_CHUNKS,
            ),
            "identity": (b"1.1", TYPED + b"Transfer-Encoding: identity\r\n", LISTED),
            "false-coding": (
                b"1.1",
                TYPED + LENGTH + b"Content-Encoding: br\r\n",
                LISTED,
            ),
            "two-types": (b"1.1", TYPED + TYPED + LENGTH, LISTED),
            "upgrade": (
                b"1.1",
                TYPED + LENGTH + b"Connection: upgrade\r\nUpgrade: websocket\r\n",
                LISTED,
            ),
            "piece": (b"1.1", TYPED + LENGTH + PIECE, LISTED),
            "range": (
                b"1.1",
                TYPED + LENGTH + b"Content-Range: bytes 0-111/200\r\n",
                LISTED,
            ),
        }.items()
    ],
)
async def test_odd_framing_is_never_accepted(
    shared: Visit, path: str, line: bytes, headers: bytes, body: bytes
) -> None:
    """Whatever the parser makes of it, a listed file is not answered by ACCEPT."""
    head = b"POST %b HTTP/%b\r\nHost: a\r\nConnection: close\r\n" % (
        path.encode(),
        line,
    )
    answer = await shared.send(head + headers + b"\r\n" + body)
    status = int(answer.split()[1])

    assert b'"effect":"ACCEPT"' not in answer
    assert status >= 400 or (path == "/v1/scan" and b'"effect":"REJECT"' in answer)
