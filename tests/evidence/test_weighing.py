"""The judgement of an upload as a whole."""

import pytest

from tests.decisions.evidence import match
from tests.evidence.searched import Searched
from tests.evidence.seen import (
    ORIGINAL,
    STRANGER,
    background,
    cropped,
    seen,
    value_of,
    view_of,
)
from uploadfilter.evidence.weighing import (
    EvidenceResult,
    JudgedMatches,
    is_judged,
    judged_matches,
    matched_contents,
)
from uploadfilter.model import EntryState, MatchKind, Scan, SignalType
from uploadfilter.reference.search.matching import Thresholds, match_scans

GENERATION = Searched([value_of(STRANGER), value_of(ORIGINAL)])


def judged(*scans: Scan) -> JudgedMatches:
    """Search and judge as the proxy does."""
    found = match_scans(
        GENERATION, scans, thresholds=Thresholds(), quality_of=lambda _plane: 90
    )
    return judged_matches(
        GENERATION,
        scans,
        found,
        background(),
        quality_of=lambda _plane: 90,
        copies=True,
    )


def test_each_content_is_judged_by_itself() -> None:
    """One within the threshold has its chance; another is searched for copies."""
    scans = (
        seen(view_of(ORIGINAL), path="0"),
        seen(view_of(cropped(ORIGINAL)), path="1"),
    )
    found = judged(*scans)

    kinds = {(it.content, it.kind) for it in found.matches}
    assert kinds == {("0", MatchKind.WITHIN), ("1", MatchKind.ALTERED)}
    assert all(it.chance is not None for it in found.matches)
    assert found.result is EvidenceResult.ALTERED


@pytest.mark.parametrize(
    ("found", "result"),
    [
        (JudgedMatches(matches=()), EvidenceResult.NOTHING),
        (JudgedMatches(matches=(match(),)), EvidenceResult.WITHIN),
        (
            JudgedMatches(matches=(match(SignalType.PDQ, kind=MatchKind.NEAR),)),
            EvidenceResult.NEAR,
        ),
        (
            JudgedMatches(matches=(), unfinished=frozenset({"0"})),
            EvidenceResult.UNFINISHED,
        ),
        (JudgedMatches.failed((), (match(),), copies=True), EvidenceResult.FAILED),
    ],
)
def test_upload_counts_by_its_most_important_result(
    found: JudgedMatches, result: EvidenceResult
) -> None:
    """Each upload counts once."""
    assert found.result is result


def test_failure_leaves_the_matches_and_opens_all_other_contents() -> None:
    """A content without a match of its own is not checked, whatever failed."""
    shown = view_of(STRANGER)
    scans = (seen(shown, path="0"), seen(shown, path="1"), seen(path="2"))
    found = JudgedMatches.failed(scans, (match(content="0"),), copies=True)

    assert found.unfinished == {"1"}
    assert found.matches == (match(content="0"),)

    chances_only = JudgedMatches.failed(scans, found.matches, copies=False)

    assert chances_only.unfinished == frozenset()
    assert chances_only.is_failed


def test_evidence_that_does_not_count_does_not_end_the_search() -> None:
    """A match of low quality, or a lone one of 64 bits, is no match of the content."""
    found = (
        match(SignalType.PHASH, content="0"),
        match(SignalType.PDQ, content="1", quality=10),
        match(SignalType.PDQ, EntryState.MONITORED, content="2"),
        match(content="3"),
    )

    assert matched_contents(found) == {"2", "3"}


def test_nothing_is_judged_without_pictures_or_without_pdq() -> None:
    """Texts and sets of digests cost no thread."""
    digests = Searched([], types=frozenset({SignalType.MD5}))

    strange = [seen(), seen(view_of(STRANGER))]

    assert not is_judged(GENERATION, [seen()], (), copies=True)
    assert not is_judged(digests, strange, (), copies=True)
    assert is_judged(GENERATION, strange, (), copies=True)


def test_without_copies_only_matches_are_judged() -> None:
    """An upload that matches nothing costs no thread then."""
    scans, matched = [seen(view_of(STRANGER))], (match(SignalType.PDQ),)

    assert not is_judged(GENERATION, scans, (), copies=False)
    assert is_judged(GENERATION, scans, matched, copies=False)


def test_without_a_cohort_every_picture_is_unfinished() -> None:
    """Nothing can be judged then, and nothing is said to be checked."""
    scans = [seen(view_of(STRANGER)), seen(path="1"), seen(view_of(ORIGINAL), path="2")]
    found = judged_matches(
        GENERATION,
        scans,
        (match(content="2"),),
        None,
        quality_of=lambda _plane: 90,
        copies=True,
    )

    assert found.unfinished == {"0"}
    assert found.result is EvidenceResult.WITHIN
