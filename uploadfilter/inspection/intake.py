"""Take an upload in, if there is room for one more, or answer it at its head.

Rules this module keeps: no byte is received of an upload that could not be put on
record; an upload that is turned away is counted, and its body is not read.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from uploadfilter.inspection.admission import Admission, TurnedAway
from uploadfilter.inspection.commands import Forward, Where
from uploadfilter.inspection.driver import Driver
from uploadfilter.inspection.held import Held
from uploadfilter.inspection.inspection import Inspection
from uploadfilter.inspection.planning import InspectionPlan
from uploadfilter.inspection.reading import RequestSender, UploadSender
from uploadfilter.inspection.recorder import Recorder
from uploadfilter.inspection.spool import SpoolRoom
from uploadfilter.inspection.upload import Keep, Upload
from uploadfilter.model import Mode, Reason
from uploadfilter.rejections import Outcome
from uploadfilter.uploads.assembly.assembly import UploadPieces
from uploadfilter.uploads.body.spans import BodySpan
from uploadfilter.uploads.head import awschunked
from uploadfilter.uploads.head.plan import BodyPlan, Refusal
from uploadfilter.web.answering import answers
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.requests.arrival import Arrival
from uploadfilter.web.requests.limits import ProxyLimits
from uploadfilter.web.routing.routes import UploadProtocol

_ACCEPTED = 200
_UNAVAILABLE = 503
_TOO_MANY = 429
_NO_RECORD = TurnedAway(reason=Reason.LOG_UNWRITABLE, status=_UNAVAILABLE)


class Intake:
    """Begins uploads.

    Args:
        admission: Decides whether there is room.
        recorder: Tells whether the upload could be put on record, and counts sheds.
        room: Holds bodies.
        driver: Carries out an upload to its end.
    """

    def __init__(
        self,
        *,
        admission: Admission,
        recorder: Recorder,
        room: SpoolRoom,
        driver: Driver,
    ) -> None:
        self._admission = admission
        self._recorder = recorder
        self._room = room
        self._driver = driver

    async def take(
        self,
        arrival: Arrival,
        body: BodyPlan | Refusal,
        *,
        is_canary: bool,
        keep: Keep | None = None,
    ) -> web.StreamResponse:
        """Carry out one upload, if there is room for one more.

        Args:
            arrival: Its head, its route and the settings in force.
            body: The plan of the body by its head, or why it is refused.
            is_canary: Whether the operator sent it to prove that the filter works.
            keep: Keeps a form that brings a slice of a file.
        """
        with Held() as held:
            no_room = await self._place(arrival, held)
            if no_room is not None and _turns_away(arrival, no_room):
                return self.shed(arrival, no_room)
            plan = _plan(arrival, body)
            upload = self._begin(
                arrival, plan, held, no_room=no_room, is_canary=is_canary, keep=keep
            )
            return await self._driver.run(upload)

    async def ask(
        self,
        arrival: Arrival,
        body: BodyPlan | Refusal,
        *,
        is_canary: bool = False,
        rejected_in_body: bool = False,
        sender: UploadSender | None = None,
    ) -> tuple[Upload, Forward | Answer] | TurnedAway:
        """Decide about an upload for who carries the effect out himself.

        Args:
            arrival: Its head, its route and the settings in force.
            body: The plan of the body by its head, or why it is refused.
            is_canary: Whether the operator sent it to prove that the filter works.
            rejected_in_body: Whether a rejection is answered by 200, too.
            sender: Its client; ``None`` for that of the request over HTTP.

        Returns:
            The upload and the effect, where ``Forward`` means that it is accepted; or
            the reason why there is no room, which is counted.
        """
        with Held() as held:
            no_room = await self._place(arrival, held)
            if no_room is not None and _turns_away(arrival, no_room):
                self._count_shed(arrival, no_room)
                return no_room
            plan = msgspec.structs.replace(
                _plan(arrival, body),
                accept_status=_ACCEPTED,
                rejected_in_body=rejected_in_body,
            )
            upload = self._begin(
                arrival,
                plan,
                held,
                no_room=no_room,
                is_canary=is_canary,
                sender=sender,
            )
            return upload, await self._driver.ask(upload)

    async def _place(self, arrival: Arrival, held: Held) -> TurnedAway | None:
        """Take a place for an upload while ``held`` is open, or say why not."""
        no_room = self._admission.turned_away(arrival)
        if no_room is not None and _turns_away(arrival, no_room):
            return no_room
        if no_room is None:
            held.until_released(self._admission.place(arrival.client_key))
        room_s = arrival.live.settings.limits.log_room_s
        if await self._recorder.room(within_s=room_s):
            return no_room
        # It could not be put on record, so no byte of it may be received.
        self._recorder.faults.say_full()
        return _NO_RECORD

    @asynccontextmanager
    async def decided(
        self,
        arrival: Arrival,
        body: BodyPlan,
        data: AsyncIterator[bytes],
        spans: Sequence[BodySpan] | None = None,
        *,
        exempt: bool = False,
        pieces: UploadPieces | None = None,
    ) -> AsyncIterator[tuple[Upload, Forward | Answer]]:
        """Decide about an upload that the filter holds already.

        Its place among the open uploads is that of the request that completed it. The
        caller carries the effect out during the block, and notes the outcome.

        Args:
            arrival: The request that completed it.
            body: The plan of its bytes.
            data: Its bytes, in order.
            spans: The contents in them; ``None`` for one content.
            exempt: Whether it passes uninspected, which is recorded.
            pieces: Its pieces, if it is known whole.

        Yields:
            The upload, whose spools hold a copy of the bytes, and the effect, which is
            on record.
        """
        with Held() as held:
            plan = msgspec.structs.replace(
                _plan(arrival, body), exempt=exempt, spans=spans
            )
            upload = self._begin(arrival, plan, held, pieces=pieces)
            room_s = arrival.live.settings.limits.log_room_s
            if not await self._recorder.room(within_s=room_s):
                self._recorder.faults.say_full()
                reason, status = Reason.LOG_UNWRITABLE, _UNAVAILABLE
                self._recorder.shed(upload.ticket, reason, status=status)
                yield (
                    upload,
                    Answer(outcome=Outcome.LATER, status=status, reason=reason),
                )
                return
            yield upload, await self._driver.decide(upload, data)

    def _begin(
        self,
        arrival: Arrival,
        plan: InspectionPlan,
        held: Held,
        *,
        no_room: TurnedAway | None = None,
        is_canary: bool = False,
        keep: Keep | None = None,
        pieces: UploadPieces | None = None,
        sender: UploadSender | None = None,
    ) -> Upload:
        """Begin an upload; ``held`` releases its resources."""
        client = arrival.client_key
        plan = msgspec.structs.replace(
            plan,
            keeps_slices=keep is not None,
            shown=pieces.shown if pieces else (),
        )
        if not client and not is_canary and plan.accept_status is None:
            self._recorder.faults.say_unlimited(arrival.side, arrival.live.settings)
        clock = asyncio.get_running_loop().time
        spools = {where: self._room.spool(client) for where in Where}
        for spool in spools.values():
            held.until_released(spool.close)
        return Upload(
            arrival=arrival,
            sender=sender or RequestSender(arrival.request),
            inspection=Inspection(plan),
            ticket=self._recorder.ticket(arrival.client, arrival.head.method),
            spools=spools,
            meter=self._admission.meter(client),
            release=held.release,
            clock=clock,
            begun_s=clock(),
            uninspected=no_room.reason if no_room else None,
            is_canary=is_canary,
            keep=keep,
            pieces=pieces,
        )

    def shed(self, arrival: Arrival, no_room: TurnedAway) -> web.StreamResponse:
        """Answer an upload for which there is no room, before its body is read."""
        self._count_shed(arrival, no_room)
        return answer_shed(arrival, no_room)

    def places(self, limits: ProxyLimits) -> int:
        """Return how many uploads may be open at once."""
        return self._admission.places(limits)

    def count_turned_away(self, method: str) -> None:
        """Count an upload, of a program that asks too much through a door."""
        ticket = self._recorder.ticket("", method)
        self._recorder.shed(ticket, Reason.TOO_MANY_UPLOADS, status=_TOO_MANY)

    def _count_shed(self, arrival: Arrival, no_room: TurnedAway) -> None:
        ticket = self._recorder.ticket(arrival.client, arrival.head.method)
        self._recorder.shed(ticket, no_room.reason, status=no_room.status)


def answer_shed(arrival: Arrival, no_room: TurnedAway) -> web.StreamResponse:
    """Return the answer to an upload that was turned away, and is counted."""
    answer = Answer(
        outcome=Outcome.LATER,
        status=no_room.status,
        reason=no_room.reason,
        retry_after_s=no_room.retry_after_s,
    )
    return answers.response(
        arrival.request, answer, wording=arrival.live.settings.wording
    )


def _plan(arrival: Arrival, body: BodyPlan | Refusal) -> InspectionPlan:
    """Return the plan of an upload by its route."""
    route = arrival.route
    return InspectionPlan(
        body=body,
        mode=route.mode,
        policy=route.policy,
        limits=route.limits,
        accept=route.accept,
        reject_status=route.reject_status,
        exempt=route.exempt,
        undoes_framing=_undoes_framing(arrival),
    )


def _undoes_framing(arrival: Arrival) -> bool:
    """Return whether the origin surely undoes ``aws-chunked`` framing.

    The operator's route says that it speaks S3, and S3 stores objects by PUT only.
    """
    head, is_s3 = arrival.head, arrival.route.protocol is UploadProtocol.S3
    is_put = is_s3 and head.method == "PUT"
    return is_put and awschunked.is_surely_undone(head.values, head.target)


def _turns_away(arrival: Arrival, no_room: TurnedAway) -> bool:
    """Tell whether an upload ends here; ``MONITOR`` turns only unrecorded ones away."""
    return no_room is _NO_RECORD or arrival.route.mode is Mode.ENFORCE
