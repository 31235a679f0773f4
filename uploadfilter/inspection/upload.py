"""One upload in the proxy: its request, its spools, and the results of its steps.

``intake.py`` makes an upload. The ``Driver`` passes it to one step after the other, and
each step notes here the results that a later step needs.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from aiohttp import web

from uploadfilter.inspection.commands import KeepSlice, Record, Where
from uploadfilter.inspection.inspection import Inspection
from uploadfilter.inspection.pacing import LoopMeter
from uploadfilter.inspection.reading import UploadSender
from uploadfilter.inspection.recorder import Ticket
from uploadfilter.inspection.spool import Spool
from uploadfilter.inspection.unheld import Unheld
from uploadfilter.model import Reason
from uploadfilter.reference.search.near.asking import NearGeneration
from uploadfilter.uploads.assembly.assembly import UploadPieces
from uploadfilter.web.answering import answers
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.requests.arrival import Arrival
from uploadfilter.web.requests.live import LiveSettings


@dataclass(slots=True, kw_only=True, eq=False)
class Upload:
    """One upload.

    Attributes:
        arrival: The request, its route and the settings in force.
        sender: The client's end of it.
        inspection: The state machine, not yet begun.
        ticket: The id of its decision, and its client.
        spools: Hold the original bytes, and the contents of a form.
        meter: Measures the time that it takes of the event loop.
        release: Releases the spools and the upload's place among the open ones.
        clock: Monotonic seconds, those of the event loop.
        begun_s: When it began, by this clock.
        uninspected: Why it is not inspected, though it is forwarded (``MONITOR``).
        is_canary: Whether it is the operator's canary, which is not forwarded.
        generation: The generation that is searched; ``None`` before the look-up.
        costs_s: CPU seconds that scanners used for it.
        unheld: The bytes that arrived last, until the spool has them.
        rest: The rest of a body that is forwarded unheld.
        is_continued: Whether the client was told to send the body.
        keep: Keeps a slice of a file, on a route for chunked forms.
        pieces: Its pieces, if it came in several requests.
        decision: The decision and its evidence, once it is recorded or counted.
    """

    arrival: Arrival
    sender: UploadSender
    inspection: Inspection
    ticket: Ticket
    spools: Mapping[Where, Spool]
    meter: LoopMeter
    release: Callable[[], None]
    clock: Callable[[], float]
    begun_s: float
    uninspected: Reason | None
    is_canary: bool
    generation: NearGeneration | None = None
    costs_s: list[float] = field(default_factory=list)
    unheld: bytes = b""
    rest: Unheld | None = None
    is_continued: bool = False
    keep: "Keep | None" = None
    pieces: UploadPieces | None = None
    decision: Record | None = None

    @property
    def settings(self) -> LiveSettings:
        """The settings under which it began and will end."""
        return self.arrival.live.settings

    @property
    def searched_generation(self) -> NearGeneration:
        """The generation in which its exact signals were looked up."""
        if self.generation is None:
            raise RuntimeError("an upload was scanned before it was looked up")
        return self.generation

    async def ask_for_body(self) -> None:
        """Tell a client that waits for it to send the body, once (RFC 9110, 10.1.1)."""
        if self.is_continued:
            return
        self.is_continued = True
        await self.sender.ask_for_body()

    def answer(self, command: Answer) -> web.StreamResponse:
        """Make the answer of ``command`` to its client."""
        return answers.response(
            self.arrival.request,
            command,
            decision_id=self.ticket.id,
            wording=self.settings.wording,
            code=self.ticket.code if command.is_rejection else "",
        )


Keep: TypeAlias = Callable[[Upload, KeepSlice], Awaitable[web.StreamResponse | None]]
"""Keeps a slice of a file, and returns the answer; or says what another form is."""
