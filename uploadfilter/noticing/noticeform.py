"""The form of the report button: take a notice in.

Rules this module keeps: a notice is confirmed after it is on disk; a client that sends
many loses its own and nobody else's; the form tells nothing about anybody, and takes no
file.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import web

from uploadfilter.errors import NoticeError
from uploadfilter.networks import path_of
from uploadfilter.noticing.figures import NoticeMetrics, NoticeRefusal
from uploadfilter.noticing.notices import (
    MOST_CONTACT,
    MOST_WHAT,
    MOST_WHERE,
    HotlineNotice,
    faults_of,
)
from uploadfilter.noticing.queueing import NoticeQueue, NoticeReceipt
from uploadfilter.noticing.settings import NoticeSettings
from uploadfilter.objecting import asking, rendering
from uploadfilter.objecting.asking import FormRequest, answered
from uploadfilter.objecting.fields import line_of, text_of
from uploadfilter.objecting.rates import Rates
from uploadfilter.ongoing import QUIET_S, OngoingFaults

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PATH: Final = "/notice"
EMBEDDED: Final = "/notice/embedded"
"""The same form for a frame in a page of the host's."""

_HOUR_S: Final = 3600.0
_ID_BYTES: Final = 16
_NETWORK_DIGITS: Final = 16


class NoticeForm:
    """Answers requests to the form.

    Args:
        queue: Keeps notices.
        settings: Bounds, and who may show the form in a frame.
        metrics: Counts notices.
        now: Returns seconds since the epoch.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        queue: NoticeQueue,
        settings: NoticeSettings,
        *,
        metrics: NoticeMetrics,
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._faults = OngoingFaults(log, quiet_s=QUIET_S)
        self._queue = queue
        self._settings = settings
        self._metrics = metrics
        self._now = now
        self._clock = clock
        self._rates = Rates(most=settings.most_per_hour, within_s=_HOUR_S)
        # Networks are told apart while this process runs, and not from then on.
        self._key = secrets.token_bytes(32)

    async def handle(self, told: FormRequest) -> web.Response:
        """Answer one request."""
        if told.method == "GET":
            answer = self._form(told, 200)
        else:
            answer = await self._take(told)
        if told.path == EMBEDDED:
            policy = asking.policy(framed_by=self._settings.embed_on)
            answer.headers["Content-Security-Policy"] = policy
        return answer

    async def _take(self, told: FormRequest) -> web.Response:
        words, now_s = self._words(told), self._clock()
        typed = {
            "where": line_of(told.fields, "where"),
            "what": text_of(told.fields, "what"),
            "contact": line_of(told.fields, "contact"),
        }
        fault = faults_of(typed)
        if fault:
            return self._refuse(told, 422, NoticeRefusal.TEXT, words[fault])
        if not self._rates.is_open(told.client, now_s=now_s):
            wait_s = self._rates.wait_s(told.client, now_s=now_s)
            busy = self._page_words(told)["busy"].format(minutes=int(wait_s / 60) + 1)
            return self._refuse(
                told, 429, NoticeRefusal.RATE, busy, retry_after_s=wait_s
            )
        # Counted before it is written: many may come at once.
        self._rates.count(told.client, now_s=now_s)
        notice = HotlineNotice(
            id=secrets.token_hex(_ID_BYTES),
            received_s=self._now(),
            language=told.language,
            **typed,
        )
        try:
            receipt = await asyncio.to_thread(
                self._queue.add, notice, network=self._network(told.client)
            )
        except NoticeError as exc:
            self._faults.fail("notice_not_kept", error=str(exc), hint=exc.hint)
            broken = self._page_words(told)["broken"]
            return self._refuse(told, 503, NoticeRefusal.STORE, broken)
        self._faults.recover("notice_not_kept")
        if receipt is not NoticeReceipt.RECEIVED:
            status = 503 if receipt is NoticeReceipt.FULL else 429
            why = NoticeRefusal(receipt.value)
            return self._refuse(told, status, why, self._page_words(told)["broken"])
        self._metrics.received()
        log.info("notice_received", notice=notice.id)
        return self._thanks(told)

    def _refuse(
        self,
        told: FormRequest,
        status: int,
        why: NoticeRefusal,
        words: str,
        *,
        retry_after_s: float = 0.0,
    ) -> web.Response:
        self._metrics.refused(why)
        return self._form(told, status, problem=words, retry_after_s=retry_after_s)

    def _form(
        self,
        told: FormRequest,
        status: int,
        *,
        problem: str = "",
        retry_after_s: float = 0.0,
    ) -> web.Response:
        words = self._words(told)
        page = rendering.page(
            "notice",
            language=told.language,
            title=words["title"],
            problem=problem,
            texts=words,
            optional=self._page_words(told)["optional"],
            root=self._root(told),
            action=told.path.rpartition("/")[2],
            where=line_of(told.fields, "where"),
            what=text_of(told.fields, "what"),
            contact=line_of(told.fields, "contact"),
            most={"where": MOST_WHERE, "what": MOST_WHAT, "contact": MOST_CONTACT},
            languages=rendering.names_of_languages() if told.method == "GET" else (),
        )
        document: dict[str, object] = {"title": words["title"]}
        if problem:
            document = {"status": status, "detail": problem}
        return answered(status, told, page, document, retry_after_s=retry_after_s)

    def _thanks(self, told: FormRequest) -> web.Response:
        words = self._words(told)
        page = rendering.page(
            "told",
            language=told.language,
            title=words["thanks_title"],
            texts=words,
            root=self._root(told),
            lines=[words["thanks"], words["danger"]],
            answer="",
            unsent="",
            rights="",
            decision="",
            code="",
            code_groups=[],
            back=f"{told.path.rpartition('/')[2]}?lang={told.language}",
            back_words=words["another"],
        )
        return answered(201, told, page, {"received": True})

    def _network(self, client: str) -> str:
        if not client:
            return ""
        name = path_of(client).group.encode()
        return hmac.new(self._key, name, hashlib.sha256).hexdigest()[:_NETWORK_DIGITS]

    @staticmethod
    def _root(told: FormRequest) -> str:
        """Return the way from the page to the style sheet's folder."""
        return "../" if told.path == EMBEDDED else ""

    @staticmethod
    def _words(told: FormRequest) -> rendering.Section:
        return rendering.texts_of(told.language)["notice"]

    @staticmethod
    def _page_words(told: FormRequest) -> rendering.Section:
        return rendering.texts_of(told.language)["page"]
