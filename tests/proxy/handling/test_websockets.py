"""WebSockets on the wire: they pass as they are, on record, or are refused."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web
from yarl import URL

from tests.proxy.site import Site, settings
from tests.proxy.wire import exchange, status, wire_origin
from tests.waiting import until
from uploadfilter.model import Action, Reason, Verdict
from uploadfilter.service.running import running
from uploadfilter.uploads.head.websockets import WebSockets
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.requests.limits import ProxyLimits
from uploadfilter.web.routing.routes import DEFAULT_ROUTE, Route

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTES = (
    Route(name="open", origin=DEFAULT_ROUTE, path="/open", websockets=WebSockets.PASS),
    Route(name="rest", origin=DEFAULT_ROUTE),
)
HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: site.example\r\nConnection: Upgrade, close\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
OPENED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: %s\r\n\r\n"
)
PROOF = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
LARGE = os.urandom(3_000_000)


@dataclass(slots=True, kw_only=True)
class Room:
    """A filter before an origin that keeps what it gets, and echoes it.

    Attributes:
        site: The filter.
        open: WebSockets that are open at the origin.
        got: The messages that the origin got, in order.
        heads: The headers of the handshakes that it got.
        closed: The close codes that it got.
    """

    site: Site
    open: int = 0
    got: list[bytes | str] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    closed: list[int | None] = field(default_factory=list)

    @asynccontextmanager
    async def talk(
        self,
        path: str = "/open",
        **options: Any,  # noqa: ANN401 - those of aiohttp
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket through the filter during the block."""
        url = URL(f"ws://127.0.0.1:{self.site.port}{path}", encoded=True)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, max_msg_size=0, **options) as talk,
        ):
            yield talk

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Be the origin."""
        self.heads.append(dict(request.headers))
        if request.path.endswith("/login"):
            return web.Response(
                status=302, headers={"Location": "/elsewhere"}, text="log in first"
            )
        talk = web.WebSocketResponse(protocols=("echo.v1",), max_msg_size=0)
        talk.headers["Set-Cookie"] = "seat=7"
        self.open += 1
        try:
            await talk.prepare(request)
            async for message in talk:
                self.got.append(message.data)
                if message.data == "bye":
                    await talk.close(code=4001, message=b"well")
                elif message.type is WSMsgType.TEXT:
                    await talk.send_str(message.data)
                else:
                    await talk.send_bytes(message.data)
        finally:
            self.open -= 1
            self.closed.append(talk.close_code)
        return talk


@asynccontextmanager
async def room(
    state: Path,
    *,
    silence_s: float = 3600.0,
    **changes: Any,  # noqa: ANN401 - any field of the settings
) -> AsyncIterator[Room]:
    """Run a filter and an origin with a WebSocket during the block."""
    made: list[Room] = []
    app = web.Application()

    async def answer(request: web.Request) -> web.StreamResponse:
        return await made[0].answer(request)

    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with wire_origin() as unused:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            whole = replace(
                settings(state, url, routes=ROUTES, **changes),
                origin=OriginSettings(url=url, stream_timeout_s=silence_s),
            )
            async with running(whole) as service:
                site = Site(
                    port=service.port, origin=unused, state=state, service=service
                )
                made.append(Room(site=site))
                yield made[0]
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="shared")
async def running_room(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Room]:
    """Run one filter for all tests that need no other."""
    async with room(tmp_path_factory.mktemp("room")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", name="it")
async def empty_room(shared: Room) -> Room:
    """Return the filter, with an origin that has got nothing."""
    await until(lambda: shared.open == 0)
    for kept in (shared.got, shared.heads, shared.closed):
        kept.clear()
    return shared


async def end_of(talk: aiohttp.ClientWebSocketResponse) -> WSMsgType:
    """Return how a WebSocket ends."""
    return (await talk.receive()).type


async def test_messages_pass_both_ways_as_they_are(it: Room) -> None:
    """Text, bytes, nothing, and what is longer than any buffer here."""
    sent: list[bytes | str] = ["héllo", b"", "", b"\xff\xd8 no picture", LARGE]
    async with it.talk() as talk:
        for each in sent:
            await (
                talk.send_str(each) if isinstance(each, str) else talk.send_bytes(each)
            )
        back = [(await talk.receive()).data for _ in sent]

    assert it.got == sent == back


async def test_handshake_reaches_the_other_side_as_it_is(it: Room) -> None:
    """Protocol, compression, cookies: what the two sides agree on is theirs."""
    async with it.talk(
        "/open?room=%2F1",
        protocols=("other", "echo.v1"),
        headers={"Cookie": "a=b", "Origin": "https://site.example"},
        compress=15,
    ) as talk:
        await talk.send_str("a" * 10_000)
        assert (await talk.receive()).data == "a" * 10_000
        (head,) = it.heads

    assert (talk.protocol, bool(talk.compress)) == ("echo.v1", True)
    assert (head["Cookie"], head["Origin"]) == ("a=b", "https://site.example")
    assert head["X-Forwarded-For"] == "127.0.0.1"


async def test_one_record_says_that_all_of_it_passed_uninspected(it: Room) -> None:
    """It is on record before the origin hears of it, with its outcome."""
    known = len(it.site.decisions())
    async with it.talk() as talk:
        for number in range(3):
            await talk.send_str(f"{number}")
            await talk.receive()
        (head,) = it.heads
    (record,) = it.site.decisions()[known:]

    assert record.id == head["Uploadfilter-Decision"]
    assert (record.verdict, record.reason) == (Verdict.INCONCLUSIVE, Reason.EXEMPT)
    assert record.effect is Action.ACCEPT
    assert await it.site.outcome(record.id) == 101


@pytest.mark.parametrize("path", ["/open/%61", "/open//a", "/open/;x", "/open/a/../b"])
async def test_target_of_two_readings_never_passes(it: Room, path: str) -> None:
    """An origin may read another path in it, whose route refuses WebSockets."""
    assert status(await exchange(it.site.port, HANDSHAKE % path.encode())) in {400, 501}
    assert it.heads == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        pytest.param(b"/open", b"/elsewhere", 501, id="other-route"),
        pytest.param(b"Connection: Upgrade, close", b"Connection: close", 501, id="no"),
        pytest.param(b"Upgrade: websocket", b"Upgrade: websocket, h2c", 501, id="two"),
        pytest.param(b"jZQ==", b"jZ==", 501, id="key"),
        pytest.param(b"GET", b"POST", 501, id="method"),
    ],
)
async def test_other_handshake_is_refused(
    it: Room, old: bytes, new: bytes, code: int
) -> None:
    """The origin hears nothing of it."""
    answer = await exchange(it.site.port, (HANDSHAKE % b"/open").replace(old, new))

    assert status(answer) == code
    assert it.heads == []


async def test_answer_of_an_origin_that_opens_nothing_is_passed_on(it: Room) -> None:
    """A redirect is for the client to follow."""
    answer = await exchange(it.site.port, HANDSHAKE % b"/open/login")

    assert status(answer) == 302
    assert b"Location: /elsewhere" in answer
    assert answer.endswith(b"log in first")


async def test_close_of_each_side_reaches_the_other(it: Room) -> None:
    """With its code, after the messages before it."""
    async with it.talk() as talk:
        await talk.send_str("last")
        await talk.close(code=4002, message=b"enough")
    await until(lambda: it.closed == [4002])
    async with it.talk() as talk:
        await talk.send_str("bye")
        message = await talk.receive()

    assert it.got == ["last", "bye"]
    assert (message.data, message.extra) == (4001, "well")


@pytest.mark.parametrize("how", [1, 2], ids=["half", "both"])
async def test_vanished_client_ends_the_side_of_the_origin(it: Room, how: int) -> None:
    """No WebSocket is left behind, and what it sent before has arrived."""
    async with it.talk() as talk:
        await talk.send_bytes(LARGE)
        await talk.receive()
        await talk.send_str("last words")
        talk.get_extra_info("socket").shutdown(how)
        await until(lambda: it.open == 0)

    assert it.got[-1] == "last words"


async def test_stop_of_the_service_ends_websockets_at_once(tmp_path: Path) -> None:
    """They would otherwise hold the stop up until its time limit."""
    async with room(tmp_path, proxy=ProxyLimits(drain_idle_s=0.05)) as it:
        talking = it.talk()
        talk = await talking.__aenter__()
        await talk.send_str("here")
        await talk.receive()
        ended = asyncio.ensure_future(end_of(talk))

    assert await ended in {WSMsgType.CLOSED, WSMsgType.ERROR}
    await talking.__aexit__(None, None, None)


async def test_changed_settings_end_it_with_the_next_message(tmp_path: Path) -> None:
    """An operator who refuses WebSockets means those that are open, too."""
    async with room(tmp_path) as it, it.talk() as talk:
        await talk.send_str("before")
        await talk.receive()
        assert it.site.service is not None
        in_force = it.site.service.watched.in_force
        await in_force.replace(
            replace(in_force.settings, routes=in_force.settings.routes)
        )
        await talk.send_str("unchanged")
        await talk.receive()
        limits = replace(in_force.settings.limits, answer_idle_s=59)
        await in_force.replace(replace(in_force.settings, limits=limits))
        await talk.send_str("after")

        assert await end_of(talk) in {WSMsgType.CLOSED, WSMsgType.ERROR}
    assert it.got == ["before", "unchanged"]


async def test_silence_ends_it(tmp_path: Path) -> None:
    """A client that was lost without a word is not kept for ever."""
    async with room(tmp_path, silence_s=0.05) as it:
        async with it.talk() as talk:
            assert await end_of(talk) in {WSMsgType.CLOSED, WSMsgType.ERROR}
        await until(lambda: it.open == 0)


@pytest.mark.parametrize("proof", [b"", PROOF[::-1]], ids=["none", "wrong"])
async def test_origin_that_only_says_that_it_switches_is_unfit(
    tmp_path: Path, proof: bytes
) -> None:
    """A client could speak HTTP to it behind such an answer."""
    upload = b"POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
    async with wire_origin() as origin:
        origin.answers = [OPENED % proof]
        async with running(settings(tmp_path, origin.url, routes=ROUTES)) as service:
            answer = await exchange(service.port, HANDSHAKE % b"/open" + upload)

    assert status(answer) == 502
    assert [got.head[:9] for got in origin.got] == [b"GET /open"]
