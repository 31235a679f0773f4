"""The walk through resumable uploads as Google's services have them.

The origin is the server: it makes the address of a session, which is all that a client
needs to send bytes to it. Only the bytes wait here. Rules this module keeps:

- A session is known if the origin has answered its start through this filter. Bytes for
  another one are refused, so that the origin never joins bytes that were not held here.
- The origin gets the bytes of a session in one request, and never a part of them.
- A status is that of the held bytes, unless the origin says that the file is complete.
- In ``MONITOR`` a step of an unknown session is treated as on every other route.
"""

from dataclasses import replace
from http import HTTPStatus
from typing import Final

from aiohttp import web

from uploadfilter.model import Mode, Reason
from uploadfilter.proxy.assembling.bench import (
    Failure,
    NotAccepted,
    OriginReply,
    Replaying,
    Reply,
    Workbench,
    is_verdict,
)
from uploadfilter.proxy.assembling.heldfile import Denial
from uploadfilter.proxy.assembling.pieceanswers import (
    CODED,
    TOO_LARGE,
    WHOLE_FORM,
    PieceReplies,
)
from uploadfilter.proxy.assembling.ranges import receive_range
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.proxy.inspecting.commands import Answer
from uploadfilter.proxy.origins.failing import OriginFailure
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly import google
from uploadfilter.uploads.assembly.assembly import Order, State
from uploadfilter.uploads.assembly.google import Dialect
from uploadfilter.uploads.assembly.heads import edited
from uploadfilter.uploads.assembly.journal import UploadHead
from uploadfilter.uploads.assembly.tus import target_of
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.head.request import RequestHead

NAME: Final = "google"

_TYPE, _TOTAL = "type", "total"
"""Names of notes: the media type and the length that the start of a session states."""

_INCOMPLETE: Final = HTTPStatus.PERMANENT_REDIRECT
"""Resume Incomplete, as Google calls 308."""

_STATUS: Final = "X-Goog-Upload-Status"
_RECEIVED: Final = "X-Goog-Upload-Size-Received"
_ADDRESS: Final = {
    Dialect.RANGES: b"location",
    Dialect.COMMANDS: b"x-goog-upload-url",
}

_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE, 499})
"""Statuses of an origin that does not know a session any more; 499 is Google's for a
session that was cancelled."""

_OTHER_TOTAL: Final = Refusal(
    status=400,
    reason=Reason.MALFORMED_REQUEST,
    detail="The upload has not as many bytes as it states.",
)


class Google:
    """Answers the requests of Google's resumable uploads on the routes that name them.

    Args:
        bench: The tools.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._answers = PieceReplies(bench)

    async def answer(
        self, arrival: Arrival, body: BodyPlan | Refusal
    ) -> web.StreamResponse | None:
        """Answer a step of an upload; ``None`` for another request."""
        step = google.read(arrival.head)
        if step is None:
            return None
        refusal = _refusal(arrival, body, step)
        if refusal is not None:
            is_lenient = arrival.route.mode is Mode.MONITOR or _is_unmarked(step)
            return None if is_lenient else self._answers.refuse(arrival, refusal)
        answer: web.StreamResponse | None = None
        match step:
            case google.SessionStart():
                answer = await self._start(arrival, body, step)
            case google.SessionBytes():
                answer = await self._bytes(arrival, step)
            case google.SessionStatus():
                answer = await self._status(arrival, step)
            case google.SessionEnding():
                answer = await self._ending(arrival)
        return answer

    # The start of a session.

    async def _start(
        self, arrival: Arrival, body: BodyPlan | Refusal, step: google.SessionStart
    ) -> web.StreamResponse | None:
        if isinstance(body, Refusal) or body.kind is BodyKind.FORM or body.is_piece:
            return None  # treated as on any route, and its answer begins no session
        with self._bench.place(arrival) as no_room:
            return no_room or await self._started(arrival, body, step)

    async def _started(
        self, arrival: Arrival, body: BodyPlan, step: google.SessionStart
    ) -> web.StreamResponse:
        done, claimed = await self._asked(arrival, body, step)
        if isinstance(done, web.Response):
            return done
        if not isinstance(done, OriginReply):
            return self._bench.answer(arrival, done)
        address = done.value(_ADDRESS[step.dialect])
        if not done.is_success or address is None:
            return self._bench.relay(done)
        target = target_of(address.decode("latin-1"), arrival.head.target)
        denied = await self._begun(arrival, step, target, claimed)
        if denied is None:
            return self._bench.relay(done)
        gone = _ending(replace(arrival.head, target=target), step.dialect)
        await self._bench.ask(arrival, gone)
        return self._answers.deny(arrival, denied, done)

    async def _asked(
        self, arrival: Arrival, body: BodyPlan, step: google.SessionStart
    ) -> tuple[Reply | NotAccepted | web.Response, str | None]:
        """Ask the origin for a session; return its answer and the claimed type."""
        head = arrival.head
        if not head.has_body:
            return await self._bench.ask(arrival, head), step.declared_type
        with self._bench.spool(arrival) as spool:

            async def take(data: bytes) -> Failure | None:
                return None if await spool.write(data) else Denial.FULL

            failed = await self._bench.receive(arrival, take)
            if failed is not None:
                return self._failed(arrival, failed), None
            data = spool.read(0, spool.size)
            done = await self._bench.pass_on(arrival, head, body, data)
            told = spool.whole(google.MOST_METADATA_BYTES)
            return done, google.claimed_in(told or b"", step.declared_type)

    async def _begun(
        self,
        arrival: Arrival,
        step: google.SessionStart,
        target: str,
        claimed: str | None,
    ) -> Denial | None:
        """Begin to hold a session; an older one of that address is forgotten."""
        store = self._bench.store
        name = await self._name(arrival, target)
        if name is None:
            return Denial.UNUSABLE
        told = {
            _TYPE: claimed,
            _TOTAL: None if step.total is None else str(step.total),
        }
        head = UploadHead(
            protocol=NAME,
            created=int(store.clock()),
            client=store.client_of(arrival.client_key),
            total=None,
            most=arrival.route.limits.max_body_bytes,
            order=Order.SEQUENTIAL,
            notes={key: value for key, value in told.items() if value},
        )
        async with store.locked(name) as old:
            if isinstance(old, HeldUpload):
                await old.remove()
            elif old is not Denial.MISSING:
                return old
        held = await store.create(name, head)
        if isinstance(held, Denial):
            return held
        await held.close()
        return None

    # Bytes.

    async def _bytes(
        self, arrival: Arrival, step: google.SessionBytes
    ) -> web.StreamResponse | None:
        with self._bench.place(arrival) as no_room:
            if no_room is not None:
                return no_room
            name = await self._name(arrival, arrival.head.target)
            async with self._bench.store.locked(name or "") as held:
                if isinstance(held, HeldUpload):
                    return await self._taken(arrival, held, step)
        if held is Denial.MISSING and self._is_elsewhere(arrival, step):
            return None
        return self._denied(arrival, Denial.UNUSABLE if name is None else held)

    @staticmethod
    def _is_elsewhere(arrival: Arrival, step: google.SessionBytes) -> bool:
        """Tell whether bytes without a held session are for another route's rules."""
        return arrival.route.mode is Mode.MONITOR or not step.is_marked

    async def _taken(
        self, arrival: Arrival, held: HeldUpload, step: google.SessionBytes
    ) -> web.StreamResponse | None:
        at = held.offset if step.at is None else step.at
        if at != held.offset:
            return self._wrong_offset(arrival, held, step)
        failed: Failure | None = None
        if arrival.head.has_body:
            failed = await receive_range(
                self._bench,
                arrival,
                held,
                at=at,
                length=step.length,
                total=step.total,
            )
        if failed is not None:
            return self._failed(arrival, failed)
        if not step.is_last and held.state is not State.COMPLETE:
            return self._goes_on(arrival, step.dialect, held.offset)
        return await self._ended(arrival, held, step.dialect, step.total)

    async def _ended(
        self,
        arrival: Arrival,
        held: HeldUpload,
        dialect: Dialect,
        total: int | None,
    ) -> web.StreamResponse | None:
        """Finish a session whose client says that all bytes are there."""
        noted = held.head.notes.get(_TOTAL)
        stated = {total, None if noted is None else int(noted)} - {None}
        if stated - {held.offset}:
            return self._answers.refuse(arrival, _OTHER_TOTAL)
        if held.offset == 0:
            await held.remove()
            return None  # without a byte to inspect
        failed = await held.state_total(held.offset)
        if failed is not None:
            return self._failed(arrival, failed)
        return await self._finished(arrival, held, dialect)

    async def _finished(
        self, arrival: Arrival, held: HeldUpload, dialect: Dialect
    ) -> web.Response:
        head = arrival.head
        whole = _whole(head, dialect, held.size)
        own_type = google.type_of(head)

        async def replay(to: Replaying) -> Reply:
            return await to.send(whole)

        done = await self._bench.finish(
            arrival,
            [held],
            declared_type=held.head.notes.get(_TYPE) or own_type,
            replay=replay,
        )
        if isinstance(done, OriginReply):
            return self._bench.relay(done)
        if isinstance(done, NotAccepted) and is_verdict(done.answer):
            await self._bench.ask(arrival, _ending(head, dialect))
        return self._bench.answer(arrival, done)

    # Questions and ends.

    async def _status(
        self, arrival: Arrival, step: google.SessionStatus
    ) -> web.StreamResponse | None:
        if step.total is not None:
            with self._bench.place(arrival) as no_room:
                if no_room is not None:
                    return no_room
                name = await self._name(arrival, arrival.head.target)
                async with self._bench.store.locked(name or "") as held:
                    is_held = isinstance(held, HeldUpload)
                    if isinstance(held, HeldUpload) and held.offset == step.total:
                        return await self._ended(
                            arrival, held, step.dialect, step.total
                        )
                if held is Denial.BUSY:
                    return self._denied(arrival, held)
            if not is_held and step.total == 0:
                return None
        return await self._looked(arrival, step)

    async def _looked(
        self, arrival: Arrival, step: google.SessionStatus
    ) -> web.StreamResponse:
        reply = await self._bench.ask(arrival, _question(arrival.head, step.dialect))
        if isinstance(reply, OriginFailure):
            return self._bench.answer(arrival, reply)
        if not _is_open(reply, step.dialect):
            await self._forget(arrival, is_gone=reply.status in _GONE)
            return self._bench.relay(reply)
        name = await self._name(arrival, arrival.head.target)
        found = Denial.UNUSABLE if name is None else await self._bench.store.peek(name)
        if not isinstance(found, Denial):
            offset = found.assembly.offset
            return self._goes_on(arrival, step.dialect, offset, reply)
        if arrival.route.mode is Mode.MONITOR and found is Denial.MISSING:
            return self._bench.relay(reply)
        return self._denied(arrival, found)

    async def _ending(self, arrival: Arrival) -> web.StreamResponse | None:
        name = await self._name(arrival, arrival.head.target)
        if name is None or isinstance(await self._bench.store.peek(name), Denial):
            return None
        reply = await self._bench.ask(arrival, arrival.head)
        if isinstance(reply, OriginFailure):
            return self._bench.answer(arrival, reply)
        await self._forget(arrival, is_gone=reply.is_success or reply.status in _GONE)
        return self._bench.relay(reply)

    async def _forget(self, arrival: Arrival, *, is_gone: bool) -> None:
        """Delete the bytes of a session that the origin does not know any more."""
        name = await self._name(arrival, arrival.head.target)
        if not is_gone or name is None:
            return
        async with self._bench.store.locked(name) as held:
            if isinstance(held, HeldUpload):
                await held.remove()

    # Answers.

    def _goes_on(
        self,
        arrival: Arrival,
        dialect: Dialect,
        offset: int,
        known: OriginReply | None = None,
    ) -> web.Response:
        """Say how many bytes are held, and that more are expected."""
        if dialect is Dialect.COMMANDS:
            headers = {_STATUS: "active", _RECEIVED: str(offset)}
            return self._answers.short(arrival, HTTPStatus.OK, known, headers)
        headers = {"Range": f"bytes=0-{offset - 1}"} if offset else {}
        return self._answers.short(arrival, _INCOMPLETE, known, headers)

    def _wrong_offset(
        self, arrival: Arrival, held: HeldUpload, step: google.SessionBytes
    ) -> web.Response:
        if step.dialect is Dialect.COMMANDS:
            return self._answers.short(arrival, HTTPStatus.BAD_REQUEST, None)
        # Its client reads in the range where to go on, as after every piece.
        return self._goes_on(arrival, step.dialect, held.offset)

    def _failed(self, arrival: Arrival, failed: Failure) -> web.Response:
        if isinstance(failed, Denial):
            return self._denied(arrival, failed)
        nothing = OriginReply(status=0, headers=[], body=b"")
        return self._answers.fail(arrival, failed, nothing)

    def _denied(self, arrival: Arrival, denied: "Denial | HeldUpload") -> web.Response:
        if denied is Denial.BUSY:  # clients repeat a 503, and give up after a 423
            told = Answer(status=503, reason=Reason.SPOOL_FULL)
            return self._bench.answer(arrival, told)
        if isinstance(denied, Denial):
            return self._answers.deny(arrival, denied, None)
        raise RuntimeError("a held upload is no denial")

    async def _name(self, arrival: Arrival, target: str) -> str | None:
        return await self._bench.store.name_of(NAME, arrival.route.name, target)


def _refusal(
    arrival: Arrival, body: BodyPlan | Refusal, step: google.GoogleStep | Refusal
) -> Refusal | None:
    """Return why a request is refused by its head alone."""
    if isinstance(step, Refusal):
        return step
    if isinstance(body, Refusal):
        return body
    limit = arrival.route.limits.max_body_bytes
    if isinstance(step, google.SessionStart):
        return TOO_LARGE if (step.total or 0) > limit else None
    if arrival.head.has_body:
        if body.kind is BodyKind.FORM:
            return WHOLE_FORM
        if body.coding is not None or body.framing is not None:
            return CODED
    return None


def _is_unmarked(step: google.GoogleStep | Refusal) -> bool:
    """Tell whether nothing in a request marks it as a step."""
    return isinstance(step, google.SessionBytes) and not step.is_marked


def _is_open(reply: OriginReply, dialect: Dialect) -> bool:
    """Tell whether the origin expects more bytes."""
    if dialect is Dialect.RANGES:
        return reply.status == _INCOMPLETE
    return reply.value(_STATUS.lower().encode()) == b"active"


def _whole(head: RequestHead, dialect: Dialect, size: int) -> RequestHead:
    """Return the one request that brings all bytes of a session."""
    added = {
        Dialect.RANGES: {b"Content-Range": b"bytes 0-%d/%d" % (size - 1, size)},
        Dialect.COMMANDS: {
            b"X-Goog-Upload-Command": b"upload, finalize",
            b"X-Goog-Upload-Offset": b"0",
        },
    }[dialect]
    media_type = head.value(b"content-type")
    if media_type is not None:
        added = {**added, b"Content-Type": media_type}
    return edited(
        head,
        method=head.method,
        target=head.target,
        dropped=google.OF_A_PIECE,
        added=added,
    )


def _question(head: RequestHead, dialect: Dialect) -> RequestHead:
    """Return the question for the state of a session, without a length."""
    added = {
        Dialect.RANGES: {b"Content-Range": b"bytes */*"},
        Dialect.COMMANDS: {b"X-Goog-Upload-Command": b"query"},
    }[dialect]
    return edited(
        head,
        method=head.method,
        target=head.target,
        dropped=google.OF_A_PIECE,
        added=added,
    )


def _ending(head: RequestHead, dialect: Dialect) -> RequestHead:
    """Return the request that gives a session up."""
    is_ranged = dialect is Dialect.RANGES
    return edited(
        head,
        method="DELETE" if is_ranged else "POST",
        target=head.target,
        dropped=google.OF_A_PIECE,
        added={} if is_ranged else {b"X-Goog-Upload-Command": b"cancel"},
    )
