"""S3 multipart uploads: parts reach the origin, and the list that joins them waits.

S3 shows nothing of an upload before it is completed, and a part is signed by its client
for some minutes only. So a part goes on as soon as it has arrived, and a copy of its
bytes is held. ``CompleteMultipartUpload`` is held until the parts that its list names,
in this order, are inspected as one upload; only if they are accepted it goes on.

Rules this module keeps:

- The list goes on only if every part that it names is held as the origin has it: a copy
  is deleted before another version of its part is sent, and kept only if the origin has
  taken it.
- A part that this filter has not seen makes the list unknown (404 ``NoSuchUpload``).
- Clients of S3 read XML: so are all answers about these requests. In ``MONITOR`` a
  request that cannot be held is treated as on every other route.
"""

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final
from xml.sax.saxutils import escape

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
    once,
)
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.proxy.inspecting.spool import Spool
from uploadfilter.proxy.origins.failing import OriginFailure
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly import s3
from uploadfilter.uploads.assembly.assembly import Denial, Fault, State
from uploadfilter.uploads.assembly.journal import UploadHead
from uploadfilter.uploads.body.awschunked import AwsChunkedExtractor
from uploadfilter.uploads.body.extractors import Refused
from uploadfilter.uploads.head import awschunked
from uploadfilter.uploads.head.awschunked import Framing
from uploadfilter.uploads.head.plan import BodyPlan, Refusal
from uploadfilter.uploads.head.request import RequestHead

NAME: Final = "s3"

_MOST_REMEMBERED: Final = 10_000
"""Uploads whose numbers of parts are remembered, so that an abort deletes their copies
at once; without it they expire."""

_SLOW_DOWN: Final = (503, "SlowDown", "Try again later.")
_NO_UPLOAD: Final = (404, "NoSuchUpload", "The upload is not known. Begin a new one.")
_NO_PART: Final = (400, "InvalidPart", "A part of the list was not uploaded here.")
_TOO_LARGE: Final = (400, "EntityTooLarge", "The object would be too large.")
_NO_COPY: Final = (501, "NotImplemented", "A part cannot be a copy of an object here.")
_NOT_SIGNED: Final = (
    *(400, "InvalidRequest"),
    "A part in aws-chunked framing is signed by version 4 in its head.",
)
_BUSY: Final = (409, "OperationAborted", "Another request works on this part.")


class S3:
    """The walk of S3 multipart uploads.

    Args:
        bench: The tools of every protocol.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._numbers: OrderedDict[str, set[int]] = OrderedDict()

    async def answer(
        self, arrival: Arrival, body: BodyPlan | Refusal
    ) -> web.StreamResponse | None:
        """Answer a step of an upload; ``None`` for another request."""
        step = s3.read(arrival.head)
        if step is None:
            return None
        wrong = _wrong_by_head(step, body, arrival.head)
        if wrong is not None:
            is_lenient = arrival.route.mode is Mode.MONITOR
            return None if is_lenient else self._error(arrival, wrong)
        match step, body:
            case s3.UploadPart(), BodyPlan():
                return await self._part(arrival, step, body)
            case s3.Completion(), BodyPlan():
                return await self._completion(arrival, step)
            case s3.Abort(), _:
                return await self._abort(arrival, step)
            case _:
                return None

    # Parts.

    async def _part(
        self, arrival: Arrival, step: s3.UploadPart, body: BodyPlan
    ) -> web.StreamResponse:
        with self._bench.place(arrival) as no_room:
            if no_room is not None:
                return no_room
            held = await self._begun(arrival, step, body)
            if isinstance(held, Denial):
                return self._deny(arrival, held)
            try:
                return await self._taken(arrival, held, body.framing)
            finally:
                await held.close()

    async def _begun(
        self, arrival: Arrival, step: s3.UploadPart, body: BodyPlan
    ) -> HeldUpload | Denial:
        """Begin the copy of a part; an older version of it is deleted first."""
        store = self._bench.store
        name = await self._name(arrival, step.upload_id, step.number)
        if name is None:
            return Denial.UNUSABLE
        framing = body.framing
        total = framing.decoded_length if framing else body.declared_length
        head = UploadHead(
            protocol=NAME,
            created=int(store.clock()),
            client=store.client_of(arrival.client_key),
            total=total,
            most=arrival.route.limits.max_body_bytes,
            is_part=True,
        )
        old = await store.open(name)
        if isinstance(old, HeldUpload):
            await old.remove()
            await old.close()
        elif old is not Denial.MISSING:
            return old
        self._remember(arrival, step)
        return await store.create(name, head)

    async def _taken(
        self,
        arrival: Arrival,
        held: HeldUpload,
        framing: Framing | None,
    ) -> web.StreamResponse:
        """Receive a part, make the copy durable, and send the part on."""
        is_kept = False
        try:
            with self._bench.spool(arrival) as spool:
                copying = _Copying(held, spool, framing)
                failed = await self._bench.receive(arrival, copying.take)
                failed = failed or await copying.finished()
                if failed is not None:
                    return self._fail(arrival, failed)
                reply = await self._bench.asked(
                    arrival,
                    arrival.head,
                    decision_id=None,
                    body_length=spool.size,
                    body=spool.read() if spool.size else None,
                )
            is_kept = isinstance(reply, OriginReply) and reply.is_success
            return self._told(arrival, reply)
        finally:
            if not is_kept:
                await held.remove()

    # The end of an upload.

    async def _completion(
        self, arrival: Arrival, step: s3.Completion
    ) -> web.StreamResponse:
        with self._bench.place(arrival) as no_room:
            if no_room is not None:
                return no_room
            text = await self._listed(arrival)
            if not isinstance(text, bytes):
                return self._fail(arrival, text)
            async with AsyncExitStack() as locks:
                parts = await self._parts(arrival, step, text, locks)
                if not isinstance(parts, list):
                    return await self._unchecked(arrival, text, parts)
                return await self._joined(arrival, step, parts, text)

    async def _parts(
        self, arrival: Arrival, step: s3.Completion, text: bytes, locks: AsyncExitStack
    ) -> "list[HeldUpload] | Wrong":
        """Lock every part of a list, or say why that is not possible."""
        numbers = s3.read_list(text)
        if isinstance(numbers, Refusal):
            return _malformed(numbers.detail)
        parts: list[HeldUpload] = []
        for number in numbers:
            name = await self._name(arrival, step.upload_id, number)
            held = await self._opened(locks, name)
            if isinstance(held, Denial):
                return _wrong_by_part(held, is_first=not parts)
            parts.append(held)
        is_too_large = (
            sum(p.offset for p in parts) > arrival.route.limits.max_body_bytes
        )
        return _TOO_LARGE if is_too_large else parts

    async def _opened(
        self, locks: AsyncExitStack, name: str | None
    ) -> HeldUpload | Denial:
        if name is None:
            return Denial.UNUSABLE
        held = await locks.enter_async_context(self._bench.store.locked(name))
        if isinstance(held, HeldUpload) and held.state is not State.COMPLETE:
            return Denial.MISSING
        return held

    async def _listed(self, arrival: Arrival) -> bytes | Failure:
        text = bytearray()

        async def take(data: bytes) -> Failure | None:
            text.extend(data)
            too_long = len(text) > s3.MOST_LIST_BYTES
            return Reason.TOO_LARGE if too_long else None

        failed = await self._bench.receive(arrival, take)
        return bytes(text) if failed is None else failed

    async def _joined(
        self,
        arrival: Arrival,
        step: s3.Completion,
        parts: Sequence[HeldUpload],
        text: bytes,
    ) -> web.StreamResponse:
        async def replay(to: Replaying) -> Reply:
            return await to.bench.asked(
                arrival,
                arrival.head,
                decision_id=to.upload.ticket.id,
                body_length=len(text),
                body=once(text),
            )

        done = await self._bench.finish(
            arrival, parts, declared_type=None, replay=replay
        )
        is_over = not isinstance(done, NotAccepted) or is_verdict(done.answer)
        if is_over:
            await self._forget(arrival, step.upload_id, but=parts)
        return self._told(arrival, done)

    async def _unchecked(
        self, arrival: Arrival, text: bytes, wrong: "Wrong"
    ) -> web.StreamResponse:
        """Refuse a list whose parts are not held; ``MONITOR`` records, and sends it."""
        if arrival.route.mode is not Mode.MONITOR:
            return self._error(arrival, wrong)
        return self._told(arrival, await self._bench.pass_unseen(arrival, text))

    async def _abort(self, arrival: Arrival, step: s3.Abort) -> web.StreamResponse:
        reply = await self._bench.ask(arrival, arrival.head)
        if isinstance(reply, OriginReply) and reply.is_success:
            await self._forget(arrival, step.upload_id, but=())
        return self._told(arrival, reply)

    # Names.

    async def _name(self, arrival: Arrival, upload_id: str, number: int) -> str | None:
        words = (NAME, arrival.route.name, upload_id, str(number))
        return await self._bench.store.name_of(*words)

    def _remember(self, arrival: Arrival, step: s3.UploadPart) -> None:
        key = f"{arrival.route.name}\0{step.upload_id}"
        self._numbers.setdefault(key, set()).add(step.number)
        self._numbers.move_to_end(key)
        while len(self._numbers) > _MOST_REMEMBERED:
            self._numbers.popitem(last=False)

    async def _forget(
        self, arrival: Arrival, upload_id: str, *, but: Sequence[HeldUpload]
    ) -> None:
        """Delete the copies of an upload that has ended; ``but`` are gone already."""
        gone = {part.name for part in but}
        for number in self._numbers.pop(f"{arrival.route.name}\0{upload_id}", ()):
            name = await self._name(arrival, upload_id, number)
            if name is None or name in gone:
                continue
            async with self._bench.store.locked(name) as held:
                if isinstance(held, HeldUpload):
                    await held.remove()

    # Answers.

    def _told(self, arrival: Arrival, done: Reply | NotAccepted) -> web.Response:
        match done:
            case OriginReply():
                return self._bench.relay(done)
            case OriginFailure():
                return self._error(arrival, (done.value, "InternalError", "No answer."))
            case NotAccepted():
                status = done.answer.status
                said = f"The upload is not accepted. Decision: {done.decision_id}"
                form, number = (
                    arrival.live.settings.wording.form,
                    self._bench.code_of(done),
                )
                if form and number:
                    said += f" Code: {number} To object: {form}"
                code = "AccessDenied" if is_verdict(done.answer) else "SlowDown"
                return self._error(arrival, (status, code, said))

    def _deny(self, arrival: Arrival, denied: Denial) -> web.Response:
        return self._error(arrival, _BUSY if denied is Denial.BUSY else _SLOW_DOWN)

    def _fail(self, arrival: Arrival, failed: Failure) -> web.Response:
        match failed:
            case Denial():
                return self._deny(arrival, failed)
            case Fault.TOO_LARGE | Reason.TOO_LARGE:
                return self._error(arrival, _TOO_LARGE)
            case Reason.SPOOL_FULL:
                return self._error(arrival, _SLOW_DOWN)
            case Reason.TOO_SLOW:
                return self._error(arrival, (400, "RequestTimeout", "Too slow."))
            case Fault() | Reason():
                return self._error(arrival, _malformed("The body is not as stated."))

    def _error(self, arrival: Arrival, wrong: "Wrong") -> web.Response:
        """Answer as S3 does, so that its clients know what happened."""
        status, code, said = wrong
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{code}</Code><Message>{escape(said)}</Message></Error>"
        )
        headers = [(b"Content-Type", b"application/xml")]
        if status == _SLOW_DOWN[0]:
            headers.append((b"Retry-After", b"5"))
        reply = OriginReply(status=status, headers=headers, body=text.encode())
        made = self._bench.relay(reply)
        if not arrival.request.content.at_eof():
            made.force_close()
        return made


Wrong = tuple[int, str, str]
"""Status, code and message of an error of S3."""


def _malformed(said: str) -> Wrong:
    return (400, "MalformedXML", said)


def _wrong_by_head(
    step: s3.S3Step | Refusal, body: BodyPlan | Refusal, head: RequestHead
) -> Wrong | None:
    """Return the error for a request that is refused by its head alone."""
    if isinstance(step, Refusal):
        return (step.status, "InvalidRequest", step.detail)
    if isinstance(step, s3.CopyPart):
        return _NO_COPY
    if isinstance(body, Refusal):
        return (body.status, "InvalidRequest", body.detail)
    is_coded = body.framing is not None or body.coding is not None
    if isinstance(step, s3.Completion) and is_coded:
        return _malformed("The list is sent as it is.")
    # Parts are held without their framing, so the origin must undo it as well.
    if body.framing and not awschunked.is_surely_undone(head.values, head.target):
        return _NOT_SIGNED
    return None


def _wrong_by_part(denied: Denial, *, is_first: bool) -> Wrong:
    """Return the error for a part that cannot be inspected."""
    match denied:
        case Denial.MISSING:
            return _NO_UPLOAD if is_first else _NO_PART
        case Denial.BUSY:
            return _BUSY
        case _:
            return _SLOW_DOWN


def _is_whole(held: HeldUpload) -> bool:
    return held.state is State.COMPLETE


class _Copying:
    """Copies a part: its bytes as sent into a spool, and without framing into a file.

    Args:
        held: The file.
        spool: The spool.
        framing: The framing of S3, if that is its coding.
    """

    def __init__(self, held: HeldUpload, spool: Spool, framing: Framing | None) -> None:
        self._held = held
        self._spool = spool
        self._decoded: list[bytes] = []
        self._frames: AwsChunkedExtractor | None = None
        if framing is not None:
            decoded = self._decoded.append
            self._frames = AwsChunkedExtractor(framing, None, on_decoded=decoded)
        # An empty part is complete from the start.
        self._is_begun = _is_whole(held)

    async def take(self, data: bytes) -> Failure | None:
        """Take bytes as they were sent."""
        if self._frames is None:
            self._decoded.append(data)
        elif any(isinstance(each, Refused) for each in self._frames.receive(data)):
            return Reason.UNSUPPORTED_CODING
        if not await self._spool.write(data):
            return Reason.SPOOL_FULL
        return await self._kept()

    async def _kept(self) -> Failure | None:
        pieces, self._decoded[:] = tuple(self._decoded), ()
        for piece in pieces:
            if not self._is_begun:
                failed: Failure | None = await self._held.begin(0)
                if failed is not None:
                    return failed
                self._is_begun = True
            failed = await self._held.write(piece)
            if failed is not None:
                return failed
        return None

    async def finished(self) -> Failure | None:
        """Make the file durable, or say why the part is not whole."""
        frames = self._frames
        if frames is not None and any(isinstance(it, Refused) for it in frames.end()):
            return Reason.UNSUPPORTED_CODING
        if _is_whole(self._held):
            return None
        failed: Failure | None = None
        if self._is_begun:
            failed = await self._held.commit()
        if failed is None and self._held.total is None:
            failed = await self._held.state_total(self._held.offset)
        is_short = failed is None and not _is_whole(self._held)
        return Reason.ABORTED if is_short else failed
