"""The scan API: an application or a front end asks about an upload over HTTP.

::

    POST /v1/scan[/PATH]    the answer says what was found, in JSON
    ANY  /v1/check[/PATH]   the status is the answer, as front ends ask for it
    POST /v1/lookup         signals only
    GET  /v1/openapi.json, /v1/health

``asking.py`` has the first two. Rules this module keeps: over TCP, each question needs
a token; who may open a unix socket needs none, and has one quota with all others who
may; what is no question is answered as a problem, and ends its connection.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

import msgspec
from aiohttp import http_exceptions, web

from uploadfilter.doors.asking import CHECK, SCAN, json_answer
from uploadfilter.doors.lookups import MOST_BYTES, LookUps
from uploadfilter.doors.openapi import description
from uploadfilter.doors.quotas import USUAL, Quota, Quotas, Scope
from uploadfilter.doors.tokens import TokenFile
from uploadfilter.errors import StoreError, UploadFilterError
from uploadfilter.web.answering.answers import RETRY_AFTER_S
from uploadfilter.web.requests.live import InForce

LOOK_UP: Final = "/v1/lookup"

_QUESTION_S: Final = 10.0


Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class _Asker:
    name: str
    quota: Quota


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanAPI:
    """Answers the requests of one listener.

    Attributes:
        scan: Handles what is below ``SCAN``.
        check: Handles what is below ``CHECK``.
        lookups: Looks signals up.
        in_force: The live settings.
        is_ready: Returns whether uploads can be decided now.
        tokens: The tokens; ``None`` where none is needed.
        turned_away: Counts an upload, by its method, of a name that asks too much.
        quotas: Counts the questions of each name.
    """

    scan: Handle
    check: Handle
    lookups: LookUps
    in_force: InForce
    is_ready: Callable[[], bool]
    tokens: TokenFile | None
    turned_away: Callable[[str], None]
    quotas: Quotas

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = request.raw_path.partition("?")[0]
        match path:
            case "/v1/health":
                return self._health(request)
            case "/v1/openapi.json":
                return self._describe(request)
            case _ if path == LOOK_UP:
                return await self._look_up(request)
            case _ if _is_below(path, CHECK):
                return await self._ask(request, self.check)
            case _ if _is_below(path, SCAN):
                return _only(request, "POST") or await self._ask(request, self.scan)
            case _:
                return _problem(404, "There is nothing at this path.")

    async def _ask(
        self, request: web.BaseRequest, handle: Handle
    ) -> web.StreamResponse:
        """Answer a question about an upload, if the one who asks may."""
        who = self._identify(request, Scope.SCAN)
        if isinstance(who, web.Response):
            return who
        with self._question(Scope.SCAN, who) as wait_s:
            if not wait_s:
                return await handle(request)
            self.turned_away(request.method)
            return _too_many(wait_s)

    def _question(self, scope: Scope, who: _Asker) -> AbstractContextManager[float]:
        now_s = asyncio.get_running_loop().time()
        return self.quotas.question(scope, who.name, who.quota, now_s=now_s)

    def _identify(
        self, request: web.BaseRequest, scope: Scope
    ) -> _Asker | web.Response:
        """Return who asks; or the answer that says why it may not."""
        if self.tokens is None:
            return _Asker("", USUAL[scope])
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            known = (
                self.tokens.find(token.strip()) if kind.lower() == "bearer" else None
            )
        except UploadFilterError:
            return _later("The tokens cannot be read.")
        if known is None:
            answer = _problem(401, "A token is needed: Authorization: Bearer TOKEN.")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        if known.scope is not scope:
            return _problem(403, f"This token is not for {scope}.")
        return _Asker(known.name, known.limits)

    async def _look_up(self, request: web.BaseRequest) -> web.Response:
        who = _only(request, "POST") or self._identify(request, Scope.LOOKUP)
        if isinstance(who, web.Response):
            return who
        with self._question(Scope.LOOKUP, who) as wait_s:
            if wait_s:
                return _too_many(wait_s)
            data = await _question(request)
            return data if isinstance(data, web.Response) else await self._search(data)

    async def _search(self, data: bytes) -> web.Response:
        try:
            thresholds = self.in_force.settings.thresholds
            found = await self.lookups.answer(data, thresholds)
        except StoreError:
            return _later("There is no reference set that can be used.")
        except ValueError as exc:  # msgspec's own errors are among them
            return _problem(400, f"This is no question: {exc}.")
        return json_answer(200, msgspec.json.encode(found))

    def _describe(self, request: web.BaseRequest) -> web.Response:
        body = description(needs_token=self.tokens is not None)
        return _read_only(request) or json_answer(200, body)

    def _health(self, request: web.BaseRequest) -> web.Response:
        refused = _read_only(request)
        if refused is not None:
            return refused
        if not self.is_ready():
            return _later("Uploads cannot be decided now.")
        return json_answer(200, b'{"status":"ready"}')


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


async def _question(request: web.BaseRequest) -> bytes | web.Response:
    """Return the body of a question, or the problem with it."""
    data = b""
    try:
        async with asyncio.timeout(_QUESTION_S):
            while piece := await request.content.readany():
                data += piece
                if len(data) > MOST_BYTES:
                    return _problem(413, f"A question has at most {MOST_BYTES} bytes.")
    except TimeoutError:
        return _problem(408, "The question came too slowly.")
    except (OSError, web.RequestPayloadError, http_exceptions.BadHttpMessage):
        return _problem(400, "The question did not come whole.")
    return data


def _only(request: web.BaseRequest, *methods: str) -> web.Response | None:
    if request.method in methods:
        return None
    allowed = ", ".join(methods)
    answer = _problem(405, f"Methods that are answered here: {allowed}.")
    answer.headers["Allow"] = allowed
    return answer


def _read_only(request: web.BaseRequest) -> web.Response | None:
    return _only(request, "GET", "HEAD")


def _too_many(wait_s: float) -> web.Response:
    detail = "Too many questions were asked by this token or socket."
    return _later(detail, status=429, after_s=wait_s)


def _later(
    detail: str, *, status: int = 503, after_s: float = RETRY_AFTER_S
) -> web.Response:
    answer = _problem(status, detail)
    answer.headers["Retry-After"] = str(math.ceil(after_s))
    return answer


def _problem(status: int, detail: str) -> web.Response:
    """Return a problem (RFC 9457) of a request that was not inspected."""
    body = msgspec.json.encode({"status": status, "detail": detail})
    answer = json_answer(status, body)
    answer.headers["Content-Type"] = "application/problem+json"
    answer.force_close()
    return answer
