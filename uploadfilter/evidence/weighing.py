"""Weigh the matches of an upload: state their chance, and find altered copies.

The proxy and ``scan`` call it after every search. Contents that match within the
threshold are not searched any further; all others are.

Rules this module keeps: it is pure; no match is taken away.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from uploadfilter.decisions.policy import verdict_of
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.finding import find_altered, searchable
from uploadfilter.evidence.settings import EvidenceSettings
from uploadfilter.evidence.telling import with_chances
from uploadfilter.model import Match, MatchKind, Scan, SignalType, Verdict
from uploadfilter.reference.search.matching import Generation
from uploadfilter.reference.search.near.asking import NearGeneration


class EvidenceResult(StrEnum):
    """What the judgement of an upload found."""

    NOTHING = "nothing"
    WITHIN = "within"
    NEAR = "near"
    ALTERED = "altered"
    UNFINISHED = "unfinished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedMatches:
    """The matches of an upload after the judgement.

    Attributes:
        matches: All matches, altered copies included.
        unfinished: Paths of the contents that were not searched to their end.
        is_failed: Whether the judgement itself failed.
    """

    matches: tuple[Match, ...]
    unfinished: frozenset[str] = field(default_factory=frozenset)
    is_failed: bool = False

    @classmethod
    def failed(
        cls,
        scans: Sequence[Scan],
        matches: tuple[Match, ...],
        settings: EvidenceSettings,
    ) -> "JudgedMatches":
        """Return the matches as they were: no content without one counts as checked.

        Where no altered copies are looked for, only the chances are missing.
        """
        if not settings.copies:
            return cls(matches=matches, is_failed=True)
        matched = matched_contents(matches)
        return cls(
            matches=matches,
            unfinished=frozenset(
                path for path, _ in searchable(scans) if path not in matched
            ),
            is_failed=True,
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
        return EvidenceResult.NOTHING


_RESULTS = (
    (MatchKind.ALTERED, EvidenceResult.ALTERED),
    (MatchKind.NEAR, EvidenceResult.NEAR),
    (MatchKind.WITHIN, EvidenceResult.WITHIN),
)


def is_judged(
    generation: Generation,
    scans: Sequence[Scan],
    matches: Sequence[Match],
    settings: EvidenceSettings,
) -> bool:
    """Tell whether there is anything to judge: PDQ on both sides."""
    if not settings.enabled or SignalType.PDQ not in generation.signal_types:
        return False
    if not settings.copies:
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


def judged_matches(
    generation: NearGeneration,
    scans: Sequence[Scan],
    matches: Sequence[Match],
    background: Background | None,
    *,
    settings: EvidenceSettings,
    quality_of: Callable[[bytes], int],
) -> JudgedMatches:
    """Judge the matches of an upload, and find altered copies.

    Args:
        generation: The generation that the matches were found in.
        scans: The scans of the upload.
        matches: The matches within the threshold.
        background: The prepared cohort; ``None`` if there is none.
        settings: Thresholds and budget.
        quality_of: Computes PDQ's quality, 0 to 100, from ``View.plane``.
    """
    told = with_chances(matches, scans, generation, background)
    if not settings.copies:
        return JudgedMatches(matches=told)
    copies = find_altered(
        generation,
        scans,
        background,
        settings=settings,
        quality_of=quality_of,
        matched=matched_contents(matches),
    )
    return JudgedMatches(matches=(*told, *copies.matches), unfinished=copies.unfinished)
