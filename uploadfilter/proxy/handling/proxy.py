"""Find the route of each request, and pass it to the code that carries it out.

Rules this module keeps: a request without a body is forwarded (``passing.py``),
unless an origin would join files by it, or as a WebSocket if its route lets one pass
(``handling/websockets.py``); one with a body is an upload
(``inspecting/intake.py``); and every request is handled to its end with the settings
that were in force at its beginning.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from aiohttp import web

from uploadfilter.inspection.canaries import Canaries
from uploadfilter.model import Action, Mode, Reason
from uploadfilter.proxy.assembling.protocols import Assembling
from uploadfilter.rejections import Outcome
from uploadfilter.signedsets.canaries import CanaryClaim
from uploadfilter.uploads.head.forwarding import ends_here
from uploadfilter.uploads.head.joining import joins
from uploadfilter.uploads.head.plan import PIECE, BodyPlan, Refusal, plan
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.uploads.head.websockets import WebSockets, without_handshake
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.answering import answers
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.clients import relaying
from uploadfilter.web.counting.labels import RequestKind
from uploadfilter.web.counting.metrics import CountedRequest, Metrics
from uploadfilter.web.requests.arrival import Arrival
from uploadfilter.web.requests.draining import Drain
from uploadfilter.web.requests.live import InForce, Live
from uploadfilter.web.requests.tracing import Traced
from uploadfilter.web.routing.routes import Route

_BAD_REQUEST = 400
_NOT_FOUND = 404
_NOT_IMPLEMENTED = 501


class Taking(Protocol):
    """An object that takes uploads in, such as the ``Intake``."""

    async def take(
        self, arrival: Arrival, body: BodyPlan | Refusal, *, is_canary: bool
    ) -> web.StreamResponse:
        """Answer one upload."""


class PassingOn(Protocol):
    """An object that answers requests without a body, such as ``Passing``."""

    async def pass_on(self, arrival: Arrival) -> web.StreamResponse:
        """Answer one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How requests are read that ask for a decision, and are not forwarded.

    Attributes:
        head: Returns the head of the upload that a request asks about.
        plan: Plans its body.
        arrive: Finds its client.
    """

    head: Callable[[web.BaseRequest], RequestHead]
    plan: Callable[[RequestHead, UploadLimits], BodyPlan | Refusal]
    arrive: Callable[[web.BaseRequest, RequestHead, Live, Route], Arrival]


class Proxy:
    """Handles each request.

    Args:
        in_force: The live settings.
        drain: Counts the requests in flight.
        metrics: Counts requests by how they were treated.
        canaries: Knows an operator's canary.
        assembling: Takes uploads that come in several requests; ``None`` where each
            request is an upload of its own.
        intake: Takes all others.
        passing: Forwards requests that have no body.
        websockets: Passes WebSockets on; ``None`` to refuse them.
        reading: How requests are read; ``None`` for those that are forwarded.
    """

    def __init__(
        self,
        *,
        in_force: InForce,
        drain: Drain,
        metrics: Metrics,
        canaries: Canaries,
        assembling: Assembling | None,
        intake: Taking,
        passing: PassingOn,
        websockets: Callable[[Arrival], Awaitable[web.StreamResponse]] | None,
        reading: Reading | None = None,
    ) -> None:
        self._in_force = in_force
        self._drain = drain
        self._metrics = metrics
        self._canaries = canaries
        self._assembling = assembling
        self._intake = intake
        self._passing = passing
        self._websockets = websockets
        self._forwards = reading is None
        self._reading = reading or _FORWARDED

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        head = self._reading.head(request)
        with (
            self._drain.request(),
            self._in_force.use() as live,
            Traced(head),
            self._metrics.request() as tally,
        ):
            try:
                answer = await self._answer(request, head, live, tally)
            finally:
                tally.received = request.content.total_bytes
            if answer.prepared or request.transport is not None:
                tally.status = answer.status
            tally.sent = _sent(request, answer)
            return answer

    async def _answer(
        self,
        request: web.BaseRequest,
        head: RequestHead,
        live: Live,
        tally: CountedRequest,
    ) -> web.StreamResponse:
        choice = live.settings.routes.choose(
            host=head.value(b"host"),
            target=head.target,
            method=head.method,
            stands_for=head.stands_for,
        )
        if choice.route is None or self._has_no_origin(choice.route, live):
            return self._refuse(request, live, _NO_ROUTE)
        said = self._canaries.said(head)
        if said is CanaryClaim.WRONG:
            return self._refuse(request, live, _NO_CANARY)
        arrival = self._reading.arrive(request, head, live, choice.route)
        websockets = self._websockets
        if websockets and not choice.is_ambiguous and self._is_websocket(arrival):
            tally.kind = RequestKind.WEBSOCKET
            return await websockets(arrival)
        body = self._reading.plan(head, choice.route.limits)
        if choice.is_ambiguous and isinstance(body, BodyPlan):
            body = _AMBIGUOUS
        if ends_here(head) and not isinstance(body, Refusal):
            return self._end(arrival)
        is_canary = said is CanaryClaim.CANARY
        answer = None
        if self._assembling is not None and not is_canary:
            answer = await self._assembling.answer(arrival, body)
        if answer is not None:
            tally.kind = RequestKind.UPLOAD
            return answer
        return await self._single(arrival, body, tally, is_canary=is_canary)

    async def _single(
        self,
        arrival: Arrival,
        body: BodyPlan | Refusal,
        tally: CountedRequest,
        *,
        is_canary: bool,
    ) -> web.StreamResponse:
        """Answer a request that does not belong to an upload in several requests."""
        if arrival.head.has_body:
            tally.kind = self._kind(arrival.route, is_canary=is_canary)
            return await self._intake.take(arrival, body, is_canary=is_canary)
        return await self._pass_on(arrival, body, tally)

    async def _pass_on(
        self, arrival: Arrival, body: BodyPlan | Refusal, tally: CountedRequest
    ) -> web.StreamResponse:
        if isinstance(body, Refusal) and body is not _AMBIGUOUS:
            return self._refuse(arrival.request, arrival.live, body)
        if joins(arrival.head) and _refuses_pieces(arrival.route):
            return self._refuse(arrival.request, arrival.live, PIECE)
        tally.kind = RequestKind.PASSED if self._forwards else RequestKind.API
        return await self._passing.pass_on(arrival)

    def _has_no_origin(self, route: Route, live: Live) -> bool:
        """Tell whether a request cannot be forwarded: its route only answers."""
        return self._forwards and route.origin not in live.origins

    def _is_websocket(self, arrival: Arrival) -> bool:
        """Tell whether a request opens a WebSocket that its route lets pass."""
        if arrival.route.websockets is WebSockets.REFUSE:
            return False
        rest = without_handshake(arrival.head)
        return rest is not None and isinstance(
            plan(rest, arrival.route.limits), BodyPlan
        )

    def _kind(self, route: Route, *, is_canary: bool) -> RequestKind:
        if is_canary:
            return RequestKind.CANARY
        if not self._forwards:
            return RequestKind.API
        return RequestKind.EXEMPT if route.exempt else RequestKind.UPLOAD

    def _refuse(
        self, request: web.BaseRequest, live: Live, refusal: Refusal
    ) -> web.StreamResponse:
        """Refuse a request without a body, so that there is nothing to record."""
        answer = Answer(
            outcome=Outcome.REFUSED,
            status=refusal.status,
            reason=refusal.reason,
            detail=refusal.detail,
        )
        return answers.response(request, answer, wording=live.settings.wording)

    def _end(self, arrival: Arrival) -> web.StreamResponse:
        """Answer a request that asked not to be forwarded further."""
        if arrival.head.method == "OPTIONS":
            return relaying.nothing_to_say()
        return self._refuse(arrival.request, arrival.live, _NO_TRACE)


def _refuses_pieces(route: Route) -> bool:
    """Tell whether a route refuses what an origin joins, by its mode and policy."""
    if route.exempt or route.mode is Mode.MONITOR:
        return False
    return route.policy.action_for(PIECE.reason) is not Action.ACCEPT


_NO_CANARY = Refusal(
    status=_BAD_REQUEST,
    reason=Reason.MALFORMED_REQUEST,
    detail="The header Uploadfilter-Canary is for the operator's own checks.",
)
_NO_TRACE = Refusal(
    status=_NOT_IMPLEMENTED,
    reason=Reason.MALFORMED_REQUEST,
    detail="This service does not answer TRACE.",
)
_NO_ROUTE = Refusal(
    status=_NOT_FOUND,
    reason=Reason.MALFORMED_REQUEST,
    detail="There is no site of this name here.",
)
_AMBIGUOUS = Refusal(
    status=_BAD_REQUEST,
    reason=Reason.AMBIGUOUS_REQUEST,
    detail="The request can be read in more than one way.",
)
"""For uploads only: a request without a body is forwarded unchanged, because it
contains nothing."""


def _sent(request: web.BaseRequest, answer: web.StreamResponse) -> int:
    """Return the bytes of an answer; the proxy's own are sent after the handler."""
    if isinstance(answer, web.Response):
        return answer.content_length or 0
    return request.writer.output_size


def head_of(request: web.BaseRequest) -> RequestHead:
    """Return the head of a request as it arrived."""
    return RequestHead(
        method=request.method,
        target=request.raw_path,
        headers=tuple(request.raw_headers),
        version=(request.version.major, request.version.minor),
    )


def _arrival_of(
    request: web.BaseRequest, head: RequestHead, live: Live, route: Route
) -> Arrival:
    return Arrival.of(request, head, live=live, route=route)


_FORWARDED: Final = Reading(head=head_of, plan=plan, arrive=_arrival_of)
