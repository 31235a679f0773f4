"""A site with a chat: a message of one member goes to all members, by a WebSocket."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web


@dataclass(slots=True)
class Chatroom:
    """The site.

    Attributes:
        url: Where it is.
        got: The messages of its members, in order.
        heads: The headers of the requests that were no handshakes.
    """

    url: str = ""
    got: list[bytes | str] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    _members: set[web.WebSocketResponse] = field(default_factory=set)

    async def page(self, request: web.Request) -> web.Response:
        """Answer everything else."""
        self.heads.append(dict(request.headers))
        return web.Response(text="<!doctype html>", content_type="text/html")

    async def room(self, request: web.Request) -> web.StreamResponse:
        """Let a member talk."""
        talk = web.WebSocketResponse(max_msg_size=0)
        await talk.prepare(request)
        self._members.add(talk)
        async for message in talk:
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                continue
            self.got.append(message.data)
            for member in self._members:
                if isinstance(message.data, str):
                    await member.send_str(message.data)
                else:
                    await member.send_bytes(message.data)
        self._members.discard(talk)
        return talk

    async def serve(self, stop: asyncio.Event, ready: threading.Event) -> None:
        """Serve until it is stopped."""
        site = web.Application()
        site.router.add_get("/room", self.room)
        site.router.add_route("*", "/{path:.*}", self.page)
        runner = web.AppRunner(site)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        ready.set()
        await stop.wait()
        await runner.cleanup()


@contextlib.contextmanager
def chatroom() -> Iterator[Chatroom]:
    """Run the site for the length of the block."""
    site, loop, ready = Chatroom(), asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    def work() -> None:
        loop.run_until_complete(site.serve(stop, ready))
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait()
    try:
        yield site
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
