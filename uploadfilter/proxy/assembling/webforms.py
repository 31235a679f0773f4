"""Chunked web forms: slices wait, encoded anew, until the whole file is inspected.

An uploader in a web page cuts a file into slices, and sends each as a form. A script at
the origin joins them, and may show what it has so far. So every slice waits in the
upload store, as the form that the origin will get. When all are there, the file is
inspected as one upload; only if it is accepted, the forms go on, in order.

Only the body says that a form brings a slice. So this protocol has a walk of its own,
which the inspection of a form calls; the rest is that of the others (``bench``). Rules
this module keeps:

- A form is a slice by the words of one known uploader (``uploads/assembly/webforms``).
  Every other piece is treated as on any route: refused, and recorded.
- The slices agree about the file: their number, its length, and where each begins.
- Another version of a slice takes the place of the earlier one, which then is gone.
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

from uploadfilter.inspection.commands import KeepSlice
from uploadfilter.inspection.upload import Upload
from uploadfilter.model import Mode
from uploadfilter.proxy.assembling.bench import Workbench
from uploadfilter.proxy.assembling.ends import RememberedEnd, find_end, remember_end
from uploadfilter.proxy.assembling.slicecontents import (
    HeldSlice,
    contents_of,
    notes_of,
    wrong_of,
)
from uploadfilter.proxy.assembling.sliceforms import (
    ArrivedSlice,
    arrived_slice,
    read_part,
)
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.uploads.assembly.assembly import Denial, State
from uploadfilter.uploads.assembly.journal import UploadHead
from uploadfilter.uploads.assembly.steps import Failure
from uploadfilter.uploads.assembly.webforms import (
    NAME,
    WAITING,
    Slice,
    replay_slices,
)
from uploadfilter.uploads.body import canonical
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal
from uploadfilter.web.requests.arrival import Arrival

_END: Final = "end"

_LOOK_S: Final = 0.1
_LOOKS: Final = 300
"""How often, and after how many seconds, a request looks whether another one has
finished its file: for half a minute."""


class WebForms:
    """The walk of chunked web forms."""

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
        """Keep a slice; ``None`` if the form is a piece in other words.

        Scripts send several slices at once, and each of them may be the last. So this
        one waits while another request works on its file.
        """
        arrived = await arrived_slice(upload, command)
        if arrived is None:
            return None
        arrival, is_held = upload.arrival, False
        answer = await self._again(arrival, arrived)
        for _ in range(_LOOKS):
            if answer is None and not is_held:
                failed = await self._hold(upload, arrived)
                if failed not in {None, Denial.BUSY}:
                    break
                is_held = failed is None
            if answer is None and is_held:
                answer = await self._end_of(arrival, arrived)
            if answer is not None:
                return answer
            await asyncio.sleep(_LOOK_S)
            answer = await self._known_end(arrival, arrived)
        is_lenient = arrival.route.mode is Mode.MONITOR and not is_held
        return None if is_lenient else self._bench.answer(arrival, Denial.BUSY)

    async def _again(
        self, arrival: Arrival, arrived: ArrivedSlice
    ) -> web.StreamResponse | None:
        """Answer a slice that comes again; forget the end of another file of this id.

        Phones call every picture ``image.jpg``. The first slice of a file that the
        origin has may be either; as the first of a new one it only waits.
        """
        name = self._name(arrival, arrived.slice, _END)
        end = await find_end(self._bench.store, name)
        if end is None:
            return None
        is_first = arrived.slice.key == "0" and len(end.sums) > 1
        is_new = is_first and end.rejection is None and not arrived.slice.is_random
        if is_new or not _is_part(end, arrived):
            await self._bench.store.remove(name)
            return None
        return self._answer_end(arrival, end)

    async def _end_of(
        self, arrival: Arrival, arrived: ArrivedSlice
    ) -> web.StreamResponse | None:
        """Finish a file if it is whole; ``None`` if another request works on it."""
        done = await self._finish(arrival, arrived)
        if done is Denial.MISSING:
            known = await self._known_end(arrival, arrived)
            return self._bench.answer(arrival, WAITING) if known is None else known
        return done if isinstance(done, web.Response) else None

    async def _known_end(
        self, arrival: Arrival, arrived: ArrivedSlice
    ) -> web.StreamResponse | None:
        """Return the answer to a slice of a file that has just ended."""
        end = await find_end(
            self._bench.store, self._name(arrival, arrived.slice, _END)
        )
        is_known = end is not None and _is_part(end, arrived)
        return self._answer_end(arrival, end) if end and is_known else None

    def _answer_end(self, arrival: Arrival, end: RememberedEnd) -> web.StreamResponse:
        return self._bench.answer(arrival, end.rejection or WAITING)

    def _name(self, arrival: Arrival, piece: Slice, key: str) -> str:
        path = arrival.head.target.partition("?")[0]
        client = "" if piece.is_random else arrival.client_key
        words = (NAME, arrival.route.name, path, piece.uploader, piece.upload, client)
        return self._bench.store.name_of(*words, part=key)

    # One slice.

    async def _hold(self, upload: Upload, arrived: ArrivedSlice) -> Failure | None:
        """Write the form of a slice into the store, in place of an earlier version."""
        arrival, store = upload.arrival, self._bench.store
        boundary = urandom(24).hex().encode()
        pieces = canonical.encode_form(arrived.parts, boundary=boundary)
        length = canonical.content_length(arrived.parts, boundary=boundary)
        head = UploadHead(
            protocol=NAME,
            created=int(store.clock()),
            client=store.client_of(arrival.client_key),
            total=length,
            most=length,
            is_part=True,
            notes=notes_of(arrival, arrived, pieces, boundary),
        )
        name = self._name(arrival, arrived.slice, arrived.slice.key)
        # It has come whole, so it is as good as the older one.
        held = await store.replace(name, head)
        if isinstance(held, Denial):
            return held
        try:
            failed = await _write_form(held, upload, arrived, pieces)
            if failed is not None:
                await held.remove()
            return failed
        finally:
            await held.close()

    # The whole file.

    async def _finish(
        self, arrival: Arrival, arrived: ArrivedSlice
    ) -> web.Response | Denial:
        """Inspect the file, and send its forms on if it is accepted.

        Returns:
            The answer; ``BUSY`` if another request works on one of the slices;
            ``MISSING`` if one is not there yet.
        """
        piece, store = arrived.slice, self._bench.store
        for key in piece.likely_missing(arrived.parts[arrived.file].length):
            if isinstance(await store.peek(self._name(arrival, piece, key)), Denial):
                return Denial.MISSING
        async with AsyncExitStack() as locks:
            parts: dict[str, HeldSlice] = {}
            for key in _keys(piece, parts):
                opened = store.lock(self._name(arrival, piece, key))
                held = await locks.enter_async_context(opened)
                if isinstance(held, Denial):
                    return held
                if held.state is not State.COMPLETE:
                    return Denial.MISSING
                parts[key] = HeldSlice.of(held)
            return await self._inspect(arrival, piece, parts)

    async def _inspect(
        self, arrival: Arrival, piece: Slice, parts: dict[str, HeldSlice]
    ) -> web.Response:
        slices = list(parts.values())
        notes = [each.notes for each in slices]
        wrong = wrong_of(notes, arrival.route.limits)
        if wrong is not None:
            for each in slices:
                await each.held.remove()
            return self._bench.answer(arrival, wrong)
        done = await self._bench.finish(
            arrival,
            [each.held for each in slices],
            declared_type=None,
            replay=replay_slices(arrival.head, notes),
            contents=contents_of(slices),
        )
        sums = {key: str(each.notes.checksum) for key, each in parts.items()}
        name = self._name(arrival, piece, _END)
        await remember_end(self._bench.store, name, arrival.client_key, done, sums)
        return self._bench.answer(arrival, done)


def _keys(piece: Slice, parts: dict[str, HeldSlice]) -> Iterator[str]:
    """Yield the keys of all slices in order; ``parts`` are those found so far."""
    if piece.count is not None:
        yield from map(str, range(piece.count))
        return
    at = 0
    while at < (piece.total or 0):
        key = str(at)
        yield key
        at += parts[key].notes.length


def _is_part(end: RememberedEnd, arrived: ArrivedSlice) -> bool:
    """Tell whether a file that has ended had a slice with these bytes there."""
    return end.sums.get(arrived.slice.key) == str(arrived.checksum)


async def _write_form(
    held: HeldUpload,
    upload: Upload,
    arrived: ArrivedSlice,
    pieces: Sequence[bytes | int],
) -> Failure | None:
    """Write a form into the store; return why not."""
    failed: Failure | None = held.begin(0)
    for each in pieces:
        if isinstance(each, bytes):
            failed = failed or await held.write(each)
            continue
        if failed is None:
            async for data in read_part(upload, arrived.parts, each):
                failed = failed or await held.write(data)
    return failed or await held.commit()
