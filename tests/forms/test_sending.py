"""Tests of uploadfilter.forms.sending, with a real mail server and address."""

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

from tests.forms.objections import DAY_S, NOON_S, decision_id, objection
from uploadfilter.forms.cases import ObjectionState
from uploadfilter.forms.figures import FormMetrics
from uploadfilter.forms.sending import (
    Sender,
    mail_of,
    notice_message,
    outcome_message,
)
from uploadfilter.forms.settings import FormsSettings
from uploadfilter.forms.store import FILE, Addressee, FormStore
from uploadfilter.webhooks import SignedMessage


class Hotline:
    """Who gets notices: an address that may refuse them, and a mailbox."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[dict[str, Any]] = []
        self.heads: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.mails: list[str] = []

    async def take(self, request: web.BaseRequest) -> web.Response:
        """Take a notice by HTTP."""
        if self.status == 200:
            self.bodies.append(await request.read())
            self.got.append(json.loads(self.bodies[-1]))
            self.heads.append(dict(request.headers))
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


TYPED = {"where": "https://site.example/a", "what": "second\npost", "contact": ""}
KEY = b"0123456789abcdef01234567"


@contextmanager
def queued(
    tmp_path: Path,
    clock: list[float],
    settings: FormsSettings | None = None,
    **places: str,
) -> Iterator[tuple[FormStore, Sender, CollectorRegistry]]:
    """Return a queue of two notices and an outcome, and what sends them."""
    registry = CollectorRegistry()
    with FormStore(tmp_path / FILE) as store:
        for number in (1, 2):
            typed = {**TYPED, "contact": str(number)}
            store.send(notice_message(typed, now=NOON_S + number, language="en"))
        after = objection().decide(
            ObjectionState.REVERSED, now=NOON_S, reviewer="ab", answer="Sorry."
        )
        store.send(outcome_message(after))
        sender = Sender(
            store,
            settings or FormsSettings(),
            {Addressee(name): place for name, place in places.items()},
            key=KEY,
            metrics=FormMetrics(registry),
            now=lambda: clock[0],
        )
        yield store, sender, registry


def waiting(store: FormStore, recipient: Addressee) -> int:
    """Return how many messages wait for a recipient."""
    return store.count(now=NOON_S).messages[recipient].number


async def test_messages_reach_an_address(tmp_path: Path) -> None:
    """Each once; while it is down they stay, and the fault is told once."""
    hotline, clock = Hotline(), [NOON_S + 10]
    async with addressed(hotline) as url:
        with queued(tmp_path, clock, hotline=url) as (store, sender, registry):
            hotline.status = 500
            with capture_logs() as logs:
                await sender.look()
                await sender.look()
                clock[0] += 61
                await sender.look()
            held = waiting(store, Addressee.HOTLINE)
            hotline.status = 200
            clock[0] += 3600
            await sender.look()
            left = waiting(store, Addressee.HOTLINE)
            labels = {"recipient": "hotline", "result": "delivered"}
            name = "uploadfilter_messages_sent_total"
            delivered = registry.get_sample_value(name, labels)

    assert [it["event"] for it in logs] == ["messages_undelivered"]
    assert (held, left, delivered) == (2, 0, 2)
    assert [it["contact"] for it in hotline.got] == ["1", "2"]
    assert [it["webhook-id"] for it in hotline.heads] == [
        it["id"] for it in hotline.got
    ]
    assert "webhook-signature" not in hotline.heads[0]


async def test_outcome_is_signed_and_names_nobody(tmp_path: Path) -> None:
    """The provider's system learns number, outcome and answer: no text, no address."""
    provider = Hotline()
    async with addressed(provider) as url:
        # The hotline that is down delays nobody else.
        down = "http://127.0.0.1:1/"
        with queued(tmp_path, [NOON_S + 10], hotline=down, provider=url) as parts:
            store, sender, _ = parts
            await sender.look()
            left = waiting(store, Addressee.PROVIDER)

    (body,) = provider.bodies
    head = provider.heads[0]
    signed = SignedMessage(id=head["webhook-id"], at_s=int(NOON_S + 10), body=body)
    assert left == 0
    assert signed.headers(KEY).items() <= head.items()
    assert provider.got == [
        {
            "objection": 1,
            "id": provider.got[0]["id"],
            "decided": "2026-11-28T12:00:00+00:00",
            "decision": decision_id(),
            "state": "reversed",
            "answer": "Sorry.",
            "language": "en",
        }
    ]


async def test_messages_reach_a_mailbox(tmp_path: Path) -> None:
    """By a real mail server, with all that was typed."""
    hotline = Hotline()
    async with mailbox(hotline) as smtp:
        settings = FormsSettings(smtp=smtp, mail_from="host@example.org")
        places = {"hotline": "mailto:hotline@example.org"}
        with queued(tmp_path, [NOON_S + 10], settings, **places) as (store, sender, _):
            await sender.look()
            left = waiting(store, Addressee.HOTLINE)

    assert left == 0
    assert len(hotline.mails) == 2
    for text in ("hotline@example.org", "https://site.example/a", "second", "post"):
        assert text in hotline.mails[0]


def test_no_typed_text_stands_in_a_header() -> None:
    """Nobody adds a recipient to the mail."""
    typed = {**TYPED, "where": "x\r\nBcc: a@example.org", "contact": "a@example.org"}
    message = notice_message(typed, now=NOON_S, language="en")
    mail = mail_of(message, sender="a@host.example", to="b@hotline.example")

    assert "Bcc" not in mail
    assert mail["Subject"] == f"Notice {message.id}"


async def test_unreadable_queue_is_told(tmp_path: Path) -> None:
    """It is a fault that lasts, and no crash."""
    with queued(tmp_path, [NOON_S + DAY_S], hotline="https://h.example/") as parts:
        store, sender, _ = parts
        store.close()
        with capture_logs() as logs:
            await sender.look()

    assert [it["event"] for it in logs] == ["messages_undelivered"]
