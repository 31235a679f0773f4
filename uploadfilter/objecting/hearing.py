"""The form for objections: take one in, and tell its outcome.

Rules this module keeps: nothing is told without the code of the decision; wrong codes
of a client are few, and a wrong code is answered alike whether the decision exists or
not; an objection is confirmed after it is on disk; a client that sends many loses its
own and nobody else's.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from uploadfilter.decisions.records.ids import written_id
from uploadfilter.errors import ObjectionError
from uploadfilter.networks import path_of
from uploadfilter.objecting import rendering
from uploadfilter.objecting.asking import FormRequest, answered
from uploadfilter.objecting.cases import (
    MOST_TEXT_CHARACTERS,
    Objection,
    ObjectionState,
    is_in_time,
)
from uploadfilter.objecting.codes import is_code, written_code
from uploadfilter.objecting.fields import line_of, text_of
from uploadfilter.objecting.figures import ObjectionMetrics, ObjectionRefusal
from uploadfilter.objecting.keeping import ObjectionStore, Receipt
from uploadfilter.objecting.rates import Rates
from uploadfilter.objecting.settings import ObjectionSettings
from uploadfilter.ongoing import QUIET_S, OngoingFaults

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PATH: Final = "/objection"

_HOUR_S: Final = 3600.0
_NETWORK_DIGITS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """Why nothing was done, and what the reader is told."""

    status: int
    why: ObjectionRefusal
    words: str
    retry_after_s: float = 0.0


class ObjectionForm:
    """Answers requests to the form.

    Args:
        store: Keeps objections.
        key: The key of the codes.
        settings: Times and bounds.
        metrics: Counts what comes in.
        now: Returns seconds since the epoch.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        store: ObjectionStore,
        *,
        key: bytes,
        settings: ObjectionSettings,
        metrics: ObjectionMetrics,
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._faults = OngoingFaults(log, quiet_s=QUIET_S)
        self._store = store
        self._key = key
        self._settings = settings
        self._metrics = metrics
        self._now = now
        self._clock = clock
        self._tries = Rates(most=settings.tries_per_hour, within_s=_HOUR_S)
        self._objections = Rates(most=settings.most_per_hour, within_s=_HOUR_S)

    async def handle(self, told: FormRequest) -> web.Response:
        """Answer one request."""
        if told.method == "GET":
            return self._form(told, 200, decision="", code="")
        decision = written_id(line_of(told.fields, "id")) or ""
        code = written_code(line_of(told.fields, "code"))
        refusal = self._refused(told, decision, code)
        if refusal is not None:
            return self._refuse(told, refusal)
        try:
            if told.fields.get("do") == "send":
                return await self._send(told, decision, code)
            found = await asyncio.to_thread(self._store.get, decision)
        except ObjectionError as exc:
            self._faults.fail("objection_not_kept", error=str(exc), hint=exc.hint)
            words = self._page_words(told)["broken"]
            return self._refuse(
                told, _Refusal(status=503, why=ObjectionRefusal.STORE, words=words)
            )
        self._faults.recover("objection_not_kept")
        if found is None and told.fields.get("do") != "outcome":
            # The button of the answer page: number and code are filled in.
            return self._form(told, 200, decision=decision, code=code)
        return self._state(told, decision, code, found)

    def _refused(self, told: FormRequest, decision: str, code: str) -> _Refusal | None:
        """Check the code; a client with many wrong ones has to wait."""
        now_s = self._clock()
        if not self._tries.is_open(told.client, now_s=now_s):
            return self._busy(told, self._tries.wait_s(told.client, now_s=now_s))
        # The code is computed and compared for a malformed id as well.
        if is_code(self._key, decision, code) and decision:
            return None
        self._tries.count(told.client, now_s=now_s)
        return _Refusal(
            status=403, why=ObjectionRefusal.CODE, words=self._words(told)["wrong"]
        )

    async def _send(self, told: FormRequest, decision: str, code: str) -> web.Response:
        """Take an objection in."""
        text = text_of(told.fields, "text")
        refusal = self._unfit(told, decision, text)
        if refusal is not None:
            return self._refuse(told, refusal, decision=decision, code=code, text=text)
        # Counted before it is written: many may come at once.
        self._objections.count(told.client, now_s=self._clock())
        now = self._now()
        new = Objection(
            decision=decision,
            received_s=now,
            deadline_s=now + self._settings.deadline_s,
            changed_s=now,
            text=text,
            language=told.language,
        )
        receipt = await asyncio.to_thread(
            self._store.receive, new, network=self._network(told.client)
        )
        match receipt:
            case Receipt.ALREADY:
                found = await asyncio.to_thread(self._store.get, decision)
                title = self._words(told)["already_title"]
                return self._state(told, decision, code, found, title=title)
            case Receipt.FULL | Receipt.NETWORK_FULL:
                status = 503 if receipt is Receipt.FULL else 429
                words = self._words(told)[receipt.value]
                full = _Refusal(
                    status=status, why=ObjectionRefusal(receipt.value), words=words
                )
                return self._refuse(told, full, decision=decision, code=code, text=text)
            case Receipt.RECEIVED:
                self._metrics.received()
                log.info("objection_received", decision=decision)
                return self._received(told, new, code)

    def _unfit(self, told: FormRequest, decision: str, text: str) -> _Refusal | None:
        """Return why an objection with the right code is not taken in."""
        words, now_s = self._words(told), self._clock()
        days = self._settings.within_days
        if not is_in_time(decision, now=self._now(), within_days=days):
            late = words["too_late"].format(days=days)
            return _Refusal(status=410, why=ObjectionRefusal.LATE, words=late)
        if not text:
            return _Refusal(
                status=422, why=ObjectionRefusal.TEXT, words=words["no_text"]
            )
        if len(text) > MOST_TEXT_CHARACTERS:
            long = words["too_long"].format(count=len(text), most=MOST_TEXT_CHARACTERS)
            return _Refusal(status=422, why=ObjectionRefusal.TEXT, words=long)
        if not self._objections.is_open(told.client, now_s=now_s):
            return self._busy(told, self._objections.wait_s(told.client, now_s=now_s))
        return None

    def _busy(self, told: FormRequest, wait_s: float) -> _Refusal:
        words = self._page_words(told)["busy"].format(minutes=int(wait_s / 60) + 1)
        return _Refusal(
            status=429, why=ObjectionRefusal.RATE, words=words, retry_after_s=wait_s
        )

    def _network(self, client: str) -> str:
        """Return the keyed hash of a client's widest network; empty for no client."""
        if not client:
            return ""
        name = path_of(client).group.encode()
        return hmac.new(self._key, name, hashlib.sha256).hexdigest()[:_NETWORK_DIGITS]

    # Pages

    def _form(
        self,
        told: FormRequest,
        status: int,
        *,
        decision: str,
        code: str,
        text: str = "",
        problem: str = "",
        retry_after_s: float = 0.0,
    ) -> web.Response:
        words = self._words(told)
        most = self._page_words(told)["most"].format(most=MOST_TEXT_CHARACTERS)
        page = rendering.page(
            "objection",
            language=told.language,
            title=words["title"],
            problem=problem,
            texts=words,
            decision=decision,
            code=code,
            text=text,
            most=MOST_TEXT_CHARACTERS,
            most_words=most,
            languages=rendering.names_of_languages() if told.method == "GET" else (),
        )
        document: dict[str, object] = {"title": words["title"]}
        if problem:
            document = {"status": status, "detail": problem}
        return answered(status, told, page, document, retry_after_s=retry_after_s)

    def _refuse(
        self,
        told: FormRequest,
        refusal: _Refusal,
        *,
        decision: str | None = None,
        code: str | None = None,
        text: str | None = None,
    ) -> web.Response:
        """Show the form again, filled in as it was, with the reason."""
        self._metrics.refused(refusal.why)
        if decision is None:
            decision = line_of(told.fields, "id")
        if code is None:
            code = line_of(told.fields, "code")
        return self._form(
            told,
            refusal.status,
            decision=decision,
            code=code,
            text=text_of(told.fields, "text") if text is None else text,
            problem=refusal.words,
            retry_after_s=refusal.retry_after_s,
        )

    def _received(self, told: FormRequest, new: Objection, code: str) -> web.Response:
        words = self._words(told)
        day = rendering.day_words(new.deadline_s)
        lines = [words["received_text"].format(day=day)]
        document: dict[str, object] = {
            "decision": new.decision,
            "state": new.state,
            "deadline": day,
        }
        return self._told(
            told,
            201,
            words["received_title"],
            lines,
            document,
            decision=new.decision,
            code=code,
        )

    def _state(
        self,
        told: FormRequest,
        decision: str,
        code: str,
        found: Objection | None,
        *,
        title: str = "",
    ) -> web.Response:
        """Tell where an objection stands, to a client that knows its code.

        A text that the client has typed comes back: it was not sent.
        """
        words, typed = self._words(told), text_of(told.fields, "text")
        if found is None:
            none = words["none_text"]
            return self._form(
                told, 404, decision=decision, code=code, text=typed, problem=none
            )
        states = rendering.texts_of(told.language)["state"]
        day = rendering.day_words(found.deadline_s)
        since = rendering.day_words(found.changed_s)
        lines = [states[found.state].format(day=day), words["since"].format(day=since)]
        document: dict[str, object] = {
            "decision": decision,
            "state": found.state,
            "since": since,
            "answer": found.answer,
        }
        if not found.state.is_decided:
            document["deadline"] = day
        return self._told(
            told,
            200,
            title or words["state_title"],
            lines,
            document,
            decision=decision,
            answer=found.answer,
            unsent=typed if typed != found.text else "",
            rights=states["rights"] if found.state is ObjectionState.DENIED else "",
        )

    def _told(
        self,
        told: FormRequest,
        status: int,
        title: str,
        lines: list[str],
        document: dict[str, object],
        *,
        decision: str = "",
        code: str = "",
        answer: str = "",
        unsent: str = "",
        rights: str = "",
    ) -> web.Response:
        page = rendering.page(
            "told",
            language=told.language,
            title=title,
            texts=self._words(told),
            lines=lines,
            answer=answer,
            unsent=unsent,
            rights=rights,
            decision=decision,
            code=code,
            code_groups=rendering.groups_of(code),
            back=f"objection?lang={told.language}",
            back_words=self._page_words(told)["back"],
        )
        return answered(status, told, page, document)

    @staticmethod
    def _words(told: FormRequest) -> rendering.Section:
        return rendering.texts_of(told.language)["objection"]

    @staticmethod
    def _page_words(told: FormRequest) -> rendering.Section:
        return rendering.texts_of(told.language)["page"]
