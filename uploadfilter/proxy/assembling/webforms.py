"""Chunked web forms: slices wait, encoded anew, until the whole file is inspected.

An uploader in a web page cuts a file into slices, and sends each as a form. A script at
the origin joins them, and may show what it has so far. So every slice waits in the
upload store, as the form that the origin will get. When all are there, the file is
inspected as one upload; only if it is accepted, the forms go on, in order.

Rules this module keeps:

- A form is a slice by the words of one known uploader (``uploads/assembly/webforms``).
  Every other piece is treated as on any route: refused, and recorded.
- The slices agree about the file: their number, its length, and where each begins.
- Another version of a slice takes the place of the earlier one, which then is gone.
- Everything of a form goes on, so that everything is inspected: beside the file, each
  field is a content as in any form; the short ones, which every slice has, are one.
- The answer to a slice that waits is the 200 that these scripts expect.
- The end of a file is remembered for some time: a script that sends a slice again,
  because it did not like or did not get the answer, gets the same one. A slice with
  other bytes belongs to another file, though its name is the same.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from os import urandom
from typing import Final

from aiohttp import web

from uploadfilter.model import Mode, Reason
from uploadfilter.proxy.assembling.bench import (
    NotAccepted,
    OriginReply,
    Replaying,
    Reply,
    Workbench,
)
from uploadfilter.proxy.assembling.contents import Contents
from uploadfilter.proxy.assembling.ends import (
    REMEMBERED_S,
    RememberedEnd,
    RememberedEnds,
)
from uploadfilter.proxy.assembling.slicecontents import (
    AT,
    COUNT,
    DECLARED,
    FIELDS,
    LENGTH,
    NAMED,
    PLACE,
    RANGE,
    SUM,
    TARGET,
    TOTAL,
    TYPE,
    UNKNOWN,
    contents_of,
    shown_in,
    spans_of,
    wrong_of,
)
from uploadfilter.proxy.assembling.sliceforms import ArrivedSlice, arrived_slice
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.proxy.inspecting.commands import Answer, KeepSlice, Where
from uploadfilter.proxy.inspecting.upload import Upload
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly.assembly import Denial, State
from uploadfilter.uploads.assembly.heads import edited
from uploadfilter.uploads.assembly.journal import UploadHead
from uploadfilter.uploads.assembly.webforms import MOST_SLICES, Slice
from uploadfilter.uploads.body import canonical
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.head.request import RequestHead

NAME: Final = "forms"

_WAITING: Final = b'{"success": true}'
"""Fine Uploader reads this; the others read the status alone."""

_END: Final = "end"

_LOOK_S: Final = 0.1
_LOOKS: Final = 300
"""How often, and after how many seconds, a request looks whether another one has
finished its file: for half a minute."""

_OF_A_SLICE: Final = (b"content-range",)


class WebForms:
    """The walk of chunked web forms.

    Args:
        bench: The tools of every protocol.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._ends = RememberedEnds(bench.store, NAME)

    async def answer(
        self, arrival: Arrival, body: BodyPlan | Refusal
    ) -> web.StreamResponse | None:
        """Answer a form; ``None`` for another request."""
        is_form = isinstance(body, BodyPlan) and body.kind is BodyKind.FORM
        if not isinstance(body, BodyPlan) or not is_form or body.parts_type is not None:
            return None
        return await self._bench.take(arrival, body, keep=self._keep)

    async def _keep(
        self, upload: Upload, command: KeepSlice
    ) -> web.StreamResponse | None:
        """Keep a slice, or say what the form is instead."""
        arrived = await arrived_slice(upload, command)
        arrival = upload.arrival
        if arrived is None:
            return None
        known = await self._again(arrival, arrived)
        held: HeldUpload | Denial = Denial.BUSY
        for _ in range(_LOOKS):
            if known is not None:
                return known
            held = await self._held(upload, arrived)
            if held is not Denial.BUSY:
                break
            await asyncio.sleep(_LOOK_S)  # a file with this slice is being sent on
            known = await self._known_end(arrival, arrived)
        if isinstance(held, Denial):
            if arrival.route.mode is Mode.MONITOR:
                return None
            told = Answer(status=503, reason=Reason.SPOOL_FULL)
            return self._bench.answer(arrival, told)
        await held.close()
        if not await self._is_complete(arrival, arrived):
            return self._waiting()
        return await self._end_of(arrival, arrived)

    async def _again(
        self, arrival: Arrival, arrived: ArrivedSlice
    ) -> web.StreamResponse | None:
        """Answer a slice that comes again; forget the end of another file of this id.

        Phones call every picture ``image.jpg``. The first slice of a file that the
        origin has may be either; as the first of a new one it only waits.
        """
        name = await self._name(arrival, arrived.slice, _END)
        end = await self._ends.known(name, REMEMBERED_S)
        if name is None or end is None:
            return None
        is_first = _key(arrived.slice) == "0" and len(end.sums) > 1
        is_new = is_first and end.rejection is None and not arrived.slice.is_random
        if is_new or not _is_part(end, arrived):
            await self._ends.forget(name)
            return None
        return self._ended(arrival, end)

    async def _end_of(
        self, arrival: Arrival, arrived: ArrivedSlice
    ) -> web.StreamResponse:
        """Finish a file, or wait until another request has finished it.

        Scripts send several slices at once, and each of them may be the last.
        """
        for _ in range(_LOOKS):
            answer = await self._finished(arrival, arrived.slice)
            answer = answer or await self._known_end(arrival, arrived)
            if answer is not None:
                return answer
            await asyncio.sleep(_LOOK_S)
        told = Answer(status=503, reason=Reason.SPOOL_FULL)
        return self._bench.answer(arrival, told)

    def _waiting(self) -> web.Response:
        headers = [(b"Content-Type", b"application/json")]
        reply = OriginReply(status=200, headers=headers, body=_WAITING)
        return self._bench.relay(reply)

    async def _known_end(
        self, arrival: Arrival, arrived: ArrivedSlice
    ) -> web.StreamResponse | None:
        """Return the answer to a slice of a file that has just ended."""
        name = await self._name(arrival, arrived.slice, _END)
        end = await self._ends.known(name, REMEMBERED_S)
        is_known = end is not None and _is_part(end, arrived)
        return self._ended(arrival, end) if end and is_known else None

    def _ended(self, arrival: Arrival, end: RememberedEnd) -> web.StreamResponse:
        if end.rejection is None:
            return self._waiting()
        return self._bench.answer(arrival, end.rejection)

    # One slice.

    async def _held(self, upload: Upload, arrived: ArrivedSlice) -> HeldUpload | Denial:
        """Write the form of a slice into the store, in place of an earlier version."""
        arrival, store = upload.arrival, self._bench.store
        boundary = urandom(24).hex().encode()
        pieces = canonical.encode_form(arrived.parts, boundary=boundary)
        length = canonical.content_length(arrived.parts, boundary=boundary)
        name = await self._name(arrival, arrived.slice, _key(arrived.slice))
        if name is None:
            return Denial.UNUSABLE
        head = UploadHead(
            protocol=NAME,
            created=int(store.clock()),
            client=store.client_of(arrival.client_key),
            total=length,
            most=length,
            is_part=True,
            notes=_notes(arrival, arrived, pieces, arrived.type_of(boundary)),
        )
        old = await store.open(name)
        if isinstance(old, HeldUpload):
            await old.remove()
            await old.close()
        elif old is not Denial.MISSING:
            return old
        held = await store.create(name, head)
        if isinstance(held, Denial):
            return held
        failed = await _written(held, upload, arrived, pieces)
        if failed is None:
            return held
        await held.remove()
        await held.close()
        return failed if isinstance(failed, Denial) else Denial.UNUSABLE

    async def _name(self, arrival: Arrival, piece: Slice, key: str) -> str | None:
        path = arrival.head.target.partition("?")[0]
        client = "" if piece.is_random else arrival.client_key
        words = (arrival.route.name, path, piece.uploader, piece.upload, client, key)
        return await self._bench.store.name_of(NAME, *words)

    # The whole file.

    async def _is_complete(self, arrival: Arrival, arrived: ArrivedSlice) -> bool:
        """Tell whether every slice is there; the likeliest to miss comes first."""
        piece = arrived.slice
        if piece.count is None:
            end = (piece.at or 0) + arrived.parts[arrived.file].length
            if end < (piece.total or 0) and not await self._is_there(
                arrival, piece, str(end)
            ):
                return False
            return await self._is_covered(arrival, piece)
        index = piece.index or 0
        others = [piece.count - 1, *range(index + 1, piece.count), *range(index)]
        for other in others:
            if not await self._is_there(arrival, piece, str(other)):
                return False
        return True

    async def _is_covered(self, arrival: Arrival, piece: Slice) -> bool:
        """Follow the slices from the first byte; each says where the next begins."""
        at = 0
        for _ in range(MOST_SLICES):
            name = await self._name(arrival, piece, str(at))
            found = await self._bench.store.peek(name or "")
            if isinstance(found, Denial):
                return False
            at += int(found.head.notes[LENGTH])
            if at >= (piece.total or 0):
                return True
        return False

    async def _is_there(self, arrival: Arrival, piece: Slice, key: str) -> bool:
        name = await self._name(arrival, piece, key)
        found = await self._bench.store.peek(name or "")
        if isinstance(found, Denial):
            return False
        return found.assembly.state is State.COMPLETE

    async def _finished(
        self, arrival: Arrival, piece: Slice
    ) -> web.StreamResponse | None:
        """Inspect the file, and send its forms on if it is accepted.

        Returns:
            The answer; ``None`` if another request works on one of the slices.
        """
        async with AsyncExitStack() as locks:
            parts: list[HeldUpload] = []
            for key in self._keys(piece, parts):
                name = await self._name(arrival, piece, key)
                opened = self._bench.store.locked(name or "")
                held = await locks.enter_async_context(opened)
                if isinstance(held, Denial) or held.state is not State.COMPLETE:
                    return None
                parts.append(held)
            wrong = wrong_of(parts, arrival.route.limits)
            if wrong is not None:
                for held in parts:
                    await held.remove()
                return self._bench.answer(arrival, wrong)
            done = await self._inspected(arrival, parts)
            name = await self._name(arrival, piece, _END)
            keys = self._keys(piece, parts)
            sums = {
                key: held.head.notes[SUM] for key, held in zip(keys, parts, strict=True)
            }
            await self._ends.remember(name, arrival.client_key, done, sums)
            if isinstance(done, OriginReply):
                return self._bench.relay(done)
            return self._bench.answer(arrival, done)

    @staticmethod
    def _keys(piece: Slice, parts: Sequence[HeldUpload]) -> Iterator[str]:
        """Yield the keys of all slices in order; ``parts`` are those found so far."""
        if piece.count is not None:
            yield from map(str, range(piece.count))
            return
        at = index = 0
        while at < (piece.total or 0):
            yield str(at)
            at += int(parts[index].head.notes[LENGTH])
            index += 1

    async def _inspected(
        self, arrival: Arrival, parts: Sequence[HeldUpload]
    ) -> Reply | NotAccepted:
        async def replay(to: Replaying) -> Reply:
            reply: Reply | None = None
            for part in parts:
                reply = await to.bench.asked(
                    arrival,
                    _head_of(arrival, part),
                    decision_id=to.upload.ticket.id,
                    body_length=part.offset,
                    body=part.read(),
                )
                if not isinstance(reply, OriginReply) or not reply.is_success:
                    break
            if reply is None:
                raise RuntimeError("a file without slices was accepted")
            return reply

        return await self._bench.finish(
            arrival,
            parts,
            declared_type=None,
            replay=replay,
            contents=Contents(
                data=contents_of(parts), spans=spans_of(parts), shown=shown_in(parts)
            ),
        )


def _is_part(end: RememberedEnd, arrived: ArrivedSlice) -> bool:
    """Tell whether a file that has ended had a slice with these bytes there."""
    return end.sums.get(_key(arrived.slice)) == str(arrived.checksum)


def _key(piece: Slice) -> str:
    """Return what tells a slice from the others of its file."""
    return str(piece.at if piece.index is None else piece.index)


def _notes(
    arrival: Arrival,
    arrived: ArrivedSlice,
    pieces: Sequence[bytes | int],
    content_type: str,
) -> dict[str, str]:
    """Return what the end of the upload has to know about a slice."""
    piece, file = arrived.slice, arrived.parts[arrived.file]
    places: dict[int, int] = {}
    at = 0
    for each in pieces:
        if isinstance(each, bytes):
            at += len(each)
        else:
            places[each] = at
            at += arrived.parts[each].length
    fields = [
        f"{place}:{arrived.parts[index].length}"
        for index, place in places.items()
        if index != arrived.file
    ]
    ranges = arrival.head.values(b"content-range")
    return {
        AT: str(places[arrived.file]),
        FIELDS: " ".join(fields),
        LENGTH: str(file.length),
        SUM: str(arrived.checksum),
        NAMED: arrived.named,
        PLACE: UNKNOWN if piece.at is None else str(piece.at),
        COUNT: UNKNOWN if piece.count is None else str(piece.count),
        TOTAL: UNKNOWN if piece.total is None else str(piece.total),
        TARGET: arrival.head.target,
        TYPE: content_type,
        RANGE: ranges[0].decode("latin-1") if ranges else "",
        DECLARED: (file.content_type or "").partition(";")[0].strip().lower(),
    }


async def _written(
    held: HeldUpload,
    upload: Upload,
    arrived: ArrivedSlice,
    pieces: Sequence[bytes | int],
) -> object | None:
    """Write a form into the store; return why not."""
    starts = [0]
    for part in arrived.parts:
        starts.append(starts[-1] + part.length + part.undone_length)
    spool = upload.spools[Where.CONTENTS]
    failed: object | None = await held.begin(0)
    if failed is not None:
        return failed
    for each in pieces:
        if isinstance(each, bytes):
            failed = await held.write(each)
            if failed is not None:
                return failed
            continue
        length = arrived.parts[each].length
        async for data in spool.read(starts[each], length):
            failed = await held.write(data)
            if failed is not None:
                return failed
    return await held.commit()


def _head_of(arrival: Arrival, part: HeldUpload) -> RequestHead:
    """Return the head of the request that brings one slice to the origin."""
    notes = part.head.notes
    added = {b"Content-Type": notes[TYPE].encode("ascii")}
    if notes[RANGE]:
        added[b"Content-Range"] = notes[RANGE].encode("latin-1")
    return edited(
        arrival.head,
        method=arrival.head.method,
        target=notes[TARGET],
        dropped=_OF_A_SLICE,
        added=added,
    )
