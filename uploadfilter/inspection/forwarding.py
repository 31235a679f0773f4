"""Send an upload to the origin, and relay the origin's answer.

Rules this module keeps:

- A form is encoded anew (``uploads/body/canonical.py``) unless the original bytes are
  forwarded (``MONITOR``).
- The spools of an upload are released when the origin has it, however long the client
  takes to read the answer.
- The outcome of every upload that was sent is put on record.
"""

import os
from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from uploadfilter.inspection.commands import Forward
from uploadfilter.inspection.recorder import Recorder
from uploadfilter.inspection.spool import Spool
from uploadfilter.inspection.unheld import Unheld
from uploadfilter.inspection.upload import Upload
from uploadfilter.rejections import Outcome
from uploadfilter.uploads.body import canonical
from uploadfilter.uploads.head.forwarding import forwarded_headers
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.clients.relaying import relay
from uploadfilter.web.clients.waiting import Waiters
from uploadfilter.web.counting.labels import Phase
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.origins.failing import OriginFailure
from uploadfilter.web.origins.sending import AT_ONCE_BYTES, Whole
from uploadfilter.web.requests.draining import Drain


class Forwarding:
    """The step that sends an upload to its origin.

    Args:
        recorder: Notes the outcome of each upload.
        drain: Whether the service is ending, so that answers end their connections.
        metrics: Notes the duration of the phase.
        waiting: The answers that wait for their clients.
    """

    def __init__(
        self,
        recorder: Recorder,
        drain: Drain,
        metrics: Metrics,
        waiting: Waiters,
    ) -> None:
        self._recorder = recorder
        self._drain = drain
        self._metrics = metrics
        self._waiting = waiting

    async def forward(self, upload: Upload, command: Forward) -> web.StreamResponse:
        """Send the upload to its origin; return the answer after the client got it."""
        arrival, clock = upload.arrival, upload.clock
        body, length, content_type = _outgoing(upload, command)
        headers = forwarded_headers(
            arrival.head,
            arrival.side,
            decision_id=upload.ticket.id,
            body_length=length,
            content_type=content_type,
            telling=arrival.origin.telling,
        )
        outcome: int | None = None
        begun_s = clock()
        try:
            async with arrival.origin.asked(
                arrival.head.method, arrival.head.target, headers, body
            ) as answer:
                self._metrics.took(Phase.FORWARD, clock() - begun_s)
                self._metrics.took(Phase.WHOLE, clock() - upload.begun_s)
                if upload.rest and upload.rest.answer:
                    return upload.answer(upload.rest.answer)
                self._recorder.faults.note_origin(arrival.route.origin, answer)
                if isinstance(answer, OriginFailure):
                    return upload.answer(
                        Answer(outcome=Outcome.LATER, status=answer.value)
                    )
                outcome = answer.status
                return await relay(
                    arrival, answer, last=self._drain.begun, waiting=self._waiting
                )
        finally:
            self._recorder.outcome(upload.ticket, outcome)


def _outgoing(
    upload: Upload, command: Forward
) -> tuple[AsyncIterator[bytes] | Whole, int | None, str | None]:
    """Return the bytes to send, their number if known, and a form's new type."""
    spool = upload.spools[command.where]
    if command.parts is not None:
        boundary = os.urandom(24).hex().encode()
        pieces = canonical.encode_form(command.parts, boundary=boundary)
        length = canonical.content_length(command.parts, boundary=boundary)
        if command.parts_type is None:
            content_type = canonical.form_content_type(boundary, command.charset)
        else:
            content_type = canonical.mime_content_type(boundary, command.parts_type)
        body = _released_after(upload, _form(spool, command, pieces))
        return body, length, content_type
    if command.unread:
        rest = _released_after(upload, _with_rest(upload, spool))
        return rest, upload.arrival.head.declared_length, None
    whole = spool.whole(AT_ONCE_BYTES)
    if whole is not None:
        return Whole(data=whole, on_sent=upload.release), len(whole), None
    return _released_after(upload, spool.read()), spool.size, None


async def _released_after(
    upload: Upload, body: AsyncIterator[bytes]
) -> AsyncIterator[bytes]:
    """Yield a body, then release its spool, before the answer ends.

    Otherwise a client that reads an answer slowly would keep a spool and a place.
    """
    async for data in body:
        yield data
    upload.release()


async def _form(
    spool: Spool, command: Forward, pieces: Sequence[bytes | int]
) -> AsyncIterator[bytes]:
    """Yield a form encoded anew: literal bytes, and parts from the spool."""
    parts = command.parts or ()
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + part.length + part.undone_length)
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
            continue
        async for data in spool.read(starts[piece], parts[piece].length):
            yield data


async def _with_rest(upload: Upload, spool: Spool) -> AsyncIterator[bytes]:
    """Yield held bytes, those that could not be held, and those still to come."""
    async for data in spool.read():
        yield data
    if upload.unheld:
        yield upload.unheld
    await upload.ask_for_body()
    upload.rest = Unheld(
        upload.arrival.request.content,
        upload.settings.limits,
        read_bytes=upload.inspection.body_bytes,
        most_bytes=upload.arrival.route.limits.max_body_bytes,
    )
    async for data in upload.rest.pieces():
        yield data
