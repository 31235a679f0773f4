"""The operator's page of objections: see what waits, look at one, decide it.

It has no accounts and no sessions. The operator's front end logs people in and names
the reviewer in a header; or a unix socket tells which user of the machine opened it.

Rules this module keeps: nothing is told to a browser for which nobody is named; a form
is taken only from a page of the same origin; a decision is about what the reviewer saw.
The picture is nowhere, so it cannot be shown.
"""

import asyncio
import hashlib
import ipaddress
import pwd
import re
import socket
import struct
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest

from uploadfilter.decisions.records.ids import written_id
from uploadfilter.errors import UploadFilterError
from uploadfilter.forms import rendering
from uploadfilter.forms.asking import POLICY, FormRequest, Front, read_request
from uploadfilter.forms.cases import (
    MOST_TEXT_CHARACTERS,
    WORDS,
    Objection,
    ObjectionState,
)
from uploadfilter.forms.deciding import Decider
from uploadfilter.forms.store import FormStore
from uploadfilter.ongoing import QUIET_S, OngoingFaults
from uploadfilter.web.serving import HEADERS

log: structlog.stdlib.BoundLogger = structlog.get_logger()

MOST_LISTED: Final = 200
"""Objections on one page: a day's work."""

_NAME: Final = re.compile(r"[A-Za-z0-9._@+-]{1,64}")
"""Names that may stand in the journal of the reference set as well."""

_CREDENTIALS: Final = struct.Struct("3i")
_NOBODY_UID: Final = 65534
"""The kernel gives this number for users that a user namespace does not have."""

_STYLES: Final = {f"/static/{name}": name for name in ("forms.css", "review.css")}


class ReviewHandler:
    """Answers on the page of reviewers.

    Args:
        header: The header that names the reviewer; empty for the peer of the socket.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        store: FormStore,
        decider: Decider,
        *,
        registry: CollectorRegistry,
        header: str,
        front: Front,
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._decider = decider
        self._registry = registry
        self._header = header
        self._front = front
        self._now = now
        self._faults = OngoingFaults(log, quiet_s=QUIET_S)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        try:
            answer = await self._answer(request)
        except UploadFilterError as exc:
            self._faults.fail("review_failed", error=str(exc), hint=exc.hint)
            answer = _text(503, "The page cannot be shown now; the log says why.")
        else:
            self._faults.recover("review_failed")
        policy = {
            "Content-Security-Policy": POLICY,
            # With "no-referrer" browsers send "null" as the Origin of our own forms.
            "Referrer-Policy": "same-origin",
        }
        for name, value in {**HEADERS, **policy}.items():
            answer.headers[name] = value
        return answer

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.path == "/metrics":
            kind = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
            return web.Response(body=generate_latest(self._registry), headers=kind)
        if request.path in _STYLES:
            style = rendering.load_style(_STYLES[request.path])
            return web.Response(body=style, content_type="text/css")
        reviewer = name_reviewer(request, header=self._header, front=self._front)
        if not reviewer:
            log.warning("review_unnamed", remote=request.remote or "unix socket")
            return _text(403, _UNNAMED)
        asked = await read_request(request, self._front)
        if isinstance(asked, int) or (
            asked.method == "POST" and not is_same_origin(request)
        ):
            refused = _text(
                asked if isinstance(asked, int) else 403,
                "This page takes only its own forms.",
            )
            refused.force_close()
            return refused
        return await self._show(asked, reviewer)

    async def _show(self, asked: FormRequest, reviewer: str) -> web.Response:
        if asked.path in {"/", "/decided"}:
            return await self._list(asked.path, reviewer)
        decision = written_id(asked.path.removeprefix("/objection/"))
        found = None
        if asked.path.startswith("/objection/") and decision:
            found = await asyncio.to_thread(self._store.get, decision)
        if found is None:
            return _text(404, "There is no objection at this address.")
        if asked.method == "POST":
            return await self._decide(asked, reviewer, found)
        return self._case(found, reviewer)

    async def _list(self, path: str, reviewer: str) -> web.Response:
        is_open = path == "/"
        states = [it for it in ObjectionState if (it == "received") == is_open]
        found = await asyncio.to_thread(self._store.list, states, most=MOST_LISTED + 1)
        now = self._now()
        return self._page(
            "listed",
            reviewer,
            here=path,
            is_open=is_open,
            rows=found[:MOST_LISTED],
            late={it.decision for it in found if is_open and it.deadline_s <= now},
            more=len(found) > MOST_LISTED,
        )

    def _case(
        self, it: Objection, reviewer: str, *, problem: str = "", answer: str = ""
    ) -> web.Response:
        return self._page(
            "case",
            reviewer,
            status=409 if problem else 200,
            problem=problem,
            here="/decided" if it.is_decided else "/",
            it=it,
            typed=answer,
            seen=_mark(it),
            outcomes=[it for it in WORDS if it is not ObjectionState.RECEIVED],
            most=MOST_TEXT_CHARACTERS,
        )

    async def _decide(
        self, asked: FormRequest, reviewer: str, found: Objection
    ) -> web.Response:
        answer = asked.text("answer")
        if asked.line("seen") != _mark(found):
            changed = "The objection has changed since it was shown. Look at it again."
            return self._case(found, reviewer, problem=changed, answer=answer)
        try:
            state = ObjectionState(asked.line("state"))
            place = int(asked.line("entry") or -1)
        except ValueError:
            return _text(400, "Choose an outcome.")
        entry = None
        if 0 <= place < len(found.evidence):
            entry = found.evidence[place].set, found.evidence[place].entry
        try:
            await asyncio.to_thread(
                self._decider.decide,
                found,
                state,
                reviewer=reviewer,
                answer=answer,
                entry=entry,
            )
        except UploadFilterError as exc:
            problem = f"{exc}. {exc.hint}"
            return self._case(found, reviewer, problem=problem, answer=answer)
        return web.Response(status=303, headers={"Location": asked.path})

    def _page(
        self, name: str, reviewer: str, *, status: int = 200, **values: object
    ) -> web.Response:
        text = rendering.render(
            name,
            reviewer=reviewer,
            named_by=self._header,
            words=WORDS,
            moment=rendering.format_moment,
            **{"problem": "", **values},
        )
        return web.Response(
            status=status, text=text, content_type="text/html", charset="utf-8"
        )


def name_reviewer(request: web.BaseRequest, *, header: str, front: Front) -> str:
    """Return who the operator's login, or the socket, says is there; "" for nobody.

    Args:
        request: The request.
        header: The header with the name; empty for the peer of the unix socket.
        front: Of whom the header is believed on a TCP address.
    """
    transport = request.transport
    peer = None if transport is None else transport.get_extra_info("socket")
    if peer is None:
        return ""
    is_unix = peer.family == socket.AF_UNIX
    if header:
        is_believed = is_unix or _is_trusted(request.remote or "", front)
        names = request.headers.getall(header, [])
        is_name = len(names) == 1 and _NAME.fullmatch(names[0])
        return names[0] if is_believed and is_name else ""
    if not is_unix:
        return ""
    size = _CREDENTIALS.size
    found = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, uid, _ = _CREDENTIALS.unpack(found)
    if uid == _NOBODY_UID:
        return ""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"


def is_same_origin(request: web.BaseRequest) -> bool:
    """Return whether a form comes from a page of this listener."""
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site") == "same-origin"
    try:
        return urlsplit(origin).netloc == request.headers.get("Host", "")
    except ValueError:
        return False


def _is_trusted(remote: str, front: Front) -> bool:
    try:
        address = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:
        return False
    return any(address in network for network in front.trusted_proxies)


_UNNAMED: Final = (
    "Nobody is named as the reviewer. This page has no login of its own: open it "
    "through the front end that logs you in and sets reviewer_header of [forms], or "
    "through the unix socket."
)


def _mark(it: Objection) -> str:
    return hashlib.sha256(msgspec.json.encode(it)).hexdigest()[:16]


def _text(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")
