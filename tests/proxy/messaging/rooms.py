"""A site with a WebSocket behind a whole filter, for tests of messages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from tests.proxy.site import list_entries, settings
from uploadfilter.decisions.records.records import DecisionRecord, decode
from uploadfilter.model import Entry, Mode
from uploadfilter.proxy.routing.routes import DEFAULT_ROUTE, Route
from uploadfilter.service.running import Running, running
from uploadfilter.uploads.head.websockets import WebSockets
from uploadfilter.uploads.limits import UploadLimits

REJECTED = 1008
OTHER_PROTOCOL = "echo.v1"


@dataclass(slots=True, kw_only=True)
class Room:
    """A filter before an origin that keeps what it gets, and echoes it.

    Attributes:
        port: Where the filter listens.
        open: WebSockets that are open at the origin.
        got: The messages that the origin got, in order.
        heads: The headers of the handshakes that it got.
        closed: The close codes that it got.
        state: The filter's state directory.
        service: The filter.
    """

    port: int = 0
    open: int = 0
    got: list[bytes | str] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    closed: list[int | None] = field(default_factory=list)
    state: Path
    service: Running | None = None

    def forget(self) -> None:
        """Forget what the origin got."""
        self.got.clear()
        self.heads.clear()
        self.closed.clear()

    def decisions(self) -> list[DecisionRecord]:
        """Return the decisions on record, in order."""
        files = sorted((self.state / "instances" / "main" / "log").glob("*.jsonl"))
        records = [
            decode(line) for file in files for line in file.read_bytes().splitlines()
        ]
        return [item for item in records if isinstance(item, DecisionRecord)]

    @asynccontextmanager
    async def talking(
        self,
        path: str = "/chat",
        **options: Any,  # noqa: ANN401 - those of aiohttp
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket through the filter during the block."""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                f"ws://127.0.0.1:{self.port}{path}", max_msg_size=0, **options
            ) as talk,
        ):
            yield talk

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Be the origin."""
        self.heads.append(dict(request.headers))
        self.open += 1
        try:
            return await self._chat(request)
        finally:
            self.open -= 1

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/login"):
            return web.Response(
                status=302, headers={"Location": "/elsewhere"}, text="log in first"
            )
        talk = web.WebSocketResponse(protocols=(OTHER_PROTOCOL,), max_msg_size=0)
        talk.headers["Set-Cookie"] = "seat=7"
        await talk.prepare(request)
        async for message in talk:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self.got.append(message.data)
                await talk.send_frame(
                    message.data.encode()
                    if isinstance(message.data, str)
                    else message.data,
                    message.type,
                )
            if message.data == "bye":
                await talk.close(code=4001, message=b"well")
        self.closed.append(talk.close_code)
        return talk


INSPECTED, PASSED, MONITORED, SMALL = "/chat", "/open", "/watched", "/small"
MOST_BYTES = 1000


def _route(path: str, **changes: Any) -> Route:  # noqa: ANN401 - any field of a route
    route = Route(
        name=path[1:],
        origin=DEFAULT_ROUTE,
        path=path,
        mode=Mode.ENFORCE,
        websockets=WebSockets.INSPECT,
    )
    return replace(route, **changes)


ROUTES = (
    _route(INSPECTED),
    _route(PASSED, websockets=WebSockets.PASS),
    _route(MONITORED, mode=Mode.MONITOR),
    _route(SMALL, limits=UploadLimits(max_message_bytes=MOST_BYTES)),
)
"""The treatment of WebSockets by path; others refuse them."""


@asynccontextmanager
async def room(
    state: Path,
    *,
    listed: Sequence[Entry] = (),
    **changes: Any,  # noqa: ANN401 - any field of the settings
) -> AsyncIterator[Room]:
    """Run a filter and an origin with a WebSocket during the block."""
    list_entries(state, listed)
    made = Room(state=state)
    site = web.Application()
    site.router.add_get("/{path:.*}", made.chat)
    runner = web.AppRunner(site)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with running(settings(state, url, routes=ROUTES, **changes)) as service:
            made.port, made.service = service.port, service
            yield made
    finally:
        await runner.cleanup()
