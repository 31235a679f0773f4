"""Make the record of a decision from its judgement and evidence.

Rules this module keeps: a record holds no names, no content, no address, and no signal
that did not match. Contents are numbered here, because the path of a nested content in
its scan holds a name that an uploader chose.
"""

import re
from collections.abc import Collection, Sequence

import msgspec

from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.records.numbering import numbered
from uploadfilter.decisions.records.records import (
    CanaryRecord,
    ContentRecord,
    CopyRecord,
    DecisionRecord,
    MatchRecord,
    PiecesRecord,
    moment,
)
from uploadfilter.decisions.records.sealed import SealedRecord
from uploadfilter.model import NESTED, EntryState, Match, Mode, Scan

MATCHES_RECORDED = 200
"""Most matches that one decision lists.

One picture matches its entry in several views and variants; a set full of duplicates
would turn one upload into megabytes of log. Further matches are counted.
"""

CONTENTS_RECORDED = 32
"""Contents that one decision lists unless the operator chose another number.

Nearly every upload has fewer. Without this limit, a form of a thousand pictures would
be a line of 150 KB. Contents with a match or a reason are listed first, then the
outermost. Further contents are counted.
"""

VIEWS_RECORDED = 160
"""Views that a content lists: all that a picture may have. A video has up to 1,200,
which would be a line of 15 KB."""

MOST_CONTENTS_RECORDED = 2000
"""Largest setting of this number: at a hundred bytes each, and up to two thousand with
many views, the line stays below ``LINE_LIMIT``."""

_OTHER_METHOD = "OTHER"
_METHODS = frozenset(
    {
        *("POST", "PUT", "PATCH", "GET", "DELETE", "HEAD", "OPTIONS"),
        *("INSTREAM", "FILDES"),
    }
)


class DecisionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an upload when it is decided.

    Attributes:
        id: Id of the decision, which the uploader and the origin are told.
        mode: Whether the action is carried out.
        status: What the client is answered; ``None`` if the origin answers.
        generation: Number of the searched generation; ``None`` if none was.
        client: Keyed hash of the client's address; ``None`` if there is no key.
        method: Method of the request.
        size: Bytes of the body that were read.
        duration_s: Seconds from the head of the request to the decision.
        route: Name of its route.
        cpu_s: CPU seconds that scanners used for it.
        scans: The evidence: every content that was seen.
        matches: The evidence: every match.
        sealed: Its sealed evidence, if some was wanted.
        pieces: Its pieces, if it came in several requests.
    """

    id: str
    mode: Mode
    judgement: Judgement
    status: int | None
    generation: int | None
    client: str | None
    method: str
    size: int
    duration_s: float
    route: str | None = None
    cpu_s: float = 0.0
    scans: Sequence[Scan] = ()
    matches: Sequence[Match] = ()
    sealed: SealedRecord | None = None
    pieces: PiecesRecord | None = None


def decision_record(
    facts: DecisionFacts,
    *,
    now: float,
    instance: str,
    contents_recorded: int = CONTENTS_RECORDED,
) -> DecisionRecord:
    """Make the record of a decision."""
    scans, matches, judgement = facts.scans, facts.matches, facts.judgement
    listed = match_records(matches, scans)
    matched = {match.content for match in matches}
    contents = content_records(scans, matched=matched, most=contents_recorded)
    return DecisionRecord(
        time=moment(now),
        id=facts.id,
        instance=instance,
        mode=facts.mode,
        generation=facts.generation,
        verdict=judgement.verdict,
        action=judgement.action,
        effect=judgement.effect,
        reason=judgement.reason,
        status=facts.status,
        client=facts.client,
        method=facts.method if facts.method in _METHODS else _OTHER_METHOD,
        size=facts.size,
        duration_ms=round(facts.duration_s * 1000, 3),
        contents=contents,
        matches=listed,
        matches_omitted=len(matches) - len(listed),
        contents_omitted=sum(1 for scan in scans for _ in scan.walk()) - len(contents),
        reasons=judgement.reasons,
        would=judgement.would,
        would_reason=judgement.would_reason,
        route=facts.route,
        cpu_ms=round(facts.cpu_s * 1000, 3),
        altered=judgement.altered,
        sealed=facts.sealed,
        pieces=facts.pieces,
    )


def canary_record(decision: DecisionRecord) -> CanaryRecord:
    """Make the record of a canary from the decision that an upload would have had."""
    return CanaryRecord(
        time=decision.time,
        id=decision.id,
        instance=decision.instance,
        mode=decision.mode,
        generation=decision.generation,
        verdict=decision.verdict,
        action=decision.action,
        effect=decision.effect,
        reason=decision.reason,
        status=decision.status,
        route=decision.route or "",
        duration_ms=decision.duration_ms,
        matches=decision.matches,
    )


def copy_record(
    *, decision: str, now: float, generation: int, matches: Sequence[Match]
) -> CopyRecord:
    """Make the record of altered copies that were found after the answer.

    Args:
        decision: Id of the decision.
        now: Seconds since the epoch.
        generation: Generation of the reference set that was searched.
        matches: The matches; their contents are numbers, as in ``MatchRecord``.
    """
    rarest = sorted(matches, key=lambda match: match.chance or 0.0)
    return CopyRecord(
        time=moment(now),
        decision=decision,
        generation=generation,
        matches=tuple(_match_record(it, content=it.content) for it in rarest),
    )


def content_records(
    scans: Sequence[Scan],
    *,
    matched: Collection[str] = (),
    most: int = CONTENTS_RECORDED,
) -> tuple[ContentRecord, ...]:
    """List the contents of an upload, nested ones after their container.

    Returns:
        The contents; if there are more than ``most``, those with a match first, then
        those with a reason, then the least nested.
    """
    found = list(numbered(scans))
    if len(found) > most:
        telling = sorted(
            range(len(found)), key=lambda place: _weight(*found[place], matched)
        )
        found = [found[place] for place in sorted(telling[:most])]
    return tuple(
        ContentRecord(
            path=path,
            kind=scan.kind,
            size=scan.size,
            reason=scan.reason,
            views=tuple(view.name for view in scan.views[:VIEWS_RECORDED]),
            dropped=scan.dropped,
            seen_percent=scan.seen_percent,
        )
        for path, scan in found
    )


def _weight(path: str, scan: Scan, matched: Collection[str]) -> tuple[int, int]:
    """Sort key of contents: the most informative first."""
    if scan.path in matched:
        return 0, path.count(NESTED)
    return (2 if scan.reason is None else 1), path.count(NESTED)


def match_records(
    matches: Sequence[Match], scans: Sequence[Scan]
) -> tuple[MatchRecord, ...]:
    """List the most important matches: entries that may reject first, then the nearest.

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
        kind=match.kind,
        chance=match.chance,
        outline=None if match.outline is None else str(match.outline),
        frame_s=frame_s_of(match.view),
    )


def frame_s_of(view: str | None) -> float | None:
    """Return when the frame of a view is shown, in seconds into its video.

    >>> frame_s_of("track:1/ms:12480/trim:1")
    12.48

    Returns:
        ``None`` for a view of anything but a video.
    """
    found = _TIME.search(view or "")
    return None if found is None else int(found[1]) / 1000


_TIME = re.compile(r"\bms:(\d+)")


def _unlisted(match: Match) -> str:
    """Return a number, never a name, for a matched content without a scan."""
    return match.content if match.content.isdecimal() else "?"
