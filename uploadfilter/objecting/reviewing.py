"""The page of reviewers: see what waits, look at one objection, decide it.

Rules this module keeps: nothing is told before the login; passwords are tried seldom;
every change needs the session's cookie, which browsers send only from this page, a form
of the session, and the Origin of this page; after a change the browser is redirected. A
foreign name in Host is refused. The picture is nowhere, so it cannot be shown.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from uploadfilter.decisions.records.ids import written_id
from uploadfilter.errors import UploadFilterError
from uploadfilter.objecting import asking, rendering
from uploadfilter.objecting.asking import FormRequest, Front
from uploadfilter.objecting.cases import (
    MOST_TEXT_CHARACTERS,
    NEXT,
    Objection,
    ObjectionEvent,
    ObjectionState,
)
from uploadfilter.objecting.deciding import Decider
from uploadfilter.objecting.fields import line_of, text_of
from uploadfilter.objecting.figures import ObjectionMetrics
from uploadfilter.objecting.keeping import ObjectionStore
from uploadfilter.objecting.rates import Rates
from uploadfilter.objecting.reviewers import MOST_PASSWORD, Reviewers
from uploadfilter.objecting.sessions import COOKIE, ReviewSession, ReviewSessions
from uploadfilter.ongoing import QUIET_S, OngoingFaults
from uploadfilter.proxy.admin.listening import is_address
from uploadfilter.proxy.admin.serving import HEADERS

log: structlog.stdlib.BoundLogger = structlog.get_logger()

MOST_LISTED: Final = 200
"""Objections on one page: a day's work."""

_TRIES, _TRIES_WITHIN_S = 10, 900.0
"""Wrong passwords of one address, and of one account, in a quarter of an hour."""

_RANDOM_BYTES: Final = 32

_OUTCOMES: Final = {
    ObjectionState.DENIED: (
        "Deny the objection: the decision stands",
        "The uploader is told that a person found no mistake.",
    ),
    ObjectionState.GRANTED: (
        "Grant the objection: the upload was rejected by mistake",
        "No entry is to blame. Nothing is changed in the list.",
    ),
    ObjectionState.SUPPRESSED: (
        "Grant the objection, and switch the entry off",
        "For 30 days, at once, for all uploads. It comes back by itself.",
    ),
    ObjectionState.ASKED: (
        "Switch the entry off, and ask the issuer to withdraw it",
        "The next feedback file tells the issuer, the uploader learns when it is done.",
    ),
}
"""The outcomes that a reviewer chooses, each with its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line of the list."""

    decision: str
    came: str
    due: str
    is_late: bool
    route: str
    entry: str


class ReviewHandler:
    """Answers on the page of reviewers.

    Args:
        store: The objections.
        decider: Carries decisions out.
        reviewers: The accounts.
        metrics: Counts decisions.
        registry: The figures for monitoring.
        hosts: Host names of this listener.
        now: Returns seconds since the epoch.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        store: ObjectionStore,
        decider: Decider,
        *,
        reviewers: Reviewers,
        metrics: ObjectionMetrics,
        registry: CollectorRegistry,
        hosts: tuple[str, ...],
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._decider = decider
        self._reviewers = reviewers
        self._metrics = metrics
        self._registry = registry
        self._hosts = frozenset({"localhost", *(host.lower() for host in hosts)})
        self._now = now
        self._clock = clock
        self._sessions = ReviewSessions()
        self._tries = Rates(most=_TRIES, within_s=_TRIES_WITHIN_S)
        # scrypt takes 16 MiB: one try at a time.
        self._trying = asyncio.Lock()
        self._notes: dict[str, tuple[bool, str]] = {}
        self._faults = OngoingFaults(log, quiet_s=QUIET_S)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            answer = await self._answered(request)
        except UploadFilterError as exc:
            self._faults.fail("review_failed", error=str(exc), hint=exc.hint)
            answer = _text(503, "The page cannot be shown now; the log says why.")
        else:
            self._faults.recover("review_failed")
        policy = {
            "Content-Security-Policy": asking.policy(),
            # With "no-referrer" browsers send "null" as the Origin of our own forms.
            "Referrer-Policy": "same-origin",
        }
        for name, value in {**HEADERS, **policy}.items():
            answer.headers[name] = value
        return answer

    async def _answered(self, request: web.BaseRequest) -> web.Response:
        if not self._is_ours(request.headers.get("Host", "")):
            return _text(421, "Name this host in review_hosts of [forms].")
        if request.method == "GET":
            if request.path == "/metrics":
                return _metrics(self._registry)
            if request.path in _STATIC:
                body = rendering.style(_STATIC[request.path])
                return web.Response(body=body, content_type="text/css")
        told = await asking.asked(request, Front())
        if isinstance(told, int) or (told.method == "POST" and not _is_own(request)):
            status = told if isinstance(told, int) else 403
            refused = _text(status, "This page takes only its own forms.")
            refused.force_close()
            return refused
        if told.path == "/login" and told.method == "POST":
            return await self._login(told)
        return await self._let_in(told, request.cookies.get(COOKIE, ""))

    async def _let_in(self, told: FormRequest, cookie: str) -> web.Response:
        """Answer a browser that has a session; ask any other one to log in."""
        session = await self._session(cookie)
        if session is None:
            return self._page("login", None, status=200 if told.path == "/" else 401)
        if told.method == "POST" and not session.knows_form(
            line_of(told.fields, "form")
        ):
            return _text(403, "This form is of an earlier page. Go back, and load it.")
        if told.path == "/logout" and told.method == "POST":
            self._sessions.end(cookie)
            return _see("/")
        return await self._inside(told, session)

    async def _session(self, cookie: str) -> ReviewSession | None:
        """Return the session of a cookie, if its account is still the same."""
        session = self._sessions.use(cookie, now_s=self._clock())
        if session is None:
            return None
        mark = await asyncio.to_thread(self._reviewers.mark, session.reviewer)
        if mark != session.mark:
            self._sessions.end(cookie)
            return None
        return session

    async def _login(self, told: FormRequest) -> web.Response:
        name = line_of(told.fields, "name")[:MOST_PASSWORD]
        password = told.fields.get("password", "")
        now_s = self._clock()
        # An account is a bucket of its own: an attacker with many addresses.
        account = hashlib.sha256(name.encode()).hexdigest()
        clients = (told.client or "here", account)
        # One at a time, so that many at once cannot all pass the check.
        async with self._trying:
            if not all(self._tries.is_open(it, now_s=now_s) for it in clients):
                return self._too_often(clients, now_s)
            is_known = await asyncio.to_thread(self._reviewers.knows, name, password)
            if not is_known:
                for it in clients:
                    self._tries.count(it, now_s=now_s)
        if not is_known:
            log.warning("review_login_refused")
            note = False, "Name or password is wrong."
            return self._page("login", None, note=note, status=403)
        cookie = secrets.token_urlsafe(_RANDOM_BYTES)
        self._sessions.begin(
            name,
            mark=await asyncio.to_thread(self._reviewers.mark, name),
            cookie=cookie,
            form=secrets.token_urlsafe(_RANDOM_BYTES),
            now_s=now_s,
        )
        log.info("review_login", reviewer=name)
        answer = _see("/")
        answer.set_cookie(COOKIE, cookie, httponly=True, samesite="Strict", path="/")
        return answer

    def _too_often(self, clients: tuple[str, ...], now_s: float) -> web.Response:
        wait_s = max(self._tries.wait_s(it, now_s=now_s) for it in clients)
        minutes = int(wait_s / 60) + 1
        note = False, f"Too many wrong passwords. Try again in {minutes} minutes."
        answer = self._page("login", None, note=note, status=429)
        answer.headers["Retry-After"] = str(int(wait_s) + 1)
        return answer

    async def _inside(self, told: FormRequest, session: ReviewSession) -> web.Response:
        if told.path == "/":
            return await self._listed(session, is_open=True)
        if told.path == "/decided":
            return await self._listed(session, is_open=False)
        decision = written_id(told.path.removeprefix("/objection/"))
        found = None
        if told.path.startswith("/objection/") and decision:
            found = await asyncio.to_thread(self._store.get, decision)
        if found is None:
            return _text(404, "There is no objection at this address.")
        if told.method == "POST":
            return await self._decide(told, session, found)
        return self._case(session, found)

    async def _listed(self, session: ReviewSession, *, is_open: bool) -> web.Response:
        states = frozenset(it for it in ObjectionState if it.is_decided != is_open)
        found = await asyncio.to_thread(
            self._store.listed, states=states, most=MOST_LISTED + 1
        )
        rows = [self._row(it) for it in found[:MOST_LISTED]]
        return self._page(
            "listed",
            session,
            title="Objections that wait" if is_open else "Objections that were decided",
            here="/" if is_open else "/decided",
            is_open=is_open,
            rows=rows,
            more=len(found) > MOST_LISTED,
        )

    def _row(self, it: Objection) -> _Row:
        first = it.chosen or next(((e.set, e.entry) for e in it.evidence), None)
        is_open = not it.state.is_decided
        return _Row(
            decision=it.decision,
            came=_moment(it.received_s),
            due=_moment(it.deadline_s) if is_open else it.state.value,
            is_late=is_open and self._now() >= it.deadline_s,
            route=it.route or "",
            entry=" / ".join(first) if first else "",
        )

    def _case(self, session: ReviewSession, it: Objection) -> web.Response:
        offered = [
            (state.value, *words)
            for state, words in _OUTCOMES.items()
            if state in NEXT[it.state] and (it.evidence or not state.needs_entry)
        ]
        return self._page(
            "case",
            session,
            it=it,
            here="/decided" if it.state.is_decided else "/",
            rejected=f"{it.decided_at:%Y-%m-%d %H:%M} UTC"
            if it.decided_at
            else "unknown",
            came=_moment(it.received_s),
            due=_moment(it.deadline_s),
            chances=[_chance(e.chance) for e in it.evidence],
            seen=_seen(it),
            # Nobody decides before the record was looked for.
            offered=offered if it.instance is not None else [],
            most=MOST_TEXT_CHARACTERS,
        )

    async def _decide(
        self, told: FormRequest, session: ReviewSession, found: Objection
    ) -> web.Response:
        try:
            state = ObjectionState(line_of(told.fields, "state"))
            place = int(line_of(told.fields, "entry") or 0)
        except ValueError:
            return _text(400, "Choose an outcome.")
        chosen = None
        if state.needs_entry and 0 <= place < len(found.evidence):
            chosen = found.evidence[place].set, found.evidence[place].entry
        if state not in _OUTCOMES or line_of(told.fields, "seen") != _seen(found):
            note = "The objection has changed since it was shown. Look at it again."
            self._notes[session.form] = False, note
            return _see(f"/objection/{found.decision}")
        try:
            await asyncio.to_thread(
                self._decider.decide,
                found,
                state,
                reviewer=session.reviewer,
                answer=text_of(told.fields, "answer"),
                chosen=chosen,
            )
        except UploadFilterError as exc:
            self._notes[session.form] = False, f"{exc}. {exc.hint}"
        else:
            self._metrics.happened(ObjectionEvent(state.value))
            log.info(
                "objection_decided",
                decision=found.decision,
                state=state.value,
                reviewer=session.reviewer,
            )
            self._notes[session.form] = True, f"Decided: {state.value}."
        return _see(f"/objection/{found.decision}")

    def _page(
        self,
        name: str,
        session: ReviewSession | None,
        *,
        status: int = 200,
        note: tuple[bool, str] | None = None,
        **values: object,
    ) -> web.Response:
        if note is None and session is not None:
            note = self._notes.pop(session.form, None)
        known: dict[str, object] = {"here": "", **values}
        text = (
            rendering.environment()
            .get_template(f"{name}.html")
            .render(session=session, note=note, **known)
        )
        return web.Response(
            status=status, text=text, content_type="text/html", charset="utf-8"
        )

    def _is_ours(self, host: str) -> bool:
        """Return whether the Host header has a name of this listener."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._hosts or is_address(name)


_STATIC: Final = {
    "/static/forms.css": rendering.STYLE,
    "/static/review.css": "review.css",
}


def _is_own(request: web.BaseRequest) -> bool:
    """Return whether a form comes from a page of this listener."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site") == "same-origin"
    return urlsplit(origin).netloc == request.headers.get("Host", "")


def _seen(it: Objection) -> str:
    """Return a text that changes with an objection."""
    text = f"{it.state} {it.event} {it.changed_s!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _chance(chance: float | None) -> str:
    return "exact" if chance is None else f"{chance:.1e}"


def _moment(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%d %H:%M} UTC"


def _metrics(registry: CollectorRegistry) -> web.Response:
    kind = "text/plain; version=0.0.4; charset=utf-8"
    return web.Response(body=generate_latest(registry), headers={"Content-Type": kind})


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")


def _see(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
