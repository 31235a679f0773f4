"""Drive an upload through its inspection: carry out one command after the other.

The steps, in the order of an upload, and the command that each carries out:

- ``Driver`` itself reads the body and holds it (``Hold``);
- ``searching.py`` looks exact signals up (``LookUp``) and searches for all others
  (``MatchSignals``);
- ``scanning.py`` has the contents scanned (``StartScan``);
- ``recording.py`` makes the decision durable (``Record``);
- ``forwarding.py`` sends the upload to the origin (``Forward``); or else
  ``Upload.answer`` answers the client (``Answer``).

Rules this module keeps:

- Commands are carried out in order and one at a time; their results go back into the
  ``Inspection``, which decides the next commands.
- ``_inspected`` is one of the places that may catch ``Exception``: a bug in the
  inspection of one upload must end in a recorded verdict, never in an unrecorded pass.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import assert_never

import structlog
from aiohttp import web

from uploadfilter.inspection.arriving import Body
from uploadfilter.inspection.commands import (
    Command,
    Forward,
    Hold,
    KeepSlice,
    LookUp,
    MatchSignals,
    Record,
    StartScan,
    Where,
)
from uploadfilter.inspection.forwarding import Forwarding
from uploadfilter.inspection.reading import BodyReader
from uploadfilter.inspection.recording import Recording
from uploadfilter.inspection.scanning import Scanning
from uploadfilter.inspection.searching import Searching
from uploadfilter.inspection.upload import Upload
from uploadfilter.model import Reason
from uploadfilter.web.answering import answers
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.counting.labels import Phase
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.requests.arrival import Arrival
from uploadfilter.web.requests.tracing import decided_as

log: structlog.stdlib.BoundLogger = structlog.get_logger()


class Driver:
    """Drives uploads; one serves all of them.

    Args:
        arriving: Allows another upload to end this body, during a block.
        searching: Step of ``LookUp`` and ``MatchSignals``.
        scanning: Step of ``StartScan``.
        recording: Step of ``Record``.
        forwarding: Step of ``Forward``.
        metrics: Notes the duration of each phase.
    """

    def __init__(
        self,
        *,
        arriving: Callable[[Arrival], AbstractContextManager[Body]],
        searching: Searching,
        scanning: Scanning,
        recording: Recording,
        forwarding: Forwarding,
        metrics: Metrics,
    ) -> None:
        self._arriving = arriving
        self._searching = searching
        self._scanning = scanning
        self._recording = recording
        self._forwarding = forwarding
        self._metrics = metrics

    async def run(self, upload: Upload) -> web.StreamResponse:
        """Inspect an upload, record its decision and carry it out."""
        command = await self._decided(upload, self._read_and_inspect)
        match command:
            case web.StreamResponse():
                return command
            case Forward() if not upload.is_canary:
                return await self._forwarding.forward(upload, command)
            case Forward():
                self._took(Phase.WHOLE, upload, upload.begun_s)
                return answers.to_canary(upload.ticket.id)
            case Answer():
                self._took(Phase.WHOLE, upload, upload.begun_s)
                return upload.answer(command)
            case never:
                assert_never(never)

    async def ask(self, upload: Upload) -> Forward | Answer:
        """Inspect an upload and record its decision, for who carries it out himself.

        Returns:
            The effect, which is on record unless it is an answer to try again later.
        """
        command = await self._decided(upload, self._read_and_inspect)
        self._took(Phase.WHOLE, upload, upload.begun_s)
        if isinstance(command, web.StreamResponse):
            raise TypeError("an upload that is only asked about was kept as a slice")
        return command

    async def decide(
        self, upload: Upload, body: AsyncIterator[bytes]
    ) -> Forward | Answer:
        """Inspect bytes that the filter holds already, and record the decision.

        For uploads that are no body of one request. The caller carries the effect out,
        and notes the outcome.

        Args:
            upload: The upload.
            body: Its bytes, in order.

        Returns:
            The effect, which is on record.
        """
        command = await self._decided(upload, partial(self._inspect_held, body))
        self._took(Phase.WHOLE, upload, upload.begun_s)
        if isinstance(command, web.StreamResponse):
            raise TypeError("bytes that are held already were taken for a slice")
        return command

    async def _decided(
        self, upload: Upload, inspect: Callable[[Upload], Awaitable[list[Command]]]
    ) -> Forward | Answer | web.StreamResponse:
        """Inspect an upload, record its decision, and return the effect.

        A slice of a file that is kept has no decision, and is answered at once.
        """
        decided_as(upload.ticket.id)
        commands = deque(upload.inspection.begin())
        if not commands:
            commands = deque(await self._inspected(upload, inspect))
        while commands:
            match command := commands.popleft():
                case Record():
                    begun_s = upload.clock()
                    commands.extend(await self._recording.record(upload, command))
                    self._took(Phase.RECORD, upload, begun_s)
                case Forward() | Answer():
                    return command
                case KeepSlice():
                    kept = await _kept(upload, command)
                    if kept is not None:
                        return kept
                    commands.extend(upload.inspection.no_slice())
                case Hold() | LookUp() | StartScan() | MatchSignals():
                    raise RuntimeError("an inspection went on after its decision")
                case never:
                    assert_never(never)
        raise RuntimeError("an inspection ended without an effect")

    async def _inspected(
        self, upload: Upload, inspect: Callable[[Upload], Awaitable[list[Command]]]
    ) -> list[Command]:
        """Inspect the upload up to its decision: the ``Record``, and no further."""
        try:
            return await inspect(upload)
        except Exception:
            log.exception("inspection_failed")
            return upload.inspection.failed(Reason.INTERNAL_ERROR)

    async def _inspect_held(
        self, body: AsyncIterator[bytes], upload: Upload
    ) -> list[Command]:
        inspection = upload.inspection
        if upload.uninspected is not None:
            return inspection.failed(upload.uninspected)
        async for data in body:
            commands = await self._carried_out(upload, _receive(upload, data))
            while inspection.is_behind() and not commands:
                await asyncio.sleep(0)
                commands = await self._carried_out(upload, _receive(upload))
            if commands:
                return commands
        return await self._carried_out(upload, inspection.end())

    async def _read_and_inspect(self, upload: Upload) -> list[Command]:
        inspection = upload.inspection
        try:
            await upload.ask_for_body()
        except OSError:
            return inspection.failed(Reason.ABORTED)
        if upload.uninspected is not None:
            return inspection.failed(upload.uninspected)
        with self._arriving(upload.arrival) as arriving:
            begun_s = upload.clock()
            commands, failure = await self._read(upload, arriving)
            self._took(Phase.RECEIVE, upload, begun_s)
        if failure is not None:
            return inspection.failed(failure)
        return commands or await self._carried_out(upload, inspection.end())

    async def _read(
        self, upload: Upload, arriving: Body
    ) -> tuple[list[Command], Reason | None]:
        """Read the body; return a decision before its end, or a failure."""
        inspection = upload.inspection
        reader = BodyReader(
            upload.sender,
            arriving,
            upload.settings.limits,
            upload.meter,
            clock=upload.clock,
        )
        while True:
            data = await reader.piece()
            if isinstance(data, Reason):
                return [], data
            if not data:
                return [], None
            upload.unheld = data
            commands = await self._carried_out(upload, _receive(upload, data))
            if inspection.is_behind():
                commands = commands or await self._caught_up(upload, reader)
            if commands:
                return commands, None

    async def _caught_up(self, upload: Upload, reader: BodyReader) -> list[Command]:
        """Process the rest of the received bytes; other uploads take turns with it."""
        inspection, meter = upload.inspection, upload.meter
        commands: list[Command] = []
        async with meter.alone(is_wanted=reader.is_wanted):
            while inspection.is_behind() and not commands:
                await asyncio.sleep(0)
                await meter.turn(is_wanted=reader.is_wanted)
                if not reader.is_wanted():
                    break
                commands = await self._carried_out(upload, _receive(upload))
        return commands

    async def _carried_out(
        self, upload: Upload, commands: Sequence[Command]
    ) -> list[Command]:
        """Carry out commands, and those that follow from them, up to a decision."""
        queue = deque(commands)
        while queue:
            command = queue.popleft()
            begun_s = upload.clock()
            match command:
                case Record() | Forward() | KeepSlice() | Answer():
                    return [command, *queue]
                case Hold():
                    if not await self._hold(upload, command):
                        return upload.inspection.failed(Reason.SPOOL_FULL)
                case LookUp():
                    queue.extend(await self._searching.look_up(upload, command))
                    self._took(Phase.LOOK_UP, upload, begun_s)
                case StartScan():
                    queue.extend(await self._scanning.scan(upload, command))
                    self._took(Phase.SCAN, upload, begun_s)
                case MatchSignals():
                    queue.extend(await self._searching.match(upload, command))
                    self._took(Phase.MATCH, upload, begun_s)
                case never:
                    assert_never(never)
        return []

    async def _hold(self, upload: Upload, command: Hold) -> bool:
        """Put bytes into a spool; false if there is no room."""
        if not await upload.spools[command.where].write(command.data):
            return False
        if command.where is Where.BODY:
            upload.unheld = b""
        return True

    def _took(self, phase: Phase, upload: Upload, begun_s: float) -> None:
        """Note how long a finished phase took."""
        self._metrics.took(phase, upload.clock() - begun_s)


def _receive(upload: Upload, data: bytes = b"") -> list[Command]:
    """Process bytes, or the rest of those before, at the expense of the client."""
    inspection = upload.inspection
    commands = inspection.receive(data)
    unpacked = inspection.contents_bytes - inspection.body_bytes
    upload.meter.charge_body(parts=inspection.content_count, unpacked=unpacked)
    return commands


async def _kept(upload: Upload, command: KeepSlice) -> web.StreamResponse | None:
    """Have a form kept, if the route keeps slices."""
    return await upload.keep(upload, command) if upload.keep else None
