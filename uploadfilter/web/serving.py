"""Serve a page safely to a browser of the operator's or the issuer's.

Rules this module keeps: nothing is inline, nothing is loaded from elsewhere, no other
site may read an answer or frame a page; connections are few, and when there are too
many, the oldest one is closed, so that nobody can shut people out.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib import resources
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from typing_extensions import override

from uploadfilter.errors import ServiceError
from uploadfilter.web.aiohttp_parts import (
    AiohttpConnection,
    AiohttpServer,
    Handle,
)
from uploadfilter.web.clients.addresses import TCPAddress, UnixAddress

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Content-Security-Policy of all pages: nothing inline, nothing from elsewhere."""

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # Otherwise aiohttp discloses its own version, and that of Python.
    "Server": "uploadfilter",
    "X-Content-Type-Options": "nosniff",
}

SHARED: Final[Mapping[str, tuple[str, str]]] = {
    "page.css": ("uploadfilter.web", "text/css"),
    "icon.svg": ("uploadfilter.web", "image/svg+xml"),
}
"""The files that every page loads: the package that each is in, and its media type."""

MOST_CONNECTIONS: Final = 32
"""A few browsers with six connections each, a scraper, and probes."""

_KEEP_ALIVE_S: Final = 30.0
"""Longer than between two fetches of the page, or two scrapes of 15 s."""

_HEAD_BYTES: Final = 8190
_CLOSING_S: Final = 0.5

_SOCKET_MODE: Final = 0o660
"""The operator's group may be given the socket; other users may not connect."""


def answer_static(
    files: Mapping[str, tuple[str, str]], name: str, *, kept_s: int | None = None
) -> web.Response | None:
    """Return the answer with a file beside a page, or ``None`` if no page has it.

    Args:
        files: The package of each file and its media type.
        name: The name of the file, which any client may write.
        kept_s: Seconds for which the browser may keep it; ``None`` for not at all.
    """
    if name not in files:
        return None
    package, media_type = files[name]
    headers = {} if kept_s is None else {"Cache-Control": f"private, max-age={kept_s}"}
    return web.Response(
        body=_read(package, name),
        content_type=media_type,
        charset="utf-8",
        headers=headers,
    )


@cache
def _read(package: str, name: str) -> bytes:
    return (resources.files(package) / "static" / name).read_bytes()


@asynccontextmanager
async def serving(
    handle: Handle,
    address: TCPAddress | UnixAddress,
    *,
    who: str,
    hint: str,
    most: int = MOST_CONNECTIONS,
) -> AsyncIterator[TCPAddress | UnixAddress]:
    """Serve a page while the block runs; yield the address that was bound.

    Args:
        handle: Answers one request.
        address: The address; port 0 means any free one.
        who: What listens, for the message.
        hint: What to do if the address cannot be bound.
        most: Most connections.

    Raises:
        ServiceError: The address cannot be bound.
    """
    runner = _runner_of(handle, most)
    await runner.setup()
    try:
        try:
            bound = await _bound(runner, address)
        except OSError as exc:
            raise ServiceError(
                f"{who} cannot listen on {address}: {_why(exc)}", hint=hint
            ) from exc
        yield bound
    finally:
        await runner.cleanup()


async def _bound(
    runner: web.ServerRunner, address: TCPAddress | UnixAddress
) -> TCPAddress | UnixAddress:
    match address:
        case TCPAddress(host=host, port=port):
            await web.TCPSite(runner, host, port).start()
            name = runner.addresses[0]
            return TCPAddress(host=name[0], port=name[1])
        case UnixAddress(path=path):
            await web.UnixSite(runner, path).start()
            os.chmod(path, _SOCKET_MODE)  # noqa: PTH101 - a path as it was bound
            return address


def _why(error: OSError) -> str:
    """Return why an address cannot be bound; asyncio repeats it in its own text."""
    # Numbers below 0 belong to name resolution.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


def _runner_of(handle: Handle, most: int) -> web.ServerRunner:
    server = _FewConnections(
        handle,
        _Connection,
        access_log=None,
        keepalive_timeout=_KEEP_ALIVE_S,
        max_line_size=_HEAD_BYTES,
        max_field_size=_HEAD_BYTES,
    )
    server.most = most
    return web.ServerRunner(server, shutdown_timeout=_CLOSING_S)


class _Connection(AiohttpConnection):
    """One connection of a browser, a scraper or a probe."""

    __slots__ = ("_server",)

    def __init__(self, server: "_FewConnections", **kwargs: Any) -> None:  # noqa: ANN401 - aiohttp's own
        self._server = server
        super().__init__(server, **kwargs)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Register a connection, and close the oldest if there are too many."""
        super().connection_made(transport)
        self._server.make_room()

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer bytes that are not HTTP; aiohttp would log a traceback of each."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        self.keep_alive(val=False)
        return web.Response(status=400, text="This is not an HTTP request.\n")


class _FewConnections(AiohttpServer):
    """aiohttp's server, for few connections."""

    most = MOST_CONNECTIONS

    def make_room(self) -> None:
        """Close connections beyond the limit: the oldest of the busiest address."""
        excess = len(self.connections) - self.most
        if excess <= 0:
            return
        by_address: defaultdict[str, list[asyncio.Transport]] = defaultdict(list)
        for connection in self.connections:
            if connection.transport is not None:
                peer = connection.transport.get_extra_info("peername")
                address = str(peer[0]) if isinstance(peer, tuple) else ""
                by_address[address].append(connection.transport)
        for oldest in max(by_address.values(), key=len, default=[])[:excess]:
            oldest.abort()
