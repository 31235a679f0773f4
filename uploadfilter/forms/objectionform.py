"""The form for objections: take one in, and tell its outcome.

One button at a time: with number and code a reader comes to the outcome, or, if nobody
has objected, to the form that takes the text.

Rules this module keeps: nothing is told without the code of the decision; wrong codes
of a client are few, and a wrong code is answered alike whether the decision exists or
not; an objection is confirmed after it is on disk; what somebody typed comes back if it
is not sent.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import web

from uploadfilter.decisions.records.ids import written_id
from uploadfilter.errors import ObjectionError
from uploadfilter.forms import rendering
from uploadfilter.forms.asking import FormRequest, make_answer
from uploadfilter.forms.cases import (
    MOST_TEXT_CHARACTERS,
    WITHIN_DAYS,
    Objection,
    ObjectionState,
    is_in_time,
)
from uploadfilter.forms.codes import is_code, written_code
from uploadfilter.forms.figures import FormMetrics, FormName, FormRefusal
from uploadfilter.forms.rates import Rates
from uploadfilter.forms.settings import ObjectionSettings
from uploadfilter.forms.statement import StatementSettings
from uploadfilter.forms.store import FormStore, Receipt
from uploadfilter.ongoing import QUIET_S, OngoingFaults

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PATH: Final = "/objection"

MOST_PER_HOUR: Final = 10
"""Objections of one client in an hour: an uploader has a few rejections."""

TRIES_PER_HOUR: Final = 20
"""Wrong codes of one client in an hour: codes are copied from a screen."""

_HOUR_S: Final = 3600.0


class ObjectionForm:
    """Answers requests to the form.

    Args:
        now: Returns seconds since the epoch.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        store: FormStore,
        *,
        key: bytes,
        settings: ObjectionSettings,
        statements: StatementSettings,
        metrics: FormMetrics,
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._faults = OngoingFaults(log, quiet_s=QUIET_S)
        self._store = store
        self._key = key
        self._settings = settings
        self._statements = statements
        self._metrics = metrics
        self._now = now
        self._clock = clock
        self._tries = Rates(most=TRIES_PER_HOUR, within_s=_HOUR_S)
        self._objections = Rates(most=MOST_PER_HOUR, within_s=_HOUR_S)

    async def handle(self, request: FormRequest) -> web.Response:
        """Answer one request."""
        if request.method == "GET":
            return self._show_form(request, 200)
        decision = written_id(request.line("id")) or ""
        try:
            answer = self._refuse_code(request, decision) or await self._answer(
                request, decision
            )
        except ObjectionError as exc:
            self._faults.fail("objection_not_kept", error=str(exc), hint=exc.hint)
            words = rendering.texts_of(request.language, "page")["broken"]
            return self._refuse(request, 503, FormRefusal.STORE, words)
        self._faults.recover("objection_not_kept")
        return answer

    def _refuse_code(self, request: FormRequest, decision: str) -> web.Response | None:
        """Check the code; a client with many wrong ones has to wait."""
        client, now_s = request.client, self._clock()
        if not self._tries.is_open(client, now_s=now_s):
            return self._refuse_busy(request, self._tries.wait_s(client, now_s=now_s))
        # The code is computed and compared for a malformed id as well.
        if is_code(self._key, decision, request.line("code")) and decision:
            return None
        self._tries.count(client, now_s=now_s)
        wrong = self._words(request)["wrong"]
        return self._refuse(request, 403, FormRefusal.CODE, wrong)

    async def _answer(self, request: FormRequest, decision: str) -> web.Response:
        """Answer a client that knows the code of a decision."""
        found = await asyncio.to_thread(self._store.get, decision)
        if found is not None:
            return self._show_state(request, found)
        if not is_in_time(decision, now=self._now()):
            late = self._words(request)["too_late"].format(days=WITHIN_DAYS)
            return self._refuse(request, 410, FormRefusal.LATE, late)
        if "text" not in request.fields:
            # A program asks for the outcome; people go on to the text.
            return self._show_form(request, 200 if request.wants_page else 404)
        return await self._take(request, decision, request.text("text"))

    async def _take(
        self, request: FormRequest, decision: str, text: str
    ) -> web.Response:
        words, now, now_s = self._words(request), self._now(), self._clock()
        if not text:
            return self._refuse(request, 422, FormRefusal.TEXT, words["no_text"])
        if len(text) > MOST_TEXT_CHARACTERS:
            long = words["too_long"].format(count=len(text), most=MOST_TEXT_CHARACTERS)
            return self._refuse(request, 422, FormRefusal.TEXT, long)
        if not self._objections.is_open(request.client, now_s=now_s):
            wait_s = self._objections.wait_s(request.client, now_s=now_s)
            return self._refuse_busy(request, wait_s)
        # Counted before it is written: many may come at once.
        self._objections.count(request.client, now_s=now_s)
        new = Objection(
            decision=decision,
            received_s=now,
            deadline_s=now + self._settings.deadline_s,
            changed_s=now,
            text=text,
            language=request.language,
        )
        receipt = await asyncio.to_thread(self._store.receive, new)
        if receipt is Receipt.FULL:
            return self._refuse(request, 503, FormRefusal.FULL, words["full"])
        if receipt is Receipt.ALREADY:
            found = await asyncio.to_thread(self._store.get, decision)
            return self._show_state(request, found or new)
        self._metrics.count_received(FormName.OBJECTION)
        log.info("objection_received", decision=decision)
        return self._show_state(request, new, status=201)

    # Pages

    def _refuse_busy(self, request: FormRequest, wait_s: float) -> web.Response:
        busy = rendering.texts_of(request.language, "page")["busy"]
        words = busy.format(minutes=int(wait_s / 60) + 1)
        return self._refuse(request, 429, FormRefusal.RATE, words, wait_s)

    def _refuse(
        self,
        request: FormRequest,
        status: int,
        why: FormRefusal,
        words: str,
        wait_s: float = 0.0,
    ) -> web.Response:
        self._metrics.count_refused(FormName.OBJECTION, why)
        return self._show_form(request, status, problem=words, wait_s=wait_s)

    def _show_form(
        self,
        request: FormRequest,
        status: int,
        *,
        problem: str = "",
        wait_s: float = 0.0,
    ) -> web.Response:
        words = self._words(request)
        page = rendering.render(
            "objection",
            language=request.language,
            title=words["title"],
            problem=problem,
            texts=words,
            decision=request.line("id"),
            code=written_code(request.line("code")) or request.line("code"),
            text=request.text("text"),
            # Number and code come first; who has sent them, writes.
            has_text=request.method == "POST" and status != 403,  # noqa: PLR2004 - a wrong code
            most=MOST_TEXT_CHARACTERS,
            languages=rendering.language_names() if request.method == "GET" else (),
        )
        told = problem or words["none"] if status >= 400 else ""  # noqa: PLR2004 - errors begin there
        document: dict[str, object] = {"status": status, "detail": told}
        return make_answer(
            status,
            request,
            page,
            document if told else {"title": words["title"]},
            retry_after_s=wait_s,
        )

    def _show_state(
        self, request: FormRequest, it: Objection, *, status: int = 200
    ) -> web.Response:
        """Tell where an objection stands, to a client that knows its code.

        A text that the client has typed comes back if it was not sent.
        """
        words = self._words(request)
        states = rendering.texts_of(request.language, "state")
        day = rendering.format_day(it.deadline_s)
        since = rendering.format_day(it.changed_s)
        typed = request.text("text")
        code = written_code(request.line("code"))
        page = rendering.render(
            "told",
            language=request.language,
            title=words["received_title" if status == 201 else "state_title"],  # noqa: PLR2004 - it is new
            problem="",
            languages=(),
            texts=words,
            lines=[
                states[it.state].format(day=day),
                *([states["again"]] if it.may_come_again else []),
                words["since"].format(day=since),
            ],
            answer=it.answer,
            reasons=self._reasons(request, it),
            unsent=typed if typed != it.text else "",
            rights=states["rights"] if it.state is ObjectionState.STANDS else "",
            decision=it.decision,
            code=code,
            code_groups=rendering.split_code(code),
            back=f"objection?lang={request.language}",
            back_words=rendering.texts_of(request.language, "page")["back"],
        )
        document: dict[str, object] = {
            "decision": it.decision,
            "state": it.state,
            "since": since,
            "answer": it.answer,
            "reasons": self._reasons(request, it),
        }
        if not it.is_decided:
            document["deadline"] = day
        return make_answer(status, request, page, document)

    def _reasons(self, request: FormRequest, it: Objection) -> list[str]:
        """Return the statement of reasons, once the record of the decision is found.

        A decision that is reversed has none: they would accuse an innocent uploader.
        """
        if it.rejected_at is None or it.state is ObjectionState.REVERSED:
            return []
        words, texts = rendering.texts_of(request.language, "reasons"), self._statements
        if it.evidence:
            return [words["match"], texts.legal_ground, texts.explanation]
        return [words["other"], texts.terms_ground, texts.terms_explanation]

    @staticmethod
    def _words(request: FormRequest) -> rendering.Section:
        return rendering.texts_of(request.language, "objection")
