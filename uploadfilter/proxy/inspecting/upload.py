"""Drive one upload through its inspection: the hands of the state machine.

Rules this module keeps:

- Commands are carried out in order and one at a time; their results go back into the
  ``Inspection``, which decides the next commands.
- ``_inspected`` is one of the four places that may catch ``Exception``: a bug in the
  inspection of one upload must end in a recorded verdict, never in an unrecorded pass.
"""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import assert_never

import structlog
from aiohttp import web

from uploadfilter.errors import LogError, StoreError
from uploadfilter.model import Action, Match, Reason, Scan, SignalType, Verdict
from uploadfilter.proxy.answering import answers
from uploadfilter.proxy.clients.relaying import relay
from uploadfilter.proxy.counting.metrics import Metrics, Phase
from uploadfilter.proxy.inspecting.admission import Admission
from uploadfilter.proxy.inspecting.arriving import Body
from uploadfilter.proxy.inspecting.canaries import Canaries
from uploadfilter.proxy.inspecting.inspection import (
    Answer,
    Command,
    Content,
    Forward,
    Hold,
    Inspection,
    LookUp,
    MatchSignals,
    Record,
    StartScan,
    Where,
    unscanned,
)
from uploadfilter.proxy.inspecting.needs import Reference, Scanners
from uploadfilter.proxy.inspecting.pacing import LoopMeter
from uploadfilter.proxy.inspecting.reading import BodyReader
from uploadfilter.proxy.inspecting.recorder import Recorder, Ticket
from uploadfilter.proxy.inspecting.spool import Spool, SpoolRoom, closed
from uploadfilter.proxy.inspecting.tripwire import Tripwire
from uploadfilter.proxy.inspecting.unheld import Unheld
from uploadfilter.proxy.origins.origin import OriginFailure
from uploadfilter.proxy.origins.sending import AT_ONCE_BYTES, Whole
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.proxy.requests.draining import Drain
from uploadfilter.proxy.requests.live import InForce
from uploadfilter.proxy.requests.tracing import decided_as
from uploadfilter.reference.search.matching import Generation, match_scans
from uploadfilter.scanners.wire.messages import ContentSpan
from uploadfilter.signals import pdq
from uploadfilter.uploads.body import canonical
from uploadfilter.uploads.head.forwarding import forwarded_headers

log: structlog.stdlib.BoundLogger = structlog.get_logger()

ALWAYS_SCANNED = frozenset({SignalType.PDQ, SignalType.PHASH})
"""Types that every scan computes; others are computed only if a set holds them."""

_LOOK_UP_ON_LOOP = 40
"""Contents whose three digests are looked up in under a millisecond, measured."""

_SEARCH_ON_LOOP_PAIRS = 320_000
"""Pairs of signal and entry up to which a search takes under a millisecond, measured
(32 signals of one picture, 10,000 entries), so that a thread would cost more than it
saves. A form of a thousand pictures is another matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What lives as long as the service and carries uploads out, made by ``service``.

    Attributes:
        in_force: The live settings.
        scanners: Who computes perceptual signals.
        reference: Who knows the entries.
        recorder: Who keeps the decisions.
        room: Where bytes are held meanwhile.
        drain: What is in flight.
        admission: Which uploads are let in.
        metrics: What is counted.
        canaries: Who knows an operator's canary.
        tripwire: Who demotes entries that match too much.
    """

    in_force: InForce
    scanners: Scanners
    reference: Reference
    recorder: Recorder
    room: SpoolRoom
    drain: Drain
    admission: Admission
    metrics: Metrics
    canaries: Canaries
    tripwire: Tripwire


class Upload:
    """One upload in the proxy.

    Args:
        arrival: The request, its route and the settings in force.
        inspection: The state machine, not yet begun.
        hands: What is needed to carry it out.
        body: Spool for the original bytes.
        contents: Spool for the contents of a form.
        meter: Measures the time that it takes of the event loop.
        release: Releases the spools and the upload's place among the open ones.
        uninspected: Why it is not inspected, though it is forwarded (``MONITOR``).
        is_canary: Whether it is the operator's canary, which is not forwarded.
    """

    def __init__(
        self,
        arrival: Arrival,
        inspection: Inspection,
        hands: Hands,
        *,
        body: Spool,
        contents: Spool,
        meter: LoopMeter,
        release: Callable[[], None],
        uninspected: Reason | None = None,
        is_canary: bool = False,
    ) -> None:
        self._canary = hands.canaries if is_canary else None
        self._arrival = arrival
        self._request = arrival.request
        self._head = arrival.head
        self._settings = arrival.live.settings
        self._inspection = inspection
        self._hands = hands
        self._meter = meter
        self._release = release
        self._uninspected = uninspected
        self._spools = {Where.BODY: body, Where.CONTENTS: contents}
        self._unheld = b""  # the last bytes that arrived, until the spool has them
        self._unheld_rest: Unheld | None = None
        self._is_continued = False
        self._costs_s: list[float] = []  # CPU time of scanners
        self._generation: Generation | None = None
        self._clock = asyncio.get_running_loop().time
        self._begun_s = self._clock()
        self._ticket: Ticket = hands.recorder.ticket(
            arrival.client, arrival.head.method
        )

    async def run(self) -> web.StreamResponse:
        """Inspect the upload, record its decision and carry it out."""
        decided_as(self._ticket.id)
        commands = deque(self._inspection.begin())
        if not commands:
            commands = deque(await self._inspected())
        while commands:
            answer = await self._final(commands.popleft(), commands)
            if answer is not None:
                return answer
        raise RuntimeError("an inspection ended without an answer")

    async def _final(
        self, command: Command, commands: deque[Command]
    ) -> web.StreamResponse | None:
        """Carry out one of the commands that follow a decision."""
        match command:
            case Record():
                begun_s = self._clock()
                commands.extend(await self._record(command))
                self._took(Phase.RECORD, begun_s)
                return None
            case Forward():
                if self._canary is not None:
                    self._note_whole()
                    return answers.to_canary(self._ticket.id)
                return await self._forward(command)
            case Answer():
                return self._answer(command)
            case Hold() | LookUp() | StartScan() | MatchSignals():
                raise RuntimeError("an inspection went on after its decision")
            case never:
                assert_never(never)

    async def _inspected(self) -> list[Command]:
        """Inspect the upload up to its decision: the ``Record``, and no further."""
        try:
            return await self._read_and_inspect()
        except Exception:
            log.exception("inspection_failed")
            return self._inspection.failed(Reason.INTERNAL_ERROR)

    async def _read_and_inspect(self) -> list[Command]:
        try:
            await self._continue()
        except OSError:
            return self._inspection.failed(Reason.ABORTED)
        if self._uninspected is not None:
            return self._inspection.failed(self._uninspected)
        with self._hands.admission.arriving(self._arrival) as arriving:
            begun_s = self._clock()
            commands, failure = await self._read(arriving)
            self._took(Phase.RECEIVE, begun_s)
        if failure is not None:
            return self._inspection.failed(failure)
        return commands or await self._carried_out(self._inspection.end())

    async def _continue(self) -> None:
        """Tell a client that waits for it to send the body, once (RFC 9110, 10.1.1)."""
        if self._is_continued:
            return
        self._is_continued = True
        if self._request.headers.get("Expect") and self._request.version >= (1, 1):
            await self._request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._request.writer.output_size = 0

    async def _read(self, arriving: Body) -> tuple[list[Command], Reason | None]:
        """Read the body; return a decision before its end, or a failure."""
        limits, meter = self._settings.limits, self._meter
        reader = BodyReader(self._request, arriving, limits, meter, clock=self._clock)
        while True:
            data = await reader.piece()
            if isinstance(data, Reason):
                return [], data
            if not data:
                return [], None
            self._unheld = data
            commands = await self._carried_out(self._inspection.receive(data))
            if self._inspection.is_behind():
                commands = commands or await self._caught_up(reader)
            if commands:
                return commands, None

    async def _caught_up(self, reader: BodyReader) -> list[Command]:
        """Process the rest of the received bytes; other uploads take turns with it."""
        commands: list[Command] = []
        async with self._meter.alone(is_wanted=reader.is_wanted):
            while self._inspection.is_behind() and not commands:
                await asyncio.sleep(0)
                await self._meter.turn(is_wanted=reader.is_wanted)
                if not reader.is_wanted():
                    break
                commands = await self._carried_out(self._inspection.receive(b""))
        return commands

    async def _carried_out(self, commands: Sequence[Command]) -> list[Command]:
        """Carry out commands, and those that follow from them, up to a decision."""
        queue = deque(commands)
        while queue:
            command = queue.popleft()
            begun_s = self._clock()
            match command:
                case Record() | Forward() | Answer():
                    return [command, *queue]
                case Hold():
                    if not await self._hold(command):
                        return self._inspection.failed(Reason.SPOOL_FULL)
                case LookUp():
                    queue.extend(await self._look_up(command))
                    self._took(Phase.LOOK_UP, begun_s)
                case StartScan():
                    queue.extend(await self._scan(command))
                    self._took(Phase.SCAN, begun_s)
                case MatchSignals():
                    queue.extend(await self._match(command))
                    self._took(Phase.MATCH, begun_s)
                case never:
                    assert_never(never)
        return []

    def _took(self, phase: Phase, begun_s: float) -> None:
        """Note how long a finished phase took."""
        self._hands.metrics.took(phase, self._clock() - begun_s)

    def _note_whole(self) -> None:
        """Note the time from the upload's head to the answer's."""
        self._took(Phase.WHOLE, self._begun_s)

    async def _hold(self, command: Hold) -> bool:
        """Put bytes into a spool; false if there is no room."""
        if not await self._spools[command.where].write(command.data):
            return False
        if command.where is Where.BODY:
            self._unheld = b""
        return True

    async def _look_up(self, command: LookUp) -> list[Command]:
        reference = self._hands.reference
        try:
            generation = reference.at_hand()
            if generation is None:
                # A new generation is opened and verified here, which may take a while.
                generation = await asyncio.to_thread(reference.current)
        except StoreError as exc:
            self._hands.recorder.say_unusable(exc)
            return self._inspection.failed(Reason.NO_REFERENCE_SET)
        self._generation = generation
        known = [unscanned(content) for content in command.contents]
        if len(known) <= _LOOK_UP_ON_LOOP:
            return self._inspection.looked_up(self._matches(generation, known))
        matches = await asyncio.to_thread(self._matches, generation, known)
        return self._inspection.looked_up(matches)

    async def _scan(self, command: StartScan) -> list[Command]:
        generation = self._used_generation()
        shared = await self._spools[command.where].share()
        if shared is None:
            return self._inspection.failed(Reason.SPOOL_FULL)
        with closed(shared):
            scans = await self._hands.scanners.scan(
                shared,
                [_span(content) for content in command.contents],
                types=ALWAYS_SCANNED | generation.signal_types,
                client=self._arrival.client_key,
                on_cost=self._costs_s.append,
            )
        return self._inspection.scanned(scans)

    async def _match(self, command: MatchSignals) -> list[Command]:
        generation = self._used_generation()
        signals = sum(_signal_count(scan) for scan in command.scans)
        is_short = len(command.scans) <= _LOOK_UP_ON_LOOP
        if is_short and signals * generation.entry_count <= _SEARCH_ON_LOOP_PAIRS:
            return self._inspection.matched(self._matches(generation, command.scans))
        matches = await asyncio.to_thread(self._matches, generation, command.scans)
        return self._inspection.matched(matches)

    def _matches(
        self, generation: Generation, scans: Sequence[Scan]
    ) -> tuple[Match, ...]:
        found = match_scans(
            generation,
            scans,
            thresholds=self._settings.thresholds,
            quality_of=pdq.quality,
        )
        return self._hands.tripwire.soften(found)

    def _used_generation(self) -> Generation:
        if self._generation is None:
            raise RuntimeError("an upload was scanned before it was looked up")
        return self._generation

    async def _record(self, command: Record) -> list[Command]:
        """Make the decision durable; a shed is only counted."""
        recorder = self._hands.recorder
        judgement = command.judgement
        # A match is always recorded, whatever the policy decides about it.
        is_shed = judgement.effect is Action.RETRY_LATER and self._canary is None
        if is_shed and judgement.verdict is not Verdict.MATCH:
            recorder.shed(self._ticket, judgement.reason, status=503)
            return self._inspection.recorded()
        try:
            await recorder.decision(
                self._ticket,
                command,
                generation=self._generation.number if self._generation else None,
                route=self._arrival.route,
                cpu_s=sum(self._costs_s),
                size=self._inspection.body_bytes,
                within_s=self._settings.limits.record_s,
                room_s=self._settings.limits.log_room_s,
                canary=self._canary,
            )
        except LogError as exc:
            recorder.say_unwritable(exc)
            recorder.shed(self._ticket, Reason.LOG_UNWRITABLE, status=503)
            return self._inspection.record_failed()
        if self._canary is not None:
            return self._inspection.recorded()
        self._hands.admission.recorded(self._arrival.client_key)
        if command.matches:
            threshold = self._settings.limits.tripwire_networks
            place = recorder.place(self._ticket)
            self._hands.tripwire.saw(command.matches, place, threshold=threshold)
        if command.status == HTTPStatus.FORBIDDEN:
            self._hands.admission.rejected(self._arrival)
        return self._inspection.recorded()

    def _answer(self, command: Answer) -> web.StreamResponse:
        self._note_whole()
        return answers.response(
            self._request,
            status=command.status,
            reason=command.reason,
            detail=command.detail,
            decision_id=self._ticket.id,
            wording=self._settings.wording,
        )

    async def _forward(self, command: Forward) -> web.StreamResponse:
        body, length, content_type = self._outgoing(command)
        headers = forwarded_headers(
            self._head,
            self._arrival.side,
            decision_id=self._ticket.id,
            body_length=length,
            content_type=content_type,
            telling=self._arrival.origin.telling,
        )
        outcome: int | None = None
        begun_s = self._clock()
        try:
            async with self._arrival.origin.asked(
                self._head.method, self._head.target, headers, body
            ) as answer:
                self._took(Phase.FORWARD, begun_s)
                if self._unheld_rest and self._unheld_rest.answer:
                    return self._answer(self._unheld_rest.answer)
                if isinstance(answer, OriginFailure):
                    self._hands.recorder.say_origin_failed(answer)
                    return self._answer(Answer(status=answer.value, reason=None))
                outcome = answer.status
                self._note_whole()
                return await relay(
                    self._request,
                    answer,
                    last=self._hands.drain.begun,
                    idle_s=self._settings.limits.answer_idle_s,
                )
        finally:
            self._hands.recorder.outcome(self._ticket, outcome)

    async def _last_of(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield a body, then release its spool, before the answer ends.

        Otherwise a client that reads an answer slowly would keep a spool and a place.
        """
        async for data in body:
            yield data
        self._release()

    def _outgoing(
        self, command: Forward
    ) -> tuple[AsyncIterator[bytes] | Whole, int | None, str | None]:
        """Return the bytes to send, their number if known, and a form's new type."""
        spool = self._spools[command.where]
        if command.parts is not None:
            boundary = os.urandom(24).hex().encode()
            pieces = canonical.encode_form(command.parts, boundary=boundary)
            length = canonical.content_length(command.parts, boundary=boundary)
            content_type = canonical.form_content_type(boundary)
            body = self._last_of(self._form(spool, command, pieces))
            return body, length, content_type
        if command.unread:
            rest = self._last_of(self._rest(spool))
            return rest, self._head.declared_length, None
        whole = spool.whole(AT_ONCE_BYTES)
        if whole is not None:
            return Whole(data=whole, on_sent=self._release), len(whole), None
        return self._last_of(spool.read()), spool.size, None

    async def _form(
        self, spool: Spool, command: Forward, pieces: Sequence[bytes | int]
    ) -> AsyncIterator[bytes]:
        """Yield a form encoded anew: literal bytes, and parts from the spool."""
        parts = command.parts or ()
        starts = [0]
        for part in parts:
            starts.append(starts[-1] + part.length)
        for piece in pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            async for data in spool.read(starts[piece], parts[piece].length):
                yield data

    async def _rest(self, spool: Spool) -> AsyncIterator[bytes]:
        """Yield held bytes, those that could not be held, and those still to come."""
        async for data in spool.read():
            yield data
        if self._unheld:
            yield self._unheld
        await self._continue()
        self._unheld_rest = Unheld(
            self._request.content,
            self._settings.limits,
            read_bytes=self._inspection.body_bytes,
            most_bytes=self._arrival.route.limits.max_body_bytes,
        )
        async for data in self._unheld_rest.pieces():
            yield data


def _signal_count(scan: Scan) -> int:
    return sum(view.signal_count for part in scan.walk() for view in part.views)


def _span(content: Content) -> ContentSpan:
    return ContentSpan(
        path=content.path,
        offset=content.offset,
        length=content.length,
        declared_type=content.declared_type,
    )
