"""The form of the report button: take a notice in.

Rules this module keeps: a notice is confirmed after it is on disk; the form tells
nothing about anybody, and takes no file; what somebody typed comes back if it is not
taken.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import web

from uploadfilter.errors import ObjectionError
from uploadfilter.forms import rendering
from uploadfilter.forms.asking import FormRequest, make_answer
from uploadfilter.forms.figures import FormMetrics, FormName, FormRefusal
from uploadfilter.forms.rates import Rates
from uploadfilter.forms.sending import notice_message
from uploadfilter.forms.store import FormStore, Receipt
from uploadfilter.ongoing import QUIET_S, OngoingFaults

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PATH: Final = "/notice"

MOST: Final = {"where": 2000, "what": 4000, "contact": 200}
"""Characters of each field: browsers open no longer address."""

MOST_PER_HOUR: Final = 10
"""Notices of one client in an hour; its network may send four times as many."""

_HOUR_S: Final = 3600.0


class NoticeForm:
    """Answers requests to the form.

    Args:
        now: Returns seconds since the epoch.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        store: FormStore,
        *,
        metrics: FormMetrics,
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._faults = OngoingFaults(log, quiet_s=QUIET_S)
        self._store = store
        self._metrics = metrics
        self._now = now
        self._clock = clock
        self._rates = Rates(most=MOST_PER_HOUR, within_s=_HOUR_S)

    async def handle(self, request: FormRequest) -> web.Response:
        """Answer one request."""
        if request.method == "GET":
            return self._show_form(request, 200)
        return self._refuse_unfit(request) or await self._take(request)

    def _refuse_unfit(self, request: FormRequest) -> web.Response | None:
        words, now_s = rendering.texts_of(request.language, "notice"), self._clock()
        page_words = rendering.texts_of(request.language, "page")
        typed = _read_fields(request)
        if not typed["where"]:
            return self._refuse(request, 422, FormRefusal.TEXT, words["no_where"])
        if any(len(typed[name]) > most for name, most in MOST.items()):
            return self._refuse(request, 422, FormRefusal.TEXT, words["too_long"])
        if not self._rates.is_open(request.client, now_s=now_s):
            wait_s = self._rates.wait_s(request.client, now_s=now_s)
            busy = page_words["busy"].format(minutes=int(wait_s / 60) + 1)
            return self._refuse(request, 429, FormRefusal.RATE, busy, wait_s)
        return None

    async def _take(self, request: FormRequest) -> web.Response:
        page_words = rendering.texts_of(request.language, "page")
        # Counted before it is written: many may come at once.
        self._rates.count(request.client, now_s=self._clock())
        message = notice_message(
            _read_fields(request), now=self._now(), language=request.language
        )
        try:
            receipt = await asyncio.to_thread(self._store.send, message)
        except ObjectionError as exc:
            self._faults.fail("notice_not_kept", error=str(exc), hint=exc.hint)
            broken = page_words["broken"]
            return self._refuse(request, 503, FormRefusal.STORE, broken)
        self._faults.recover("notice_not_kept")
        if receipt is not Receipt.RECEIVED:
            return self._refuse(request, 503, FormRefusal.FULL, page_words["broken"])
        self._metrics.count_received(FormName.NOTICE)
        log.info("notice_received", notice=message.id)
        return _thank(request)

    def _refuse(
        self,
        request: FormRequest,
        status: int,
        why: FormRefusal,
        words: str,
        wait_s: float = 0.0,
    ) -> web.Response:
        self._metrics.count_refused(FormName.NOTICE, why)
        return self._show_form(request, status, problem=words, wait_s=wait_s)

    @staticmethod
    def _show_form(
        request: FormRequest, status: int, *, problem: str = "", wait_s: float = 0.0
    ) -> web.Response:
        words = rendering.texts_of(request.language, "notice")
        page = rendering.render(
            "notice",
            language=request.language,
            title=words["title"],
            problem=problem,
            texts=words,
            optional=rendering.texts_of(request.language, "page")["optional"],
            typed=_read_fields(request),
            most=MOST,
            languages=rendering.language_names() if request.method == "GET" else (),
        )
        document: dict[str, object] = {"title": words["title"]}
        if problem:
            document = {"status": status, "detail": problem}
        return make_answer(status, request, page, document, retry_after_s=wait_s)


def _read_fields(request: FormRequest) -> dict[str, str]:
    return {
        "where": request.line("where"),
        "what": request.text("what"),
        "contact": request.line("contact"),
    }


def _thank(request: FormRequest) -> web.Response:
    words = rendering.texts_of(request.language, "notice")
    page = rendering.render(
        "told",
        language=request.language,
        title=words["thanks_title"],
        problem="",
        languages=(),
        texts=words,
        lines=[words["thanks"], words["danger"]],
        answer="",
        reasons=[],
        unsent="",
        rights="",
        decision="",
        code="",
        code_groups=[],
        back=f"notice?lang={request.language}",
        back_words=words["another"],
    )
    return make_answer(201, request, page, {"received": True})
