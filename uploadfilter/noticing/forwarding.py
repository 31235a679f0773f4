"""Forward notices to the hotline: as JSON to its address, or as a mail to its mailbox.

Rules this module keeps: a notice leaves the queue only after the hotline has said that
it has it; each try has a time limit; one that fails is tried again, later each time.
"""

import asyncio
import contextlib
import json
import smtplib
import ssl
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import aiohttp
import structlog

from uploadfilter.errors import NoticeError
from uploadfilter.noticing.figures import NoticeMetrics
from uploadfilter.noticing.notices import HotlineNotice, pause_s
from uploadfilter.noticing.queueing import NoticeQueue
from uploadfilter.noticing.settings import MailSecurity, NoticeSettings
from uploadfilter.ongoing import OngoingFaults

log: structlog.stdlib.BoundLogger = structlog.get_logger()

INTERVAL_S: Final = 5.0
"""Seconds between two looks at the queue."""

_WITHIN_S: Final = 30.0
"""Seconds for one delivery."""

_AT_ONCE: Final = 50
_DAY_S: Final = 86_400.0


class Forwarder:
    """Sends notices to the hotline.

    Args:
        queue: The notices.
        settings: Where the hotline is.
        metrics: Counts deliveries.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        queue: NoticeQueue,
        settings: NoticeSettings,
        *,
        metrics: NoticeMetrics,
        now: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._settings = settings
        self._metrics = metrics
        self._now = now
        self._faults = OngoingFaults(log)

    async def keep(self) -> None:
        """Send periodically, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(INTERVAL_S)

    async def look(self) -> None:
        """Send the notices that are due."""
        try:
            now = self._now()
            due = await asyncio.to_thread(self._queue.due, now=now, most=_AT_ONCE)
            for notice, tries in due:
                problem = await self._send(notice)
                if problem:
                    later_s = now + pause_s(tries + 1)
                    await asyncio.to_thread(
                        self._queue.postpone, notice, until_s=later_s
                    )
                    self._metrics.failed()
                    self._say(problem)
                    # The hotline is down: the others would fail as well.
                    break
                await asyncio.to_thread(self._queue.delivered, notice)
                self._metrics.delivered()
                self._faults.recover("notices_undelivered")
            before_s = now - self._settings.keep_days * _DAY_S
            gone = await asyncio.to_thread(self._queue.forget, before_s=before_s)
            if gone:
                log.error("notices_lost", count=gone, hint="No hotline took them.")
            self._metrics.stand(await asyncio.to_thread(self._queue.length))
        except NoticeError as exc:
            self._metrics.stand(None)
            self._say(str(exc))

    async def _send(self, notice: HotlineNotice) -> str:
        """Send one notice; return the problem, or nothing."""
        try:
            if self._settings.hotline_url:
                return await _post(self._settings.hotline_url, notice)
            # SMTP of Python blocks: it has its own time limit.
            await asyncio.to_thread(mail, notice, self._settings)
        except (OSError, aiohttp.ClientError, smtplib.SMTPException) as exc:
            return f"{type(exc).__name__}: {exc}"
        return ""

    def _say(self, problem: str) -> None:
        self._faults.fail(
            "notices_undelivered",
            error=problem,
            hint="They stay in the queue, and are tried again within the hour.",
        )


async def _post(url: str, notice: HotlineNotice) -> str:
    """Send a notice to a hotline's address; return the problem, or nothing."""
    timeout = aiohttp.ClientTimeout(total=_WITHIN_S)
    headers = {
        "Content-Type": "application/json",
        # A hotline that got it before, and whose answer was lost, keeps one of them.
        "Idempotency-Key": notice.id,
    }
    body = json.dumps(notice.document(), ensure_ascii=False).encode()
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
    ):
        if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return ""
        return f"the hotline answered {answer.status}"


def mail(notice: HotlineNotice, settings: NoticeSettings) -> None:
    """Send a notice to a hotline's mailbox.

    Raises:
        OSError: The mail server cannot be reached.
        smtplib.SMTPException: It did not take the mail.
    """
    host, port = settings.smtp_server
    message = notice.mail(sender=settings.mail_from, to=settings.hotline_mail)
    context = ssl.create_default_context()
    security = settings.smtp_security
    with contextlib.ExitStack() as stack:
        if security is MailSecurity.TLS:
            made: smtplib.SMTP = smtplib.SMTP_SSL(
                host, port, timeout=_WITHIN_S, context=context
            )
        else:
            made = smtplib.SMTP(host, port, timeout=_WITHIN_S)
        server = stack.enter_context(made)
        if security is MailSecurity.STARTTLS:
            server.starttls(context=context)
        server.send_message(message)
