"""The walk of requests that write a range of a file: WebDAV, and PUT with a range.

The origin never gets a range. It gets the whole file as it is after the change, by an
ordinary ``PUT``, after that whole was inspected. Rules this module keeps:

- Before anything is received, the origin is asked for the file as the client would ask
  (``HEAD``), so that a client that may not see it gets the origin's own answer.
- A range of a file that the origin has is applied to a copy of that file. The origin
  takes the result only if the file is still the same, as far as it has strong tags.
- Ranges of a file that they make anew are held until all bytes are there.
- A range whose file has other bytes that nobody holds is refused.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote

from aiohttp import web

from uploadfilter.model import Mode, Reason
from uploadfilter.proxy.assembling.bench import (
    Failure,
    OriginReply,
    Replaying,
    Reply,
    Workbench,
)
from uploadfilter.proxy.assembling.heldfile import Denial
from uploadfilter.proxy.assembling.originbodies import into
from uploadfilter.proxy.assembling.pieceanswers import (
    CODED,
    TOO_LARGE,
    WHOLE_FORM,
    PieceReplies,
)
from uploadfilter.proxy.assembling.ranges import receive_range
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.proxy.inspecting.spool import Spool
from uploadfilter.proxy.origins.failing import OriginFailure
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly import webdav
from uploadfilter.uploads.assembly.assembly import Fault, Order, State
from uploadfilter.uploads.assembly.heads import edited
from uploadfilter.uploads.assembly.journal import UploadHead
from uploadfilter.uploads.assembly.webdav import RangeWay, RangeWrite
from uploadfilter.uploads.head import codings, fields
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.head.request import RequestHead

NAME: Final = "webdav"

_CHANGED: Final = Refusal(
    status=409,
    reason=Reason.MALFORMED_REQUEST,
    detail="The file has changed in the meantime.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The file at the origin.

    Attributes:
        reply: The origin's answer to the question for it.
        size: Its length in bytes; ``None`` if there is no file.
    """

    reply: OriginReply
    size: int | None


class WebDAV:
    """Answers requests that write a range on the routes that name this protocol.

    Args:
        bench: The tools.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._answers = PieceReplies(bench)

    async def answer(
        self, arrival: Arrival, body: BodyPlan | Refusal
    ) -> web.StreamResponse | None:
        """Answer a request that writes a range; ``None`` for another request."""
        write = webdav.read(arrival.head)
        if write is None:
            return None
        refusal = _refusal(arrival, body, write)
        if isinstance(write, Refusal) or refusal is not None:
            return self._refused(arrival, refusal or webdav.OUTSIDE)
        with self._bench.place(arrival) as no_room:
            return no_room or await self._placed(arrival, write)

    def _refused(self, arrival: Arrival, refusal: Refusal) -> web.Response | None:
        """Refuse a request whose body is unread; ``MONITOR`` treats it as any other."""
        is_lenient = arrival.route.mode is Mode.MONITOR
        return None if is_lenient else self._answers.refuse(arrival, refusal)

    async def _placed(
        self, arrival: Arrival, write: RangeWrite
    ) -> web.StreamResponse | None:
        known = await self._looked(arrival)
        if not isinstance(known, _Known):
            return known
        name = await self._name(arrival, write)
        if name is None:
            return self._answers.deny(arrival, Denial.UNUSABLE, None)
        found = await self._bench.store.peek(name) if write.total is not None else None
        is_begun = found is not None and not isinstance(found, Denial)
        match webdav.way_of(write, size=known.size, is_begun=is_begun):
            case RangeWay.APPLY:
                return await self._applied(arrival, write, known)
            case RangeWay.HOLD:
                return await self._held(arrival, write, name)
            case RangeWay.REFUSE if write.total is None:
                return self._refused(arrival, webdav.OUTSIDE)
            case _:
                return self._refused(arrival, webdav.UNKNOWN_REST)

    async def _looked(self, arrival: Arrival) -> _Known | web.Response | None:
        """Ask for the file as the client would; an answer ends the request."""
        reply = await self._bench.ask(arrival, _asking(arrival.head, "HEAD"))
        if isinstance(reply, OriginFailure):
            return self._bench.answer(arrival, reply)
        is_put = arrival.head.method == "PUT"
        if reply.status == HTTPStatus.NOT_FOUND and is_put:
            return _Known(reply=reply, size=None)
        if reply.status != HTTPStatus.OK:
            # With a challenge, if the client has to authenticate itself.
            return self._bench.relay(reply, status=reply.status)
        if not _is_file(reply):
            return self._refused(arrival, webdav.UNKNOWN_REST)
        length = reply.value(b"content-length") or b""
        if int(length) > arrival.route.limits.max_body_bytes:
            return self._refused(arrival, TOO_LARGE)
        return _Known(reply=reply, size=int(length))

    # Ranges of a file that is there.

    async def _applied(
        self, arrival: Arrival, write: RangeWrite, known: _Known
    ) -> web.StreamResponse:
        with self._bench.spool(arrival) as old, self._bench.spool(arrival) as new:

            async def take(data: bytes) -> Failure | None:
                if write.length is not None and new.size + len(data) > write.length:
                    return Fault.BEYOND_TOTAL
                return None if await new.write(data) else Denial.FULL

            failed = await self._bench.receive(arrival, take)
            if failed is None and write.length not in {None, new.size}:
                failed = Fault.OTHER_TOTAL
            if failed is not None:
                return self._answers.fail(arrival, failed, known.reply)
            reply = known.reply
            if known.size:
                asked = await self._copied(arrival, old)
                if not isinstance(asked, OriginReply):
                    return asked
                reply = asked
            if old.size != (known.size or 0):
                return self._answers.refuse(arrival, _CHANGED)
            return await self._replaced(arrival, write, reply, old, new)

    async def _copied(self, arrival: Arrival, old: Spool) -> OriginReply | web.Response:
        """Copy the origin's file into a spool; an answer ends the request."""
        most = arrival.route.limits.max_body_bytes
        reply = await self._bench.asked(
            arrival,
            _asking(arrival.head, "GET"),
            decision_id=None,
            body_length=None,
            read=into(old, most_bytes=most),
        )
        if isinstance(reply, OriginFailure):
            return self._bench.answer(arrival, reply)
        if reply.status != HTTPStatus.OK or not _is_file(reply):
            return self._answers.refuse(arrival, _CHANGED)
        return reply

    async def _replaced(
        self,
        arrival: Arrival,
        write: RangeWrite,
        known: OriginReply,
        old: Spool,
        new: Spool,
    ) -> web.Response:
        """Inspect the file after the change, and put it in the place of the old one."""
        at = write.offset(old.size)
        if at is None:
            return self._answers.refuse(arrival, _CHANGED)
        size = max(old.size, at + new.size)
        if size > arrival.route.limits.max_body_bytes:
            return self._answers.refuse(arrival, TOO_LARGE)
        own = arrival.head if arrival.head.method == "PUT" else None
        media_type = own.value(b"content-type") if own else None
        plan = BodyPlan(
            kind=BodyKind.RAW,
            declared_length=size,
            declared_type=_claimed(
                arrival.head, media_type or known.value(b"content-type")
            ),
        )
        head = _whole(arrival.head, known)
        data = _changed(old, new, at)
        done = await self._bench.pass_on(arrival, head, plan, data)
        if isinstance(done, OriginReply):
            return self._bench.relay(done)
        return self._bench.answer(arrival, done)

    # Ranges of a file that they make anew.

    async def _held(
        self, arrival: Arrival, write: RangeWrite, name: str
    ) -> web.StreamResponse | None:
        held = await self._begun(arrival, write, name)
        if isinstance(held, Denial):
            if arrival.route.mode is Mode.MONITOR and held is not Denial.BUSY:
                return None
            return self._answers.deny(arrival, held, None)
        try:
            failed = await receive_range(
                self._bench,
                arrival,
                held,
                at=write.at,
                length=write.length,
                total=write.total,
            )
            if failed is Fault.OTHER_BYTES:
                await held.remove()  # of another file; its client begins anew
            if failed is not None:
                nothing = OriginReply(status=0, headers=[], body=b"")
                return self._answers.fail(arrival, failed, nothing)
            if held.state is not State.COMPLETE:
                return self._answers.short(arrival, HTTPStatus.ACCEPTED, None)
            return await self._finished(arrival, held)
        finally:
            await held.close()

    async def _begun(
        self, arrival: Arrival, write: RangeWrite, name: str
    ) -> HeldUpload | Denial:
        """Begin a file, or go on with it."""
        store = self._bench.store
        held = await store.open(name)
        if held is not Denial.MISSING:
            return held
        head = UploadHead(
            protocol=NAME,
            created=int(store.clock()),
            client=store.client_of(arrival.client_key),
            total=write.total,
            most=arrival.route.limits.max_body_bytes,
            order=Order.ANY,
        )
        return await store.create(name, head)

    async def _finished(self, arrival: Arrival, held: HeldUpload) -> web.Response:
        head = _whole(arrival.head, None)

        async def replay(to: Replaying) -> Reply:
            return await to.send(head)

        claimed = _claimed(arrival.head, arrival.head.value(b"content-type"))
        done = await self._bench.finish(
            arrival, [held], declared_type=claimed, replay=replay
        )
        if isinstance(done, OriginReply):
            return self._bench.relay(done)
        return self._bench.answer(arrival, done)

    async def _name(self, arrival: Arrival, write: RangeWrite) -> str | None:
        """Return the name of a file in pieces: of one client, and of one length."""
        head = arrival.head
        credential = (head.value(b"authorization") or b"").decode("latin-1")
        words = (NAME, arrival.route.name, head.target, str(write.total))
        return await self._bench.store.name_of(*words, arrival.client_key, credential)


def _refusal(
    arrival: Arrival, body: BodyPlan | Refusal, write: RangeWrite | Refusal
) -> Refusal | None:
    """Return why a request is refused by its head alone."""
    if isinstance(body, Refusal):
        return body
    if isinstance(write, Refusal):
        return write
    if body.kind is BodyKind.FORM:
        return WHOLE_FORM
    if body.coding is not None or body.framing is not None:
        return CODED
    limit = arrival.route.limits.max_body_bytes
    return TOO_LARGE if (write.total or 0) > limit else None


def _is_file(reply: OriginReply) -> bool:
    """Tell whether an answer is a file as it is stored, and not a program's output.

    A program states no length, or nothing by which a version is known.
    """
    length = reply.value(b"content-length") or b""
    marks = (reply.value(b"etag"), reply.value(b"last-modified"))
    is_marked = any(mark is not None for mark in marks)
    is_coded = reply.value(b"content-encoding") is not None
    return length.isdigit() and is_marked and not is_coded


def _asking(head: RequestHead, method: str) -> RequestHead:
    """Return the question for the file as it is."""
    return edited(
        head,
        method=method,
        target=head.target,
        dropped=(*webdav.OF_A_RANGE, *webdav.CONDITIONS, b"destination", b"overwrite"),
        added={b"Accept-Encoding": b"identity"},
    )


def _whole(head: RequestHead, known: OriginReply | None) -> RequestHead:
    """Return the PUT that brings a whole file.

    Args:
        head: The client's request.
        known: The origin's answer for the file that is replaced; ``None`` for a file
            that ranges make anew.
    """
    added: dict[bytes, bytes] = {}
    media_type = head.value(b"content-type")
    if media_type is not None and head.method == "PUT":
        added[b"Content-Type"] = media_type
    tag = known.value(b"etag") if known is not None else None
    if tag is not None and tag.startswith(b'"') and not head.values(b"if-match"):
        added[b"If-Match"] = tag
    return edited(
        head,
        method="PUT",
        target=head.target,
        dropped=webdav.OF_A_RANGE,
        added=added,
    )


def _claimed(head: RequestHead, media_type: bytes | None) -> str | None:
    """Return the media type that is claimed for a file, by a type or its name."""
    parsed = fields.parse_media_type((media_type or b"").decode("latin-1"))
    path = unquote(head.target.partition("?")[0])
    return codings.claimed_type(parsed.value if parsed else None, path)


async def _changed(old: Spool, new: Spool, at: int) -> AsyncIterator[bytes]:
    """Yield a file with a range of it replaced."""
    end = at + new.size
    parts = [(old, 0, at), (new, 0, new.size), (old, end, max(old.size - end, 0))]
    for spool, start, length in parts:
        if length:
            async for data in spool.read(start, length):
                yield data
