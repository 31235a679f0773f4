"""Chunked uploads of Nextcloud: chunks wait until the whole file is inspected.

A user of Nextcloud can fetch an own chunk, and the file that the chunks make so far. So
every chunk is held here, and answered with 201. The ``MOVE`` that makes the file waits
for the verdict on all chunks; only if they are accepted they go to the origin.

Rules this module keeps:

- The origin joins only bytes that were inspected: the chunks go into a folder that
  is made for them, whose name nobody knew before, and the ``MOVE`` names that one.
- Before a chunk is received, the origin is asked for its folder as the client would
  ask (``PROPFIND``), so that nobody can hold or replace chunks of others.
- The chunks are those from 0 or 1 on without a gap, in the order of their numbers, and
  have as many bytes as ``OC-Total-Length`` says.
- In ``MONITOR`` a request that cannot be held is treated as on every other route, and
  the ``MOVE`` of chunks of which some were not held is recorded, and goes on.
"""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from http import HTTPStatus
from secrets import token_hex
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
from uploadfilter.proxy.assembling.pieceanswers import (
    CODED,
    TOO_LARGE,
    WITH_BODY,
    PieceReplies,
)
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.proxy.origins.failing import OriginFailure
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly.assembly import Denial, State
from uploadfilter.uploads.assembly.heads import edited
from uploadfilter.uploads.assembly.journal import UploadHead
from uploadfilter.uploads.assembly.nextcloud import (
    MOST_CHUNKS,
    ChunkJoining,
    Folder,
    FolderEnding,
    NextcloudStep,
    NumberedChunk,
    read,
)
from uploadfilter.uploads.head.plan import BodyPlan, Refusal
from uploadfilter.uploads.head.request import RequestHead

NAME: Final = "nextcloud"

_WRITTEN: Final = "name"
"""Name of a note: the number of a chunk as its client wrote it."""

_ID_BYTES: Final = 16

_OF_A_MOVE: Final = (
    *(b"overwrite", b"if", b"if-match", b"if-none-match", b"depth", b"range"),
    *(b"x-oc-mtime", b"oc-mtime", b"x-oc-ctime", b"oc-checksum", b"oc-lazyops"),
)
"""Headers about the file, which do not belong into a request about a chunk."""

_ABOUT_THE_FILE: Final = (*_OF_A_MOVE, b"destination", b"oc-total-length")

_OTHER_TOTAL: Final = Refusal(
    status=400,
    reason=Reason.MALFORMED_REQUEST,
    detail="The chunks have not as many bytes as OC-Total-Length says.",
)


class Nextcloud:
    """The walk of chunked uploads of Nextcloud.

    Args:
        bench: The tools of every protocol.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._answers = PieceReplies(bench)

    async def answer(
        self, arrival: Arrival, body: BodyPlan | Refusal
    ) -> web.StreamResponse | None:
        """Answer a step of an upload; ``None`` for another request."""
        step = read(arrival.head)
        if step is None:
            return None
        refusal = _refusal(arrival, body, step)
        if refusal is not None:
            is_lenient = arrival.route.mode is Mode.MONITOR
            return None if is_lenient else self._answers.refuse(arrival, refusal)
        match step:
            case NumberedChunk():
                return await self._chunk(arrival, step)
            case ChunkJoining():
                with self._bench.place(arrival) as no_room:
                    return no_room or await self._joining(arrival, step)
            case FolderEnding():
                return await self._ending(arrival, step)
            case _:
                return None

    # Chunks.

    async def _chunk(
        self, arrival: Arrival, step: NumberedChunk
    ) -> web.StreamResponse | None:
        with self._bench.place(arrival) as no_room:
            if no_room is not None:
                return no_room
            known = await self._bench.ask(arrival, _looking(arrival, step.folder))
            no_folder = self._no_folder(arrival, known)
            if no_folder is not None or isinstance(known, OriginFailure):
                return no_folder
            held, is_new = await self._begun(arrival, step)
            if isinstance(held, HeldUpload):
                return await self._taken(arrival, held, known, is_new=is_new)
        if arrival.route.mode is Mode.MONITOR and held is not Denial.BUSY:
            return None
        return self._answers.deny(arrival, held, known)

    def _no_folder(self, arrival: Arrival, known: Reply) -> web.Response | None:
        """Answer a chunk that the client may not write; ``None`` if it may."""
        if isinstance(known, OriginFailure):
            return self._bench.answer(arrival, known)
        if known.status == HTTPStatus.MULTI_STATUS:
            return None
        if known.is_success:  # of something else than a WebDAV server
            return self._answers.short(arrival, HTTPStatus.CONFLICT, known)
        return self._bench.relay(known)

    async def _begun(
        self, arrival: Arrival, step: NumberedChunk
    ) -> tuple[HeldUpload | Denial, bool]:
        """Begin a chunk, and say if it is new; an older version is deleted first."""
        store = self._bench.store
        name = await self._name(arrival, step.folder, step.number)
        if name is None:
            return Denial.UNUSABLE, False
        head = UploadHead(
            protocol=NAME,
            created=int(store.clock()),
            client=store.client_of(arrival.client_key),
            total=arrival.head.declared_length,
            most=arrival.route.limits.max_body_bytes,
            is_part=True,
            notes={_WRITTEN: step.name},
        )
        old = await store.open(name)
        if isinstance(old, HeldUpload):
            await old.remove()
            await old.close()
        elif old is not Denial.MISSING:
            return old, False
        return await store.create(name, head), old is Denial.MISSING

    async def _taken(
        self, arrival: Arrival, held: HeldUpload, known: OriginReply, *, is_new: bool
    ) -> web.StreamResponse:
        """Receive a chunk, and hold it if it is whole."""
        try:
            failed = await self._received(arrival, held)
            if failed is not None:
                return self._answers.fail(arrival, failed, known)
            status = HTTPStatus.CREATED if is_new else HTTPStatus.NO_CONTENT
            return self._answers.short(arrival, status, known)
        finally:
            if not _is_whole(held):
                await held.remove()
            await held.close()

    async def _received(self, arrival: Arrival, held: HeldUpload) -> Failure | None:
        if _is_whole(held):
            return None  # without a byte
        failed = await self._bench.piece(arrival, held, 0)
        if failed is None and held.total is None:
            failed = await held.state_total(held.offset)
        is_short = failed is None and not _is_whole(held)
        return Reason.ABORTED if is_short else failed

    # The end of an upload.

    async def _joining(
        self, arrival: Arrival, step: ChunkJoining
    ) -> web.StreamResponse:
        async with AsyncExitStack() as locks:
            parts = await self._parts(arrival, step, locks)
            if isinstance(parts, list):
                return await self._joined(arrival, step, parts)
        if arrival.route.mode is Mode.MONITOR:
            return await self._unchecked(arrival, step)
        if isinstance(parts, Refusal):
            return self._answers.refuse(arrival, parts)
        return self._answers.deny(arrival, parts, None)

    async def _parts(
        self, arrival: Arrival, step: ChunkJoining, locks: AsyncExitStack
    ) -> list[HeldUpload] | Refusal | Denial:
        """Lock the chunks of an upload, or say why they are not inspected."""
        found: list[HeldUpload] = []
        for number in range(MOST_CHUNKS + 1):
            name = await self._name(arrival, step.folder, number)
            if name is None:
                return Denial.UNUSABLE
            held = await locks.enter_async_context(self._bench.store.locked(name))
            if isinstance(held, HeldUpload) and _is_whole(held):
                found.append(held)
            elif isinstance(held, Denial) and held is not Denial.MISSING:
                return held
            elif number:
                break
        if not found:
            return Denial.MISSING
        size = sum(part.offset for part in found)
        if size > arrival.route.limits.max_body_bytes:
            return TOO_LARGE
        return found if size == step.total else _OTHER_TOTAL

    async def _joined(
        self, arrival: Arrival, step: ChunkJoining, parts: list[HeldUpload]
    ) -> web.Response:
        async def replay(to: Replaying) -> Reply:
            return await _replayed(to, step, [part.offset for part in parts])

        done = await self._bench.finish(
            arrival, parts, declared_type=None, replay=replay
        )
        is_over = isinstance(done, NotAccepted) and is_verdict(done.answer)
        if is_over or (isinstance(done, OriginReply) and done.is_success):
            # The client's own folder, which has stayed empty.
            await self._bench.ask(arrival, _deleting(arrival, step.folder))
        if isinstance(done, OriginReply):
            return self._bench.relay(done)
        return self._bench.answer(arrival, done)

    async def _unchecked(self, arrival: Arrival, step: ChunkJoining) -> web.Response:
        """Send held chunks on in ``MONITOR``, and record that others were not held."""
        for number in range(MOST_CHUNKS + 1):
            name = await self._name(arrival, step.folder, number)
            async with self._bench.store.locked(name or "") as held:
                if isinstance(held, Denial) or not _is_whole(held):
                    continue
                target = f"{step.folder.path}/{held.head.notes[_WRITTEN]}"
                await self._bench.asked(
                    arrival,
                    _putting(arrival.head, target),
                    decision_id=None,
                    body_length=held.offset,
                    body=held.read() if held.offset else None,
                )
                await held.remove()
        done = await self._bench.pass_unseen(arrival, b"")
        if isinstance(done, OriginReply):
            return self._bench.relay(done)
        return self._bench.answer(arrival, done)

    async def _ending(self, arrival: Arrival, step: FolderEnding) -> web.StreamResponse:
        reply = await self._bench.ask(arrival, arrival.head)
        if isinstance(reply, OriginFailure):
            return self._bench.answer(arrival, reply)
        if reply.is_success:
            await self._forget(arrival, step.folder, range(MOST_CHUNKS + 1))
        return self._bench.relay(reply)

    async def _forget(
        self, arrival: Arrival, folder: Folder, numbers: Iterable[int]
    ) -> None:
        for number in numbers:
            name = await self._name(arrival, folder, number)
            async with self._bench.store.locked(name or "") as held:
                if isinstance(held, HeldUpload):
                    await held.remove()

    async def _name(self, arrival: Arrival, folder: Folder, number: int) -> str | None:
        words = (NAME, arrival.route.name, folder.path, str(number))
        return await self._bench.store.name_of(*words)


def _is_whole(held: HeldUpload) -> bool:
    return held.state is State.COMPLETE


async def _replayed(to: Replaying, step: ChunkJoining, sizes: list[int]) -> Reply:
    """Send an accepted upload as chunks of a folder of its own."""
    arrival = to.upload.arrival
    head, bench = arrival.head, to.bench
    folder = Folder(home=step.folder.home, id=token_hex(_ID_BYTES))
    begin = edited(
        head, method="MKCOL", target=folder.path, dropped=_OF_A_MOVE, added={}
    )
    reply = await bench.ask(arrival, begin)
    if isinstance(reply, OriginFailure) or not reply.is_success:
        return reply
    start = 0
    for number, size in enumerate(sizes, 1):
        put = _putting(head, f"{folder.path}/{number:05d}")
        reply = await to.send(put, start, size)
        if isinstance(reply, OriginFailure) or not reply.is_success:
            await bench.ask(arrival, _deleting(arrival, folder))
            return reply
        start += size
    move = edited(
        head, method="MOVE", target=f"{folder.path}/.file", dropped=(), added={}
    )
    reply = await bench.asked(
        arrival, move, decision_id=to.upload.ticket.id, body_length=0
    )
    if isinstance(reply, OriginReply) and not reply.is_success:
        await bench.ask(arrival, _deleting(arrival, folder))
    return reply


def _refusal(
    arrival: Arrival, body: BodyPlan | Refusal, step: NextcloudStep | Refusal
) -> Refusal | None:
    """Return why a request is refused by its head alone."""
    if isinstance(step, Refusal):
        return step
    if isinstance(body, Refusal):
        return body
    if arrival.head.has_body:
        if not isinstance(step, NumberedChunk):
            return WITH_BODY
        if body.coding is not None or body.framing is not None:
            return CODED
    limit = arrival.route.limits.max_body_bytes
    total = None if isinstance(step, FolderEnding) else step.total
    return TOO_LARGE if (total or 0) > limit else None


def _looking(arrival: Arrival, folder: Folder) -> RequestHead:
    return edited(
        arrival.head,
        method="PROPFIND",
        target=folder.path,
        dropped=_ABOUT_THE_FILE,
        added={b"Depth": b"0"},
    )


def _deleting(arrival: Arrival, folder: Folder) -> RequestHead:
    return edited(
        arrival.head,
        method="DELETE",
        target=folder.path,
        dropped=_ABOUT_THE_FILE,
        added={},
    )


def _putting(head: RequestHead, target: str) -> RequestHead:
    """Return the head that brings one chunk: it names the file, as version 2 has it."""
    return edited(
        head,
        method="PUT",
        target=target,
        dropped=_OF_A_MOVE,
        added={b"Content-Type": b"application/octet-stream"},
    )
