"""Forward a request that has no body, and relay the answer to the client."""

from collections.abc import Callable

from aiohttp import web

from uploadfilter.proxy.answering import answers
from uploadfilter.proxy.clients import relaying
from uploadfilter.proxy.clients.leaving import WhileClientStays
from uploadfilter.proxy.origins.failing import OriginFailure
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.proxy.requests.draining import Drain
from uploadfilter.uploads.head.forwarding import forwarded_headers


class Passing:
    """Forwards requests that are not uploads.

    Args:
        drain: Whether the service is ending, so that answers end their connections.
        say_failed: Tells the operator that an origin does not answer.
    """

    def __init__(
        self, drain: Drain, *, say_failed: Callable[[OriginFailure], None]
    ) -> None:
        self._drain = drain
        self._say_failed = say_failed

    async def pass_on(self, arrival: Arrival) -> web.StreamResponse:
        """Forward a request that has no body."""
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
                if isinstance(answer, OriginFailure):
                    self._say_failed(answer)
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
                    last=self._drain.begun,
                    idle_s=live.settings.limits.answer_idle_s,
                )
        return relaying.nothing_to_say()
