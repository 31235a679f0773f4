"""What is known of an upload before its first byte: how it is to be inspected.

Everything that is special about an upload is chosen here, once. The state machine
(``inspection.py``) does not ask again.
"""

from collections.abc import Sequence
from typing import assert_never

import msgspec

from uploadfilter.contents.kinds.families import FAMILIES, FileFamily
from uploadfilter.decisions.policy import Policy
from uploadfilter.model import Mode
from uploadfilter.rejections import REJECT_STATUS
from uploadfilter.uploads.body.awschunked import AwsChunkedExtractor
from uploadfilter.uploads.body.extractors import (
    Extractor,
    FormExtractor,
    RawExtractor,
)
from uploadfilter.uploads.body.spans import BodySpan, SpansExtractor
from uploadfilter.uploads.head.plan import PIECE, BodyKind, BodyPlan, Refusal
from uploadfilter.uploads.limits import UploadLimits


class InspectionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How one upload is inspected and answered.

    Attributes:
        body: The plan of the body by the request head, or why it is refused.
        mode: Whether the action is carried out.
        policy: The operator's rules.
        limits: Limits of bodies and forms.
        accept: What the route takes.
        reject_status: The status of an answer to an upload that the policy rejects.
        exempt: Whether it is forwarded without inspection, after that is recorded. A
            refused head ends it all the same.
        spans: The contents of a raw body that consists of messages; ``None`` for one
            content.
        keeps_slices: Whether a form with a piece of a file may be kept (``KeepSlice``).
        undoes_framing: Whether the origin surely undoes ``aws-chunked`` framing, so
            that nobody gets the bytes as they were sent.
        shown: See ``UploadPieces``.
        accept_status: The status of an accepted upload whose client gets its answer
            here; ``None`` if the origin answers.
        rejected_in_body: Whether the answer to a rejected upload has the status of an
            accepted one, so that its record has it, too.
    """

    body: BodyPlan | Refusal
    mode: Mode
    policy: Policy
    limits: UploadLimits
    accept: frozenset[FileFamily] = FAMILIES
    reject_status: int = REJECT_STATUS
    exempt: bool = False
    spans: Sequence[BodySpan] | None = None
    keeps_slices: bool = False
    undoes_framing: bool = False
    shown: Sequence[int] = ()
    accept_status: int | None = None
    rejected_in_body: bool = False

    @property
    def is_exempt(self) -> bool:
        """Whether it is forwarded without inspection."""
        return self.exempt and not isinstance(self.body, Refusal)

    @property
    def may_be_slice(self) -> bool:
        """Whether it is a form that may be kept as a piece of a file.

        No uploader packs slices; a form that waits is sent on by its first head.
        """
        body = self.body
        is_form = isinstance(body, BodyPlan) and body.kind is BodyKind.FORM
        is_plain = is_form and isinstance(body, BodyPlan) and body.coding is None
        return self.keeps_slices and is_plain and not self.exempt

    @property
    def fault(self) -> Refusal | None:
        """Why the upload is not taken as it is, by its head alone."""
        if isinstance(self.body, Refusal):
            return self.body
        return PIECE if self.body.is_piece and not self.may_be_slice else None

    def extractor(self) -> Extractor | None:
        """Make the extractor that turns the body into contents, if it has any.

        If a refused head's body is forwarded all the same (``MONITOR``), it is
        inspected as raw bytes.
        """
        body = self.body
        if isinstance(body, Refusal):
            return RawExtractor(None)
        if self.exempt:
            return None
        match body.kind:
            case BodyKind.NONE:
                return None
            case BodyKind.RAW:
                return self._raw_extractor(body)
            case BodyKind.FORM:
                return FormExtractor(
                    body.boundary or b"",
                    self.limits,
                    coding=body.coding,
                    is_form=body.parts_type is None,
                )
            case never:
                assert_never(never)

    def _raw_extractor(self, body: BodyPlan) -> Extractor:
        if self.spans is not None:
            return SpansExtractor(self.spans)
        if body.framing is not None:
            return AwsChunkedExtractor(body.framing, body.declared_type)
        return RawExtractor(body.declared_type, body.coding)
