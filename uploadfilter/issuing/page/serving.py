"""Listen on this machine, for one browser, until the page is closed.

Rules this module keeps: it never listens on an address of a network; the page ends when
it is closed, when a signal says so, or when nobody uses it, but never in the middle of
a publication.
"""

import asyncio
import ipaddress
import secrets
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from uploadfilter.errors import UsageError
from uploadfilter.issuing.page.desk import PageHandler
from uploadfilter.issuing.page.door import BrowserSession, Secrets
from uploadfilter.issuing.page.orders import Orders
from uploadfilter.issuing.page.work import Bench
from uploadfilter.web.clients.addresses import TCPAddress
from uploadfilter.web.serving import serving

_SECRET_BYTES = 32

_PORTS = 1 << 16

_LOOKS = 10
"""How often the idle time is checked while it passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSettings:
    """The address that the page listens on, and how long it runs.

    Attributes:
        listen: ``HOST:PORT``, an address of this machine in figures; port 0 means any
            free port. Empty means a random address of the network 127.0.0.0/8, which
            belongs to this machine as a whole. Browsers keep cookies by address and not
            by port, so the cookie of this page is not sent to a page of another
            program.
        idle_s: Seconds without a request after which it ends. Half an hour is longer
            than it takes to fetch the second officer, and ends a page that was
            forgotten over night.
    """

    listen: str = ""
    idle_s: float = 1800.0

    def __post_init__(self) -> None:
        """Refuse an address of another machine, and a time below a minute."""
        if self.listen:
            _host_and_port(self.listen)
        if self.idle_s <= 0:
            raise UsageError(
                "the page cannot end before it begins",
                hint="Give a time of one minute or more.",
            )


async def serve(
    orders: Orders, settings: PageSettings, *, announce: Callable[[str], None]
) -> None:
    """Serve the page until it is closed, left alone or told to end.

    Raises:
        ServiceError: The page cannot listen on its address.
    """
    bench = Bench()
    loop = asyncio.get_running_loop()
    try:
        async with _listening(orders, settings, bench) as (desk, link):
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, desk.closed.set)
            announce(link)
            await _closed(desk, settings.idle_s)
    finally:
        await bench.end()


@asynccontextmanager
async def _listening(
    orders: Orders, settings: PageSettings, bench: Bench
) -> AsyncIterator[tuple[PageHandler, str]]:
    """Listen during the block; yield the desk, and the link to it."""
    host, port = _host_and_port(settings.listen or f"{_by_chance()}:0")
    known = Secrets(
        link=secrets.token_urlsafe(_SECRET_BYTES),
        session=secrets.token_urlsafe(_SECRET_BYTES),
        form=secrets.token_urlsafe(_SECRET_BYTES),
    )
    desk: PageHandler | None = None

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if desk is None:
            raise AssertionError("asked before it listens")
        return await desk.handle(request)

    served = serving(
        handle,
        TCPAddress(host=host, port=port),
        who="the page",
        hint="Give another port with --listen, or port 0 for any free one.",
    )
    async with served as bound:
        door = BrowserSession(known, authority=str(bound))
        clock = asyncio.get_running_loop().time
        desk = PageHandler(door, orders, bench, clock=clock)
        yield desk, f"http://{bound}/enter/{known.link}"


async def _closed(desk: PageHandler, idle_s: float) -> None:
    while desk.left_alone_s() < idle_s:
        try:
            async with asyncio.timeout(idle_s / _LOOKS):
                await desk.closed.wait()
        except TimeoutError:
            continue
        return


def _by_chance() -> str:
    return f"127.{_part()}.{_part()}.{_part()}"


def _part() -> int:
    return 1 + secrets.randbelow(254)


def _host_and_port(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        number = int(port)
    except ValueError as exc:
        raise _no_address(listen) from exc
    if not address.is_loopback or number not in range(_PORTS):
        raise _no_address(listen)
    return str(address), number


def _no_address(listen: str) -> UsageError:
    return UsageError(
        f"the page cannot listen on {listen!r}",
        hint="It is for this machine only: give an address such as 127.0.0.1:8090.",
    )
