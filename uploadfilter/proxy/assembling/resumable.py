"""The walk through resumable uploads (draft-ietf-httpbis-resumable-upload).

The filter is the server of this protocol, and the origin gets one ordinary request: the
first one, with all bytes, and with the cookies and the credentials of the last. Rules
this module keeps:

- The address of an upload has 128 random bits, and nobody else learns it.
- An upload is complete when its client says so, and not when its length is reached.
- The answer to the last piece is the origin's, or that of the decision.
"""

import os
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
)
from uploadfilter.proxy.assembling.heldfile import Denial
from uploadfilter.proxy.assembling.pieceanswers import PieceReplies
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.proxy.inspecting.upload import send_interim
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly import resumable
from uploadfilter.uploads.assembly.assembly import Fault, Order
from uploadfilter.uploads.assembly.journal import UploadHead
from uploadfilter.uploads.head.plan import BodyPlan, Refusal

NAME: Final = "resumable"

_TOKEN_BYTES: Final = 16
_TYPE, _CODING, _LENGTH = "declared-type", "coding", "length"
"""Names of notes, besides those of ``resumable.notes_of``."""

_OFFSET, _COMPLETE = "Upload-Offset", "Upload-Complete"

_SUPPORTED: Final = b"104 Upload Resumption Supported"
"""The status of the draft by which a client learns the address before its answer."""


class Resumable:
    """Answers the requests of resumable uploads on the routes that name them.

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
        route = arrival.route
        step = resumable.read(arrival.head, route.path, route.limits)
        is_whole = isinstance(step, resumable.FirstPiece) and step.is_last
        if step is None or (is_whole and isinstance(body, Refusal)):
            return None
        if isinstance(body, Refusal) and arrival.head.has_body:
            return self._answers.refuse(arrival, body)
        if isinstance(step, Refusal):
            return self._answers.refuse(arrival, step)
        with self._bench.place(arrival) as turned_away:
            return turned_away or await self._placed(arrival, step)

    async def _placed(
        self, arrival: Arrival, step: resumable.ResumableRequest
    ) -> web.StreamResponse | None:
        if isinstance(step, resumable.FirstPiece):
            return await self._begin(arrival, step)
        name = await self._name(arrival, step.token)
        if name is None:
            return self._answers.deny(arrival, Denial.UNUSABLE, None)
        if isinstance(step, resumable.OffsetRetrieval):
            return await self._look(arrival, name)
        async with self._bench.store.locked(name) as held:
            if isinstance(held, Denial):
                return self._answers.deny(arrival, held, None)
            match step:
                case resumable.NextPiece():
                    return await self._append(arrival, held, step)
                case resumable.Cancellation():
                    await held.remove()
                    return self._answers.short(arrival, HTTPStatus.NO_CONTENT, None)
                case never:
                    assert_never(never)

    async def _begin(
        self, arrival: Arrival, step: resumable.FirstPiece
    ) -> web.StreamResponse | None:
        token = os.urandom(_TOKEN_BYTES).hex()
        name = await self._name(arrival, token)
        held = Denial.UNUSABLE if name is None else await self._new(arrival, name, step)
        if isinstance(held, Denial):
            # A complete request needs no store; it cannot be gone on with then.
            return None if step.is_last else self._answers.deny(arrival, held, None)
        try:
            address = resumable.address(arrival.route.path, token)
            return await self._first(arrival, held, step, address)
        finally:
            await held.close()

    async def _new(
        self, arrival: Arrival, name: str, step: resumable.FirstPiece
    ) -> HeldUpload | Denial:
        store = self._bench.store
        told = {_TYPE: step.declared_type, _CODING: step.coding}
        length = {} if step.length is None else {_LENGTH: str(step.length)}
        head = UploadHead(
            protocol=NAME,
            created=int(store.clock()),
            client=store.client_of(arrival.client_key),
            total=None,
            most=arrival.route.limits.max_body_bytes,
            order=Order.SEQUENTIAL,
            notes={
                **resumable.notes_of(arrival.head),
                **{key: value for key, value in told.items() if value},
                **length,
            },
        )
        return await store.create(name, head)

    async def _first(
        self,
        arrival: Arrival,
        held: HeldUpload,
        step: resumable.FirstPiece,
        address: str,
    ) -> web.Response:
        """Receive the first bytes, after the client has learned the address."""
        headers = resumable.interim(arrival.head, address)
        try:
            if headers is not None:
                await send_interim(arrival.request, _SUPPORTED, headers)
        except OSError:
            return self._fail(arrival, Reason.ABORTED, held)
        failed = await self._bench.piece(arrival, held, 0)
        if failed is not None:
            return self._fail(arrival, failed, held)
        if not step.is_last:
            return self._told(arrival, HTTPStatus.CREATED, held, Location=address)
        return await self._ended(arrival, held)

    async def _append(
        self, arrival: Arrival, held: HeldUpload, step: resumable.NextPiece
    ) -> web.StreamResponse:
        failed = await self._bench.piece(arrival, held, step.at)
        if failed is None and step.is_last:
            stated = [step.length, _number(held.head.notes.get(_LENGTH))]
            is_other = any(n not in {None, held.offset} for n in stated)
            failed = Fault.OTHER_TOTAL if is_other else None
        if failed is not None:
            return self._fail(arrival, failed, held)
        if not step.is_last:
            return self._told(arrival, HTTPStatus.NO_CONTENT, held)
        return await self._ended(arrival, held)

    async def _ended(self, arrival: Arrival, held: HeldUpload) -> web.Response:
        """Finish an upload whose client says that all bytes are there."""
        denied = await held.state_total(held.offset)
        if denied is not None:
            return self._fail(arrival, denied, held)
        return await self._finish(arrival, held)

    async def _finish(self, arrival: Arrival, held: HeldUpload) -> web.Response:
        """Inspect an upload that is complete, and send it as one request."""
        notes, size = held.head.notes, held.size
        whole = resumable.replayed(arrival.head, notes)

        async def replay(to: Replaying) -> Reply:
            return await to.send(whole)

        done = await self._bench.finish(
            arrival,
            [held],
            declared_type=notes.get(_TYPE),
            coding=notes.get(_CODING),
            replay=replay,
        )
        if isinstance(done, NotAccepted) or not isinstance(done, OriginReply):
            return self._bench.answer(arrival, done)
        changed: dict[str, str | None] = {_COMPLETE: "?1", _OFFSET: str(size)}
        return self._bench.relay(done, changed=changed if done.is_success else {})

    async def _look(self, arrival: Arrival, name: str) -> web.StreamResponse:
        found = await self._bench.store.peek(name)
        if isinstance(found, Denial):
            return self._answers.deny(arrival, found, None)
        headers = {
            _OFFSET: str(found.assembly.offset),
            _COMPLETE: "?0",
            "Cache-Control": "no-store",
        }
        length = found.head.notes.get(_LENGTH)
        if length is not None:
            headers["Upload-Length"] = length
        return self._answers.short(arrival, HTTPStatus.NO_CONTENT, None, headers)

    def _told(
        self, arrival: Arrival, status: HTTPStatus, held: HeldUpload, **more: str
    ) -> web.Response:
        """Answer a piece that was taken, and is not the last one."""
        headers = {_OFFSET: str(held.offset), _COMPLETE: "?0", **more}
        return self._answers.short(arrival, status, None, headers)

    def _fail(
        self, arrival: Arrival, failed: Failure, held: HeldUpload
    ) -> web.Response:
        """Answer a piece that was not taken; a conflict names the right offset."""
        if failed is Fault.WRONG_OFFSET:
            offset = {_OFFSET: str(held.offset), _COMPLETE: "?0"}
            return self._answers.short(arrival, HTTPStatus.CONFLICT, None, offset)
        nothing = OriginReply(status=0, headers=[], body=b"")
        return self._answers.fail(arrival, failed, nothing)

    async def _name(self, arrival: Arrival, token: str) -> str | None:
        return await self._bench.store.name_of(NAME, arrival.route.name, token)


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
