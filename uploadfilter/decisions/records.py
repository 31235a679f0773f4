"""The records of the decision log, as frozen values and as lines of JSON.

A line is one JSON object without a newline inside; its keys stand in the order of the
fields below. Every record has ``record`` (its kind), ``seq`` (1, 2, 3, ... over the
whole log) and ``previous``, the SHA-256 of the line before it without its newline:
that chains them. The writer fills in both, see ``decisions/chain.py``.

Rules this module keeps: no names, no content, no address and no signal of what did not
match. Contents are numbered here, whatever their scans call them, because the path of
a nested content holds a name that an uploader chose.

To add a field: at the end of its record, with a default, so that older lines can still
be read. To add a kind of record: a class, a member of ``Record``, a paragraph in
``docs/decisions/0010-what-is-logged-and-for-how-long.md``. A reader of a newer format
than ``FORMAT`` must refuse, see ``SegmentRecord``.
"""

import hashlib
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple, Self

import msgspec

from uploadfilter.decisions.base import NO_PREDECESSOR, BaseRecord
from uploadfilter.decisions.lasting import (
    ChangeRecord,
    DayTotals,
    Mark,
    Retention,
    TotalRecord,
)
from uploadfilter.decisions.numbering import numbered
from uploadfilter.errors import LogCorruptError, UsageError
from uploadfilter.model import (
    NESTED,
    Action,
    EntryState,
    Geometry,
    Judgement,
    Match,
    Mode,
    Reason,
    Scan,
    SignalType,
    Variant,
    Verdict,
)

FORMAT = 2
"""Version of the lines; grows when an older reader would misunderstand them.

1 had no records that last, and heads that did not say how long segments are kept.
"""

ID_ENTROPY_BYTES = 10
"""80 bits: ids must not be guessed, and 20 hex digits can still be read out loud."""

MATCHES_RECORDED = 200
"""Most matches that one decision lists.

One picture meets its own entry in several views and variants; a set full of duplicates
would turn one upload into megabytes of log. The rest is counted.
"""

CONTENTS_RECORDED = 2000
"""Most contents that one decision lists: a hundred bytes each.

A form of a thousand archives of a thousand files each would else be a line of 100 MB.
Those that say something (a reason, a match) come first, then the outermost. The rest is
counted.
"""

ABORTED = "aborted"
UNKNOWN = "unknown"
"""Outcomes that are not a status: the origin did not answer; we do not know."""

LINE_LIMIT = 16 * 1024 * 1024
"""Longest line in bytes, so that a reader's memory is bounded.

``CONTENTS_RECORDED`` contents of 96 views and ``MATCHES_RECORDED`` matches stay under
4 MiB.
"""

_OTHER_METHOD = "OTHER"
_METHODS = frozenset({"POST", "PUT", "PATCH", "GET", "DELETE", "HEAD", "OPTIONS"})


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
        client: Keyed hash of its address, see ``decisions/clients.py``.
        method: HTTP method; ``OTHER`` for those not in common use.
        size: Of the body, in bytes, as far as it was read.
        duration_ms: From the head of the request to the decision.
        contents: The first ``CONTENTS_RECORDED`` contents, a container before what is
            in it.
        matches: The first ``MATCHES_RECORDED`` matches, counting ones or not.
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
    """

    minute: datetime
    client: str | None
    reason: Reason
    status: int
    count: int


Record = (
    SegmentRecord
    | DecisionRecord
    | OutcomeRecord
    | CheckpointRecord
    | ShedRecord
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
    """
    try:
        record: Record = _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as exc:
        raise LogCorruptError(f"not a record: {exc}") from exc
    return record


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


def decision_record(
    *,
    id: str,  # noqa: A002 -- the name it has in the record
    now: float,
    instance: str,
    mode: Mode,
    generation: int | None,
    judgement: Judgement,
    status: int | None,
    client: str | None,
    method: str,
    size: int,
    duration_s: float,
    route: str | None = None,
    cpu_s: float = 0.0,
    scans: Sequence[Scan] = (),
    matches: Sequence[Match] = (),
) -> DecisionRecord:
    """Make the record of a decision; see ``DecisionRecord`` for the fields."""
    listed = match_records(matches, scans)
    contents = content_records(scans, matched={match.content for match in matches})
    return DecisionRecord(
        time=moment(now),
        id=id,
        instance=instance,
        mode=mode,
        generation=generation,
        verdict=judgement.verdict,
        action=judgement.action,
        effect=judgement.effect,
        reason=judgement.reason,
        status=status,
        client=client,
        method=method if method in _METHODS else _OTHER_METHOD,
        size=size,
        duration_ms=round(duration_s * 1000, 3),
        contents=contents,
        matches=listed,
        matches_omitted=len(matches) - len(listed),
        contents_omitted=sum(1 for scan in scans for _ in scan.walk()) - len(contents),
        reasons=judgement.reasons,
        would=judgement.would,
        would_reason=judgement.would_reason,
        route=route,
        cpu_ms=round(cpu_s * 1000, 3),
    )


def content_records(
    scans: Sequence[Scan], *, matched: Collection[str] = ()
) -> tuple[ContentRecord, ...]:
    """List the contents of an upload, nested ones after their container.

    Args:
        scans: The scans of the upload.
        matched: Paths of contents that matched.

    Returns:
        At most ``CONTENTS_RECORDED``: those with a reason or a match if there are more,
        then those that are nested the least.
    """
    found = list(numbered(scans))
    if len(found) > CONTENTS_RECORDED:
        telling = sorted(
            range(len(found)), key=lambda place: _weight(*found[place], matched)
        )
        found = [found[place] for place in sorted(telling[:CONTENTS_RECORDED])]
    return tuple(
        ContentRecord(
            path=path,
            kind=scan.kind,
            size=scan.size,
            reason=scan.reason,
            views=tuple(view.name for view in scan.views),
            dropped=scan.dropped,
        )
        for path, scan in found
    )


def _weight(path: str, scan: Scan, matched: Collection[str]) -> tuple[bool, int]:
    """Order contents: the most telling first."""
    return scan.reason is None and scan.path not in matched, path.count(NESTED)


def match_records(
    matches: Sequence[Match], scans: Sequence[Scan]
) -> tuple[MatchRecord, ...]:
    """List the most telling matches: of entries that may reject, the nearest first.

    Args:
        matches: All matches.
        scans: The scans of the upload, for the numbers of its contents.

    Returns:
        At most ``MATCHES_RECORDED`` of them.
    """
    numbers: dict[str, str] = {}
    for number, scan in numbered(scans):
        numbers.setdefault(scan.path, number)
    telling = sorted(
        matches,
        key=lambda match: (match.state is not EntryState.ACTIVE, match.distance),
    )
    return tuple(
        _match_record(match, content=numbers.get(match.content, _unlisted(match)))
        for match in telling[:MATCHES_RECORDED]
    )


def _match_record(match: Match, *, content: str) -> MatchRecord:
    return MatchRecord(
        content=content,
        set=match.set,
        entry=match.entry,
        category=match.category,
        state=match.state,
        signal_type=match.signal_type,
        distance=match.distance,
        view=match.view,
        variant=match.variant,
        geometry=match.geometry,
        quality=match.quality,
        complement=match.complement,
    )


def _unlisted(match: Match) -> str:
    """Name the content of a match whose scan is not there: a number, never a name."""
    return match.content if match.content.isdecimal() else "?"
