"""WebSockets to an origin, and what it answers instead."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web

from uploadfilter.proxy.origins.failing import OriginFailure
from uploadfilter.proxy.origins.origin import Origin
from uploadfilter.proxy.origins.settings import OriginSettings
from uploadfilter.proxy.origins.websockets import OriginRefusal, OriginWebSocket

HEADERS = [(b"Host", b"site.example"), (b"Cookie", b"a=\xc3\xa9"), (b"Cookie", b"c=d")]
MOST = 1000


async def answer(request: web.Request) -> web.StreamResponse:
    """Be an origin: an echo, a long refusal, or no WebSocket at all."""
    if request.path == "/long":
        return web.Response(status=403, body=b"x" * 200_000)
    if request.path == "/there":
        return web.Response(status=307, headers={"Location": "/here"})
    talk = web.WebSocketResponse(protocols=("b",))
    talk.headers["X-Host"] = request.headers["Host"]
    talk.headers["X-Target"] = request.raw_path
    talk.headers["X-Cookies"] = (
        " ".join(request.headers.getall("Cookie"))
        .encode("utf-8", "surrogateescape")
        .hex()
    )
    talk.headers["X-Added"] = str("User-Agent" in request.headers)
    await talk.prepare(request)
    async for message in talk:
        await talk.send_bytes(message.data)
    return talk


@asynccontextmanager
async def origin() -> AsyncIterator[Origin]:
    """Run an origin, and open it."""
    site = web.Application()
    site.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(site)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        settings = OriginSettings(url=f"http://127.0.0.1:{port}")
        async with Origin.opened(settings) as opened:
            yield opened
    finally:
        await runner.cleanup()


async def test_handshake_reaches_the_origin_unchanged() -> None:
    """Target and headers byte by byte, and the protocol that it chose."""
    async with origin() as it:
        asked = it.websocket("/a%2Fb?c=%20", HEADERS, ["a", "b"], most_bytes=MOST)
        async with asked as opened:
            assert isinstance(opened, OriginWebSocket)
            headers = dict(opened.headers)
            await opened.side.send_bytes(b"hello")
            echo = await opened.side.receive()
    assert opened.side.protocol == "b"
    assert headers[b"X-Host"] == b"site.example"
    assert headers[b"X-Target"] == b"/a%2Fb?c=%20"
    assert bytes.fromhex(headers[b"X-Cookies"].decode()) == b"a=\xc3\xa9 c=d"
    assert headers[b"X-Added"] == b"False"
    assert (echo.type, echo.data) == (WSMsgType.BINARY, b"hello")


async def test_refusal_is_returned_and_no_redirect_followed() -> None:
    """With its body, of which a long one is cut."""
    async with origin() as it:
        async with it.websocket("/there", HEADERS, (), most_bytes=MOST) as found:
            assert isinstance(found, OriginRefusal)
            assert found.status == 307
            assert dict(found.headers)[b"Location"] == b"/here"
        async with it.websocket("/long", HEADERS, (), most_bytes=MOST) as found:
            assert isinstance(found, OriginRefusal)
            assert (found.status, len(found.body)) == (403, 64 * 1024)


async def test_message_of_the_longest_length_passes_and_no_longer_one() -> None:
    """What the origin sends is in memory as a whole too."""
    async with (
        origin() as it,
        it.websocket("/", HEADERS, (), most_bytes=MOST) as opened,
    ):
        assert isinstance(opened, OriginWebSocket)
        await opened.side.send_bytes(bytes(MOST))
        assert len((await opened.side.receive()).data) == MOST
        await opened.side.send_bytes(bytes(MOST + 1))
        assert (await opened.side.receive()).type is WSMsgType.ERROR


async def test_origin_that_is_not_there_is_a_failure() -> None:
    """As for every request."""
    async with (
        Origin.opened(OriginSettings(url="http://127.0.0.1:1")) as it,
        it.websocket("/", HEADERS, (), most_bytes=MOST) as found,
    ):
        assert found is OriginFailure.UNREACHABLE
