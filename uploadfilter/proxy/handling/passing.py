"""Forward a request that has no body, and relay the answer to the client.

Rules this module keeps: behind a front end, whose connections are not counted by
client, a client that has many requests in flight, such as streams of events, leaves
room for others when there are nearly as many requests as connections.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from uploadfilter.inspection.admission import RETRY_CLIENT_S
from uploadfilter.networks import Holdings
from uploadfilter.rejections import Outcome
from uploadfilter.uploads.head.forwarding import forwarded_headers
from uploadfilter.web.answering import answers
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.clients import relaying
from uploadfilter.web.clients.leaving import WhileClientStays
from uploadfilter.web.clients.waiting import Waiters
from uploadfilter.web.counting.labels import Limit
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.origins.failing import OriginFailure
from uploadfilter.web.requests.arrival import Arrival
from uploadfilter.web.requests.draining import Drain

_TOO_MANY: Final = Answer(
    outcome=Outcome.LATER,
    status=HTTPStatus.TOO_MANY_REQUESTS,
    retry_after_s=RETRY_CLIENT_S,
)


class Passing:
    """Forwards requests that are not uploads.

    Args:
        drain: Whether the service is ending, so that answers end their connections.
        waiting: The answers that wait for their clients.
        metrics: Counts each limit that was reached.
        descriptors: Most descriptors of this process.
        note_origin: Notes whether an origin answered, by its name.
    """

    def __init__(
        self,
        drain: Drain,
        waiting: Waiters,
        metrics: Metrics,
        *,
        descriptors: int,
        note_origin: Callable[[str, object], None],
    ) -> None:
        self._drain = drain
        self._waiting = waiting
        self._metrics = metrics
        self._descriptors = descriptors
        self._held = Holdings()
        self._note_origin = note_origin

    async def pass_on(self, arrival: Arrival) -> web.StreamResponse:
        """Forward a request that has no body."""
        return await self.in_turn(arrival, self._exchange)

    async def in_turn(
        self,
        arrival: Arrival,
        exchange: Callable[[Arrival], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Carry an exchange out, unless the client has too many in flight."""
        client = arrival.client_key
        if self._held.is_fair_share_held(client, most=self._most(arrival)):
            self._metrics.limited(Limit.CLIENT_REQUESTS)
            return self._too_many(arrival)
        self._held.add(client)
        try:
            return await exchange(arrival)
        finally:
            self._held.add(client, -1)

    def _most(self, arrival: Arrival) -> int:
        limits = arrival.live.settings.limits
        return limits.most_connections(self._descriptors)

    def _too_many(self, arrival: Arrival) -> web.StreamResponse:
        wording = arrival.live.settings.wording
        return answers.response(arrival.request, _TOO_MANY, wording=wording)

    async def _exchange(self, arrival: Arrival) -> web.StreamResponse:
        request, head, live = arrival.request, arrival.head, arrival.live
        headers = forwarded_headers(
            head,
            arrival.side,
            decision_id=None,
            # If a client said "no body" (0), the origin is told so. If it said nothing,
            # the origin is not told, because some origins take a length as the sign of
            # an upload.
            body_length=head.declared_length,
            content_type=None,
            telling=arrival.origin.telling,
        )
        asked = arrival.origin.asked(head.method, head.target, headers, None)
        with WhileClientStays(request):
            async with asked as answer:
                self._note_origin(arrival.route.origin, answer)
                if isinstance(answer, OriginFailure):
                    failed = Answer(outcome=Outcome.LATER, status=answer.value)
                    return answers.response(
                        request, failed, wording=live.settings.wording
                    )
                return await relaying.relay(
                    arrival, answer, last=self._drain.begun, waiting=self._waiting
                )
        return relaying.nothing_to_say()
