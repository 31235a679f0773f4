"""Take requests, find the route of each, and give it to the code that carries it out.

Rules this module keeps: a request without a body is forwarded; one with a body becomes
an ``Upload``; and every request is treated to its end as the settings in force at its
beginning say.
"""

from contextlib import ExitStack

from aiohttp import web

from uploadfilter.model import Mode, Reason
from uploadfilter.proxy.answering import answers
from uploadfilter.proxy.clients import relaying
from uploadfilter.proxy.clients.leaving import WhileClientStays
from uploadfilter.proxy.counting.metrics import CountedRequest, RequestKind
from uploadfilter.proxy.inspecting.admission import TurnedAway
from uploadfilter.proxy.inspecting.inspection import Inspection
from uploadfilter.proxy.inspecting.pacing import Metered
from uploadfilter.proxy.inspecting.upload import Hands, Upload
from uploadfilter.proxy.origins.origin import OriginFailure
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.proxy.requests.live import Live
from uploadfilter.proxy.requests.tracing import Traced
from uploadfilter.proxy.routing.routes import Route
from uploadfilter.signedsets.canaries import CanaryClaim
from uploadfilter.uploads.head.forwarding import ends_here, forwarded_headers
from uploadfilter.uploads.head.plan import BodyPlan, Refusal, plan
from uploadfilter.uploads.head.request import RequestHead

_BAD_REQUEST = 400
_NOT_FOUND = 404
_NOT_IMPLEMENTED = 501
_UNAVAILABLE = 503


class Proxy:
    """What is done with each request.

    Args:
        hands: What uploads need to be carried out.
    """

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        head = _head(request)
        with (
            self._hands.drain.request(),
            self._hands.in_force.use() as live,
            Traced(head),
            self._hands.metrics.request() as tally,
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
        if choice.route is None:
            return self._refuse(request, live, _NO_ROUTE)
        said = self._hands.canaries.said(head)
        if said is CanaryClaim.WRONG:
            return self._refuse(request, live, _NO_CANARY)
        arrival = Arrival(request=request, head=head, live=live, route=choice.route)
        body = plan(head, choice.route.limits)
        if choice.is_ambiguous and isinstance(body, BodyPlan):
            body = _AMBIGUOUS
        if ends_here(head) and not isinstance(body, Refusal):
            return self._end(arrival)
        if head.has_body:
            is_canary = said is CanaryClaim.CANARY
            tally.kind = _kind(arrival.route, is_canary=is_canary)
            return await self._upload(arrival, body, is_canary=is_canary)
        if isinstance(body, Refusal) and body is not _AMBIGUOUS:
            return self._refuse(request, live, body)
        tally.kind = RequestKind.PASSED
        return await self._pass_on(arrival)

    async def _upload(
        self, arrival: Arrival, body: BodyPlan | Refusal, *, is_canary: bool
    ) -> web.StreamResponse:
        """Carry out one upload, if there is room for one more."""
        hands, route, client = self._hands, arrival.route, arrival.client_key
        no_room = hands.admission.turned_away(arrival)
        if no_room is not None and route.mode is Mode.ENFORCE:
            return self._shed(arrival, no_room)
        with ExitStack() as held:
            if no_room is None:
                held.enter_context(hands.admission.place(client))
            room_s = arrival.live.settings.limits.log_room_s
            if not await hands.recorder.room(within_s=room_s):
                # It could not be put on record, so nothing of it is to be received.
                hands.recorder.say_full()
                return self._shed(arrival, _NO_RECORD)
            return await self._carry_out(
                arrival, body, no_room, held, is_canary=is_canary
            )

    async def _carry_out(
        self,
        arrival: Arrival,
        body: BodyPlan | Refusal,
        no_room: TurnedAway | None,
        held: ExitStack,
        *,
        is_canary: bool,
    ) -> web.StreamResponse:
        """Carry out an upload; what it holds is given back with ``held``."""
        hands, route, client = self._hands, arrival.route, arrival.client_key
        inspection = Inspection(
            body,
            mode=route.mode,
            policy=route.policy,
            limits=route.limits,
            exempt=route.exempt,
        )
        meter = hands.admission.meter(client)
        upload = Upload(
            arrival,
            inspection,
            hands,
            body=held.enter_context(hands.room.spool(client)),
            contents=held.enter_context(hands.room.spool(client)),
            meter=meter,
            release=held.close,
            uninspected=no_room.reason if no_room else None,
            is_canary=is_canary,
        )
        return await Metered(upload.run(), meter.spend)

    def _shed(self, arrival: Arrival, no_room: TurnedAway) -> web.StreamResponse:
        """Answer an upload for which there is no room, before its body is read."""
        recorder = self._hands.recorder
        ticket = recorder.ticket(arrival.client, arrival.head.method)
        recorder.shed(ticket, no_room.reason, status=no_room.status)
        answer = answers.response(
            arrival.request,
            status=no_room.status,
            reason=no_room.reason,
            decision_id=None,
            wording=arrival.live.settings.wording,
        )
        if no_room.retry_after_s is not None:
            answer.headers["Retry-After"] = str(no_room.retry_after_s)
        return answer

    def _refuse(
        self, request: web.BaseRequest, live: Live, refusal: Refusal
    ) -> web.StreamResponse:
        """Refuse a request that has no body, so that there is nothing to record."""
        return answers.response(
            request,
            status=refusal.status,
            reason=refusal.reason,
            detail=refusal.detail,
            decision_id=None,
            wording=live.settings.wording,
        )

    async def _pass_on(self, arrival: Arrival) -> web.StreamResponse:
        """Forward a request that has no body."""
        request, head, live = arrival.request, arrival.head, arrival.live
        headers = forwarded_headers(
            head,
            arrival.side,
            decision_id=None,
            # A client that said "no body" (0) is told so on; one that said nothing is
            # not, since some origins take a length as the sign of an upload.
            body_length=head.declared_length,
            content_type=None,
            telling=arrival.origin.telling,
        )
        async with (
            WhileClientStays(request),
            arrival.origin.asked(head.method, head.target, headers, None) as answer,
        ):
            if isinstance(answer, OriginFailure):
                self._hands.recorder.say_origin_failed(answer)
                return answers.response(
                    request,
                    status=answer.value,
                    reason=None,
                    decision_id=None,
                    wording=live.settings.wording,
                )
            return await relaying.relay(
                request,
                answer,
                last=self._hands.drain.begun,
                idle_s=live.settings.limits.answer_idle_s,
            )
        return relaying.nothing_to_say()

    def _end(self, arrival: Arrival) -> web.StreamResponse:
        """Answer a request that asked to go no further."""
        if arrival.head.method == "OPTIONS":
            return relaying.nothing_to_say()
        return self._refuse(arrival.request, arrival.live, _NO_TRACE)


def _kind(route: Route, *, is_canary: bool) -> RequestKind:
    if is_canary:
        return RequestKind.CANARY
    return RequestKind.EXEMPT if route.exempt else RequestKind.UPLOAD


_NO_CANARY = Refusal(
    status=_BAD_REQUEST,
    reason=Reason.MALFORMED_REQUEST,
    detail="The header Uploadfilter-Canary is for the operator's own checks.",
)
_NO_RECORD = TurnedAway(reason=Reason.LOG_UNWRITABLE, status=_UNAVAILABLE)
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
"""Of an upload only: what has no body goes on as it came, since nothing is in it."""


def _sent(request: web.BaseRequest, answer: web.StreamResponse) -> int:
    """Return the bytes of an answer; ours are sent when the handler has returned."""
    if isinstance(answer, web.Response):
        return answer.content_length or 0
    return request.writer.output_size


def _head(request: web.BaseRequest) -> RequestHead:
    return RequestHead(
        method=request.method,
        target=request.raw_path,
        headers=tuple(request.raw_headers),
        version=(request.version.major, request.version.minor),
    )
