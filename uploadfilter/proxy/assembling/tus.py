"""The walk through tus 1.0: each request of an upload, until it is complete.

The origin is the server: it makes addresses, checks who may use them, and knows of each
upload, whose offset there stays 0. Only the bytes wait here. Rules this module keeps:

- A creation goes to the origin without its bytes, with everything else; the address in
  its answer is the key under which bytes are held.
- Before a piece is received, the origin is asked for the upload as the client would ask
  (HEAD), so that a client that may not go on cannot, and gets the origin's own answer.
- The offset in answers is that of the held bytes. An upload whose bytes are not here is
  unknown (404), unless the origin has all of them: its client begins anew.
- A complete upload is one PATCH to the origin; a final upload, one for each part and
  then the client's own request.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Final, assert_never

from aiohttp import web

from uploadfilter.model import Reason
from uploadfilter.proxy.assembling.bench import (
    Failure,
    NotAccepted,
    OriginReply,
    Replaying,
    Reply,
    Workbench,
    is_verdict,
)
from uploadfilter.proxy.assembling.pieceanswers import (
    CODED,
    TOO_LARGE,
    WITH_BODY,
    BadSum,
    PieceReplies,
    carried,
)
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.proxy.origins.failing import OriginFailure
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly import tus
from uploadfilter.uploads.assembly.assembly import Denial, State
from uploadfilter.uploads.assembly.heads import edited
from uploadfilter.uploads.assembly.journal import UploadHead
from uploadfilter.uploads.head.plan import BodyPlan, Refusal
from uploadfilter.uploads.head.request import RequestHead

NAME: Final = "tus"

_OFFSET: Final = "Upload-Offset"
_TYPE: Final = "type"
_DEFERRED: Final = "deferred"
"""Names of notes: the media type that the client claims, and whether the origin does
not know the length yet."""

_VERSION: Final = "1.0.0"
_SUCCESS: Final = 2

_OF_A_PIECE: Final = (
    *(b"upload-offset", b"upload-length", b"upload-defer-length"),
    *(b"upload-concat", b"upload-metadata"),
)
"""Headers of a client's request that do not belong into another one of ours."""

_UNFINISHED: Final = Refusal(
    status=400,
    reason=Reason.MALFORMED_REQUEST,
    detail="A part of the upload is not complete.",
)


class Tus:
    """Answers the requests of tus on the routes that name it.

    Args:
        bench: The tools.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._answers = PieceReplies(bench)

    async def answer(
        self, arrival: Arrival, body: BodyPlan | Refusal
    ) -> web.StreamResponse | None:
        """Answer a request.

        Args:
            arrival: The request, whose body is not read yet.
            body: The plan of its body, or why that is refused.

        Returns:
            The answer; ``None`` for a request that is treated as on any other route.
        """
        step = tus.read(arrival.head)
        if step is None or (isinstance(body, Refusal) and not arrival.head.has_body):
            return None
        refusal = _refusal(arrival, body, step)
        if refusal is not None:
            return self._answers.refuse(arrival, refusal)
        if isinstance(step, tus.Creation) and step.total == 0:
            return None  # complete as it is, and without a byte to inspect
        if step is tus.TusStep.LOOK:
            return await self._look(arrival)
        if step is tus.TusStep.TERMINATE:
            return await self._terminate(arrival)
        with self._bench.place(arrival) as turned_away:
            return turned_away or await self._placed(arrival, step)

    async def _placed(
        self, arrival: Arrival, step: tus.TusRequest | Refusal
    ) -> web.StreamResponse:
        """Answer a request that has a place among the open uploads."""
        match step:
            case tus.Creation():
                return await self._create(arrival, step)
            case tus.Joining():
                return await self._join(arrival, step)
            case tus.Append():
                return await self._append(arrival, step)
            case Refusal() | tus.TusStep():
                raise RuntimeError("a request without bytes has no place")
            case never:
                assert_never(never)

    # Creation.

    async def _create(self, arrival: Arrival, step: tus.Creation) -> web.StreamResponse:
        head = arrival.head
        begin = edited(head, method="POST", target=head.target, dropped=(), added={})
        reply = await self._bench.ask(arrival, begin)
        if isinstance(reply, OriginFailure):
            return self._bench.answer(arrival, reply)
        location = reply.value(b"location")
        if reply.status != HTTPStatus.CREATED or location is None:
            return self._bench.relay(reply)
        target = tus.target_of(location.decode("latin-1"), head.target)
        held = await self._begun(arrival, step, target)
        if isinstance(held, Denial):
            await self._bench.ask(arrival, _ending(arrival, target))
            return self._answers.deny(arrival, held, reply)
        try:
            return await self._created(arrival, held, reply, target)
        finally:
            await held.close()

    async def _begun(
        self, arrival: Arrival, step: tus.Creation, target: str
    ) -> HeldUpload | Denial:
        store = self._bench.store
        name = await self._name(arrival, target)
        if name is None:
            return Denial.UNUSABLE
        notes = {_TYPE: step.declared_type} if step.declared_type else {}
        head = UploadHead(
            protocol=NAME,
            created=int(store.clock()),
            client=store.client_of(arrival.client_key),
            total=step.total,
            most=arrival.route.limits.max_body_bytes,
            is_part=step.is_part,
            notes=notes | ({} if step.total is not None else {_DEFERRED: "1"}),
        )
        held = await store.create(name, head)
        if held is not Denial.EXISTS:
            return held
        # An origin that gives an address a second time has forgotten the first upload.
        old = await store.open(name)
        if isinstance(old, Denial):
            return old
        await old.remove()
        await old.close()
        return await store.create(name, head)

    async def _created(
        self, arrival: Arrival, held: HeldUpload, reply: OriginReply, target: str
    ) -> web.StreamResponse:
        """Answer a creation, after the bytes that came with it."""
        if not arrival.head.has_body:
            return self._bench.relay(reply)
        checksum = tus.checksum_of(arrival.head)
        if isinstance(checksum, Refusal):
            return self._answers.refuse(arrival, checksum, reply)
        append = tus.Append(at=0, total=None, checksum=checksum)
        failed = await self._piece(arrival, held, append)
        if failed is not None:
            return self._answers.fail(arrival, failed, reply)
        if _is_done(held):
            answer = await self._finish(arrival, held, target, reply)
            if answer.status // 100 != _SUCCESS:
                return answer
        return self._bench.relay(reply, changed={_OFFSET: str(held.offset)})

    # Pieces.

    async def _append(self, arrival: Arrival, step: tus.Append) -> web.StreamResponse:
        known = await self._bench.ask(arrival, _looking(arrival))
        if isinstance(known, OriginFailure):
            return self._bench.answer(arrival, known)
        if not known.is_success:
            await self._forget(arrival, known)
            return self._bench.relay(known, status=known.status)
        if known.value(b"upload-offset") != b"0":
            return self._answers.short(arrival, HTTPStatus.CONFLICT, known)
        async with self._locked(arrival, arrival.head.target) as held:
            if isinstance(held, Denial):
                return self._answers.deny(arrival, held, known)
            return await self._appended(arrival, held, step, known)

    async def _appended(
        self, arrival: Arrival, held: HeldUpload, step: tus.Append, known: OriginReply
    ) -> web.StreamResponse:
        failed = await self._piece(arrival, held, step)
        if failed is not None:
            return self._answers.fail(arrival, failed, known)
        if _is_done(held):
            return await self._finish(arrival, held, arrival.head.target, known)
        offset = {_OFFSET: str(held.offset), "Tus-Resumable": _VERSION}
        return self._answers.short(arrival, HTTPStatus.NO_CONTENT, known, offset)

    async def _piece(
        self, arrival: Arrival, held: HeldUpload, step: tus.Append
    ) -> Failure | BadSum | None:
        """Receive a piece and make it durable, or as much of it as has come."""
        length = arrival.head.declared_length
        failed: Failure | None = await held.begin(step.at, length, step.total)
        if failed is not None:
            return failed
        stated = step.checksum
        found = stated.begin() if stated else None

        async def take(data: bytes) -> Failure | None:
            if found is not None:
                found.update(data)
            return await held.write(data)

        try:
            failed = await self._bench.receive(arrival, take)
            is_kept = isinstance(failed, Reason) and stated is None
            if failed is not None and not is_kept:
                return failed
            if stated and found and found.digest() != stated.value:
                return BadSum()
            return await held.commit() or failed
        finally:
            await held.drop()  # of nothing, if the piece is committed

    async def _finish(
        self,
        arrival: Arrival,
        held: HeldUpload,
        target: str,
        known: OriginReply,
    ) -> web.Response:
        """Inspect an upload that is complete, and replay it as one PATCH."""
        declared_type = held.head.notes.get(_TYPE)
        patch = _patch(arrival, target, held)

        async def replay(to: Replaying) -> Reply:
            return await to.send(patch)

        done = await self._bench.finish(
            arrival, [held], declared_type=declared_type, replay=replay
        )
        return await self._told(arrival, done, known, [target])

    async def _told(
        self,
        arrival: Arrival,
        done: Reply | NotAccepted,
        known: OriginReply,
        targets: Sequence[str],
    ) -> web.Response:
        """Answer the request that completed an upload."""
        if isinstance(done, OriginReply):
            return self._bench.relay(done)
        if isinstance(done, NotAccepted) and is_verdict(done.answer):
            for target in targets:
                await self._bench.ask(arrival, _ending(arrival, target))
        return self._bench.answer(arrival, done, carried(known))

    # Concatenation.

    async def _join(self, arrival: Arrival, step: tus.Joining) -> web.StreamResponse:
        async with AsyncExitStack() as locks:
            found: list[HeldUpload] = []
            for target in step.parts:
                lock = self._locked(arrival, target)
                held = await locks.enter_async_context(lock)
                if isinstance(held, Denial):
                    return self._answers.deny(arrival, held, None)
                if held.state is not State.COMPLETE or not held.head.is_part:
                    return self._answers.refuse(arrival, _UNFINISHED)
                found.append(held)
            return await self._joined(arrival, step, found)

    async def _joined(
        self, arrival: Arrival, step: tus.Joining, parts: Sequence[HeldUpload]
    ) -> web.StreamResponse:
        if sum(part.offset for part in parts) > arrival.route.limits.max_body_bytes:
            return self._answers.refuse(arrival, TOO_LARGE)
        final = edited(
            arrival.head,
            method="POST",
            target=arrival.head.target,
            dropped=(),
            added={},
        )

        async def replay(to: Replaying) -> Reply:
            start = 0
            for target, part in zip(step.parts, parts, strict=True):
                sent = await to.send(_patch(arrival, target, part), start, part.offset)
                if not isinstance(sent, OriginReply) or not sent.is_success:
                    return sent
                start += part.offset
            return await to.bench.ask(arrival, final)

        done = await self._bench.finish(
            arrival, parts, declared_type=step.declared_type, replay=replay
        )
        nothing = OriginReply(status=0, headers=[], body=b"")
        return await self._told(arrival, done, nothing, step.parts)

    # Questions and ends.

    async def _look(self, arrival: Arrival) -> web.StreamResponse:
        reply = await self._bench.ask(arrival, _looking(arrival))
        if isinstance(reply, OriginFailure):
            return self._bench.answer(arrival, reply)
        if not reply.is_success:
            await self._forget(arrival, reply)
            return self._bench.relay(reply)
        offset, length = reply.value(b"upload-offset"), reply.value(b"upload-length")
        if offset is None or offset == length:
            return self._bench.relay(reply)  # no upload, or one that is at the origin
        name = await self._name(arrival, arrival.head.target)
        found = Denial.UNUSABLE if name is None else await self._bench.store.peek(name)
        if isinstance(found, Denial):
            return self._answers.deny(arrival, found, reply)
        if offset != b"0":
            return self._answers.short(arrival, HTTPStatus.NOT_FOUND, reply)
        assembly = found.assembly
        changed: dict[str, str | None] = {_OFFSET: str(assembly.offset)}
        if assembly.total is not None:
            changed |= {
                "Upload-Length": str(assembly.total),
                "Upload-Defer-Length": None,
            }
        return self._bench.relay(reply, changed=changed)

    async def _terminate(self, arrival: Arrival) -> web.StreamResponse:
        ending = _ending(arrival, arrival.head.target)
        reply = await self._bench.ask(arrival, ending)
        if isinstance(reply, OriginFailure):
            return self._bench.answer(arrival, reply)
        await self._forget(arrival, reply)
        return self._bench.relay(reply)

    async def _forget(self, arrival: Arrival, reply: OriginReply) -> None:
        """Delete the bytes of an upload that the origin does not know any more."""
        gone = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
        is_ended = arrival.head.method == "DELETE" and reply.is_success
        if not is_ended and reply.status not in gone:
            return
        async with self._locked(arrival, arrival.head.target) as held:
            if isinstance(held, HeldUpload):
                await held.remove()

    # Answers.

    @asynccontextmanager
    async def _locked(
        self, arrival: Arrival, target: str
    ) -> AsyncIterator[HeldUpload | Denial]:
        name = await self._name(arrival, target)
        if name is None:
            yield Denial.UNUSABLE
            return
        async with self._bench.store.locked(name) as held:
            yield held

    async def _name(self, arrival: Arrival, target: str) -> str | None:
        return await self._bench.store.name_of(NAME, arrival.route.name, target)


def _refusal(
    arrival: Arrival, body: BodyPlan | Refusal, step: tus.TusRequest | Refusal
) -> Refusal | None:
    """Return why a request is refused by its head alone."""
    if isinstance(step, Refusal):
        return step
    if arrival.head.has_body:
        if isinstance(body, Refusal):
            return body
        if isinstance(step, tus.TusStep | tus.Joining):
            return WITH_BODY
        if body.coding is not None:
            return CODED
    limit = arrival.route.limits.max_body_bytes
    is_too_large = isinstance(step, tus.Creation) and (step.total or 0) > limit
    return TOO_LARGE if is_too_large else None


def _is_done(held: HeldUpload) -> bool:
    """Tell whether an upload is to be decided now."""
    return held.state is State.COMPLETE and not held.head.is_part


def _looking(arrival: Arrival) -> RequestHead:
    return edited(
        arrival.head,
        method="HEAD",
        target=arrival.head.target,
        dropped=_OF_A_PIECE,
        added={},
    )


def _ending(arrival: Arrival, target: str) -> RequestHead:
    return edited(
        arrival.head, method="DELETE", target=target, dropped=_OF_A_PIECE, added={}
    )


def _patch(arrival: Arrival, target: str, held: HeldUpload) -> RequestHead:
    """Return the one PATCH that brings a whole upload."""
    added = {b"Upload-Offset": b"0", b"Content-Type": tus.BODY_TYPE}
    if _DEFERRED in held.head.notes:
        added[b"Upload-Length"] = b"%d" % held.offset
    return edited(
        arrival.head,
        method="PATCH",
        target=target,
        dropped=_OF_A_PIECE,
        added=added,
    )
