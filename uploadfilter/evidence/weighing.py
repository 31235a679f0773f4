"""Weigh the matches of an upload: state their chance, and find altered copies.

The proxy and ``scan`` call it after every search. Contents that match within the
threshold are not searched any further; all others are.

Rules this module keeps: it is pure; no match is taken away.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from uploadfilter.decisions.judgement import CopySearch
from uploadfilter.decisions.policy import verdict_of
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.finding import find_altered, searchable
from uploadfilter.evidence.settings import EvidenceSettings
from uploadfilter.evidence.telling import with_chances
from uploadfilter.model import (
    Match,
    MatchKind,
    Scan,
    SignalType,
    Verdict,
)
from uploadfilter.reference.search.matching import Generation
from uploadfilter.reference.search.near.asking import NearGeneration


class EvidenceResult(StrEnum):
    """What the judgement of an upload found.

    The last four say why altered copies were not looked for, as in ``CopySearch``.
    """

    NOTHING = "nothing"
    WITHIN = "within"
    NEAR = "near"
    ALTERED = "altered"
    UNFINISHED = "unfinished"
    FAILED = "failed"
    BUSY = "busy"
    OCCUPIED = "occupied"
    CLIENT = "client"
    LATE = "late"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedMatches:
    """The matches of an upload after the judgement.

    Attributes:
        matches: All matches, altered copies included.
        unfinished: Paths of the contents that were not searched to their end.
        is_failed: Whether the judgement itself failed.
        copies: Whether altered copies were looked for; ``None`` if there was no content
            to look in, or if they are not looked for at all.
    """

    matches: tuple[Match, ...]
    unfinished: frozenset[str] = field(default_factory=frozenset)
    is_failed: bool = False
    copies: CopySearch | None = None

    @classmethod
    def failed(
        cls,
        scans: Sequence[Scan],
        matches: tuple[Match, ...],
        *,
        copies: bool,
    ) -> "JudgedMatches":
        """Return the matches as they were: no content without one counts as checked.

        Args:
            scans: The scans of the upload.
            matches: The matches within the threshold.
            copies: Whether altered copies were to be looked for; if not, only the
                chances are missing.
        """
        if not copies:
            return cls(matches=matches, is_failed=True)
        unfinished = frozenset(_unmatched(scans, matches))
        return cls(
            matches=matches,
            unfinished=unfinished,
            is_failed=True,
            copies=CopySearch.UNFINISHED if unfinished else None,
        )

    @property
    def result(self) -> EvidenceResult:
        """The most important result, for the count of uploads."""
        if self.is_failed:
            return EvidenceResult.FAILED
        kinds = {match.kind for match in self.matches}
        for kind, result in _RESULTS:
            if kind in kinds:
                return result
        if self.unfinished:
            return EvidenceResult.UNFINISHED
        if self.copies is None or self.copies is CopySearch.SEARCHED:
            return EvidenceResult.NOTHING
        return EvidenceResult(self.copies)


_RESULTS = (
    (MatchKind.ALTERED, EvidenceResult.ALTERED),
    (MatchKind.NEAR, EvidenceResult.NEAR),
    (MatchKind.WITHIN, EvidenceResult.WITHIN),
)


def is_judged(
    generation: Generation,
    scans: Sequence[Scan],
    matches: Sequence[Match],
    *,
    copies: bool,
) -> bool:
    """Tell whether there is anything to judge: PDQ on both sides.

    Args:
        generation: The generation that the matches were found in.
        scans: The scans of the upload.
        matches: The matches within the threshold.
        copies: Whether altered copies are looked for in this upload.
    """
    if SignalType.PDQ not in generation.signal_types:
        return False
    if not copies:
        return any(match.signal_type is SignalType.PDQ for match in matches)
    return any(True for _ in searchable(scans))


def matched_contents(matches: Sequence[Match]) -> frozenset[str]:
    """Return the paths of the contents that match within the threshold."""
    by_content: dict[str, list[Match]] = {}
    for match in matches:
        by_content.setdefault(match.content, []).append(match)
    return frozenset(
        path
        for path, own in by_content.items()
        if verdict_of((), own)[0] is Verdict.MATCH
    )


def awaits_search(
    generation: Generation,
    scans: Sequence[Scan],
    matches: Sequence[Match],
) -> bool:
    """Tell whether an upload has a content that a search for copies would look in."""
    if SignalType.PDQ not in generation.signal_types:
        return False
    return any(True for _ in _unmatched(scans, matches))


def _unmatched(scans: Sequence[Scan], matches: Sequence[Match]) -> Iterator[str]:
    """Yield the path of each view that is searched for altered copies."""
    matched = matched_contents(matches)
    return (path for path, _ in searchable(scans) if path not in matched)


def judged_matches(
    generation: NearGeneration,
    scans: Sequence[Scan],
    matches: Sequence[Match],
    background: Background | None,
    *,
    settings: EvidenceSettings,
    quality_of: Callable[[bytes], int],
    copies: bool,
    is_wanted: Callable[[], bool] = lambda: True,
) -> JudgedMatches:
    """Judge the matches of an upload, and find altered copies.

    Args:
        generation: The generation that the matches were found in.
        scans: The scans of the upload.
        matches: The matches within the threshold.
        background: The prepared cohort; ``None`` if there is none.
        settings: Thresholds and budget.
        quality_of: Computes PDQ's quality, 0 to 100, from ``View.plane``.
        copies: Whether altered copies are looked for in this upload.
        is_wanted: Asked during the search for copies, which ends early if not.
    """
    told = with_chances(matches, scans, generation, background)
    if not copies:
        return JudgedMatches(matches=told)
    found = find_altered(
        generation,
        scans,
        background,
        settings=settings,
        quality_of=quality_of,
        matched=matched_contents(matches),
        is_wanted=is_wanted,
    )
    looked = None
    if awaits_search(generation, scans, matches):
        looked = CopySearch.UNFINISHED if found.unfinished else CopySearch.SEARCHED
    return JudgedMatches(
        matches=(*told, *found.matches), unfinished=found.unfinished, copies=looked
    )
