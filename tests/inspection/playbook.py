"""Play the driver of an inspection: events in, and the commands that come out.

``Playbook`` takes an upload through its states as the driver does, with the results
that a test names, and keeps every command.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from uploadfilter.decisions.policy import Policy
from uploadfilter.inspection.commands import (
    Command,
    Hold,
    LookUp,
    MatchSignals,
    Record,
    StartScan,
    Where,
)
from uploadfilter.inspection.inspection import Inspection
from uploadfilter.inspection.planning import InspectionPlan
from uploadfilter.model import Match, Mode, Reason, Scan
from uploadfilter.uploads.head.plan import BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.limits import UploadLimits

RAW = BodyPlan(kind=BodyKind.RAW, declared_type="image/jpeg")

_Command = TypeVar("_Command")


class Playbook:
    """One upload, under the policy that a new operator has.

    Args:
        body: The plan of its body.
        mode: Whether the action is carried out.
        options: Other values of its ``InspectionPlan``.

    Attributes:
        upload: The upload.
        commands: All commands so far, in order.
    """

    def __init__(
        self,
        body: BodyPlan | Refusal = RAW,
        mode: Mode = Mode.ENFORCE,
        **options: object,
    ) -> None:
        limits = UploadLimits(max_body_bytes=1000)
        plan = InspectionPlan(body=body, mode=mode, policy=Policy(), limits=limits)
        self.upload = Inspection(msgspec.structs.replace(plan, **options))
        self.commands = self.upload.begin()

    def receive(self, *pieces: bytes) -> "Playbook":
        """Let the body arrive, up to a decision."""
        for piece in pieces:
            if not self.of(Record):
                self.commands += self.upload.receive(piece)
        return self

    def end(self) -> "Playbook":
        """Let the body end, unless it is decided."""
        if not self.of(Record):
            self.commands += self.upload.end()
        return self

    def look_up(self, *found: Match) -> "Playbook":
        """Let the body end, and exact signals be found."""
        if not self.of(LookUp):
            self.end()
        if not self.of(Record):
            self.commands += self.upload.looked_up(found)
        return self

    def scan(
        self, *scans: Scan, found: Sequence[Match] = (), reason: Reason | None = None
    ) -> "Playbook":
        """Let the contents be looked up and scanned; without ``scans`` all alike."""
        self.look_up(*found)
        for start in self.of(StartScan):
            usual = [Scan(path="", kind="data", size=6, reason=reason)]
            results = scans or usual * len(start.contents)
            self.commands += self.upload.scanned(results)
        return self

    def match(
        self, *found: Match, exact: Sequence[Match] = (), reason: Reason | None = None
    ) -> Record:
        """Let the upload be inspected to its end; return its record."""
        if not self.of(Record):
            if not self.of(MatchSignals):
                self.scan(found=exact, reason=reason)
            if not self.of(Record):
                self.commands += self.upload.matched(found)
        return self.record

    def fail(self, reason: Reason) -> Record:
        """Let something fail; return the record."""
        self.commands += self.upload.failed(reason)
        return self.record

    def effect(self) -> Command:
        """Let the record be durable; return what is to be done."""
        (command,) = self.upload.recorded()
        return command

    @property
    def record(self) -> Record:
        """The one record among the commands."""
        (found,) = self.of(Record)
        return found

    @property
    def look_up_command(self) -> LookUp:
        """The one look-up among the commands."""
        (found,) = self.of(LookUp)
        return found

    def of(self, kind: type[_Command]) -> list[_Command]:
        """Return the commands of a kind."""
        return [it for it in self.commands if isinstance(it, kind)]

    def held(self, where: Where) -> bytes:
        """Return the bytes that the commands put into one spool."""
        return b"".join(it.data for it in self.of(Hold) if it.where is where)
