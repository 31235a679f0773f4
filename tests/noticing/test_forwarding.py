"""Tests of uploadfilter.noticing.forwarding, with a real mail server and address."""

import asyncio
import email
import email.policy
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from tests.noticing.notices import notice
from tests.objecting.objections import DAY_S, NOON_S
from uploadfilter.noticing.figures import NoticeMetrics
from uploadfilter.noticing.forwarding import Forwarder
from uploadfilter.noticing.queueing import FILE, NoticeQueue
from uploadfilter.noticing.settings import NoticeSettings


class Hotline:
    """Who gets notices: an address that may refuse them, and a mailbox."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.mails: list[str] = []

    async def take(self, request: web.BaseRequest) -> web.Response:
        """Take a notice by HTTP."""
        if self.status == 200:
            self.got.append(json.loads(await request.read()))
            self.keys.append(request.headers["Idempotency-Key"])
        return web.Response(status=self.status)

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self,
        server: object,  # noqa: ARG002 - as it is called
        session: object,  # noqa: ARG002 - the same
        envelope: Any,  # noqa: ANN401 - without types
    ) -> str:
        """Take a mail."""
        data = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(data, email.message.EmailMessage)
        self.mails.append(f"{envelope.rcpt_tos} {data['Subject']} {data.get_content()}")
        return "250 OK"


@asynccontextmanager
async def addressed(hotline: Hotline) -> AsyncIterator[str]:
    """Serve the hotline's address."""
    runner = web.ServerRunner(web.Server(hotline.take))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/notices"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def mailbox(hotline: Hotline) -> AsyncIterator[str]:
    """Run a mail server."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(hotline, hostname="hotline.example"), "127.0.0.1", 0
    )
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@contextmanager
def queued(
    tmp_path: Path, settings: NoticeSettings, clock: list[float]
) -> Iterator[tuple[NoticeQueue, Forwarder, CollectorRegistry]]:
    """Return a queue of two notices, and what forwards them."""
    registry = CollectorRegistry()
    with NoticeQueue(tmp_path / FILE) as queue:
        for number in (1, 2):
            queue.add(notice(number), network="")
        forwarder = Forwarder(
            queue, settings, metrics=NoticeMetrics(registry), now=lambda: clock[0]
        )
        yield queue, forwarder, registry


async def test_notices_reach_an_address(tmp_path: Path) -> None:
    """Each once; while the hotline is down they stay, and the fault is told once."""
    hotline, clock = Hotline(), [NOON_S + 10]
    async with addressed(hotline) as url:
        with queued(tmp_path, NoticeSettings(hotline_url=url), clock) as (
            queue,
            forwarder,
            registry,
        ):
            hotline.status = 500
            with capture_logs() as logs:
                await forwarder.look()
                clock[0] += 61
                await forwarder.look()
            waiting = queue.length().waiting
            hotline.status = 200
            clock[0] += 3600
            await forwarder.look()
            left = queue.length().waiting
            delivered = registry.get_sample_value(
                "uploadfilter_notices_delivered_total"
            )

    assert [it["event"] for it in logs] == ["notices_undelivered"]
    assert (waiting, left, delivered) == (2, 0, 2)
    assert [it["id"] for it in hotline.got] == [notice(1).id, notice(2).id]
    assert hotline.keys == [notice(1).id, notice(2).id]


async def test_notices_reach_a_mailbox(tmp_path: Path) -> None:
    """By a real mail server, with all that was typed."""
    hotline = Hotline()
    async with mailbox(hotline) as smtp:
        settings = NoticeSettings(
            hotline_mail="hotline@example.org", mail_from="host@example.org", smtp=smtp
        )
        with queued(tmp_path, settings, [NOON_S + 10]) as (queue, forwarder, _):
            await forwarder.look()
            assert queue.length().waiting == 0

    assert len(hotline.mails) == 2
    for text in ("hotline@example.org", "https://site.example/a", "second post"):
        assert text in hotline.mails[0]


async def test_mail_server_that_is_down_loses_nothing(tmp_path: Path) -> None:
    """Until the notice is too old, which is an error of its own."""
    clock = [NOON_S + 10]
    settings = NoticeSettings(
        hotline_mail="a@example.org", mail_from="b@example.org", smtp="127.0.0.1:1"
    )
    with queued(tmp_path, settings, clock) as (queue, forwarder, registry):
        await forwarder.look()
        waiting = queue.length().waiting
        failed = registry.get_sample_value("uploadfilter_notices_failed_total")
        clock[0] += 91 * DAY_S
        with capture_logs() as logs:
            await forwarder.look()
        left = queue.length().waiting

    assert (waiting, failed, left) == (2, 1, 0)
    assert "notices_lost" in [it["event"] for it in logs]


async def test_unreadable_queue_is_told(tmp_path: Path) -> None:
    """And the figures say so."""
    settings = NoticeSettings(hotline_url="https://hotline.example/")
    with queued(tmp_path, settings, [NOON_S]) as (queue, forwarder, registry):
        queue.close()
        with capture_logs() as logs:
            await forwarder.look()
        name = "uploadfilter_notice_queue_readable"
        readable = registry.get_sample_value(name)

    assert [it["event"] for it in logs] == ["notices_undelivered"]
    assert readable == 0
