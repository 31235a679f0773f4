"""Ask about an upload over HTTP, in the place of the parts that would forward it.

The proxy's own ``Proxy`` reads, admits and inspects what is sent below ``SCAN`` and
``CHECK``; only the end differs. Rules this module keeps:

- The rest of the path is that of the site, by which the route is chosen.
- A front end that sends half a body or none, or does not say what it is, gets no
  acceptance, whatever the method: some leave the body of a POST out, and ask by GET.
- A status of 200 says that the decision is on record.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec
from aiohttp import web

from uploadfilter.doors.outcomes import outcome_of
from uploadfilter.inspection.admission import TurnedAway
from uploadfilter.inspection.commands import Forward
from uploadfilter.inspection.intake import Intake, answer_shed
from uploadfilter.inspection.upload import Upload
from uploadfilter.model import Reason
from uploadfilter.proxy.handling.proxy import Reading, head_of
from uploadfilter.rejections import Outcome
from uploadfilter.uploads.head.clientside import client_side
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal, plan
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.aiohttp_parts import NamelessResponse
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.clients.silent import THIS_MACHINE
from uploadfilter.web.requests.arrival import Arrival
from uploadfilter.web.requests.live import Live
from uploadfilter.web.routing.routes import Route

SCAN: Final = "/v1/scan"
CHECK: Final = "/v1/check"

_PARTIAL: Final = b"x-envoy-auth-partial-body"
_WHOLE: Final = frozenset({b"", b"false"})

_HALF = Refusal(
    status=413,
    reason=Reason.TOO_LARGE,
    detail="The front end sent only the beginning of the body.",
)
_UNTYPED = Refusal(
    status=400,
    reason=Reason.AMBIGUOUS_REQUEST,
    detail="The front end did not pass the Content-Type on.",
)

_WITHHELD = Refusal(
    status=400,
    reason=Reason.AMBIGUOUS_REQUEST,
    detail="The front end did not pass the body on.",
)

_NO_BODY: Final = BodyPlan(kind=BodyKind.NONE)

Answering = Callable[[Upload, Forward | Answer], web.StreamResponse]
"""Turns a decision that is on record into the answer."""


def scan_answer(upload: Upload, effect: Forward | Answer) -> web.StreamResponse:
    """Say what was found, in JSON; or to try again later, as the proxy does."""
    if isinstance(effect, Answer) and effect.outcome is Outcome.LATER:
        return upload.answer(effect)
    body = msgspec.json.encode(outcome_of(upload))
    return _end(upload, json_answer(200, body))


def check_answer(upload: Upload, effect: Forward | Answer) -> web.StreamResponse:
    """Answer by the status, and with what the proxy tells a client."""
    if isinstance(effect, Answer):
        return upload.answer(effect)
    headers = {"Uploadfilter-Decision": upload.ticket.id, "Cache-Control": "no-store"}
    return _end(upload, NamelessResponse(status=200, headers=headers))


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedUploads:
    """Takes uploads in that are asked about, in the place of the proxy's own parts.

    Attributes:
        intake: Decides about them.
        answer: Turns a decision into the answer.
        rejected_in_body: Whether a rejection is answered by 200, too.
    """

    intake: Intake
    answer: Answering
    rejected_in_body: bool

    async def take(
        self, arrival: Arrival, body: BodyPlan | Refusal, *, is_canary: bool
    ) -> web.StreamResponse:
        """Answer one upload."""
        asked = await self.intake.ask(
            arrival,
            body,
            is_canary=is_canary,
            rejected_in_body=self.rejected_in_body,
        )
        if isinstance(asked, TurnedAway):
            return answer_shed(arrival, asked)
        return self.answer(*asked)

    async def pass_on(self, arrival: Arrival) -> web.StreamResponse:
        """Answer a request without a body, which is an empty upload."""
        return await self.take(arrival, _NO_BODY, is_canary=False)


def reading_below(prefix: str) -> Reading:
    """Return how requests are read whose target begins with a prefix."""
    return Reading(
        head=partial(_head_below, prefix),
        plan=_plan_of_check if prefix == CHECK else plan,
        arrive=_arrival_of,
    )


def _head_below(prefix: str, request: web.BaseRequest) -> RequestHead:
    head = head_of(request)
    target = head.target.removeprefix(prefix)
    return RequestHead(
        method=head.method,
        target=target if target.startswith("/") else f"/{target}",
        headers=head.headers,
        version=head.version,
    )


def _plan_of_check(head: RequestHead, limits: UploadLimits) -> BodyPlan | Refusal:
    """Plan the body of what a front end asks about, unless it withholds something."""
    found = plan(head, limits)
    if isinstance(found, Refusal):
        return found
    if not all(value.lower() in _WHOLE for value in head.values(_PARTIAL)):
        return _HALF
    if not head.has_body:
        return _WITHHELD
    if not head.value(b"content-type"):
        return _UNTYPED
    return found


def _arrival_of(
    request: web.BaseRequest, head: RequestHead, live: Live, route: Route
) -> Arrival:
    """Find the client: who asks is believed about it, and stands for it otherwise."""
    settings = live.settings
    is_told = head.value(settings.client_header.value.encode("ascii")) is not None
    peer = request.remote or (THIS_MACHINE if is_told else "")
    asking = [ipaddress.ip_network(peer.partition("%")[0])] if peer else []
    side = client_side(
        peer,
        head,
        scheme=request.scheme,
        trusted_proxies=(*asking, *settings.trusted_proxies),
        believed=settings.client_header,
    )
    return Arrival(http=request, head=head, live=live, route=route, side=side)


def _end(upload: Upload, answer: web.Response) -> web.Response:
    """End the connection if the body was not read: its end is unknown."""
    if not upload.sender.content.at_eof():
        answer.force_close()
    return answer


def json_answer(status: int, body: bytes) -> web.Response:
    """Return an answer in JSON, which no cache stores."""
    headers = {"Cache-Control": "no-store", "Content-Type": "application/json"}
    return NamelessResponse(status=status, headers=headers, body=body)
