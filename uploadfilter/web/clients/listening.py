"""Listen for clients during a block, and finish their requests at its end.

Rules this module keeps: ``web/clients/sockets.py`` opens sockets and
``web/clients/silent.py`` admits connections; here they begin and end. Requests in
flight at the end are finished, and idle connections may still be used for a moment,
because closing one at that very moment would lose a request.
"""

import asyncio
import resource
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Final, NamedTuple

import structlog
from aiohttp import http_parser

from uploadfilter.errors import ServiceError
from uploadfilter.web.aiohttp_parts import Handle
from uploadfilter.web.clients import sockets
from uploadfilter.web.clients.accepting import Acceptor, OpenOne, open_with
from uploadfilter.web.clients.addresses import Address
from uploadfilter.web.clients.connections import Connections
from uploadfilter.web.clients.newcomers import told_client
from uploadfilter.web.clients.rawclients import AnswerClient, RawClients
from uploadfilter.web.clients.server import Server
from uploadfilter.web.clients.silent import SilentConnection
from uploadfilter.web.clients.sockets import Inherited, Listener
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.requests.draining import Drain
from uploadfilter.web.requests.limits import ProxyLimits
from uploadfilter.web.requests.live import InForce

log: structlog.stdlib.BoundLogger = structlog.get_logger()

BACKLOG: Final = 4096
"""Connections that may wait to be accepted while the loop is busy or, in an inherited
socket, during a restart of the service. Linux limits it to ``net.core.somaxconn``,
which is 4,096 since version 5.4."""

_CLOSING_S: Final = 1.0
"""How long aiohttp may take to close its connections; nothing is in flight then."""


class Served(NamedTuple):
    """What answers requests at some addresses.

    Attributes:
        handle: Answers one request over HTTP.
        addresses: The addresses to listen on.
    """

    handle: Handle
    addresses: Sequence[Address]


class ServedRaw(NamedTuple):
    """What answers clients of another protocol at some addresses.

    Attributes:
        answer: Answers one client to its end.
        addresses: The addresses to listen on.
    """

    answer: AnswerClient
    addresses: Sequence[Address]


@asynccontextmanager
async def listening(
    served: Sequence[Served | ServedRaw],
    *,
    in_force: InForce,
    drain: Drain,
    metrics: Metrics,
    inherited: Inherited,
) -> AsyncIterator[list[tuple[Address, ...]]]:
    """Serve clients during the block, within one limit on all connections.

    Args:
        served: What answers at which addresses.
        in_force: The live settings.
        drain: The requests in flight.
        metrics: Counts each limit that was reached.
        inherited: Sockets that the parent program has opened.

    Yields:
        The addresses that were bound, with the ports that were picked, of each.

    Raises:
        ServiceError: An address cannot be bound, or aiohttp lacks its C parser.
    """
    _require_c_parser()
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    limits = in_force.settings.limits
    _say_scarce(limits, descriptors)
    connections = Connections(
        lambda: in_force.settings, metrics, descriptors=descriptors
    )

    servers = [
        RawClients(it.answer, connections)
        if isinstance(it, ServedRaw)
        else Server(it.handle, connections=connections, drain=drain, metrics=metrics)
        for it in served
    ]
    async with AsyncExitStack() as stack:
        for server in servers:
            stack.push_async_callback(server.shutdown, _CLOSING_S)
        async with AsyncExitStack() as open_sockets:
            bound = [
                [
                    await _accepting(open_sockets, listener, server, connections)
                    for address in it.addresses
                    for listener in sockets.open_listeners(address, inherited)
                ]
                for server, it in zip(servers, served, strict=True)
            ]
            if left := inherited.left():
                log.warning(
                    "sockets_unused",
                    addresses=list(left),
                    hint='Write listen = "inherited", or remove them from the socket '
                    "unit.",
                )
            yield [tuple(each.address for each in its) for its in bound]
        await _see_out(connections, drain, in_force.settings.limits)


async def _accepting(
    stack: AsyncExitStack,
    listener: Listener,
    server: Server | RawClients,
    connections: Connections,
) -> Listener:
    """Accept connections until the stack is closed."""
    proxied = listener.address.proxy_protocol

    def who(sent: bytes, peer: str) -> str | None:
        return told_client(sent, peer, connections.settings, proxy_protocol=proxied)

    if isinstance(server, RawClients):
        open_one: OpenOne = server.open
    else:
        open_one = open_with(
            partial(SilentConnection, connections, server.open, proxy_protocol=proxied)
        )
    acceptor = Acceptor(
        listener.socket, open_one, backlog=BACKLOG, who=who, room=connections.room
    )
    if listener.is_unix:
        stack.callback(sockets.remove, listener)
    stack.push_async_callback(acceptor.close)
    return listener


async def _see_out(connections: Connections, drain: Drain, limits: ProxyLimits) -> None:
    """Finish the requests in flight, and the last ones of idle connections."""
    drain.begin()
    idle_s = min(limits.drain_idle_s, limits.drain_s)
    with suppress(TimeoutError):
        async with asyncio.timeout(idle_s):
            await connections.gone()
    connections.end_silent()
    left = await drain.finish(within_s=limits.drain_s - idle_s)
    if left:
        log.warning("requests_cut_off", requests=left, drain_s=limits.drain_s)


def _say_scarce(limits: ProxyLimits, descriptors: int) -> None:
    """Tell the operator that the limits are lower than the configured ones."""
    connections = limits.most_connections(descriptors)
    uploads = limits.most_open_uploads(descriptors)
    if (connections, uploads) != (limits.connections, limits.open_uploads):
        log.warning(
            "descriptors_scarce",
            descriptors=descriptors,
            connections=connections,
            open_uploads=uploads,
            hint="Allow more descriptors: LimitNOFILE= in the unit, or ulimit -n.",
        )


def _require_c_parser() -> None:
    """Refuse to run on aiohttp's pure-Python parser, which lets smuggled bytes pass."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise ServiceError(
            "aiohttp has no C parser here, and its Python one is too lenient",
            hint="Install aiohttp from a wheel, and unset AIOHTTP_NO_EXTENSIONS.",
        )
