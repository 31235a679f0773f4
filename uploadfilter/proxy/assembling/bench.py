"""The tools of every protocol for uploads in pieces: receive, ask, finish, answer.

Rules this module keeps:

- A piece is received within the limits of every body, in a place among the open
  uploads.
- A complete upload is inspected, decided and recorded by the code for every upload
  (``Intake.decided``). Only then is it replayed, from the copy that was inspected.
- ``finish`` leaves nothing in between: the upload is gone, or it is incomplete again.
- The origin is asked without any byte of an upload, as the client would ask it.
"""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from uploadfilter.inspection.admission import Admission
from uploadfilter.inspection.intake import Intake
from uploadfilter.inspection.reading import BodyReader, RequestSender
from uploadfilter.inspection.recorder import Recorder
from uploadfilter.inspection.spool import Spool, SpoolRoom
from uploadfilter.inspection.upload import Keep, Upload
from uploadfilter.model import Reason
from uploadfilter.proxy.assembling.contents import (
    Contents,
    joined_contents,
    pieces_of,
)
from uploadfilter.proxy.assembling.originbodies import whole
from uploadfilter.proxy.assembling.store import HeldUpload, UploadStore
from uploadfilter.rejections import Outcome
from uploadfilter.uploads.assembly.assembly import State
from uploadfilter.uploads.assembly.steps import (
    Failure,
    NotSent,
    OriginReply,
    OwnReply,
    Replay,
    ReplayRequest,
)
from uploadfilter.uploads.head.forwarding import forwarded_headers, returned_headers
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.web.aiohttp_parts import NamelessResponse
from uploadfilter.web.answering import answers
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.counting.labels import Phase
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.origins.failing import OriginFailure
from uploadfilter.web.requests.arrival import Arrival

_UNDECIDED: Final = frozenset({Reason.ABORTED, Reason.TOO_SLOW})
"""Reasons of a rejection after which the same upload may be sent again."""

_UNAVAILABLE: Final = 503

_NO_ROOM: Final = Answer(
    outcome=Outcome.LATER, status=_UNAVAILABLE, reason=Reason.SPOOL_FULL
)
_NOT_NOTED: Final = Answer(
    outcome=Outcome.LATER, status=_UNAVAILABLE, reason=Reason.INTERNAL_ERROR
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAccepted:
    """The answer of a decision other than ``ACCEPT``.

    Attributes:
        answer: Its status and reason.
        decision_id: Id of the decision.
    """

    answer: Answer
    decision_id: str


Reply: TypeAlias = OriginReply | OriginFailure

_Source: TypeAlias = tuple[int, AsyncIterator[bytes]]
"""The length and the bytes of a part that goes to the origin."""


class Workbench:
    """What each protocol needs; one serves all of them.

    Args:
        store: Holds uploads.
        intake: Inspects, decides and records.
        admission: Decides which uploads are admitted.
        recorder: Notes outcomes.
        metrics: Notes durations.
        room: Holds the bytes of a piece until the origin has them.
    """

    def __init__(
        self,
        *,
        store: UploadStore,
        intake: Intake,
        admission: Admission,
        recorder: Recorder,
        metrics: Metrics,
        room: SpoolRoom,
    ) -> None:
        self._room = room
        self.store = store
        self._intake = intake
        self._admission = admission
        self._recorder = recorder
        self._metrics = metrics

    @contextmanager
    def place(self, arrival: Arrival) -> Iterator[web.StreamResponse | None]:
        """Take a place for a piece during a block; or yield the answer without one."""
        no_room = self._admission.turned_away(arrival)
        if no_room is not None:
            yield self._intake.shed(arrival, no_room)
            return
        end = self._admission.place(arrival.client_key)
        try:
            yield None
        finally:
            end()

    async def take(
        self, arrival: Arrival, body: BodyPlan, *, keep: Keep
    ) -> web.StreamResponse:
        """Take a form in as any upload, unless ``keep`` keeps it."""
        return await self._intake.take(arrival, body, is_canary=False, keep=keep)

    @contextmanager
    def spool(self, arrival: Arrival) -> Iterator[Spool]:
        """Hold bytes of a client during a block."""
        with closing(self._room.spool(arrival.client_key)) as spool:
            yield spool

    async def receive(
        self, arrival: Arrival, take: Callable[[bytes], Awaitable[Failure | None]]
    ) -> Failure | None:
        """Receive the body of a request; return why it did not reach its end."""
        meter = self._admission.meter(arrival.client_key)
        sender = RequestSender(arrival.request)
        try:
            await sender.ask_for_body()
        except OSError:
            return Reason.ABORTED
        clock = asyncio.get_running_loop().time
        begun_s = clock()
        limits = arrival.live.settings.limits
        with self._admission.arriving(arrival) as body:
            reader = BodyReader(sender, body, limits, meter, clock=clock)
            while data := await reader.piece():
                failed = data if isinstance(data, Reason) else await take(data)
                if failed is not None:
                    return failed
        self._metrics.took(Phase.RECEIVE, clock() - begun_s)
        return None

    async def read_list(self, arrival: Arrival, most_bytes: int) -> bytes | Failure:
        """Return the short body of a request; empty if it has none."""
        text = bytearray()

        async def take(data: bytes) -> Failure | None:
            text.extend(data)
            return Reason.TOO_LARGE if len(text) > most_bytes else None

        failed = await self.receive(arrival, take) if arrival.head.has_body else None
        return bytes(text) if failed is None else failed

    async def ask(self, arrival: Arrival, head: RequestHead) -> Reply:
        """Send a request without a body to the origin, for a client."""
        length = None if head.method in {"HEAD", "DELETE"} else 0
        return await self.request(arrival, head, decision_id=None, body_length=length)

    async def request(
        self,
        arrival: Arrival,
        head: RequestHead,
        *,
        decision_id: str | None,
        body_length: int | None,
        body: AsyncIterator[bytes] | None = None,
    ) -> Reply:
        """Send a request to the origin, and read its whole answer.

        A body of no bytes, or of no length, is not sent.
        """
        headers = forwarded_headers(
            head,
            arrival.side,
            decision_id=decision_id,
            body_length=body_length,
            content_type=None,
            telling=arrival.origin.telling,
        )
        clock = asyncio.get_running_loop().time
        begun_s = clock()
        async with arrival.origin.asked(
            head.method, head.target, headers, body if body_length else None
        ) as answer:
            self._metrics.took(Phase.FORWARD, clock() - begun_s)
            reply: Reply = OriginFailure.UNREACHABLE
            if isinstance(answer, OriginFailure):
                reply = answer
            elif (data := await whole(answer)) is not None:
                reply = OriginReply(
                    status=answer.status,
                    headers=returned_headers(answer.raw_headers),
                    body=data,
                )
            self._recorder.faults.note_origin(arrival.route.origin, reply)
            return reply

    async def finish(
        self,
        arrival: Arrival,
        uploads: Sequence[HeldUpload],
        *,
        declared_type: str | None,
        replay: Replay,
        contents: Contents | None = None,
    ) -> Reply | NotAccepted:
        """Inspect complete uploads as one, and replay them if they are accepted.

        This request has locked them. Afterwards they are gone, or incomplete again
        because there was no verdict.

        Args:
            arrival: The request that completed them.
            uploads: The uploads in order.
            declared_type: The media type that the client claims.
            replay: The requests that bring them to the origin.
            contents: The contents to inspect, which are not what the origin gets;
                ``None`` for all bytes as one content, which it gets as inspected.
        """
        is_other = contents is not None
        contents = contents or joined_contents(uploads)
        plan = BodyPlan(
            kind=BodyKind.RAW,
            declared_length=sum(each.offset for each in uploads),
            declared_type=declared_type,
        )
        is_final = False
        try:
            deciding = self._intake.decided(
                arrival,
                plan,
                contents.data,
                contents.spans,
                pieces=pieces_of(uploads, contents),
            )
            async with deciding as (upload, effect):
                if isinstance(effect, Answer):
                    is_final = is_verdict(effect)
                    return NotAccepted(answer=effect, decision_id=upload.ticket.id)
                if not await _note_decision(uploads, upload.ticket.id):
                    self._recorder.outcome(upload.ticket, None)
                    return NotAccepted(answer=_NOT_NOTED, decision_id=upload.ticket.id)
                is_final = True
                sources = _list_stored(uploads)
                if not is_other:
                    sources = _list_spooled(upload.spools[effect.where], uploads)
                return await self._replay(upload, replay, sources)
        finally:
            for each in uploads:
                if is_final or each.state is State.DECIDED:
                    await each.remove()
                elif not each.head.is_part:
                    await each.undo()

    async def pass_unseen(self, arrival: Arrival, body: bytes) -> Reply | NotAccepted:
        """Record a request that joins unknown bytes; only ``MONITOR`` sends it on."""
        plan = BodyPlan(kind=BodyKind.RAW, declared_length=len(body), is_piece=True)
        deciding = self._intake.decided(arrival, plan, once(body))
        async with deciding as (upload, effect):
            if isinstance(effect, Answer):
                return NotAccepted(answer=effect, decision_id=upload.ticket.id)
            replay = Replay((ReplayRequest(arrival.head, text=body),))
            return await self._replay(upload, replay, [])

    async def _replay(
        self, upload: Upload, replay: Replay, sources: Sequence[_Source]
    ) -> Reply:
        """Replay an upload once, and note the outcome, whatever it is."""
        outcome: int | None = None
        arrival, reply = upload.arrival, None
        try:
            for sending in replay.sendings:
                reply = await self._send(upload, sending, sources)
                if not isinstance(reply, OriginReply) or not reply.is_success:
                    if replay.undo is not None:
                        await self.ask(arrival, replay.undo)
                    break
            if reply is None:
                raise RuntimeError("an upload was accepted that brings nothing")
            if isinstance(reply, OriginReply):
                outcome = reply.status
            return reply
        finally:
            self._recorder.outcome(upload.ticket, outcome)

    async def _send(
        self, upload: Upload, sending: ReplayRequest, sources: Sequence[_Source]
    ) -> Reply:
        length, body = len(sending.text), once(sending.text)
        if sending.part is not None:
            length, body = sources[sending.part]
        return await self.request(
            upload.arrival,
            sending.head,
            decision_id=upload.ticket.id,
            body_length=length,
            body=body,
        )

    def code_of(self, told: NotAccepted) -> str:
        """Return the code for an objection to a rejection; empty without a form."""
        is_rejection = told.answer.is_rejection
        return self._recorder.code_of(told.decision_id) if is_rejection else ""

    def answer(
        self,
        arrival: Arrival,
        told: Reply | NotAccepted | Refusal | Failure,
        headers: Mapping[str, str | None] | None = None,
    ) -> web.Response:
        """Make the answer to a client, in the words of the filter if they are ours.

        ``headers`` are added, such as those by which a browser may read it.
        """
        decision_id, code, answer = None, "", _NO_ROOM
        if isinstance(told, OriginReply):
            return self.relay(told)
        if isinstance(told, NotAccepted):
            decision_id, code, answer = (
                told.decision_id,
                self.code_of(told),
                told.answer,
            )
        elif isinstance(told, OriginFailure):
            answer = Answer(outcome=Outcome.LATER, status=told.value)
        elif isinstance(told, Refusal):
            answer = Answer(
                outcome=Outcome.REFUSED,
                status=told.status,
                reason=told.reason,
                detail=told.detail,
            )
        if answer.is_rejection:
            status = arrival.route.reject_status
            answer = msgspec.structs.replace(answer, status=status)
        made = answers.response(
            arrival.request,
            answer,
            decision_id=decision_id,
            wording=arrival.live.settings.wording,
            code=code,
        )
        made.headers.update({k: v for k, v in (headers or {}).items() if v})
        if not arrival.request.content.at_eof():
            made.force_close()
        return made

    def not_sent(self, arrival: Arrival, done: NotAccepted | OriginFailure) -> NotSent:
        """Say in the words of a protocol why an upload is not at the origin."""
        if isinstance(done, OriginFailure):
            return NotSent(status=done.value, is_verdict=False, decision_id="")
        form, code = arrival.live.settings.wording.form, self.code_of(done)
        return NotSent(
            status=done.answer.status,
            is_verdict=is_verdict(done.answer),
            decision_id=done.decision_id,
            objection=f" Code: {code} To object: {form}" if form and code else "",
        )

    def say(
        self, arrival: Arrival, said: OwnReply, known: OriginReply | None
    ) -> web.Response:
        """Make an answer as a protocol has it."""
        reply = OriginReply(status=said.status, headers=[], body=said.body)
        made = self.relay(reply, changed={**carried_headers(known), **said.headers})
        if not arrival.request.content.at_eof():
            made.force_close()
        return made

    @staticmethod
    def relay(
        reply: OriginReply,
        *,
        changed: Mapping[str, str | None] | None = None,
    ) -> web.Response:
        """Make the answer to a client out of the origin's.

        ``changed`` are headers to set, or to leave out (``None``).
        """
        headers: CIMultiDict[str] = CIMultiDict()
        for name, value in reply.headers:
            if name.lower() != b"content-length":
                headers.add(name.decode("latin-1"), value.decode("latin-1"))
        for key, told in (changed or {}).items():
            headers.popall(key, None)
            if told is not None:
                headers[key] = told
        return NamelessResponse(
            status=reply.status, headers=headers, body=reply.body or None
        )


def is_verdict(effect: Answer) -> bool:
    """Tell whether a rejection is the verdict on the bytes, and not a lack of one."""
    return effect.outcome is not Outcome.LATER and effect.reason not in _UNDECIDED


async def _note_decision(uploads: Sequence[HeldUpload], decision: str) -> bool:
    """Note durably, for each upload, that its replay begins."""
    for each in uploads:
        if await each.decide(decision) is not None:
            return False
    return True


async def once(data: bytes) -> AsyncIterator[bytes]:
    """Yield a short body that is in memory."""
    yield data


def _list_stored(uploads: Sequence[HeldUpload]) -> list[_Source]:
    """Return the bytes of parts as the store has them, which checks them."""
    return [(each.offset, each.read()) for each in uploads]


def _list_spooled(spool: Spool, uploads: Sequence[HeldUpload]) -> list[_Source]:
    """Return the bytes of parts out of the copy that was inspected."""
    found, start = list[_Source](), 0
    for each in uploads:
        found.append((each.offset, spool.read(start, each.offset)))
        start += each.offset
    return found


_CARRIED: Final = ("access-control-", "tus-", "upload-expires", "vary", "set-cookie")
"""Headers of the origin's answer that an answer of ours has, too: those by which
browsers let a page read it, and those about the upload."""


def carried_headers(known: OriginReply | None) -> dict[str, str | None]:
    """Return the origin's headers that an answer of ours has as well."""
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in (known.headers if known else ())
        if name.decode("latin-1").lower().startswith(_CARRIED)
    }
