"""What the scan API says of an upload, as JSON.

Rules this module keeps: the names are those of the decision log, and never change their
meaning; a content is numbered, because the name that an uploader chose is nobody's
business; nothing is said of signals that matched nothing.
"""

from typing import Final

import msgspec

from uploadfilter.decisions.records.making import match_records
from uploadfilter.decisions.records.numbering import numbered
from uploadfilter.inspection.upload import Upload
from uploadfilter.model import (
    Action,
    EntryState,
    MatchKind,
    Mode,
    Reason,
    Scan,
    SignalType,
    Verdict,
)

MOST_CONTENTS: Final = 2000
"""Most contents that an answer lists, as in the decision log."""


class ScannedContent(msgspec.Struct, frozen=True, kw_only=True):
    """One content of the upload.

    Attributes:
        path: Its number in the upload, nested contents after ``!/``.
        kind: The kind by its first bytes.
        size: Length in bytes.
        sha256: Its digest, by which the caller can tell that it stores what was
            scanned; ``None`` for what has none, such as a picture amid a file.
        reason: Why the scan is incomplete; ``None`` if it is complete.
        seen_percent: The share of a video's seconds of which a frame was compared;
            ``None`` for any other content.
    """

    path: str
    kind: str
    size: int
    sha256: str | None
    reason: Reason | None
    seen_percent: int | None


class FoundMatch(msgspec.Struct, frozen=True, kw_only=True):
    """One match.

    Attributes:
        content: Path of the content.
        set: Name of the hash set.
        entry: Id of the entry.
        category: The issuer's word for the kind of content.
        state: Whether the entry may reject.
        signal: Type of the signal.
        kind: How near the entry is.
        distance: Bits that differ; 0 for exact types.
        chance: E: how many entries chance would bring so near; ``None`` for exact
            types, and where it was not computed.
        frame_s: Time of the frame that matched, in seconds into its video; ``None`` for
            anything but a video.
    """

    content: str
    set: str
    entry: str
    category: str
    state: EntryState
    signal: SignalType
    kind: MatchKind
    distance: int
    chance: float | None
    frame_s: float | None


class ScanOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The decision about an upload; it is on record.

    Attributes:
        decision: Its id in the decision log.
        verdict: The conclusion from the evidence.
        action: The policy's choice.
        effect: What the caller has to do; in ``MONITOR`` it accepts what the action
            would reject.
        mode: Whether the action is the effect.
        reason: The reason, if it was not a match.
        generation: Number of the searched generation of the reference set.
        contents: The contents.
        contents_omitted: Number of further contents.
        matches: The matches.
        matches_omitted: Number of further matches.
    """

    decision: str
    verdict: Verdict
    action: Action
    effect: Action
    mode: Mode
    reason: Reason | None
    generation: int | None
    contents: tuple[ScannedContent, ...]
    contents_omitted: int
    matches: tuple[FoundMatch, ...]
    matches_omitted: int


def outcome_of(upload: Upload) -> ScanOutcome:
    """Return the answer to an upload that was decided."""
    decision = upload.decision
    if decision is None:
        raise TypeError("an upload was answered before it was decided")
    judgement, scans = decision.judgement, decision.scans
    contents = list(numbered(scans))
    matches = match_records(decision.matches, scans)
    return ScanOutcome(
        decision=upload.ticket.id,
        verdict=judgement.verdict,
        action=judgement.action,
        effect=judgement.effect,
        mode=upload.arrival.route.mode,
        reason=judgement.reason,
        generation=upload.generation.number if upload.generation else None,
        contents=tuple(_content(*it) for it in contents[:MOST_CONTENTS]),
        contents_omitted=max(len(contents) - MOST_CONTENTS, 0),
        matches=tuple(
            FoundMatch(
                content=it.content,
                set=it.set,
                entry=it.entry,
                category=it.category,
                state=it.state,
                signal=it.signal_type,
                kind=it.kind,
                distance=it.distance,
                chance=it.chance,
                frame_s=it.frame_s,
            )
            for it in matches
        ),
        matches_omitted=len(decision.matches) - len(matches),
    )


def _content(path: str, scan: Scan) -> ScannedContent:
    found = [it.value.hex() for it in scan.exact if it.type is SignalType.SHA256]
    return ScannedContent(
        path=path,
        kind=scan.kind,
        size=scan.size,
        sha256=found[0] if found else None,
        reason=scan.reason,
        seen_percent=scan.seen_percent,
    )
