"""Listen for clients, and make of each connection requests for the proxy.

Rules this module keeps: aiohttp's server is made for applications. What it would do to
a request on its own is switched off in ``listening``: no decompression, no access log,
and our own answers to requests that cannot be parsed.
"""

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, assert_never

import structlog
from aiohttp import http_exceptions, http_parser, web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler
from typing_extensions import override

from uploadfilter.errors import ServiceError
from uploadfilter.model import Reason
from uploadfilter.proxy import answers
from uploadfilter.proxy.addresses import (
    Address,
    InheritedAddress,
    TCPAddress,
    UnixAddress,
)
from uploadfilter.proxy.draining import Drain
from uploadfilter.proxy.leaving import WatchedConnection
from uploadfilter.proxy.limits import ProxyLimits
from uploadfilter.proxy.server import Proxy

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_CLOSING_S = 1.0
"""How long aiohttp may take to close its connections; nothing is in flight then."""


class _Connection(WatchedConnection):
    """One client's connection, with our own answer to what is not HTTP."""

    def __init__(self, server: web.Server, proxy: Proxy, **kwargs: Any) -> None:  # noqa: ANN401 - aiohttp's own
        super().__init__(server, **kwargs)
        self._proxy = proxy

    @override
    def data_received(self, data: bytes) -> None:
        """Take bytes in; garbage inside a body ends the reading of that body.

        aiohttp 3.14 only queues its own answer for after the request, and leaves
        whoever reads the body waiting for more.
        """
        super().data_received(data)
        request = self._current_request
        if request is None or request.content.is_eof() or not self._messages:
            return
        if not isinstance(self._messages[-1][0], RawRequestMessage):
            garbage = web.RequestPayloadError("the body is not framed as it says")
            request.content.set_exception(garbage)
            # Nothing is left to be read away, which aiohttp would try and complain of.
            request.content.feed_eof()

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that cannot be parsed, or one whose handling failed."""
        self.keep_alive(val=False)
        if isinstance(exc, http_exceptions.HttpProcessingError):
            status = 431 if _is_too_long(exc) else 400
            detail = "The request is not valid HTTP."
            return answers.response(
                request,
                status=status,
                reason=Reason.MALFORMED_REQUEST,
                detail=detail,
                decision_id=None,
                wording=self._proxy.wording,
            )
        log.error("request_failed", status=status, exc_info=exc)
        return answers.response(
            request,
            status=503,
            reason=Reason.INTERNAL_ERROR,
            decision_id=None,
            wording=self._proxy.wording,
        )


def _is_too_long(exc: http_exceptions.HttpProcessingError) -> bool:
    """Tell whether a head is over a limit; for too many lines there is no class."""
    return isinstance(exc, http_exceptions.LineTooLong) or exc.message.startswith(
        "Too many headers"
    )


class _Server(web.Server):
    """aiohttp's server, making connections of our own kind."""

    def __init__(self, proxy: Proxy, **kwargs: Any) -> None:  # noqa: ANN401 - aiohttp's own
        super().__init__(proxy.handle, **kwargs)
        self._proxy = proxy

    @override
    def __call__(self) -> RequestHandler:
        """Make the handler of a new connection."""
        return _Connection(self, self._proxy, loop=self._loop, **self._kwargs)


@asynccontextmanager
async def listening(
    proxy: Proxy, *, addresses: Sequence[Address], limits: ProxyLimits, drain: Drain
) -> AsyncIterator[tuple[Address, ...]]:
    """Serve ``proxy`` for the length of the block.

    Args:
        proxy: What is done with each request.
        addresses: Where to listen.
        limits: Of connections.
        drain: What is in flight, and gets time to finish at the end.

    Yields:
        The addresses that were bound, with the ports that were picked.

    Raises:
        ServiceError: An address cannot be bound, or aiohttp lacks its C parser.
    """
    _require_c_parser()
    server = _Server(
        proxy,
        auto_decompress=False,
        access_log=None,
        keepalive_timeout=limits.keep_alive_s,
        lingering_time=limits.linger_s,
        max_line_size=limits.header_line_bytes,
        max_field_size=limits.header_line_bytes,
        max_headers=limits.header_lines,
    )
    runner = web.ServerRunner(server, shutdown_timeout=_CLOSING_S)
    await runner.setup()
    try:
        sites = [_site(runner, address) for address in addresses]
        for site in sites:
            await _bind(site)
        yield tuple(_bound(name) for name in runner.addresses)
        for site in sites:
            await site.stop()
        left = await drain.finish(within_s=limits.drain_s)
        if left:
            log.warning("requests_cut_off", requests=left, drain_s=limits.drain_s)
    finally:
        await runner.cleanup()


def _site(runner: web.ServerRunner, address: Address) -> web.BaseSite:
    match address:
        case TCPAddress():
            return web.TCPSite(runner, address.host, address.port)
        case UnixAddress():
            return web.UnixSite(runner, address.path)
        case InheritedAddress():
            raise ServiceError("sockets cannot be inherited yet")
        case never:
            assert_never(never)


async def _bind(site: web.BaseSite) -> None:
    try:
        await site.start()
    except (OSError, socket.gaierror) as exc:
        raise ServiceError(
            f"cannot listen on {site.name}: {exc.strerror or exc}",
            hint="Is another program using this address? Choose another with --listen.",
        ) from exc


def _bound(name: str | tuple[str, int]) -> Address:
    """Return the address of a socket by its name."""
    if isinstance(name, str):
        return UnixAddress(path=name)
    return TCPAddress(host=name[0], port=name[1])


def _require_c_parser() -> None:
    """Refuse to run on aiohttp's pure-Python parser, which lets smuggled bytes pass."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise ServiceError(
            "aiohttp has no C parser here, and its Python one is too lenient",
            hint="Install aiohttp from a wheel, and unset AIOHTTP_NO_EXTENSIONS.",
        )
