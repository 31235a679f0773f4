"""The engine of uploads in pieces: it carries out the steps of every protocol.

A protocol (``uploads/assembly``) says what a request asks for, and how other requests
are written. The engine holds the bytes, asks the origin, has a complete upload
inspected, replays it, and answers. Rules this module keeps:

- A request that is no step of its protocol never gets further than its head here.
- No byte goes to the origin before the whole is inspected and its decision is on
  record, except those that nobody can fetch there (``Bring.goes_on``).
- Where a protocol has the origin asked, a client that may not send bytes gets the
  origin's own answer, and nothing is received.
- In ``MONITOR`` what cannot be held is treated as any request, if the protocol allows.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack, nullcontext
from http import HTTPStatus
from os import urandom
from typing import Final

from aiohttp import web

from uploadfilter.model import Mode, Reason
from uploadfilter.proxy.assembling.bench import (
    NotAccepted,
    Reply,
    Workbench,
    carried_headers,
    is_verdict,
)
from uploadfilter.proxy.assembling.receiving import Receiving
from uploadfilter.proxy.assembling.store import HeldUpload
from uploadfilter.uploads.assembly import steps
from uploadfilter.uploads.assembly.assembly import Assembly, Denial, Fault, State
from uploadfilter.uploads.assembly.heads import TOO_LARGE, obeyed_method, refuse
from uploadfilter.uploads.assembly.journal import UploadHead
from uploadfilter.uploads.assembly.steps import OriginReply, PartKey
from uploadfilter.uploads.head.plan import BodyPlan, Refusal
from uploadfilter.web.origins.failing import OriginFailure
from uploadfilter.web.requests.arrival import Arrival

_TOKEN_BYTES: Final = 16
_SUCCESS: Final = 2
_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""Statuses of an origin that does not know an upload any more."""

_CODED: Final = Refusal(
    status=415,
    reason=Reason.UNSUPPORTED_CODING,
    detail="A piece of an upload must be sent without a content coding.",
)
_WITH_BODY: Final = refuse("A request that ends an upload has no body.")
_CODED_LIST: Final = refuse("The list of parts is sent as it is.")
_NOT_SIGNED: Final = refuse(
    "A part in aws-chunked framing is signed by version 4 in its head."
)
_OTHER_TOTAL: Final = refuse("The parts have not as many bytes as the request says.")


class PieceEngine:
    """Answers the requests of one protocol on the routes that name it."""

    def __init__(self, bench: Workbench, protocol: steps.PieceProtocol) -> None:
        self._bench = bench
        self._protocol = protocol

    async def answer(
        self, arrival: Arrival, body: BodyPlan | Refusal
    ) -> web.StreamResponse | None:
        """Answer a request; ``None`` if it is treated as on any other route."""
        step = self._protocol.step(arrival.head)
        if step is None or (isinstance(body, Refusal) and not arrival.head.has_body):
            return None
        refusal = _refusal(arrival, body, step)
        if isinstance(step, Refusal) or isinstance(body, Refusal) or refusal:
            told = refusal or _WITH_BODY
            return None if self._is_lenient(arrival) else self._say(arrival, told)
        match step:
            case steps.Look():
                return await self._look(arrival, step)
            case steps.End():
                return await self._end(arrival, step)
            case _:
                with self._bench.place(arrival) as turned_away:
                    return turned_away or await self._carry_out(arrival, body, step)

    async def _carry_out(
        self,
        arrival: Arrival,
        body: BodyPlan,
        step: steps.Create | steps.Bring | steps.Join,
    ) -> web.StreamResponse | None:
        """Answer a request that has a place among the open uploads."""
        match step:
            case steps.Create():
                return await self._create(arrival, body, step)
            case steps.Bring():
                return await self._bring(arrival, body, step)
            case steps.Join():
                return await self._join(arrival, step)

    def _is_lenient(self, arrival: Arrival) -> bool:
        return self._protocol.is_lenient and arrival.route.mode is Mode.MONITOR

    # Bytes that arrive.

    async def _create(
        self, arrival: Arrival, body: BodyPlan, step: steps.Create
    ) -> web.StreamResponse:
        reply = await self._bench.ask(arrival, step.asked)
        if isinstance(reply, OriginFailure):
            return self._say(arrival, reply)
        key = self._protocol.key(step, arrival.head, reply)
        if not isinstance(key, PartKey):
            return self._bench.relay(reply)
        held = await self._begin(
            arrival, key, total=step.total, is_part=step.is_part, notes=dict(step.notes)
        )
        if isinstance(held, Denial):
            await self._abort(arrival, key.upload, is_rejected=True)
            return self._say(arrival, held, reply)
        try:
            if not arrival.head.has_body:
                return self._bench.relay(reply)
            bring = steps.Bring(key=key, stated=step.stated)
            answer = await self._take(arrival, body, bring, held, reply)
            if answer.status // 100 != _SUCCESS:
                return answer
            said = self._protocol.answer(held.assembly)
            return self._bench.relay(reply, changed=said.headers if said else {})
        finally:
            await held.close()

    async def _bring(
        self, arrival: Arrival, body: BodyPlan, step: steps.Bring
    ) -> web.StreamResponse | None:
        known: OriginReply | None = None
        if step.asked is not None:
            reply = await self._bench.ask(arrival, step.asked)
            if isinstance(reply, OriginFailure):
                return self._say(arrival, reply)
            key = self._protocol.key(step, arrival.head, reply)
            if not isinstance(key, PartKey):
                await self._forget(arrival, step.key.upload, reply)
                return self._say(arrival, reply if key is None else key, reply)
            known = reply
        if step.is_whole and arrival.request.transport is None:
            # Its client is gone, and may have sent this part again meanwhile.
            return self._say(arrival, Reason.ABORTED, known)
        held = await self._open(arrival, step)
        if isinstance(held, Denial):
            if self._is_lenient(arrival) and held is not Denial.BUSY:
                return None
            return self._say(arrival, held, known)
        try:
            return await self._take(arrival, body, step, held, known)
        finally:
            if step.is_whole and held.state is not State.COMPLETE:
                await held.remove()
            await held.close()

    async def _open(self, arrival: Arrival, step: steps.Bring) -> HeldUpload | Denial:
        """Lock the bytes of an upload, or begin a part in the place of an older one."""
        if not step.is_whole:
            return await self._bench.store.open(self._name(arrival, step.key))
        return await self._begin(
            arrival, step.key, total=None, is_part=True, notes=dict(step.notes)
        )

    async def _begin(
        self,
        arrival: Arrival,
        key: PartKey,
        *,
        total: int | None,
        is_part: bool,
        notes: dict[str, str],
    ) -> HeldUpload | Denial:
        """Begin to hold bytes, in the place of older ones of that name."""
        store = self._bench.store
        head = UploadHead(
            protocol=self._protocol.name,
            created=int(store.clock()),
            client=store.client_of(arrival.client_key),
            total=total,
            most=arrival.route.limits.max_body_bytes,
            is_part=is_part,
            notes=notes,
        )
        return await store.replace(
            self._name(arrival, key),
            head,
            is_wanted=lambda: arrival.request.transport is not None,
        )

    async def _take(
        self,
        arrival: Arrival,
        body: BodyPlan,
        step: steps.Bring,
        held: HeldUpload,
        known: OriginReply | None,
    ) -> web.Response:
        """Receive bytes, make them durable, and do what follows from them."""
        copied = self._bench.spool(arrival) if step.goes_on else nullcontext(None)
        with copied as copy:
            receiving = Receiving(held, step, framing=body.framing, copy=copy)
            failed = await receiving.receive(self._bench, arrival)
            if failed is not None:
                return self._say(arrival, failed, known)
            if copy is not None:
                reply = await self._bench.request(
                    arrival,
                    arrival.head,
                    decision_id=None,
                    body_length=copy.size,
                    body=copy.read(),
                )
                if isinstance(reply, OriginReply) and reply.is_success:
                    failed = await receiving.keep()
                return self._say(arrival, failed or reply, known)
        if held.state is State.COMPLETE and not held.head.is_part:
            declared_type = held.head.notes.get(steps.TYPE)
            return await self._finish(
                arrival, {step.key: held}, known, declared_type=declared_type
            )
        return self._say(arrival, held.assembly, known)

    # The end of an upload.

    async def _join(self, arrival: Arrival, step: steps.Join) -> web.StreamResponse:
        text = await self._bench.read_list(arrival, step.most_bytes)
        if not isinstance(text, bytes):
            return self._say(arrival, text)
        keys = step.parts(text)
        async with AsyncExitStack() as locks:
            found: dict[PartKey, HeldUpload] | Refusal | Denial
            found = keys if isinstance(keys, Refusal) else {}
            if not isinstance(keys, Refusal):
                found = await self._parts(arrival, step, keys, locks)
            if isinstance(found, dict):
                return await self._finish(
                    arrival, found, None, declared_type=step.declared_type, text=text
                )
        if not self._is_lenient(arrival):
            return self._say(arrival, found)
        return await self._pass_unseen(
            arrival, [] if isinstance(keys, Refusal) else keys, text
        )

    async def _parts(
        self,
        arrival: Arrival,
        step: steps.Join,
        keys: Sequence[PartKey],
        locks: AsyncExitStack,
    ) -> dict[PartKey, HeldUpload] | Refusal | Denial:
        """Lock the parts of an upload, or say why they are not inspected."""
        found: dict[PartKey, HeldUpload] = {}
        for key in keys:
            name = self._name(arrival, key)
            held = await locks.enter_async_context(self._bench.store.lock(name))
            if isinstance(held, HeldUpload) and _is_complete_part(held):
                found[key] = held
            elif isinstance(held, Denial) and held is not Denial.MISSING:
                return held
            elif not step.until_gap:
                return Denial.MISSING
            elif key != keys[0]:
                break
        size = sum(part.offset for part in found.values())
        if size > arrival.route.limits.max_body_bytes:
            return TOO_LARGE
        if step.total not in {None, size}:
            return _OTHER_TOTAL if found else Denial.MISSING
        return found or Denial.MISSING

    async def _finish(
        self,
        arrival: Arrival,
        found: dict[PartKey, HeldUpload],
        known: OriginReply | None,
        *,
        declared_type: str | None,
        text: bytes = b"",
    ) -> web.Response:
        """Inspect an upload, and replay it if it is accepted."""
        token = urandom(_TOKEN_BYTES).hex()
        parts = [_part(key, held) for key, held in found.items()]
        replay = self._protocol.replay(arrival.head, parts, text, token)
        done = await self._bench.finish(
            arrival, list(found.values()), declared_type=declared_type, replay=replay
        )
        is_rejected = isinstance(done, NotAccepted) and is_verdict(done.answer)
        is_sent = isinstance(done, OriginReply) and done.is_success
        uploads = dict.fromkeys(part.key.upload for part in parts)
        for upload in uploads:
            if is_rejected or is_sent:
                await self._abort(arrival, upload, is_rejected=is_rejected)
            if parts[0].key.part and (is_rejected or not isinstance(done, NotAccepted)):
                await self._bench.store.remove_all(*self._words(arrival, upload))
        return self._say(arrival, done, known)

    async def _pass_unseen(
        self, arrival: Arrival, keys: Sequence[PartKey], text: bytes
    ) -> web.Response:
        """Send what is held on in ``MONITOR``, and record that not all was."""
        for key in keys:
            name = self._name(arrival, key)
            async with self._bench.store.lock(name) as held:
                if isinstance(held, Denial) or not _is_complete_part(held):
                    continue
                parts = [_part(key, held)]
                replay = self._protocol.replay(arrival.head, parts, text, None)
                for sending in replay.sendings:
                    await self._bench.request(
                        arrival,
                        sending.head,
                        decision_id=None,
                        body_length=held.offset,
                        body=held.read(),
                    )
                await held.remove()
        return self._say(arrival, await self._bench.pass_unseen(arrival, text))

    # Questions.

    async def _look(self, arrival: Arrival, step: steps.Look) -> web.Response:
        reply = await self._bench.ask(arrival, step.asked)
        if isinstance(reply, OriginFailure):
            return self._say(arrival, reply)
        key = self._protocol.key(step, arrival.head, reply)
        if key is None:
            await self._forget(arrival, arrival.head.target, reply)
            return self._say(arrival, reply)
        if isinstance(key, Fault):
            return self._say(arrival, Denial.MISSING, reply)
        found = await self._bench.store.peek(self._name(arrival, key))
        if isinstance(found, Denial):
            return self._say(arrival, found, reply)
        said = self._protocol.answer(found.assembly)
        return self._bench.relay(reply, changed=said.headers if said else {})

    async def _end(self, arrival: Arrival, step: steps.End) -> web.Response:
        reply = await self._bench.ask(arrival, step.asked)
        if isinstance(reply, OriginReply):
            await self._forget(arrival, step.upload, reply, is_ended=reply.is_success)
        return self._say(arrival, reply)

    async def _abort(self, arrival: Arrival, upload: str, *, is_rejected: bool) -> None:
        ending = self._protocol.abort(arrival.head, upload, is_rejected)
        if ending is not None:
            await self._bench.ask(arrival, ending)

    async def _forget(
        self,
        arrival: Arrival,
        upload: str,
        reply: OriginReply,
        *,
        is_ended: bool = False,
    ) -> None:
        """Delete the bytes of an upload that the origin does not know any more."""
        if is_ended or reply.status in _GONE:
            await self._bench.store.remove_all(*self._words(arrival, upload))

    # Names and answers.

    def _words(self, arrival: Arrival, upload: str) -> tuple[str, ...]:
        return (self._protocol.name, arrival.route.name, upload)

    def _name(self, arrival: Arrival, key: PartKey) -> str:
        words = self._words(arrival, key.upload)
        return self._bench.store.name_of(*words, part=key.part)

    def _say(
        self,
        arrival: Arrival,
        outcome: Reply | NotAccepted | Assembly | steps.Failure | Refusal,
        known: OriginReply | None = None,
    ) -> web.Response:
        """Answer as the origin did, or as the protocol words an outcome."""
        if isinstance(outcome, OriginReply):
            return self._bench.relay(outcome)
        if isinstance(outcome, NotAccepted | OriginFailure):
            said = self._protocol.answer(self._bench.not_sent(arrival, outcome))
        else:
            method = obeyed_method(arrival.head, frozenset({"PATCH"}))
            said = self._protocol.answer(outcome)
            said = said or steps.answer_in_short(outcome, method)
        if said is not None:
            return self._bench.say(arrival, said, known)
        if isinstance(outcome, Assembly):
            raise TypeError(f"{self._protocol.name} has no answer to bytes it took")
        return self._bench.answer(arrival, outcome, carried_headers(known))


def _part(key: PartKey, held: HeldUpload) -> steps.HeldPart:
    return steps.HeldPart(key=key, length=held.offset, notes=held.head.notes)


def _is_complete_part(held: HeldUpload) -> bool:
    return held.state is State.COMPLETE and held.head.is_part


def _refusal(
    arrival: Arrival, body: BodyPlan | Refusal, step: steps.Step | Refusal
) -> Refusal | None:
    """Return why a request is refused by its head alone."""
    if isinstance(step, Refusal):
        return step
    if isinstance(body, Refusal):
        return body
    if arrival.head.has_body:
        refusal = _refusal_of_body(body, step)
        if refusal is not None:
            return refusal
    total = None if isinstance(step, steps.Look | steps.End) else step.total
    return TOO_LARGE if (total or 0) > arrival.route.limits.max_body_bytes else None


def _refusal_of_body(body: BodyPlan, step: steps.Step) -> Refusal | None:
    is_coded = body.coding is not None
    match step:
        case steps.Create():
            return _CODED if is_coded or body.framing else None
        case steps.Bring():
            if body.framing:
                is_fine = step.takes_framing
                return None if is_fine else _NOT_SIGNED if step.goes_on else _CODED
            return _CODED if is_coded and not step.goes_on else None
        case steps.Join(most_bytes=most) if most:
            return _CODED_LIST if is_coded or body.framing else None
        case _:
            return _WITH_BODY
