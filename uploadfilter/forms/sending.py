"""Send what waits in the queue: notices to the hotline, outcomes to the provider.

By POST as JSON, or as a mail. No message has a file, or an address of a client: a
notice has what its sender typed into the form, an outcome nothing that an uploader
typed.

Rules this module keeps: a message leaves the queue only after its recipient has said
that it has it; each try has a time limit; one that fails is tried again, later each
time; no typed text stands in a header.
"""

import asyncio
import contextlib
import secrets
import smtplib
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from types import MappingProxyType
from typing import Final

import aiohttp
import msgspec
import structlog

from uploadfilter.errors import ObjectionError
from uploadfilter.forms.cases import Objection
from uploadfilter.forms.figures import FormMetrics
from uploadfilter.forms.settings import FormsSettings, is_mail, mailbox_of
from uploadfilter.forms.store import Addressee, FormStore, Message
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.webhooks import SignedMessage, pause_s, send

log: structlog.stdlib.BoundLogger = structlog.get_logger()

KEEP_DAYS: Final = 90
"""Days for which a message that cannot be delivered is kept; an alarm comes long
before."""

_INTERVAL_S: Final = 5.0
"""Seconds between two looks at the queue."""

_WITHIN_S: Final = 30.0
"""Seconds for one delivery."""

_AT_ONCE: Final = 50
_FORMAT: Final = 1
"""Another one if a present reader would misunderstand a message."""

_TLS_PORT: Final = 465


def outcome_message(it: Objection) -> Message:
    """Return the message about a decided objection, for the provider's own system."""
    return _message(
        Addressee.PROVIDER,
        it.changed_s,
        "objection",
        {
            "decision": it.decision,
            "state": it.state.value,
            "answer": it.answer,
            "language": it.language,
        },
    )


def notice_message(typed: Mapping[str, str], *, now: float, language: str) -> Message:
    """Return a notice for the hotline.

    Args:
        typed: ``where``, ``what`` and ``contact``.
        now: Seconds since the epoch.
        language: Language tag of the form.
    """
    return _message(Addressee.HOTLINE, now, "notice", {**typed, "language": language})


def _message(
    recipient: Addressee, at_s: float, kind: str, told: Mapping[str, str]
) -> Message:
    number = secrets.token_hex(16)
    at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
    time = "received" if recipient is Addressee.HOTLINE else "decided"
    document: dict[str, str | int] = {kind: _FORMAT, "id": number, time: at, **told}
    return Message(id=number, recipient=recipient, made_s=at_s, document=document)


class Sender:
    """Sends messages to their recipients.

    Args:
        places: The URL or mailbox of each recipient; empty for none.
        key: Signs what the provider gets by POST; empty for a mailbox.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        store: FormStore,
        settings: FormsSettings,
        places: Mapping[Addressee, str],
        *,
        key: bytes,
        metrics: FormMetrics,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._settings = settings
        self._places = MappingProxyType({k: v for k, v in places.items() if v})
        self._key = key
        self._metrics = metrics
        self._now = now
        self._faults = {it: OngoingFaults(log) for it in Addressee}

    async def keep(self) -> None:
        """Send periodically, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_INTERVAL_S)

    async def look(self) -> None:
        """Send the messages that are due; nobody waits for another's recipient."""
        await asyncio.gather(*(self._look(*it) for it in self._places.items()))

    async def _look(self, recipient: Addressee, place: str) -> None:
        try:
            await self._send_due(recipient, place)
        except ObjectionError as exc:
            self._fail(recipient, str(exc))

    async def _send_due(self, recipient: Addressee, place: str) -> None:
        now = self._now()
        due = await asyncio.to_thread(
            self._store.list_due, recipient, now=now, most=_AT_ONCE
        )
        for message in due:
            problem = await self._send(message, place)
            self._metrics.count_sent(recipient, is_good=not problem)
            if problem:
                self._fail(recipient, problem)
                until_s = now + pause_s(message.tries + 1)
                await asyncio.to_thread(self._store.postpone, message, until_s=until_s)
                # The recipient is down: the others would fail as well.
                return
            await asyncio.to_thread(self._store.remove, message)
            self._faults[recipient].recover("messages_undelivered")

    async def _send(self, message: Message, place: str) -> str:
        """Send one message; return the problem, or nothing."""
        try:
            if not is_mail(place):
                return await self._post(message, place)
            # SMTP of Python blocks: it has its own time limit.
            await asyncio.to_thread(self._mail, message, mailbox_of(place))
        except (OSError, smtplib.SMTPException) as exc:
            return f"{type(exc).__name__}: {exc}"
        return ""

    def _fail(self, recipient: Addressee, problem: str) -> None:
        self._faults[recipient].fail(
            "messages_undelivered",
            recipient=str(recipient),
            error=problem,
            hint="They stay in the queue, and are tried again within the hour.",
        )

    async def _post(self, message: Message, url: str) -> str:
        signed = SignedMessage(
            id=message.id,
            at_s=int(self._now()),
            body=msgspec.json.encode(message.document),
        )
        # A hotline has no key of ours.
        key = self._key if message.recipient is Addressee.PROVIDER else b""
        async with aiohttp.ClientSession() as session:
            return await send(session, url, signed, key)

    def _mail(self, message: Message, to: str) -> None:
        host, port = self._settings.smtp_server
        context = ssl.create_default_context()
        with contextlib.ExitStack() as stack:
            if port == _TLS_PORT:
                made: smtplib.SMTP = smtplib.SMTP_SSL(
                    host, port, timeout=_WITHIN_S, context=context
                )
            else:
                made = smtplib.SMTP(host, port, timeout=_WITHIN_S)
            server = stack.enter_context(made)
            if port != _TLS_PORT and not self._settings.is_smtp_here:
                server.starttls(context=context)
            server.send_message(
                mail_of(message, sender=self._settings.mail_from, to=to)
            )


def mail_of(message: Message, *, sender: str, to: str) -> EmailMessage:
    """Return a message as a mail."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = to
    kind = next(iter(message.document)).capitalize()
    mail["Subject"] = f"{kind} {message.id}"
    mail["Date"] = datetime.fromtimestamp(message.made_s, UTC)
    mail["Message-ID"] = f"<{message.id}@{sender.partition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    lines = (f"{name}:\n{value or '-'}\n" for name, value in message.document.items())
    mail.set_content("\n".join(lines))
    return mail
