"""WebSockets on the wire: messages pass after their record, or end the connection."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import WSMsgType
from yarl import URL

from tests.corpus import pictures
from tests.proxy.handling.test_proxy import perceptual_entry
from tests.proxy.messaging.rooms import (
    INSPECTED,
    MONITORED,
    MOST_BYTES,
    OTHER_PROTOCOL,
    PASSED,
    REJECTED,
    SMALL,
    Room,
    room,
)
from tests.proxy.site import exact_entry
from tests.proxy.wire import exchange, status
from tests.waiting import until
from uploadfilter.model import Action, Reason, Verdict
from uploadfilter.proxy.requests.limits import ProxyLimits

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTED = pictures.jpeg(pictures.photograph(1, width=128, height=96))
OTHER = pictures.jpeg(pictures.photograph(2, width=128, height=96))
ENTRIES = (exact_entry(1, LISTED), perceptual_entry(2, LISTED))
TEXT = base64.b64encode(LISTED).decode()
DATA = (WSMsgType.TEXT, WSMsgType.BINARY)

HANDSHAKE = (
    b"GET %s HTTP/1.1\r\nHost: site.example\r\nConnection: Upgrade, close\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)

CUTS: dict[str, list[bytes | str]] = {
    "whole": [LISTED],
    "behind junk": [b"junk" * 10 + LISTED],
    "as text": [TEXT],
    "as text in two": [TEXT[:1000], TEXT[1000:]],
    "in its magic": [b"id=7;" + LISTED[:1], LISTED[1:]],
    "behind its magic": [LISTED[:3], LISTED[3:]],
    "in the middle": [LISTED[:900], LISTED[900:]],
    "in slices": [LISTED[i : i + 700] for i in range(0, len(LISTED), 700)],
    "with a byte before": [b"x" + LISTED[:900], LISTED[900:]],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="shared")
async def running_room(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Room]:
    """Run one filter for all tests that need no other."""
    async with room(tmp_path_factory.mktemp("room"), listed=ENTRIES) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module", name="it")
async def empty_room(shared: Room) -> Room:
    """Return the filter, with an origin that has got nothing."""
    await until(lambda: shared.open == 0)
    shared.forget()
    return shared


async def say(talk: aiohttp.ClientWebSocketResponse, what: bytes | str) -> None:
    """Send one message."""
    if isinstance(what, str):
        await talk.send_str(what)
    else:
        await talk.send_bytes(what)


async def end_of(talk: aiohttp.ClientWebSocketResponse) -> tuple[int, str]:
    """Return code and text of the end."""
    while (message := await talk.receive()).type in DATA:
        pass
    assert message.type is WSMsgType.CLOSE
    return message.data, message.extra or ""


async def test_harmless_messages_arrive_unchanged_and_are_on_record(it: Room) -> None:
    """Text, bytes, nothing, and the order of all of them."""
    sent: list[bytes | str] = ["héllo", OTHER, b"", "", b"\xff\xd8 no picture"]
    known = len(it.decisions())
    async with it.talking() as talk:
        for each in sent:
            await say(talk, each)
        back = [(await talk.receive()).data for _ in sent]
    decisions = it.decisions()[known:]
    assert it.got == sent == back
    assert {decision.effect for decision in decisions} == {Action.ACCEPT}
    assert sum(len(decision.contents) for decision in decisions) >= len(sent)


async def test_handshake_keeps_protocol_cookie_and_headers(it: Room) -> None:
    """The origin reads the client's headers, and the client those of the origin."""
    async with it.talking(
        f"{INSPECTED}?room=%2F1",
        protocols=("other", OTHER_PROTOCOL),
        headers={"Cookie": "a=b", "Origin": "https://site.example"},
        compress=15,
    ) as talk:
        (head,) = it.heads
    assert talk.protocol == OTHER_PROTOCOL
    assert head["Cookie"] == "a=b"
    assert head["Origin"] == "https://site.example"
    assert head["X-Forwarded-For"] == "127.0.0.1"
    assert head["Host"] == f"127.0.0.1:{it.port}"
    assert "Sec-WebSocket-Extensions" not in head


@pytest.mark.parametrize("sent", CUTS.values(), ids=CUTS)
async def test_listed_picture_never_arrives_whole(
    it: Room, sent: list[bytes | str]
) -> None:
    """The message that would complete it ends the connection, however it is cut."""
    async with it.talking() as talk:
        for each in sent:
            await say(talk, each)
        code, text = await end_of(talk)
    await until(lambda: len(it.closed) == 1)
    got = b"".join(g.encode() if isinstance(g, str) else g for g in it.got)
    last = it.decisions()[-1]
    assert (code, text) == (REJECTED, f"rejected: {last.id}")
    assert last.effect is Action.REJECT
    assert LISTED not in got
    assert TEXT.encode() not in got


async def test_monitor_records_and_lets_pass(it: Room) -> None:
    """A pilot that only records changes nothing for anybody."""
    async with it.talking(MONITORED) as talk:
        await talk.send_bytes(LISTED)
        assert (await talk.receive()).data == LISTED
    record = it.decisions()[-1]
    assert (record.verdict, record.effect) == (Verdict.MATCH, Action.ACCEPT)


async def test_passing_has_one_record_for_all_messages(it: Room) -> None:
    """The operator has said that this route is not inspected."""
    known = len(it.decisions())
    async with it.talking(PASSED) as talk:
        for _ in range(3):
            await talk.send_bytes(LISTED)
            await talk.receive()
        (head,) = it.heads
    (record,) = it.decisions()[known:]
    assert it.got == [LISTED] * 3
    assert (record.reason, record.effect) == (Reason.EXEMPT, Action.ACCEPT)
    assert head["Uploadfilter-Decision"] == record.id


@pytest.mark.parametrize("path", ["/open/%61", "/open//a", "/open/;x", "/open/a/../b"])
async def test_target_of_two_readings_never_passes_uninspected(
    it: Room, path: str
) -> None:
    """An origin may read another path in it: it is inspected, or refused."""
    url = URL(f"ws://127.0.0.1:{it.port}{path}", encoded=True)
    async with aiohttp.ClientSession() as session:
        with suppress(aiohttp.WSServerHandshakeError):
            async with session.ws_connect(url) as talk:
                await talk.send_bytes(LISTED)
                assert (await end_of(talk))[0] == REJECTED
    assert it.got == []


async def test_other_routes_refuse_websockets(it: Room) -> None:
    """As ever: 501, and nothing at the origin."""
    assert status(await exchange(it.port, HANDSHAKE % b"/elsewhere")) == 501
    assert it.heads == []


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"Version: 13", b"Version: 8", 426),
        (b"AAAA==", b"AAAA", 400),
        (b"Connection: Upgrade, close", b"Connection: close", 400),
        (b"Upgrade: websocket", b"Upgrade: websocket, h2c", 501),
        (b"GET", b"POST", 501),
    ],
)
async def test_handshake_of_two_readings_is_refused(
    it: Room, old: bytes, new: bytes, code: int
) -> None:
    """If only one side believed in it, messages would be requests for the other."""
    asked = (HANDSHAKE % b"/chat").replace(old, new)
    assert status(await exchange(it.port, asked)) == code
    assert it.heads == []


async def test_answer_of_an_origin_that_opens_nothing_is_passed_on(it: Room) -> None:
    """A redirect is for the client to follow."""
    answer = await exchange(it.port, HANDSHAKE % b"/chat/login")
    assert status(answer) == 302
    assert b"Location: /elsewhere" in answer
    assert answer.endswith(b"log in first")


async def test_message_over_the_limit_ends_the_connection(it: Room) -> None:
    """1009, and the origin learns that the client is gone."""
    async with it.talking(SMALL) as talk:
        await talk.send_bytes(b"x" * MOST_BYTES)
        assert (await talk.receive()).data == b"x" * MOST_BYTES
        await talk.send_bytes(b"x" * (MOST_BYTES + 1))
        assert (await end_of(talk))[0] == 1009
    await until(lambda: len(it.closed) == 1)
    assert it.got == [b"x" * MOST_BYTES]


async def test_close_of_each_side_reaches_the_other(it: Room) -> None:
    """With its code, after the messages before it."""
    async with it.talking() as talk:
        await talk.send_str("last")
        await talk.close(code=4002, message=b"enough")
    await until(lambda: it.closed == [4002])
    assert it.got == ["last"]
    async with it.talking() as talk:
        await talk.send_str("bye")
        assert await end_of(talk) == (4001, "well")


async def test_vanished_client_ends_the_side_of_the_origin(it: Room) -> None:
    """No WebSocket is left behind."""
    async with it.talking() as talk:
        await talk.send_str("here")
        await talk.receive()
        transport = talk.get_extra_info("socket")
        transport.shutdown(2)
    await until(lambda: len(it.closed) == 1)


async def test_undecodable_picture_ends_the_connection(it: Room) -> None:
    """What could not be checked is not passed on as checked."""
    async with it.talking() as talk:
        await talk.send_bytes(LISTED[:200] + b"\x00" * 50)
        assert (await end_of(talk))[0] == REJECTED
    assert it.decisions()[-1].verdict is Verdict.INCONCLUSIVE
    assert it.got == []


async def test_many_messages_at_once_need_few_records(it: Room) -> None:
    """Those that wait are judged together, so that a chatty client is cheap."""
    known = len(it.decisions())
    async with it.talking() as talk:
        for number in range(500):
            await talk.send_str(f"move {number}")
        back = [(await talk.receive()).data for _ in range(500)]
    assert back == it.got == [f"move {number}" for number in range(500)]
    assert len(it.decisions()) - known < 100


async def test_stop_of_the_service_ends_websockets_at_once(tmp_path: Path) -> None:
    """They would otherwise hold the stop up until its time limit."""
    limits = ProxyLimits(websockets=1, drain_idle_s=0.05)
    async with room(tmp_path, proxy=limits) as it:
        talking = it.talking()
        talk = await talking.__aenter__()
        await talk.send_str("here")
        await talk.receive()
        assert status(await exchange(it.port, HANDSHAKE % b"/chat")) == 503
        assert it.service is not None
        ended = asyncio.ensure_future(end_of(talk))
    assert (await ended)[0] == 1001
    await talking.__aexit__(None, None, None)
