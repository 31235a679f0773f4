"""The records of the decision log, as frozen values and as lines of JSON.

A line is one JSON object without a newline inside; its keys stand in the order of the
fields below. Every record has ``record`` (its kind), ``seq`` (1, 2, 3, ... over the
whole log) and ``previous``, the SHA-256 of the line before it without its newline:
that chains them. The writer fills in both, see ``decisions/records/chain.py``.

Rules this module keeps: no names, no content, no address and no signal of what did not
match.

To add a field: at the end of its record, with a default, so that older lines can still
be read. To add a kind of record: a class, a member of ``Record``, a paragraph in
``docs/decisions/0010-what-is-logged-and-for-how-long.md``. A reader of a newer format
than ``FORMAT`` must refuse, see ``SegmentRecord``.
"""

import hashlib
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple, Self

import msgspec

from uploadfilter.decisions.records.base import NO_PREDECESSOR, BaseRecord
from uploadfilter.decisions.records.lasting import (
    ChangeRecord,
    DayTotals,
    Mark,
    Retention,
    TotalRecord,
)
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.errors import LogCorruptError, LogVersionError, UsageError
from uploadfilter.model import (
    Action,
    EntryState,
    Geometry,
    Mode,
    Reason,
    SignalType,
    Variant,
    Verdict,
)

FORMAT = 4
"""Version of the lines; grows when an older reader would misunderstand them.

1 had no records that last, and heads that did not say how long segments are kept; 2 had
no summaries; 3 had no canaries.
"""

ID_ENTROPY_BYTES = 10
"""80 bits: ids must not be guessed, and 20 hex digits can still be read out loud."""

ABORTED = "aborted"
UNKNOWN = "unknown"
"""Outcomes that are not a status: the origin did not answer; we do not know."""

LINE_LIMIT = 16 * 1024 * 1024
"""Longest line in bytes, so that a reader's memory is bounded.

The 2,000 contents of 96 views and the 200 matches that a decision may list stay under
4 MiB.
"""


class SegmentRecord(BaseRecord, frozen=True, kw_only=True, tag="segment"):
    """The head of a segment; its ``previous`` is the predecessor's last line.

    Attributes:
        format: Version of the lines.
        instance: Whose log it is.
        number: Number of the segment, from 1.
        predecessor: File name of the segment before; ``None`` for the first. Its day
            is the last on which anything was written before this segment.
        matches: Decisions with the verdict ``MATCH`` in all segments before. They
            prove that a segment that retention removed held none.
        awaiting: Ids of accepted decisions before this segment whose outcome is still
            to come, so that recovery reads the newest segment only.
        is_lasting: Whether it holds records that last; retention never deletes it.
        lasting: How many segments with records that last there were before.
        begun: The day of the first segment; ``None`` if an older version began the log
            and its first segment was gone when this version took over.
        retention: How long segments are kept; ``None`` in heads of older versions.
        totals: What was counted before this segment and is in no total record yet.
        mark: The last line of the journal that was put on record; ``None`` before the
            first one.
    """

    format: int = FORMAT
    instance: str
    number: int
    predecessor: str | None
    matches: int
    awaiting: tuple[str, ...]
    is_lasting: bool = False
    lasting: int = 0
    begun: date | None = None
    retention: Retention | None = None
    totals: tuple[DayTotals, ...] = ()
    mark: Mark | None = None


class ContentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One content of an upload.

    Attributes:
        path: Its number in the upload, nested ones after ``!/``: ``0``, ``0!/2``; a
            picture that was carved says so: ``0!/embedded:1``, ``0!/thumb:2``.
        kind: What its first bytes say it is.
        size: Length in bytes.
        reason: Why it was not scanned completely; ``None`` if it was.
        views: Names of the views that were compared.
        dropped: Carved candidates in it that did not decode.
    """

    path: str
    kind: str
    size: int
    reason: Reason | None
    views: tuple[str, ...]
    dropped: int = 0


class MatchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One match; the fields are those of ``model.Match``, the content numbered."""

    content: str
    set: str
    entry: str
    category: str
    state: EntryState
    signal_type: SignalType
    distance: int
    view: str | None
    variant: Variant | None
    geometry: Geometry | None
    quality: int | None
    complement: bool = False


class DecisionRecord(BaseRecord, frozen=True, kw_only=True, tag="decision"):
    """One upload that got an answer by inspection.

    Attributes:
        id: What the uploader and the origin are told, see ``new_decision_id``.
        instance: Which proxy decided.
        mode: Whether the action was carried out.
        generation: Of the reference set; ``None`` if none was asked.
        verdict: What the evidence says.
        action: What the policy says.
        effect: What was done.
        reason: Why, where it was not a match.
        status: What the client is answered; ``None`` if the upload is forwarded.
        client: Keyed hash of its address, see ``decisions/files/clients.py``.
        method: HTTP method; ``OTHER`` for those not in common use.
        size: Of the body, in bytes, as far as it was read.
        duration_ms: From the head of the request to the decision.
        contents: The first ones of its contents, a container before what is in it;
            how many is a setting.
        matches: The first 200 matches, counting ones or not.
        matches_omitted: How many more there were.
        contents_omitted: How many more contents there were.
        reasons: Every reason that there is, the weightiest first, whatever the policy
            made of it; empty in records of older versions.
        would: What the policy would say if every hash set were enforced; ``None`` in
            records of older versions, see ``if_enforced``.
        would_reason: The reason for that, where it was not a match.
        route: Name of the route; ``None`` in records of older versions.
        cpu_ms: Milliseconds of CPU time that scanners used for it.
    """

    id: str
    instance: str
    mode: Mode
    generation: int | None
    verdict: Verdict
    action: Action
    effect: Action
    reason: Reason | None
    status: int | None
    client: str | None
    method: str
    size: int
    duration_ms: float
    contents: tuple[ContentRecord, ...]
    matches: tuple[MatchRecord, ...]
    matches_omitted: int = 0
    contents_omitted: int = 0
    reasons: tuple[Reason, ...] = ()
    would: Action | None = None
    would_reason: Reason | None = None
    route: str | None = None
    cpu_ms: float = 0.0

    @property
    def if_enforced(self) -> tuple[Action, Reason | None]:
        """The action and its reason if every hash set were enforced.

        Records of older versions do not say it: there it is what was said then.
        """
        if self.would is None:
            return self.action, self.reason
        return self.would, self.would_reason


class CanaryRecord(BaseRecord, frozen=True, kw_only=True, tag="canary"):
    """What was decided of an operator's canary, which nobody uploaded.

    It is a kind of record of its own, so that no count of decisions includes it.
    Nothing of the canary went to the origin, whatever was decided.

    Attributes:
        id: As of a decision.
        instance: Which proxy decided.
        mode: Of the route.
        generation: Of the reference set; ``None`` if none was asked.
        verdict: What the evidence says.
        action: What the policy says.
        effect: What would have been done with an upload.
        reason: Why, where it was not a match.
        status: What was answered instead of forwarding; ``None`` if an upload would
            have been forwarded.
        route: Name of the route.
        duration_ms: From the head of the request to the decision.
        matches: The first 200 matches.
    """

    id: str
    instance: str
    mode: Mode
    generation: int | None
    verdict: Verdict
    action: Action
    effect: Action
    reason: Reason | None
    status: int | None
    route: str
    duration_ms: float
    matches: tuple[MatchRecord, ...] = ()


class OutcomeRecord(BaseRecord, frozen=True, kw_only=True, tag="outcome"):
    """What became of a forwarded upload.

    Attributes:
        decision: Id of the decision.
        outcome: The origin's status, ``aborted``, or ``unknown`` after a crash.
    """

    decision: str
    outcome: int | str


class CheckpointRecord(BaseRecord, frozen=True, kw_only=True, tag="checkpoint"):
    """That a checkpoint was given out; filled in by the writer.

    Attributes:
        count: Records before this one.
        head: SHA-256 of the last of them, hex.
    """

    count: int = 0
    head: str = NO_PREDECESSOR


class ShedRecord(BaseRecord, frozen=True, kw_only=True, tag="shed"):
    """Uploads of one client and minute that a limit turned away uninspected.

    Attributes:
        minute: The minute, UTC.
        client: Keyed hash of its address; ``None`` for all together.
        reason: Why.
        status: What they were answered: 429 or 503.
        count: How many.
        prefix: Bits of the network of clients whose keyed hash ``client`` is, because
            so many of its clients were counted; ``None`` for one client.
    """

    minute: datetime
    client: str | None
    reason: Reason
    status: int
    count: int
    prefix: int | None = None


Record = (
    SegmentRecord
    | DecisionRecord
    | CanaryRecord
    | OutcomeRecord
    | CheckpointRecord
    | ShedRecord
    | SummaryRecord
    | ChangeRecord
    | TotalRecord
)


class Checkpoint(NamedTuple):
    """The state of a log that can be kept elsewhere to prove a later cut.

    Attributes:
        records: How many records it covers: the number of the last one.
        head: SHA-256 of that record's line, 64 hex digits.
    """

    records: int
    head: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``COUNT:HEAD``, as ``text`` writes it and the operational log has it.

        Raises:
            UsageError: It is not of that form.
        """
        count, _, head = text.strip().partition(":")
        try:
            if len(bytes.fromhex(head)) == hashlib.sha256().digest_size:
                return cls(int(count), head.lower())
        except ValueError:
            pass
        raise UsageError(
            f"not a checkpoint: {text!r}",
            hint="It is COUNT:HEAD, such as 12:9f86d0..., with 64 hex digits.",
        )

    def text(self) -> str:
        """Write ``COUNT:HEAD``."""
        return f"{self.records}:{self.head}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


def encode(record: Record) -> bytes:
    """Encode a record as one line, without the newline.

    Raises:
        ValueError: A text in it is not valid Unicode, or the line would be too long.
    """
    line = _encoder.encode(record)
    if len(line) >= LINE_LIMIT:
        raise ValueError(f"a line of {len(line)} bytes, at most {LINE_LIMIT - 1}")
    return line


def decode(line: bytes) -> Record:
    """Decode one line, without its newline.

    Raises:
        LogCorruptError: It is not a record.
        LogVersionError: It is the head of a segment of a newer format.
    """
    try:
        record: Record = _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as exc:
        _refuse_newer(line)
        raise LogCorruptError(f"not a record: {exc}") from exc
    if isinstance(record, SegmentRecord) and record.format > FORMAT:
        _refuse_newer(line)
    return record


class _AnyHead(msgspec.Struct):
    """What a head of every format has."""

    record: Literal["segment"]
    format: int
    number: int


_head_decoder = msgspec.json.Decoder(_AnyHead)


def _refuse_newer(line: bytes) -> None:
    """Raise if a line says that it is the head of a segment of a newer format.

    What such a head and the lines after it mean is unknown here: to call them changed,
    or intact, would be a guess.
    """
    try:
        head = _head_decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return
    if head.format > FORMAT:
        raise LogVersionError(
            f"segment {head.number} of the decision log has format {head.format}, "
            f"but this version knows {FORMAT}",
            hint="Use the version that wrote it, or another --instance. If no newer "
            "version ever ran here, somebody changed the file: keep it as evidence.",
        )


def line_hash(line: bytes) -> str:
    """Return what the next record names as ``previous``: SHA-256 in hex."""
    return hashlib.sha256(line).hexdigest()


def moment(now: float) -> datetime:
    """Turn seconds since the epoch into a time of a record, UTC."""
    return datetime.fromtimestamp(now, UTC)


def new_decision_id(now: float, entropy: bytes) -> str:
    """Make an id that a person can read out: the UTC day and 20 hex digits.

    Args:
        now: Seconds since the epoch.
        entropy: ``ID_ENTROPY_BYTES`` random bytes: an id must tell nothing about the
            number of uploads, and must not be guessed.
    """
    if len(entropy) != ID_ENTROPY_BYTES:
        raise ValueError(f"an id takes {ID_ENTROPY_BYTES} bytes, not {len(entropy)}")
    return f"{moment(now):%Y%m%d}-{entropy.hex()}"
