"""Open a WebSocket for a client, and judge the messages that it sends.

In ``inspect`` every message is an upload: it is inspected, decided and recorded before
the origin gets it, and the end of the WebSocket is the answer to one that is rejected.
In ``pass`` one record says that the whole WebSocket is exempt. What the origin sends is
not inspected, as answers are not.

A WebSocket ends when the service ends, and with the next message after the settings
have changed: it would otherwise go on for days under those of its beginning.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import assert_never

from aiohttp import web

from uploadfilter.model import Reason
from uploadfilter.networks import Holdings
from uploadfilter.proxy.answering import answers
from uploadfilter.proxy.clients import relaying
from uploadfilter.proxy.counting.labels import Limit
from uploadfilter.proxy.counting.metrics import Metrics
from uploadfilter.proxy.inspecting.admission import RETRY_CLIENT_S, TurnedAway
from uploadfilter.proxy.inspecting.commands import Answer
from uploadfilter.proxy.inspecting.intake import Intake
from uploadfilter.proxy.inspecting.recorder import Recorder
from uploadfilter.proxy.messaging.conversing import WebSocketConversation
from uploadfilter.proxy.messaging.endings import (
    RELOADED,
    STOPPING,
    Closing,
    refused,
)
from uploadfilter.proxy.origins.failing import OriginFailure
from uploadfilter.proxy.origins.websockets import (
    PING_S,
    Opened,
    OriginRefusal,
    OriginWebSocket,
)
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.proxy.requests.draining import Drain
from uploadfilter.proxy.requests.live import InForce
from uploadfilter.uploads.body.messages import Message, body_of, last_bytes
from uploadfilter.uploads.head.forwarding import forwarded_headers, returned_headers
from uploadfilter.uploads.head.websockets import Handshake, WebSockets

_SWITCHED = 101
_CLIENT = 429
_OURS = 503
_CLOSE_S = 5.0
_EXCLUSIVE = 1
"""aiohttp refuses a message that is as long as its limit."""


class Messaging:
    """Opens WebSockets; one serves all of them.

    Args:
        in_force: The settings in force.
        intake: Takes messages in as uploads.
        recorder: Notes what became of them.
        drain: Says when the service ends.
        metrics: Counts each limit that was reached.
    """

    def __init__(
        self,
        *,
        in_force: InForce,
        intake: Intake,
        recorder: Recorder,
        drain: Drain,
        metrics: Metrics,
    ) -> None:
        self._in_force = in_force
        self._intake = intake
        self._recorder = recorder
        self._drain = drain
        self._metrics = metrics
        self._held = Holdings()
        self.open = 0

    async def converse(
        self, arrival: Arrival, handshake: Handshake
    ) -> web.StreamResponse:
        """Carry one WebSocket from its handshake to its end."""
        no_room = self._no_room(arrival)
        if no_room is not None:
            self._metrics.limited(Limit.WEBSOCKETS)
            return answers.response(
                arrival.request,
                status=no_room.status,
                reason=no_room.reason,
                decision_id=None,
                wording=arrival.live.settings.wording,
                retry_after_s=no_room.retry_after_s,
            )
        self.open += 1
        self._held.add(arrival.client_key)
        try:
            return await self._conversed(arrival, handshake)
        finally:
            self.open -= 1
            self._held.add(arrival.client_key, -1)

    def _no_room(self, arrival: Arrival) -> TurnedAway | None:
        limits = arrival.live.settings.limits
        client = arrival.client_key
        if client and self._held.of(client) >= limits.websockets_per_client:
            return TurnedAway(
                reason=Reason.TOO_MANY_UPLOADS,
                status=_CLIENT,
                retry_after_s=RETRY_CLIENT_S,
            )
        if self.open >= limits.websockets:
            return TurnedAway(reason=Reason.OVERLOADED, status=_OURS)
        return None

    async def _conversed(
        self, arrival: Arrival, handshake: Handshake
    ) -> web.StreamResponse:
        route = arrival.route
        ticket = None
        if route.websockets is WebSockets.PASS:
            exempted = await self._intake.decide(arrival, _pieces(()), spans=None)
            if isinstance(exempted, TurnedAway):
                return _answer(arrival, exempted.status, exempted.reason)
            if isinstance(exempted.effect, Answer):
                effect = exempted.effect
                return _answer(arrival, effect.status, effect.reason)
            ticket = exempted.ticket
        headers = forwarded_headers(
            handshake.head,
            arrival.side,
            decision_id=ticket.id if ticket else None,
            body_length=None,
            content_type=None,
            telling=arrival.origin.telling,
        )
        async with arrival.origin.websocket(
            arrival.head.target,
            headers,
            handshake.protocols,
            most_bytes=route.limits.max_message_bytes,
        ) as opened:
            if ticket is not None:
                self._recorder.outcome(ticket, _status(opened))
            self._recorder.faults.note_origin(route.origin, opened)
            if isinstance(opened, OriginFailure):
                return _answer(arrival, opened.value, None)
            if isinstance(opened, OriginRefusal):
                return relaying.whole(opened.status, opened.headers, opened.body)
            return await self._carried(arrival, opened)

    async def _carried(
        self, arrival: Arrival, origin: OriginWebSocket
    ) -> web.StreamResponse:
        """Open the client's side, and carry messages to the end."""
        most_bytes = arrival.route.limits.max_message_bytes
        protocol = origin.side.protocol
        client = web.WebSocketResponse(
            protocols=(protocol,) if protocol else (),
            heartbeat=PING_S,
            timeout=_CLOSE_S,
            compress=False,
            max_msg_size=most_bytes + _EXCLUSIVE,
        )
        for name, value in returned_headers(origin.headers):
            if not name.lower().startswith(b"sec-websocket-"):
                client.headers.add(name.decode("ascii"), value.decode("utf-8"))
        await client.prepare(arrival.request)
        judging = _Judging(arrival, self._intake, self._recorder, self._in_force)
        conversation = WebSocketConversation(
            client,
            origin.side,
            judging.judge,
            most_bytes=most_bytes,
            idle_s=arrival.live.settings.limits.answer_idle_s,
        )
        ending = await conversation.run(self._stopping())
        await origin.side.close(code=ending.origin.code, message=ending.origin.text)
        await client.close(code=ending.client.code, message=ending.client.text)
        return client

    async def _stopping(self) -> Closing:
        await self._drain.beginning()
        return STOPPING


class _Judging:
    """Judges the messages of one WebSocket.

    Args:
        arrival: The request that opened it.
        intake: Takes messages in as uploads.
        recorder: Notes what became of them.
        in_force: The settings in force.
    """

    def __init__(
        self,
        arrival: Arrival,
        intake: Intake,
        recorder: Recorder,
        in_force: InForce,
    ) -> None:
        self._arrival = arrival
        self._intake = intake
        self._recorder = recorder
        self._in_force = in_force
        self._before = b""

    async def judge(self, messages: Sequence[Message]) -> Closing | None:
        """Inspect and record messages; return the end if the origin may not get them.

        Returns:
            ``None`` if the origin may get them.
        """
        arrival = self._arrival
        if self._in_force.settings != arrival.live.settings:
            return RELOADED
        if arrival.route.websockets is WebSockets.PASS:
            return None
        pieces, spans = body_of(messages, self._before)
        decided = await self._intake.decide(arrival, _pieces(pieces), spans=spans)
        if isinstance(decided, TurnedAway):
            return refused(decided, None)
        if isinstance(decided.effect, Answer):
            return refused(decided.effect, decided.ticket.id)
        self._before = last_bytes(messages, self._before)
        self._recorder.outcome(decided.ticket, _SWITCHED)
        return None


async def _pieces(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _status(opened: Opened) -> int | None:
    """Return the status that an origin answered a handshake with."""
    match opened:
        case OriginWebSocket():
            return _SWITCHED
        case OriginRefusal():
            return opened.status
        case OriginFailure():
            return None
        case never:
            assert_never(never)


def _answer(arrival: Arrival, status: int, reason: Reason | None) -> web.Response:
    return answers.response(
        arrival.request,
        status=status,
        reason=reason,
        decision_id=None,
        wording=arrival.live.settings.wording,
    )
