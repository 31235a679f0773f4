"""Pass a WebSocket on to the origin of a route that allows it, without inspection.

The handshake is a request like any other, and so is its answer, unless the origin opens
the WebSocket. Then bytes pass both ways, and nobody here reads them: one record says so
for the whole WebSocket, with the reason ``exempt``.

A WebSocket ends when either side ends; when nothing passes for ``stream_timeout_s``;
when the service ends; and with the next bytes after the settings have changed: it would
otherwise go on for days under those of its beginning.
"""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

import aiohttp
import structlog
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_writer import StreamWriter
from aiohttp.streams import StreamReader

from uploadfilter.inspection.intake import Intake
from uploadfilter.inspection.recorder import Recorder
from uploadfilter.rejections import Outcome
from uploadfilter.uploads.head.forwarding import forwarded_headers
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan
from uploadfilter.uploads.head.websockets import UPGRADE
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.clients import relaying
from uploadfilter.web.clients.flow import break_off, flushed
from uploadfilter.web.clients.leaving import WhileClientStays, departure_of
from uploadfilter.web.clients.waiting import Waiters
from uploadfilter.web.origins.asking import OriginAnswer
from uploadfilter.web.origins.failing import OriginFailure
from uploadfilter.web.requests.arrival import Arrival
from uploadfilter.web.requests.draining import Drain
from uploadfilter.web.requests.live import InForce

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_HELD_BYTES = 64 * 1024
"""Bytes of each side that may wait for the other, as aiohttp has it for bodies."""

_NOTHING = BodyPlan(kind=BodyKind.RAW)


async def _no_bytes() -> AsyncIterator[bytes]:
    return
    yield b""


class _Side:
    """One side of an open WebSocket; aiohttp takes it for a parser of messages.

    Attributes:
        incoming: The bytes that it sends.
        writer: Takes bytes for it.
    """

    def __init__(self, protocol: BaseProtocol) -> None:
        loop = asyncio.get_running_loop()
        self.incoming = StreamReader(protocol, _HELD_BYTES, loop=loop)
        self.writer = StreamWriter(protocol, loop)

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Take bytes that have arrived."""
        self.incoming.feed_data(data)
        return False, b""

    def feed_eof(self) -> None:
        """Note that no more bytes come."""
        self.incoming.feed_eof()


class WebSocketPassing:
    """Passes WebSockets on.

    Args:
        in_force: The settings in force.
        intake: Puts them on record.
        recorder: Notes what became of them.
        drain: Says when the service ends.
        waiting: The answers that wait for their clients.
    """

    def __init__(
        self,
        in_force: InForce,
        intake: Intake,
        recorder: Recorder,
        drain: Drain,
        waiting: Waiters,
    ) -> None:
        self._in_force = in_force
        self._intake = intake
        self._recorder = recorder
        self._drain = drain
        self._waiting = waiting

    async def exchange(self, arrival: Arrival) -> web.StreamResponse:
        """Put a WebSocket on record, and carry it from its handshake to its end."""
        deciding = self._intake.decided(arrival, _NOTHING, _no_bytes(), exempt=True)
        async with deciding as (upload, effect):
            if isinstance(effect, Answer):
                return upload.answer(effect)
        headers = forwarded_headers(
            arrival.head,
            arrival.side,
            decision_id=upload.ticket.id,
            body_length=None,
            content_type=None,
            telling=arrival.origin.telling,
        )
        headers = [*headers, *UPGRADE]
        with WhileClientStays(arrival.request):
            async with arrival.origin.asked(
                "GET", arrival.head.target, headers, None
            ) as answer:
                status = None if isinstance(answer, OriginFailure) else answer.status
                self._recorder.outcome(upload.ticket, status)
                self._recorder.faults.note_origin(arrival.route.origin, answer)
                if isinstance(answer, OriginFailure):
                    return upload.answer(
                        Answer(outcome=Outcome.LATER, status=answer.value)
                    )
                if status == HTTPStatus.SWITCHING_PROTOCOLS:
                    return await self._carry(arrival, answer)
                return await relaying.relay(
                    arrival, answer, last=self._drain.begun, waiting=self._waiting
                )
        return relaying.nothing_to_say()

    async def _carry(
        self, arrival: Arrival, answer: OriginAnswer
    ) -> web.StreamResponse:
        """Open the client's side, and pass bytes on until one side ends."""
        request = arrival.request
        response = await relaying.open_websocket(request, answer)
        client, origin = _Side(request.protocol), _Side(answer.by)
        request.protocol.set_parser(client)  # type: ignore[arg-type] # it asks no more
        answer.by.set_parser(origin, None)
        departure_of(request).ended.add_done_callback(lambda _: client.feed_eof())
        silence = asyncio.timeout(arrival.origin.stream_timeout_s)
        works = [
            asyncio.ensure_future(work)
            for work in (
                self._pass_bytes(arrival, client, origin, silence),
                self._pass_bytes(arrival, origin, client, silence),
                self._drain.beginning(),
            )
        ]
        try:
            async with silence:
                done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for work in done:
                work.result()
        except (TimeoutError, aiohttp.ClientError, OSError) as exc:
            log.info("answer_broken_off", error=type(exc).__name__)
            break_off(request, at_once=True)
            answer.by.abort()
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
        response.force_close()
        return response

    async def _pass_bytes(
        self, arrival: Arrival, source: _Side, to: _Side, silence: asyncio.Timeout
    ) -> None:
        """Pass the bytes of one side to the other, until it ends.

        Raises:
            TimeoutError: The other side accepted nothing for too long.
        """
        live = arrival.live.settings
        now_s = asyncio.get_running_loop().time
        while data := await source.incoming.readany():
            if self._in_force.settings != live:
                return
            silence.reschedule(now_s() + arrival.origin.stream_timeout_s)
            async with asyncio.timeout(live.limits.answer_idle_s):
                await to.writer.write(data)
        async with asyncio.timeout(live.limits.answer_idle_s):
            await flushed(to.writer)
