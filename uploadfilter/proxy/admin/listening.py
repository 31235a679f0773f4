"""Serve the operator, the monitoring and the probes on a listener of their own.

Rules this module keeps:

- It is never the listener of uploads: what is told here is for the operator alone.
- It only tells. GET and HEAD are all there is.
- A browser that was lured here tells nobody: a foreign name in Host is refused (DNS
  rebinding), no other site may read an answer, and nothing is inline on the page.
- It stays responsive when uploads are turned away, and they do not notice it: every
  answer is a look at what is kept anyway, of 3 ms at most, and connections are few.
  When there are too many, the oldest one goes, so that nobody can shut the operator
  out.
"""

import asyncio
import ipaddress
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web

from uploadfilter.errors import ServiceError
from uploadfilter.proxy.admin import page
from uploadfilter.proxy.admin.choosing import wanted_of
from uploadfilter.proxy.admin.facts import as_json, gather
from uploadfilter.proxy.admin.health import Health
from uploadfilter.proxy.admin.history import History
from uploadfilter.proxy.admin.manners import HEADERS, runner_of
from uploadfilter.proxy.admin.settings import AdminSettings
from uploadfilter.proxy.admin.watched import Watched
from uploadfilter.proxy.clients.addresses import Address, TCPAddress, UnixAddress
from uploadfilter.proxy.counting.recent import Wanted

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_SOCKET_MODE: Final = 0o660
"""The operator's group may be given the socket; everybody else may not connect."""

_TEXT: Final = "text/plain; charset=utf-8"
_METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"

_Answering = Callable[[], Awaitable[web.Response]]


class AdminHandler:
    """Answers what is asked on the admin listener.

    Args:
        watched: The proxy.
        health: Its checks.
        history: Its figures.
        hosts: Names by which it may be called.
    """

    def __init__(
        self,
        watched: Watched,
        health: Health,
        history: History,
        *,
        hosts: tuple[str, ...],
    ) -> None:
        self._watched = watched
        self._health = health
        self._history = history
        self._hosts = frozenset({"localhost", *(host.lower() for host in hosts)})
        self._answers: dict[str, _Answering] = {
            "/healthz": self._alive,
            "/readyz": self._ready,
            "/metrics": self._metrics,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        answer = await self._answered(request)
        answer.headers.update(HEADERS)
        return answer

    async def _answered(self, request: web.BaseRequest) -> web.Response:
        if request.method not in {"GET", "HEAD"}:
            allow = {"Allow": "GET, HEAD"}
            return _text(405, "This listener answers only GET and HEAD.", headers=allow)
        if not self._is_ours(request.headers.get("Host", "")):
            return _text(421, "Name this host in hosts of [admin], or use its address.")
        path, _, query = request.raw_path.partition("?")
        if path == "/":
            return await self._page(wanted_of(query))
        if path == "/facts.json":
            return self._facts(wanted_of(query))
        if path.startswith("/static/"):
            return _static(path.removeprefix("/static/"))
        answer = self._answers.get(path)
        return (
            await answer() if answer else _text(404, "There is no page at this path.")
        )

    def _is_ours(self, host: str) -> bool:
        """Tell whether a browser was sent here under a name that is ours.

        An address in figures cannot be another site's name.
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._hosts or _is_address(name)

    async def _page(self, wanted: Wanted) -> web.Response:
        facts = gather(self._watched, self._health, self._history, wanted)
        text = await asyncio.to_thread(page.render, facts)
        return web.Response(text=text, content_type="text/html", charset="utf-8")

    def _facts(self, wanted: Wanted) -> web.Response:
        facts = gather(self._watched, self._health, self._history, wanted)
        return web.Response(body=as_json(facts), content_type="application/json")

    async def _alive(self) -> web.Response:
        return _text(200, "alive")

    async def _ready(self) -> web.Response:
        findings = self._health.findings
        told = {
            "ready": self._health.is_ready,
            "checks": {
                str(item.check): {"ready": item.is_good, "detail": item.detail}
                for item in findings
            },
            "unenforced": [
                {
                    "route": item.route,
                    "lack": item.lack,
                    "detail": item.words,
                    "to_do": item.to_do,
                }
                for item in self._health.unenforced
            ],
        }
        return web.Response(
            status=200 if self._health.is_ready else 503,
            body=msgspec.json.encode(told),
            content_type="application/json",
        )

    async def _metrics(self) -> web.Response:
        # Not in a thread: what is read belongs to the event loop. It takes 3 ms.
        body = self._watched.metrics.exposition()
        return web.Response(body=body, headers={"Content-Type": _METRICS})


def _text(
    status: int, text: str, headers: dict[str, str] | None = None
) -> web.Response:
    known = {"Content-Type": _TEXT, **(headers or {})}
    return web.Response(status=status, body=f"{text}\n".encode(), headers=known)


def _static(name: str) -> web.Response:
    media_type = page.STATIC.get(name)
    if media_type is None:
        return _text(404, "There is no page at this path.")
    return web.Response(
        body=page.static(name), content_type=media_type, charset="utf-8"
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


@asynccontextmanager
async def listening(
    desk: AdminHandler, settings: AdminSettings
) -> AsyncIterator[Address]:
    """Serve the desk for the length of the block.

    Args:
        desk: What is answered.
        settings: Where.

    Yields:
        The address that was bound, with the port that was picked.

    Raises:
        ServiceError: It cannot be bound.
    """
    runner = runner_of(desk.handle)
    await runner.setup()
    try:
        yield await _bound(runner, settings.address)
    finally:
        await runner.cleanup()


async def _bound(
    runner: web.ServerRunner, address: TCPAddress | UnixAddress | None
) -> Address:
    try:
        match address:
            case TCPAddress(host=host, port=port):
                await web.TCPSite(runner, host, port).start()
                name = runner.addresses[0]
                bound = TCPAddress(host=name[0], port=name[1])
                _say_exposed(bound)
                return bound
            case UnixAddress(path=path):
                await web.UnixSite(runner, path).start()
                os.chmod(path, _SOCKET_MODE)  # noqa: PTH101 - a path as it was bound
                return address
            case None:
                raise ValueError("no admin listener is configured")
    except OSError as exc:
        raise ServiceError(
            f"the admin listener cannot listen on {address}: {_why(exc)}",
            hint="Each proxy needs an address of its own: set listen in [admin] to "
            "another port, or to a unix socket.",
        ) from exc


def _why(error: OSError) -> str:
    """Return why an address cannot be had; asyncio writes it again into its text."""
    # Below 0 are the numbers of name servers.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


def _say_exposed(address: TCPAddress) -> None:
    if not ipaddress.ip_address(address.host.partition("%")[0]).is_loopback:
        log.warning(
            "admin_exposed",
            address=str(address),
            hint="Everyone who can connect there can read state and figures: let only "
            "monitoring and operators reach it.",
        )
