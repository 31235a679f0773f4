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
- The answer to a slice that waits is the 200 that these scripts expect.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from os import urandom
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from uploadfilter.model import Mode, Reason
from uploadfilter.proxy.assembling.bench import (
    OriginReply,
    Replaying,
    Reply,
    Workbench,
)
from uploadfilter.proxy.assembling.heldfile import Denial
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.proxy.inspecting.commands import Answer, KeepSlice, Where
from uploadfilter.proxy.inspecting.upload import Upload
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly.assembly import Order, State
from uploadfilter.uploads.assembly.journal import UploadHead
from uploadfilter.uploads.assembly.tus import edited
from uploadfilter.uploads.assembly.webforms import MOST_SLICES, Slice, read_slice
from uploadfilter.uploads.body import canonical
from uploadfilter.uploads.body.canonical import FormPart
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.head.request import RequestHead

NAME: Final = "forms"

_MOST_FIELD_BYTES: Final = 4096
_MOST_FIELDS: Final = 100
"""Fields that may hold the words of an uploader: none sends more than some ten."""

_WAITING: Final = b'{"success": true}'
"""Fine Uploader reads this; the others read the status alone."""

_AT, _LENGTH, _PLACE, _COUNT, _TOTAL = "at", "length", "place", "count", "total"
_TARGET, _TYPE, _RANGE, _DECLARED = "target", "type", "range", "declared"
_UNKNOWN: Final = "-"

_OF_A_SLICE: Final = (b"content-range",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrived:
    """A slice that has arrived whole.

    Attributes:
        slice: Its place in the file.
        parts: The parts of its form.
        file: Index of the part that holds the bytes of the file.
        charset: The charset that the head names for the form.
    """

    slice: Slice
    parts: Sequence[FormPart]
    file: int
    charset: str | None

    def type_of(self, boundary: bytes) -> str:
        """Return the type of the form that is encoded anew."""
        return canonical.form_content_type(boundary, self.charset)


class WebForms:
    """The walk of chunked web forms.

    Args:
        bench: The tools of every protocol.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

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
        """Keep a slice; ``None`` if the form is to be treated as any other piece."""
        arrived = await _arrived(upload, command)
        if arrived is None:
            return None
        arrival = upload.arrival
        held = await self._held(upload, arrived)
        if isinstance(held, Denial):
            if arrival.route.mode is Mode.MONITOR:
                return None
            told = Answer(status=503, reason=Reason.SPOOL_FULL)
            return self._bench.answer(arrival, told)
        await held.close()
        if not await self._is_complete(arrival, arrived):
            headers = [(b"Content-Type", b"application/json")]
            reply = OriginReply(status=200, headers=headers, body=_WAITING)
            return self._bench.relay(reply)
        return await self._finished(arrival, arrived)

    # One slice.

    async def _held(self, upload: Upload, arrived: _Arrived) -> HeldUpload | Denial:
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
            order=Order.SEQUENTIAL,
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

    async def _is_complete(self, arrival: Arrival, arrived: _Arrived) -> bool:
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
            at += int(found.head.notes[_LENGTH])
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
        self, arrival: Arrival, arrived: _Arrived
    ) -> web.StreamResponse:
        """Inspect the file, and send its forms on if it is accepted."""
        async with AsyncExitStack() as locks:
            parts: list[HeldUpload] = []
            at = 0
            for key in self._keys(arrived.slice, parts):
                name = await self._name(arrival, arrived.slice, key)
                opened = self._bench.store.locked(name or "")
                held = await locks.enter_async_context(opened)
                if isinstance(held, Denial) or held.state is not State.COMPLETE:
                    # Another request has it, and ends the upload or begins it anew.
                    told = Answer(status=503, reason=Reason.SPOOL_FULL)
                    return self._bench.answer(arrival, told)
                parts.append(held)
                at += int(held.head.notes[_LENGTH])
            if not _agree(parts):
                for held in parts:
                    await held.remove()
                return self._bench.answer(arrival, _DISAGREEING)
            if at > arrival.route.limits.max_body_bytes:
                for held in parts:
                    await held.remove()
                told = Answer(status=413, reason=Reason.TOO_LARGE)
                return self._bench.answer(arrival, told)
            return await self._inspected(arrival, parts, size=at)

    @staticmethod
    def _keys(piece: Slice, parts: Sequence[HeldUpload]) -> Iterator[str]:
        """Yield the keys of all slices in order; ``parts`` are those found so far."""
        if piece.count is not None:
            yield from map(str, range(piece.count))
            return
        at = 0
        while at < (piece.total or 0):
            yield str(at)
            at += int(parts[-1].head.notes[_LENGTH])

    async def _inspected(
        self, arrival: Arrival, parts: Sequence[HeldUpload], *, size: int
    ) -> web.StreamResponse:
        async def replay(to: Replaying) -> Reply:
            reply: Reply | None = None
            for part in parts:
                reply = await to.bench.asked(
                    arrival,
                    _head_of(arrival, part),
                    decision_id=to.upload.ticket.id,
                    body_length=part.size,
                    body=part.read(),
                )
                if not isinstance(reply, OriginReply) or not reply.is_success:
                    break
            if reply is None:
                raise RuntimeError("a file without slices was accepted")
            return reply

        declared = parts[0].head.notes[_DECLARED]
        done = await self._bench.finish(
            arrival,
            parts,
            declared_type=declared or None,
            replay=replay,
            file=(_file_of(parts), size),
        )
        if isinstance(done, OriginReply):
            return self._bench.relay(done)
        return self._bench.answer(arrival, done)


async def _arrived(upload: Upload, command: KeepSlice) -> _Arrived | None:
    """Read the words of a form; ``None`` if they are of no known uploader."""
    parts = [part for part in command.parts if isinstance(part, FormPart)]
    files = [index for index, part in enumerate(parts) if _file_name(part) is not None]
    if len(files) != 1 or len(parts) < len(command.parts):
        return None
    head = upload.arrival.head
    query = head.target.partition("?")[2]
    fields = await _fields(upload, parts)
    try:
        fields += parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    ranges = head.values(b"content-range")
    found = read_slice(
        fields,
        content_range=ranges[0].decode("latin-1") if ranges else None,
        file_name=_file_name(parts[files[0]]) or "",
    )
    if not isinstance(found, Slice) or len(ranges) > 1:
        return None
    return _Arrived(slice=found, parts=parts, file=files[0], charset=command.charset)


async def _fields(upload: Upload, parts: Sequence[FormPart]) -> list[tuple[str, str]]:
    """Return names and values of the short plain fields."""
    spool, start = upload.spools[Where.CONTENTS], 0
    found: list[tuple[str, str]] = []
    for part in parts:
        is_field = _file_name(part) is None and part.length <= _MOST_FIELD_BYTES
        if is_field and len(found) < _MOST_FIELDS and part.length:
            pieces = [data async for data in spool.read(start, part.length)]
            value = b"".join(pieces).decode("utf-8", "surrogateescape")
            found.append((_unquoted(dict(part.names)["name"]), value))
        start += part.length + part.undone_length
    return found


def _file_name(part: FormPart) -> str | None:
    named = dict(part.names)
    return _unquoted(named["filename"]) if "filename" in named else None


def _unquoted(text: str) -> str:
    return text[1:-1] if text[:1] == text[-1:] == '"' and len(text) > 1 else text


def _key(piece: Slice) -> str:
    """Return what tells a slice from the others of its file."""
    return str(piece.at if piece.index is None else piece.index)


def _notes(
    arrival: Arrival,
    arrived: _Arrived,
    pieces: Sequence[bytes | int],
    content_type: str,
) -> dict[str, str]:
    """Return what the end of the upload has to know about a slice."""
    piece, file = arrived.slice, arrived.parts[arrived.file]
    before = 0
    for each in pieces:
        if isinstance(each, bytes):
            before += len(each)
        elif each == arrived.file:
            break
        else:
            before += arrived.parts[each].length
    ranges = arrival.head.values(b"content-range")
    return {
        _AT: str(before),
        _LENGTH: str(file.length),
        _PLACE: _UNKNOWN if piece.at is None else str(piece.at),
        _COUNT: _UNKNOWN if piece.count is None else str(piece.count),
        _TOTAL: _UNKNOWN if piece.total is None else str(piece.total),
        _TARGET: arrival.head.target,
        _TYPE: content_type,
        _RANGE: ranges[0].decode("latin-1") if ranges else "",
        _DECLARED: (file.content_type or "").partition(";")[0].strip().lower(),
    }


async def _written(
    held: HeldUpload,
    upload: Upload,
    arrived: _Arrived,
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


def _agree(parts: Sequence[HeldUpload]) -> bool:
    """Tell whether all slices say the same about their file, and it is whole."""
    at = 0
    first = parts[0].head.notes
    for part in parts:
        notes = part.head.notes
        same = all(notes[key] == first[key] for key in (_COUNT, _TOTAL))
        if not same or notes[_PLACE] not in {_UNKNOWN, str(at)}:
            return False
        at += int(notes[_LENGTH])
    return first[_TOTAL] in {_UNKNOWN, str(at)}


async def _file_of(parts: Sequence[HeldUpload]) -> AsyncIterator[bytes]:
    """Yield the bytes of the file out of the forms of its slices."""
    for part in parts:
        begin = int(part.head.notes[_AT])
        end = begin + int(part.head.notes[_LENGTH])
        at = 0
        async for data in part.read():
            piece = data[max(begin - at, 0) : max(end - at, 0)]
            if piece:
                yield piece
            at += len(data)


def _head_of(arrival: Arrival, part: HeldUpload) -> RequestHead:
    """Return the head of the request that brings one slice to the origin."""
    notes = part.head.notes
    added = {b"Content-Type": notes[_TYPE].encode("ascii")}
    if notes[_RANGE]:
        added[b"Content-Range"] = notes[_RANGE].encode("latin-1")
    return edited(
        arrival.head,
        method=arrival.head.method,
        target=notes[_TARGET],
        dropped=_OF_A_SLICE,
        added=added,
    )


_DISAGREEING: Final = Answer(
    status=400,
    reason=Reason.MALFORMED_FORM,
    detail="The slices of the file do not agree about it.",
)
