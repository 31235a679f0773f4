"""Weigh the matches of an upload: state their chance, and find altered copies.

The proxy and ``scan`` call it after every search. Contents that match within the
threshold are not searched any further.

Rules this module keeps: it is pure; no match is taken away.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from uploadfilter.decisions.policy import verdict_of
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.finding import choose_views, find_altered, searchable
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
    """What the judgement of an upload found; ``dropped`` if it was not searched."""

    NOTHING = "nothing"
    WITHIN = "within"
    NEAR = "near"
    ALTERED = "altered"
    UNFINISHED = "unfinished"
    FAILED = "failed"
    DROPPED = "dropped"


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
        return cls(matches=matches, unfinished=unfinished, is_failed=True)

    @property
    def result(self) -> EvidenceResult:
        """The most important result, for the count of uploads."""
        if self.is_failed:
            return EvidenceResult.FAILED
        return result_of(self.matches, is_finished=not self.unfinished)


def result_of(matches: Sequence[Match], *, is_finished: bool) -> EvidenceResult:
    """Return the most important result of a search that did not fail."""
    kinds = {match.kind for match in matches}
    for kind, result in _RESULTS:
        if kind in kinds:
            return result
    return EvidenceResult.NOTHING if is_finished else EvidenceResult.UNFINISHED


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
        copies: Whether altered copies are looked for before the answer.
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
    quality_of: Callable[[bytes], int],
    copies: bool,
    turned: bool = False,
) -> JudgedMatches:
    """Judge the matches of an upload, and find altered copies.

    Args:
        generation: The generation that the matches were found in.
        scans: The scans of the upload.
        matches: The matches within the threshold.
        background: The prepared cohort; ``None`` if there is none. Then nothing can be
            judged, and every content that would be searched is unfinished.
        quality_of: Computes PDQ's quality, 0 to 100, from ``View.plane``.
        copies: Whether altered copies are looked for in this upload.
        turned: See ``find_altered``.
    """
    judged = with_chances(matches, scans, generation, background)
    if not copies or SignalType.PDQ not in generation.signal_types:
        return JudgedMatches(matches=judged)
    if background is None:
        return JudgedMatches(
            matches=judged, unfinished=frozenset(_unmatched(scans, matches))
        )
    chosen = choose_views(
        searchable(scans), quality_of=quality_of, matched=matched_contents(matches)
    )
    found = find_altered(generation, chosen.views, background, turned=turned)
    return JudgedMatches(
        matches=(*judged, *found.matches),
        unfinished=chosen.unfinished | found.unfinished,
    )
