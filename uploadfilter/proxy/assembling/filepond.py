"""FilePond in chunks: they wait until the whole file is inspected.

FilePond sends a form without a file, whose answer is an id of the origin's; then each
chunk by ``PATCH`` to an address with that id. Many origins join what they have so far
where it can be fetched. So chunks wait in the upload store, under their address.

Rules this module keeps:

- The form that begins an upload has no file in it: it is inspected and goes on.
- A chunk counts only if it came whole. It may come again, with the same bytes.
- Before the replay the origin is asked (``HEAD``) what it has: bytes of another upload
  there would be joined with these. An origin that does not answer that has none.
- The origin gets the chunks as they were cut, in order, until it refuses one.
- The end of a file is remembered for some time, for a page that sends its last chunk
  again.
"""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from uploadfilter.model import Mode
from uploadfilter.proxy.assembling.bench import (
    Failure,
    NotAccepted,
    OriginReply,
    Replaying,
    Reply,
    Workbench,
)
from uploadfilter.proxy.assembling.contents import Contents
from uploadfilter.proxy.assembling.ends import (
    REMEMBERED_S,
    RETRIED_S,
    RememberedEnds,
)
from uploadfilter.proxy.assembling.heldfile import Denial
from uploadfilter.proxy.assembling.pieceanswers import CODED, TOO_LARGE, PieceReplies
from uploadfilter.proxy.assembling.sliceforms import fields_of, file_name_of
from uploadfilter.proxy.assembling.store import HeldUpload, joined
from uploadfilter.proxy.inspecting.commands import KeepSlice
from uploadfilter.proxy.inspecting.upload import Upload
from uploadfilter.proxy.origins.failing import OriginFailure
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly import filepond
from uploadfilter.uploads.assembly.assembly import Order, State
from uploadfilter.uploads.assembly.filepond import FilePondChunk, FilePondCreation
from uploadfilter.uploads.assembly.heads import edited
from uploadfilter.uploads.assembly.journal import UploadHead
from uploadfilter.uploads.head import codings
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.uploads.head.signs import Signs

NAME: Final = "filepond"

_CHUNKS, _END = "chunks", "end"
_OFFSET: Final = "Upload-Offset"
_NOTHING: Final = OriginReply(status=0, headers=[], body=b"")
_OF_A_CHUNK: Final = (b"upload-offset", b"upload-length", b"upload-name")


async def begins_upload(upload: Upload, command: KeepSlice) -> bool:
    """Tell whether a form begins an upload of FilePond, and brings no byte of it."""
    parts = command.parts
    body = BodyPlan(kind=BodyKind.FORM)
    step = filepond.read(upload.arrival.head, body)
    has_file = any(file_name_of(part) is not None for part in parts)
    if not isinstance(step, FilePondCreation) or has_file:
        return False
    return not Signs(await fields_of(upload, parts)).is_piece


class FilePond:
    """The walk of chunked uploads of FilePond.

    Args:
        bench: The tools of every protocol.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._answers = PieceReplies(bench)
        self._ends = RememberedEnds(bench.store, NAME)

    async def answer(
        self, arrival: Arrival, body: BodyPlan | Refusal
    ) -> web.StreamResponse | None:
        """Answer a chunk, or the question for those that came; else ``None``."""
        if isinstance(body, Refusal):
            return None
        if arrival.head.method == "HEAD":
            return await self._look(arrival)
        step = filepond.read(arrival.head, body) if arrival.head.has_body else None
        limit = arrival.route.limits.max_body_bytes
        if isinstance(step, FilePondChunk) and step.total > limit:
            step = TOO_LARGE
        if isinstance(step, FilePondChunk) and body.coding is not None:
            step = CODED
        if isinstance(step, Refusal):
            is_lenient = arrival.route.mode is Mode.MONITOR
            return None if is_lenient else self._answers.refuse(arrival, step)
        if not isinstance(step, FilePondChunk) or arrival.head.declared_length == 0:
            return None
        with self._bench.place(arrival) as no_room:
            return no_room or await self._placed(arrival, step)

    # Chunks.

    async def _placed(
        self, arrival: Arrival, step: FilePondChunk
    ) -> web.StreamResponse | None:
        known = await self._known_end(arrival, step)
        if known is not None:
            return known
        held = await self._held(arrival, step)
        if isinstance(held, Denial):
            is_lenient = arrival.route.mode is Mode.MONITOR and held is not Denial.BUSY
            return None if is_lenient else self._answers.deny(arrival, held, None)
        try:
            failed = await self._received(arrival, held, step)
            if failed is not None:
                return self._answers.fail(arrival, failed, _NOTHING)
            if held.state is State.COMPLETE:
                return await self._finished(arrival, held, step)
            return self._taken(arrival, held.offset)
        finally:
            if held.state is State.OPEN and not held.pieces:
                await held.remove()
            await held.close()

    def _taken(self, arrival: Arrival, offset: int) -> web.Response:
        told = {_OFFSET: str(offset)}
        return self._answers.short(arrival, HTTPStatus.NO_CONTENT, None, told)

    async def _known_end(
        self, arrival: Arrival, step: FilePondChunk
    ) -> web.StreamResponse | None:
        """Return the answer to a chunk of a file that has just ended."""
        name = await self._name(arrival, _END)
        end = await self._ends.known(name, REMEMBERED_S if step.at else RETRIED_S)
        if end is None:
            return None
        if end.rejection is None:
            return self._taken(arrival, step.total)
        return self._bench.answer(arrival, end.rejection)

    async def _held(self, arrival: Arrival, step: FilePondChunk) -> HeldUpload | Denial:
        """Lock the upload of an address, which its first chunk begins."""
        store = self._bench.store
        name = await self._name(arrival, _CHUNKS)
        if name is None:
            return Denial.UNUSABLE
        held = await store.open(name)
        if held is not Denial.MISSING:
            return held
        head = UploadHead(
            protocol=NAME,
            created=int(store.clock()),
            client=store.client_of(arrival.client_key),
            total=step.total,
            most=arrival.route.limits.max_body_bytes,
            order=Order.ANY,
            is_part=False,
            notes={},
        )
        return await store.create(name, head)

    async def _received(
        self, arrival: Arrival, held: HeldUpload, step: FilePondChunk
    ) -> Failure | None:
        """Receive a chunk, and make it durable if it has come whole."""
        length = arrival.head.declared_length
        failed: Failure | None = await held.begin(step.at, length, step.total)
        if failed is not None:
            return failed
        try:
            failed = await self._bench.receive(arrival, held.write)
            return failed if failed is not None else await held.commit()
        finally:
            await held.drop()  # of nothing, if the chunk is committed

    # The whole file.

    async def _finished(
        self, arrival: Arrival, held: HeldUpload, step: FilePondChunk
    ) -> web.StreamResponse:
        """Inspect a file, and send its chunks on if it is accepted."""
        known = await self._bench.ask(arrival, _looking(arrival))
        if isinstance(known, OriginReply) and not _is_empty(known):
            await held.remove()
            return self._answers.short(arrival, HTTPStatus.CONFLICT, None)
        cuts = [(span.at, span.length) for span in held.spans]

        async def replay(to: Replaying) -> Reply:
            reply: Reply | None = None
            for at, length in cuts:
                reply = await to.send(_patch(arrival, at), at, length)
                if not isinstance(reply, OriginReply) or not reply.is_success:
                    break
            if reply is None:
                raise RuntimeError("a file without chunks was accepted")
            return reply

        done = await self._bench.finish(
            arrival,
            [held],
            declared_type=codings.claimed_type(None, step.file_name or None),
            replay=replay,
            contents=Contents(
                data=joined([held]),
                spans=None,
                shown=tuple(length for _, length in cuts),
            ),
        )
        name = await self._name(arrival, _END)
        await self._ends.remember(name, arrival.client_key, done)
        if isinstance(done, NotAccepted | OriginFailure):
            return self._bench.answer(arrival, done)
        return self._bench.relay(done)

    async def _look(self, arrival: Arrival) -> web.StreamResponse | None:
        """Answer how much of a file has come, if it is held here."""
        name = await self._name(arrival, _CHUNKS)
        found = await self._bench.store.peek(name or "")
        if name is None or isinstance(found, Denial):
            return None
        reply = await self._bench.ask(arrival, _looking(arrival))
        if isinstance(reply, OriginFailure):
            return self._bench.answer(arrival, reply)
        if not reply.is_success:
            return self._bench.relay(reply)
        return self._bench.relay(reply, changed={_OFFSET: str(found.assembly.offset)})

    async def _name(self, arrival: Arrival, key: str) -> str | None:
        words = (NAME, arrival.route.name, arrival.head.target, key)
        return await self._bench.store.name_of(*words)


def _is_empty(known: OriginReply) -> bool:
    """Tell whether an origin has no byte of an upload, or does not say."""
    return not known.is_success or known.value(b"upload-offset") in {None, b"", b"0"}


def _looking(arrival: Arrival) -> RequestHead:
    target = arrival.head.target
    return edited(
        arrival.head, method="HEAD", target=target, dropped=_OF_A_CHUNK, added={}
    )


def _patch(arrival: Arrival, at: int) -> RequestHead:
    """Return the head that brings one chunk, without the length of its body."""
    return edited(
        arrival.head,
        method="PATCH",
        target=arrival.head.target,
        dropped=(),
        added={
            b"Content-Type": b"application/offset+octet-stream",
            b"Upload-Offset": str(at).encode("ascii"),
        },
    )
