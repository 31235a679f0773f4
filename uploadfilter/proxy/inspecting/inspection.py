"""The state machine of one upload: events in, commands out, no I/O.

Its driver (``proxy/inspecting/driver.py``, or a test) calls one method per event
and carries out the commands it returns (``commands.py``), in order::

    begin ─► receive* ─► end ─► looked_up ─► scanned ─► matched ─► recorded
                │         │          └───────────────────────┐        │
                └─ failed ┴─► Record ◄──────────────────────-┘        ├─► Forward
                                                                      └─► Answer

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

from uploadfilter.contents.kinds.families import FAMILIES, FileFamily
from uploadfilter.decisions.accepting import Accept
from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.policy import Policy, decide
from uploadfilter.evidence.unfinished import marked
from uploadfilter.model import Action, Match, Mode, Reason, Scan
from uploadfilter.proxy.inspecting.believing import believed
from uploadfilter.proxy.inspecting.commands import (
    Answer,
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
from uploadfilter.proxy.inspecting.piececontents import PieceContents
from uploadfilter.rejections import REJECT_STATUS
from uploadfilter.signals.exact import Digests
from uploadfilter.uploads.body.awschunked import AwsChunkedExtractor
from uploadfilter.uploads.body.extractors import (
    ContentData,
    ContentEnded,
    ContentStarted,
    Event,
    Extractor,
    FormExtractor,
    PieceFound,
    RawExtractor,
    Refused,
)
from uploadfilter.uploads.body.spans import BodySpan, SpansExtractor
from uploadfilter.uploads.head.plan import PIECE, BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.limits import UploadLimits

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
    """One upload from the first header to its answer.

    Args:
        plan: The plan of the body by the request head, or why it is refused.
        mode: Whether the action is carried out.
        policy: The operator's rules.
        accept: What the route takes.
        limits: Limits of bodies and forms.
        exempt: Whether it is forwarded without inspection, after that is recorded.
        spans: The contents of a raw body that consists of messages; ``None`` for one
            content.
        keeps_slices: Whether a form with a piece of a file may be kept (``KeepSlice``).
        undoes_framing: Whether the origin surely undoes ``aws-chunked`` framing, so
            that nobody gets the bytes as they were sent.
        shown: See ``UploadPieces``.
        accept_status: The status of an accepted upload whose client gets its answer
            here; ``None`` if the origin answers.
        rejected_in_body: Whether the answer to a rejected upload has the status of an
            accepted one, because its body says the effect.
    """

    def __init__(
        self,
        plan: BodyPlan | Refusal,
        *,
        mode: Mode,
        policy: Policy,
        limits: UploadLimits,
        accept: frozenset[FileFamily] = FAMILIES,
        reject_status: int = REJECT_STATUS,
        exempt: bool = False,
        spans: Sequence[BodySpan] | None = None,
        keeps_slices: bool = False,
        undoes_framing: bool = False,
        shown: Sequence[int] = (),
        accept_status: int | None = None,
        rejected_in_body: bool = False,
    ) -> None:
        self._mode = mode
        self._policy = policy
        self._accept = accept
        self._reject_status = reject_status
        self._accept_status = accept_status
        self._rejected_in_body = rejected_in_body
        self._limits = limits
        self._refusal = plan if isinstance(plan, Refusal) else None
        # A refused head ends an exempt upload like any other.
        self._exempt = exempt and self._refusal is None
        self._is_piece = isinstance(plan, BodyPlan) and plan.is_piece
        self._is_all_fields = isinstance(plan, BodyPlan) and plan.is_field
        self._charset = plan.charset if isinstance(plan, BodyPlan) else None
        self._parts_type = plan.parts_type if isinstance(plan, BodyPlan) else None
        self._extractor: Extractor | None = None
        if not self._exempt:
            self._extractor = _extractor(plan, limits, spans)
        self._is_form = isinstance(self._extractor, FormExtractor)
        # No uploader packs slices; a form that waits is sent on by its first head.
        is_packed = isinstance(plan, BodyPlan) and plan.coding is not None
        self._may_be_slice = keeps_slices and self._is_form and not is_packed
        self._undoes_framing = undoes_framing
        self._pieces = PieceContents(shown)
        self._open: _Open | None = None
        self._contents: list[Content] = []
        self._scans: tuple[Scan, ...] = ()
        self._matches: tuple[Match, ...] = ()
        self._body_bytes = 0
        self._contents_bytes = 0
        self._ended = False
        self._is_unreadable = False
        self._judgement: Judgement | None = None

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
        form = self._extractor
        if not isinstance(form, FormExtractor) or self._is_unreadable:
            return False
        return form.is_behind

    def begin(self) -> list[Command]:
        """Take the head; refuse an upload whose body must not be read at all."""
        if self._exempt:
            return self._decide(Reason.EXEMPT)
        if self._failure is None or not self._refuses(self._failure):
            return []
        return self._decide(self._failure)

    def receive(self, data: bytes) -> list[Command]:
        """Take bytes of the body that have arrived."""
        self._body_bytes += len(data)
        if self._body_bytes > self._limits.max_body_bytes:
            return self.failed(Reason.TOO_LARGE)
        commands: list[Command] = []
        if data and self._holds_body:
            commands.append(Hold(where=Where.BODY, data=data))
        if self._extractor is not None and not self._is_unreadable:
            commands += self._extracted(self._extractor.receive(data))
        return commands

    def end(self) -> list[Command]:
        """Take the end of the body."""
        self._ended = True
        commands: list[Command] = []
        if self._extractor is not None and not self._is_unreadable:
            commands = self._extracted(self._extractor.end())
        if self._judgement is not None:
            return commands
        if self._may_be_slice and self._is_piece and not self._is_unreadable:
            return [*commands, self._keep_slice()]
        self._contents += self._pieces.contents(before=len(self._contents))
        return [*commands, LookUp(contents=tuple(self._contents))]

    def no_slice(self) -> list[Command]:
        """Take the answer that the form is no slice: it is a piece like any other."""
        self._may_be_slice = False
        return self.failed(PIECE.reason)

    def looked_up(self, matches: Sequence[Match]) -> list[Command]:
        """Take the matches of the exact signals; they count, and end nothing.

        An answer before the scan would distinguish a listed file from one that only
        looks like it (ADR 0004).
        """
        self._matches = tuple(matches)
        self._scans = tuple(unscanned(content) for content in self._contents)
        if not self._contents:
            return self._decide(self._failure)
        where = Where.CONTENTS if self._is_form else Where.BODY
        scanned = tuple(content for content in self._contents if content.is_scanned)
        return [StartScan(where=where, contents=scanned)]

    def scanned(self, scans: Sequence[Scan]) -> list[Command]:
        """Take the scans of the contents; a scanner's own digests are not believed."""
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
        self._matches = tuple(matches)
        if unfinished:
            self._scans = tuple(marked(scan, unfinished) for scan in self._scans)
        return self._decide(self._failure)

    def failed(self, reason: Reason) -> list[Command]:
        """Take a failure: the upload cannot be inspected to its end, for any reason."""
        if self._judgement is not None:
            return []
        if not self._scans:
            self._scans = tuple(unscanned(content) for content in self._contents)
        return self._decide(reason)

    def recorded(self) -> list[Command]:
        """Note that the decision is durable: only now may it have its effect."""
        judgement = self._judged()
        match judgement.effect:
            case Action.ACCEPT:
                return [self._forward()]
            case Action.REJECT | Action.RETRY_LATER:
                status = self._status(judgement)
                refusal = self._answered(judgement)
                is_other = judgement.reason is Reason.NOT_ACCEPTED
                return [
                    Answer(
                        status=status,
                        reason=judgement.reason,
                        detail=refusal.detail if refusal else "",
                        accept=self._accept if is_other else frozenset(),
                        is_rejection=judgement.is_rejection,
                    )
                ]
            case never:
                assert_never(never)

    def record_failed(self) -> list[Command]:
        """Note that the decision is not durable, so it may have no effect."""
        return [Answer(status=503, reason=Reason.LOG_UNWRITABLE)]

    @property
    def _holds_body(self) -> bool:
        """Tell whether the original bytes are needed: not for a form encoded anew."""
        return not self._is_form or self._mode is Mode.MONITOR

    @property
    def _failure(self) -> Reason | None:
        if self._refusal is not None:
            return self._refusal.reason
        return PIECE.reason if self._is_piece and not self._may_be_slice else None

    def _refuses(self, reason: Reason) -> bool:
        return self._judge(reason, scans=()).effect is not Action.ACCEPT

    def _judge(self, failure: Reason | None, *, scans: tuple[Scan, ...]) -> Judgement:
        return decide(
            scans,
            self._matches,
            mode=self._mode,
            policy=self._policy,
            failure=failure,
            accept=self._accepting(),
        )

    def _accepting(self) -> Accept:
        return Accept(
            families=self._accept,
            fields=frozenset(it.path for it in self._contents if it.is_field),
            aside=frozenset(it.path for it in self._contents if it.is_aside),
        )

    def _judged(self) -> Judgement:
        if self._judgement is None:
            raise RuntimeError("an upload was recorded before it was decided")
        return self._judgement

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
        in_body = self._rejected_in_body and judgement.effect is Action.REJECT
        return self._accept_status if accepted or in_body else self._status(judgement)

    def _status(self, judgement: Judgement) -> int:
        """Return the status of the answer for an effect other than ``ACCEPT``."""
        if judgement.effect is Action.RETRY_LATER:
            return 503
        if judgement.is_rejection or judgement.reason is None:
            return self._reject_status
        refusal = self._answered(judgement)
        return _STATUS[judgement.reason] if refusal is None else refusal.status

    def _answered(self, judgement: Judgement) -> Refusal | None:
        """Return the refusal that the client gets as an answer, if there is one."""
        refusal = PIECE if self._refusal is None else self._refusal
        return refusal if refusal.reason is judgement.reason else None

    def _keep_slice(self) -> KeepSlice:
        if not isinstance(self._extractor, FormExtractor):
            raise TypeError("only a form is a slice")
        return KeepSlice(parts=self._extractor.parts, charset=self._charset)

    def _forward(self) -> Forward:
        encode = self._is_form and self._mode is Mode.ENFORCE
        parts = None
        if encode and isinstance(self._extractor, FormExtractor):
            parts = self._extractor.parts
        return Forward(
            where=Where.CONTENTS if encode else Where.BODY,
            parts=parts,
            charset=self._charset if encode else None,
            parts_type=self._parts_type if encode else None,
            unread=not self._ended,
        )

    def _extracted(self, events: Sequence[Event]) -> list[Command]:
        commands: list[Command] = []
        for event in events:
            commands += self._on_event(event)
        return commands

    def _on_event(self, event: Event) -> list[Command]:
        match event:
            case ContentStarted():
                self._open = _Open(
                    path=str(len(self._contents)),
                    offset=self._contents_bytes,
                    declared_type=event.declared_type,
                    coding=event.coding,
                    is_aside=event.is_aside,
                    is_field=event.is_field or self._is_all_fields,
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
        if not self._is_form:
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
        if isinstance(framed, AwsChunkedExtractor) and not self._undoes_framing:
            self._contents += framed.is_told_otherwise * [content.as_sent()]

    def _on_piece(self) -> list[Command]:
        """Take the form's statement at its end that its file is only a piece."""
        self._is_piece = True
        if self._may_be_slice or not self._refuses(PIECE.reason):
            return []
        self._scans = tuple(unscanned(content) for content in self._contents)
        return self._decide(PIECE.reason)

    def _on_refused(self, refusal: Refusal) -> list[Command]:
        """End the inspection of an unreadable body; ``MONITOR`` still forwards it."""
        self._is_unreadable = True
        self._refusal = refusal
        self._open = None
        self._scans = tuple(unscanned(content) for content in self._contents)
        if self._refuses(refusal.reason):
            return self._decide(refusal.reason)
        return []


def _extractor(
    plan: BodyPlan | Refusal, limits: UploadLimits, spans: Sequence[BodySpan] | None
) -> Extractor | None:
    """Choose the extractor that turns the body into contents.

    If a refused head's body is forwarded all the same (``MONITOR``), it is inspected as
    raw bytes.
    """
    if isinstance(plan, Refusal):
        return RawExtractor(None)
    if spans is not None:
        return SpansExtractor(spans)
    match plan.kind:
        case BodyKind.NONE:
            return None
        case BodyKind.RAW if plan.framing is not None:
            return AwsChunkedExtractor(plan.framing, plan.declared_type)
        case BodyKind.RAW:
            return RawExtractor(plan.declared_type, plan.coding)
        case BodyKind.FORM:
            return FormExtractor(
                plan.boundary or b"",
                limits,
                coding=plan.coding,
                is_form=plan.parts_type is None,
            )
        case never:
            assert_never(never)
