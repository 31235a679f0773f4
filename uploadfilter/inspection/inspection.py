"""The state machine of one upload: events in, commands out, no I/O.

Its driver (``inspection/driver.py``, or a test) calls one method per event
and carries out the commands it returns (``commands.py``), in order. ``states.py`` says
which event may happen when, and refuses all others; ``planning.py`` how the upload is
to be inspected.

Rules this module keeps:

- ``Forward`` and ``Answer`` come only from ``recorded``: no effect before its record.
- Every upload ends in exactly one ``Record``, whatever happens to it.
- It decides nothing itself: only ``decisions.policy.decide`` decides, called only here.
- The same commands come in the same order whether an upload is listed exactly, nearly
  or not at all: the time of an answer discloses no exact match. The search for altered
  copies, some milliseconds, is left out where an entry is within the threshold.
- In ``MONITOR`` the original bytes are held beside the contents, because they are
  forwarded.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from uploadfilter.decisions.accepting import Accept
from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.policy import decide
from uploadfilter.evidence.unfinished import marked
from uploadfilter.inspection.believing import believed
from uploadfilter.inspection.commands import (
    Command,
    Content,
    Forward,
    Hold,
    KeepSlice,
    LookUp,
    MatchSignals,
    Record,
    StartScan,
    Where,
    unscanned,
)
from uploadfilter.inspection.piececontents import PieceContents
from uploadfilter.inspection.planning import InspectionPlan
from uploadfilter.inspection.states import InspectionState, StateEvent, following
from uploadfilter.model import Action, Match, Mode, Reason, Scan
from uploadfilter.rejections import Outcome
from uploadfilter.signals.exact import Digests
from uploadfilter.uploads.body.awschunked import AwsChunkedExtractor
from uploadfilter.uploads.body.extractors import (
    ContentData,
    ContentEnded,
    ContentStarted,
    Event,
    FormExtractor,
    PieceFound,
    Refused,
)
from uploadfilter.uploads.head.plan import PIECE, BodyPlan, Refusal
from uploadfilter.web.answering.answer import Answer

_UNRECORDED = Answer(outcome=Outcome.LATER, status=503, reason=Reason.LOG_UNWRITABLE)

_STATUS = {
    Reason.MALFORMED_REQUEST: 400,
    Reason.AMBIGUOUS_REQUEST: 400,
    Reason.MALFORMED_FORM: 400,
    Reason.UNSUPPORTED_CODING: 415,
    Reason.TOO_LARGE: 413,
    Reason.TOO_SLOW: 408,
    Reason.ABORTED: 400,
    Reason.NOT_ACCEPTED: 415,
}
"""The status of a refusal without one of its own; a client that has disconnected never
reads its 400, but it is recorded."""


@dataclass(slots=True)
class _Open:
    """The content that is arriving."""

    path: str
    offset: int
    declared_type: str | None
    coding: str | None
    is_aside: bool
    is_field: bool
    digests: Digests = field(default_factory=Digests)


class Inspection:
    """One upload from the first header to its answer."""

    def __init__(self, plan: InspectionPlan) -> None:
        self._plan = plan
        self._state = InspectionState.NEW
        self._fault = plan.fault
        self._extractor = plan.extractor()
        self._form: FormExtractor | None = None
        if isinstance(self._extractor, FormExtractor):
            self._form = self._extractor
        body = plan.body
        self._is_slice = (
            plan.may_be_slice and isinstance(body, BodyPlan) and body.is_piece
        )
        self._pieces = PieceContents(plan.shown)
        self._open: _Open | None = None
        self._contents: list[Content] = []
        self._scans: tuple[Scan, ...] = ()
        self._matches: tuple[Match, ...] = ()
        self._body_bytes = 0
        self._contents_bytes = 0
        self._judgement: Judgement | None = None

    @property
    def state(self) -> InspectionState:
        """The state of the upload."""
        return self._state

    @property
    def body_bytes(self) -> int:
        """Bytes of the body that have arrived."""
        return self._body_bytes

    @property
    def contents_bytes(self) -> int:
        """Bytes of contents that have arrived, without the coding of their form."""
        return self._contents_bytes

    @property
    def content_count(self) -> int:
        """Number of contents that have arrived whole."""
        return len(self._contents)

    def is_behind(self) -> bool:
        """Tell whether bytes that have arrived are not processed yet.

        Then ``receive`` has to be called again, without further bytes.
        """
        form = self._form
        return (
            form is not None
            and self._state is InspectionState.RECEIVING
            and form.is_behind
        )

    def begin(self) -> list[Command]:
        """Take the head; refuse an upload whose body must not be read at all."""
        if self._plan.is_exempt:
            return self._stop(Reason.EXEMPT)
        if self._fault is not None and self._refuses(self._fault):
            return self._stop(self._fault.reason)
        self._go_on(StateEvent.BEGIN)
        return []

    def receive(self, data: bytes) -> list[Command]:
        """Take bytes of the body that have arrived."""
        self._go_on(StateEvent.RECEIVE)
        self._body_bytes += len(data)
        if self._body_bytes > self._plan.limits.max_body_bytes:
            return self.failed(Reason.TOO_LARGE)
        commands: list[Command] = []
        if data and self._holds_body:
            commands.append(Hold(where=Where.BODY, data=data))
        if self._extractor is not None and self._state is InspectionState.RECEIVING:
            commands += self._extracted(self._extractor.receive(data))
        return commands

    def end(self) -> list[Command]:
        """Take the end of the body."""
        commands: list[Command] = []
        if self._extractor is not None and self._state is InspectionState.RECEIVING:
            commands = self._extracted(self._extractor.end())
        if self._state is InspectionState.DECIDED_EARLY:
            return commands
        if self._form and self._is_slice and self._state is InspectionState.RECEIVING:
            self._go_on(StateEvent.END_OF_SLICE)
            return [*commands, KeepSlice(parts=self._form.parts, charset=self._charset)]
        self._go_on(StateEvent.END)
        self._contents += self._pieces.contents(before=len(self._contents))
        return [*commands, LookUp(contents=tuple(self._contents))]

    def no_slice(self) -> list[Command]:
        """Take the answer that the form is no slice: it is a piece like any other."""
        self._go_on(StateEvent.NO_SLICE)
        self._fault = PIECE
        self._scans = self._scans_without_scanner()
        return self._decide(PIECE.reason)

    def looked_up(self, matches: Sequence[Match]) -> list[Command]:
        """Take the matches of the exact signals; they count, and end nothing.

        An answer before the scan would distinguish a listed file from one that only
        looks like it (ADR 0004).
        """
        self._matches = tuple(matches)
        self._scans = self._scans_without_scanner()
        if not self._contents:
            self._go_on(StateEvent.NO_CONTENTS)
            return self._decide_by_fault()
        self._go_on(StateEvent.LOOKED_UP)
        where = Where.CONTENTS if self._form else Where.BODY
        scanned = tuple(content for content in self._contents if content.is_scanned)
        return [StartScan(where=where, contents=scanned)]

    def scanned(self, scans: Sequence[Scan]) -> list[Command]:
        """Take the scans of the contents; a scanner's own digests are not believed."""
        self._go_on(StateEvent.SCANNED)
        self._scans = believed(self._contents, scans)
        return [MatchSignals(scans=self._scans)]

    def matched(
        self, matches: Sequence[Match], unfinished: Collection[str] = ()
    ) -> list[Command]:
        """Take the matches of all signals.

        Args:
            matches: All matches, altered copies included.
            unfinished: Paths of the contents in which the search for altered copies was
                not finished.
        """
        self._go_on(StateEvent.MATCHED)
        self._matches = tuple(matches)
        if unfinished:
            self._scans = tuple(marked(scan, unfinished) for scan in self._scans)
        return self._decide_by_fault()

    def failed(self, reason: Reason) -> list[Command]:
        """Take a failure: the upload cannot be inspected to its end, for any reason.

        After the decision it changes nothing.
        """
        if not self._scans:
            self._scans = self._scans_without_scanner()
        return self._stop(reason)

    def recorded(self) -> list[Command]:
        """Note that the decision is durable: only now may it have its effect."""
        is_unread = self._state is InspectionState.DECIDED_EARLY
        self._go_on(StateEvent.RECORDED)
        judgement = self._judged()
        match judgement.effect:
            case Action.ACCEPT:
                return [self._forward(unread=is_unread)]
            case Action.REJECT | Action.RETRY_LATER:
                return [self._answer(judgement)]
            case never:
                assert_never(never)

    def record_failed(self) -> list[Command]:
        """Note that the decision is not durable, so it may have no effect."""
        self._go_on(StateEvent.NOT_RECORDED)
        return [_UNRECORDED]

    def _go_on(self, event: StateEvent) -> None:
        self._state = following(self._state, event)

    def _stop(self, reason: Reason) -> list[Command]:
        self._go_on(StateEvent.STOP)
        return [] if self._judgement is not None else self._decide(reason)

    @property
    def _charset(self) -> str | None:
        body = self._plan.body
        return body.charset if isinstance(body, BodyPlan) else None

    @property
    def _holds_body(self) -> bool:
        """Tell whether the original bytes are needed: not for a form encoded anew."""
        return self._form is None or self._plan.mode is Mode.MONITOR

    def _scans_without_scanner(self) -> tuple[Scan, ...]:
        return tuple(unscanned(content) for content in self._contents)

    def _refuses(self, fault: Refusal) -> bool:
        return self._judge(fault.reason, scans=()).effect is not Action.ACCEPT

    def _judge(self, failure: Reason | None, *, scans: tuple[Scan, ...]) -> Judgement:
        accept = Accept(
            families=self._plan.accept,
            fields=frozenset(it.path for it in self._contents if it.is_field),
            aside=frozenset(it.path for it in self._contents if it.is_aside),
        )
        return decide(
            scans,
            self._matches,
            mode=self._plan.mode,
            policy=self._plan.policy,
            failure=failure,
            accept=accept,
        )

    def _judged(self) -> Judgement:
        if self._judgement is None:
            raise RuntimeError("an upload was recorded before it was decided")
        return self._judgement

    def _decide_by_fault(self) -> list[Command]:
        return self._decide(self._fault.reason if self._fault else None)

    def _decide(self, failure: Reason | None) -> list[Command]:
        judgement = self._judge(failure, scans=self._scans)
        self._judgement = judgement
        return [
            Record(
                judgement=judgement,
                scans=self._scans,
                matches=self._matches,
                status=self._recorded_status(judgement),
            )
        ]

    def _recorded_status(self, judgement: Judgement) -> int | None:
        accepted = judgement.effect is Action.ACCEPT
        in_body = self._plan.rejected_in_body and judgement.effect is Action.REJECT
        if accepted or in_body:
            return self._plan.accept_status
        return self._status(judgement)

    def _status(self, judgement: Judgement) -> int:
        """Return the status of the answer for an effect other than ``ACCEPT``."""
        if judgement.effect is Action.RETRY_LATER:
            return 503
        if judgement.is_rejection or judgement.reason is None:
            return self._plan.reject_status
        refusal = self._answered(judgement)
        return _STATUS[judgement.reason] if refusal is None else refusal.status

    def _answered(self, judgement: Judgement) -> Refusal | None:
        """Return the refusal that the client gets as an answer, if there is one."""
        fault = self._fault
        return fault if fault and fault.reason is judgement.reason else None

    def _answer(self, judgement: Judgement) -> Answer:
        refusal = self._answered(judgement)
        is_other = judgement.reason is Reason.NOT_ACCEPTED
        return Answer(
            outcome=judgement.outcome,
            status=self._status(judgement),
            reason=judgement.reason,
            detail=refusal.detail if refusal else "",
            accept=self._plan.accept if is_other else frozenset(),
        )

    def _forward(self, *, unread: bool) -> Forward:
        form, body = self._form, self._plan.body
        if form is None or self._plan.mode is not Mode.ENFORCE:
            return Forward(where=Where.BODY, parts=None, unread=unread)
        return Forward(
            where=Where.CONTENTS,
            parts=form.parts,
            charset=self._charset,
            parts_type=body.parts_type if isinstance(body, BodyPlan) else None,
            unread=unread,
        )

    def _extracted(self, events: Sequence[Event]) -> list[Command]:
        commands: list[Command] = []
        for event in events:
            commands += self._on_event(event)
        return commands

    def _on_event(self, event: Event) -> list[Command]:
        match event:
            case ContentStarted():
                body = self._plan.body
                is_all_fields = isinstance(body, BodyPlan) and body.is_field
                self._open = _Open(
                    path=str(len(self._contents)),
                    offset=self._contents_bytes,
                    declared_type=event.declared_type,
                    coding=event.coding,
                    is_aside=event.is_aside,
                    is_field=event.is_field or is_all_fields,
                )
                return []
            case ContentData():
                return self._on_data(event.data)
            case ContentEnded():
                self._close_content()
                return []
            case PieceFound():
                return self._on_piece()
            case Refused():
                return self._on_refused(event.refusal)
            case never:
                assert_never(never)

    def _on_data(self, data: bytes) -> list[Command]:
        if self._open is None:
            raise RuntimeError("an extractor gave data outside of a content")
        if self._contents:
            self._open.digests.update(data)
        else:
            self._pieces.update(data, self._open.digests)
        self._contents_bytes += len(data)
        if self._form is None:
            return []
        return [Hold(where=Where.CONTENTS, data=data)]

    def _close_content(self) -> None:
        if self._open is None:
            raise RuntimeError("an extractor ended a content that it had not begun")
        content = Content(
            path=self._open.path,
            offset=self._open.offset,
            length=self._contents_bytes - self._open.offset,
            declared_type=self._open.declared_type,
            exact=() if self._open.is_aside else self._open.digests.signals(),
            coding=self._open.coding,
            is_aside=self._open.is_aside,
            is_field=self._open.is_field,
        )
        self._contents.append(content)
        self._open = None
        framed = self._extractor
        if isinstance(framed, AwsChunkedExtractor) and not self._plan.undoes_framing:
            self._contents += framed.is_told_otherwise * [content.as_sent()]

    def _on_piece(self) -> list[Command]:
        """Take the form's statement at its end that its file is only a piece."""
        if self._plan.may_be_slice:
            self._is_slice = True
            return []
        self._fault = PIECE
        if not self._refuses(PIECE):
            return []
        self._scans = self._scans_without_scanner()
        return self._stop(PIECE.reason)

    def _on_refused(self, refusal: Refusal) -> list[Command]:
        """End the inspection of an unreadable body; ``MONITOR`` still forwards it."""
        self._fault = refusal
        self._open = None
        self._scans = self._scans_without_scanner()
        if self._refuses(refusal):
            return self._stop(refusal.reason)
        self._go_on(StateEvent.MALFORMED)
        return []
