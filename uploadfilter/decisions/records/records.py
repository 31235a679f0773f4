"""Define the records of the decision log, as frozen values and as lines of JSON.

A line is one JSON object without a newline inside; its keys are in the order of the
fields below. Every record has ``record`` (its kind), ``seq`` (1, 2, 3, ... over the
whole log) and ``previous``, the SHA-256 of the line before it without its newline,
which chains the records. The writer fills in ``seq`` and ``previous``, see
``decisions/records/chain.py``.

Rules this module keeps: a record holds no names, no content, no address, and no signal
that did not match.

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
from uploadfilter.decisions.records.sealed import SealedRecord
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.errors import LogCorruptError, LogVersionError, UsageError
from uploadfilter.model import (
    Action,
    EntryState,
    Geometry,
    MatchKind,
    Mode,
    Reason,
    SignalType,
    Variant,
    Verdict,
)
from uploadfilter.rejections import Outcome, outcome_by

FORMAT = 7
"""Version of the lines; it grows when an older reader would misunderstand them. The
first release writes 7."""

ID_ENTROPY_BYTES = 10
"""Random bytes of an id. 80 bits cannot be guessed, and 20 hex digits can still be read
out."""

ABORTED = "aborted"
UNKNOWN = "unknown"
"""Outcomes other than a status: the origin did not answer; the outcome is unknown."""

LINE_LIMIT = 16 * 1024 * 1024
"""Longest line in bytes, which bounds the memory of readers.

The 2,000 contents of 96 views and the 200 matches that a decision may list stay under
4 MiB.
"""


class SegmentRecord(BaseRecord, frozen=True, kw_only=True, tag="segment"):
    """The head of a segment; its ``previous`` is the predecessor's last line.

    Attributes:
        format: Version of the lines.
        instance: The instance that writes the log.
        number: Number of the segment, from 1.
        predecessor: File name of the segment before; ``None`` for the first. Its day
            is the last day with a record before this segment.
        matches: Number of decisions with the verdict ``MATCH``, and of uploads in which
            an altered copy was found after the answer, in all earlier segments. It
            proves that a segment deleted by retention held no match.
        awaiting: Ids of earlier accepted decisions without an outcome yet, so that
            recovery needs to read only the newest segment.
        is_lasting: Whether it holds lasting records; retention never deletes it.
        lasting: Number of earlier segments with lasting records.
        begun: The day of the first segment.
        totals: Counts of earlier segments that are in no total record yet.
        mark: The last line of the journal that is on record; ``None`` before the first
            line.
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
        path: Its number in the upload, nested contents after ``!/``: ``0``, ``0!/2``;
            a carved picture has a word: ``0!/embedded:1``, ``0!/thumb:2``.
        kind: The kind by its first bytes.
        size: Length in bytes.
        reason: The reason why the scan is incomplete; ``None`` if it is complete.
        views: Names of the views that were compared; of a video the first 160.
        dropped: Number of carved places in it that did not decode.
        seen_percent: The share of a video's seconds in which a frame was seen; ``None``
            for any other content.
    """

    path: str
    kind: str
    size: int
    reason: Reason | None
    views: tuple[str, ...]
    dropped: int = 0
    seen_percent: int | None = None


class MatchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One match; the fields are as in ``model.Match``, but the content is numbered.

    The outline is in its text form, and ``frame_s`` the time of the frame of a video,
    in seconds.
    """

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
    kind: MatchKind = MatchKind.WITHIN
    chance: float | None = None
    outline: str | None = None
    frame_s: float | None = None


class PiecesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How an upload came in several requests.

    Attributes:
        protocol: Its protocol, as the route names it.
        count: Number of pieces that brought bytes.
    """

    protocol: str
    count: int


class DecisionRecord(BaseRecord, frozen=True, kw_only=True, tag="decision"):
    """The decision on one upload.

    Attributes:
        id: The id for the uploader and the origin, see ``new_decision_id``.
        instance: The proxy that decided.
        mode: Whether the action was executed.
        generation: Generation of the reference set; ``None`` if none was searched.
        effect: The executed action.
        reason: The reason, if it was not a match.
        status: The status of the answer; ``None`` if the upload is forwarded. 200 is
            the answer to who only asked, also about an upload that ``effect`` rejects.
        client: Keyed hash of the client's address, see ``decisions/files/clients.py``.
        method: HTTP method, or command of a client of ClamAV; ``OTHER`` for an
            uncommon one.
        size: Bytes of the body that were read.
        duration_ms: Milliseconds from the head of the request to the decision.
        contents: Its first contents, a container before its members; a setting limits
            their number.
        matches: The first 200 matches, counting ones or not.
        matches_omitted: Number of further matches.
        contents_omitted: Number of further contents.
        reasons: All reasons, the most important first, whatever their action.
        would: The action if every hash set were enforced.
        would_reason: The reason for ``would``, if it was not a match.
        route: Name of the route.
        cpu_ms: Milliseconds of CPU time that scanners used for it.
        altered: Whether the verdict is ``MATCH`` because of altered copies alone.
        sealed: Its sealed evidence; ``None`` if none was wanted.
        pieces: Its pieces; ``None`` for an upload of one request.
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
    would: Action
    would_reason: Reason | None = None
    route: str | None = None
    cpu_ms: float = 0.0
    altered: bool = False
    sealed: SealedRecord | None = None
    pieces: PiecesRecord | None = None

    @property
    def is_rejection(self) -> bool:
        """Whether the upload was rejected by policy."""
        return outcome_by(self.effect, self.reason) is Outcome.REJECTED

    @property
    def if_enforced(self) -> tuple[Action, Reason | None]:
        """The action and its reason if every hash set were enforced."""
        return self.would, self.would_reason


class CanaryRecord(BaseRecord, frozen=True, kw_only=True, tag="canary"):
    """The decision on an operator's canary, which is not an upload.

    It is a separate kind of record, so that no count of decisions includes it. No part
    of the canary went to the origin, whatever the decision.

    Attributes:
        id: The id, as of a decision.
        instance: The proxy that decided.
        mode: The mode of the route.
        generation: Generation of the reference set; ``None`` if none was searched.
        effect: The effect for an upload.
        reason: The reason, if it was not a match.
        status: The status for an upload; ``None`` if an upload would have been
            forwarded.
        route: Name of the route.
        duration_ms: Milliseconds from the head of the request to the decision.
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
    """The outcome of a forwarded upload.

    Attributes:
        outcome: The origin's status, ``aborted``, or ``unknown`` after a crash.
    """

    decision: str
    outcome: int | str


class CopyRecord(BaseRecord, frozen=True, kw_only=True, tag="copy"):
    """Altered copies that were found in an upload after its answer.

    Attributes:
        decision: Id of the decision, which this does not change.
        generation: Generation of the reference set that was searched.
        matches: One match for each content and entry, ``altered`` or ``near``, the
            least likely by chance first.
    """

    decision: str
    generation: int
    matches: tuple[MatchRecord, ...]

    @property
    def is_altered(self) -> bool:
        """Whether chance does not explain one of the matches."""
        return any(it.kind is MatchKind.ALTERED for it in self.matches)


class UnsearchedRecord(BaseRecord, frozen=True, kw_only=True, tag="unsearched"):
    """Uploads of one minute that were not searched for altered copies afterwards.

    Attributes:
        minute: The minute, UTC.
        count: Number of uploads: the queue was full, the service stopped, or the search
            failed.
    """

    minute: datetime
    count: int


class CheckpointRecord(BaseRecord, frozen=True, kw_only=True, tag="checkpoint"):
    """A checkpoint that was given out; the writer fills it in.

    Attributes:
        count: Number of records before this one.
        head: SHA-256 of the last of them, hex.
    """

    count: int = 0
    head: str = NO_PREDECESSOR


class ShedRecord(BaseRecord, frozen=True, kw_only=True, tag="shed"):
    """Uploads of one client and minute that a limit refused before inspection.

    Attributes:
        minute: The minute, UTC.
        client: Keyed hash of its address; ``None`` for all clients together.
        status: The status of the answers: 429 or 503.
        count: Number of uploads.
        prefix: Bits of the network whose keyed hash ``client`` is, if the network's
            clients are counted together; ``None`` for one client.
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
    | CopyRecord
    | UnsearchedRecord
    | CheckpointRecord
    | ShedRecord
    | SummaryRecord
    | ChangeRecord
    | TotalRecord
)


class Checkpoint(NamedTuple):
    """The state of a log, to be kept elsewhere as proof against a later cut.

    Attributes:
        records: Number of covered records, which is the number of the last one.
        head: SHA-256 of that record's line, 64 hex digits.
    """

    records: int
    head: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``COUNT:HEAD``, as ``text`` writes it and the operational log has it.

        Raises:
            UsageError: The text does not have this form.
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
        LogCorruptError: The line is not a record.
        LogVersionError: The line is the head of a segment of another format.
    """
    try:
        record: Record = _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as exc:
        _refuse_other(line)
        raise LogCorruptError(f"not a record: {exc}") from exc
    if isinstance(record, SegmentRecord) and record.format != FORMAT:
        _refuse_other(line)
    return record


class _AnyHead(msgspec.Struct):
    """The fields that a head of every format has."""

    record: Literal["segment"]
    format: int
    number: int


_head_decoder = msgspec.json.Decoder(_AnyHead)


def _refuse_other(line: bytes) -> None:
    """Raise if a line is the head of a segment of another format.

    The meaning of such a head and of later lines is unknown here: to report them as
    changed, or as intact, would be a guess.
    """
    try:
        head = _head_decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return
    if head.format != FORMAT:
        raise LogVersionError(
            f"segment {head.number} of the decision log has format {head.format}, "
            f"but this version knows {FORMAT}",
            hint="Use the version that wrote it, or another --instance. If no other "
            "version ever ran here, somebody changed the file: keep it as evidence.",
        )


def line_hash(line: bytes) -> str:
    """Return the hash that the next record names as ``previous``: SHA-256 in hex."""
    return hashlib.sha256(line).hexdigest()


def moment(now: float) -> datetime:
    """Turn seconds since the epoch into a time of a record, UTC."""
    return datetime.fromtimestamp(now, UTC)


def new_decision_id(now: float, entropy: bytes) -> str:
    """Make an id that a person can read out: the UTC day and 20 hex digits.

    Args:
        now: Seconds since the epoch.
        entropy: ``ID_ENTROPY_BYTES`` random bytes: an id must not reveal the number of
            uploads, and must be impossible to guess.
    """
    if len(entropy) != ID_ENTROPY_BYTES:
        raise ValueError(f"an id takes {ID_ENTROPY_BYTES} bytes, not {len(entropy)}")
    return f"{moment(now):%Y%m%d}-{entropy.hex()}"
