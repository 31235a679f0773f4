"""Serve the operator, the monitoring and the probes on a separate listener.

Rules this module keeps:

- It is never the listener of uploads: its answers are for the operator alone.
- It is read-only: GET and HEAD are the only methods.
- A browser that was lured here discloses nothing: a foreign name in Host is refused
  (DNS rebinding), no other site may read an answer, and nothing is inline on the page.
- It stays responsive when uploads are turned away, and does not affect them: every
  answer reads data that is kept anyway, in 3 ms at most, and connections are few. When
  there are too many, the oldest one is closed, so that nobody can shut the operator
  out.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web

from uploadfilter.proxy.admin import page
from uploadfilter.proxy.admin.choosing import wanted_of
from uploadfilter.proxy.admin.facts import as_json, gather
from uploadfilter.proxy.admin.health import Health
from uploadfilter.proxy.admin.history import History
from uploadfilter.proxy.admin.settings import AdminSettings
from uploadfilter.proxy.admin.watched import Watched
from uploadfilter.web.clients.addresses import Address, TCPAddress
from uploadfilter.web.counting.recent import Wanted
from uploadfilter.web.serving import HEADERS, answer_static, serving

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_TEXT: Final = "text/plain; charset=utf-8"
_METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"

_Answering = Callable[[], Awaitable[web.Response]]


class AdminHandler:
    """Answers requests on the admin listener."""

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
            name = path.removeprefix("/static/")
            return answer_static(page.STATIC, name) or _nothing()
        answer = self._answers.get(path)
        return (
            await answer() if answer else _text(404, "There is no page at this path.")
        )

    def _is_ours(self, host: str) -> bool:
        """Tell whether the Host header has a name of this listener.

        An address in figures cannot be the name of another site.
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._hosts or is_address(name)

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
        # Not in a thread: the data belongs to the event loop. It takes 3 ms.
        body = self._watched.metrics.exposition()
        return web.Response(body=body, headers={"Content-Type": _METRICS})


def _text(
    status: int, text: str, headers: dict[str, str] | None = None
) -> web.Response:
    known = {"Content-Type": _TEXT, **(headers or {})}
    return web.Response(status=status, body=f"{text}\n".encode(), headers=known)


def _nothing() -> web.Response:
    return _text(404, "There is no page at this path.")


def is_address(name: str) -> bool:
    """Return whether a host is an address in figures."""
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


@asynccontextmanager
async def listening(
    desk: AdminHandler, settings: AdminSettings
) -> AsyncIterator[Address]:
    """Serve the desk during the block.

    Yields:
        The address that was bound, with the port that was picked.

    Raises:
        ServiceError: The address cannot be bound.
    """
    if settings.address is None:
        raise ValueError("no admin listener is configured")
    served = serving(
        desk.handle,
        settings.address,
        who="the admin listener",
        hint="Each proxy needs an address of its own: set listen in [admin] to "
        "another port, or to a unix socket.",
    )
    async with served as bound:
        if isinstance(bound, TCPAddress):
            _say_exposed(bound)
        yield bound


def _say_exposed(address: TCPAddress) -> None:
    if not ipaddress.ip_address(address.host.partition("%")[0]).is_loopback:
        log.warning(
            "admin_exposed",
            address=str(address),
            hint="Everyone who can connect there can read state and figures: let only "
            "monitoring and operators reach it.",
        )
