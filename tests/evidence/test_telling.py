"""The chance of matches within the threshold."""

from dataclasses import replace

from PIL import ImageOps

from tests.evidence.seen import (
    ORIGINAL,
    STRANGER,
    background,
    listed,
    seen,
    value_of,
    view_of,
)
from tests.reference.listed import ListedGeneration
from uploadfilter.evidence.telling import MOST_TOLD, with_chances
from uploadfilter.model import EntryState, Match, Scan, SignalType
from uploadfilter.reference.search.matching import Thresholds, match_scans

ENTRIES = {"s": [listed("a", value_of(ORIGINAL)), listed("b", value_of(STRANGER))]}


def matches_of(scan: Scan, generation: ListedGeneration) -> tuple[Match, ...]:
    """Search as the proxy does."""
    return match_scans(
        generation, [scan], thresholds=Thresholds(), quality_of=lambda _plane: 90
    )


def test_match_states_how_often_chance_brings_an_entry_so_near() -> None:
    """The listed picture itself is no chance, mirrored or as its negative either."""
    generation = ListedGeneration(ENTRIES)
    for shown in (ORIGINAL, ImageOps.mirror(ORIGINAL), ImageOps.invert(ORIGINAL)):
        scan = seen(view_of(shown))
        found = with_chances(
            matches_of(scan, generation), [scan], generation, background()
        )

        (match,) = found
        assert match.entry == "a"
        assert match.chance is not None
        assert 0 <= match.chance < 1e-9


def test_larger_set_makes_the_same_match_more_likely_by_chance() -> None:
    """E counts over all entries, so that thresholds follow the size of the set."""
    few = ListedGeneration(ENTRIES)
    many = ListedGeneration(
        {**ENTRIES, "t": [listed(str(n), bytes([n]) * 32) for n in range(200)]}
    )
    scan = seen(view_of(ORIGINAL))
    (one,) = with_chances(matches_of(scan, few), [scan], few, background())
    (other,) = with_chances(matches_of(scan, many), [scan], many, background())

    assert one.chance is not None
    assert other.chance is not None
    assert one.chance < other.chance


def test_nothing_is_stated_without_a_background() -> None:
    """Then a record says null, and not that chance is excluded."""
    generation = ListedGeneration(ENTRIES)
    scan = seen(view_of(ORIGINAL))
    found = matches_of(scan, generation)

    assert with_chances(found, [scan], generation, None) == found


def test_other_matches_and_too_many_have_no_chance() -> None:
    """Exact matches need none; beyond a bound the farthest go without."""
    copies = [listed(str(n), value_of(ORIGINAL)) for n in range(MOST_TOLD + 5)]
    generation = ListedGeneration({"s": copies})
    scan = seen(view_of(ORIGINAL))
    exact = Match(
        content="0",
        set="s",
        entry="x",
        category="a",
        state=EntryState.ACTIVE,
        signal_type=SignalType.MD5,
        distance=0,
    )
    found = (exact, *matches_of(scan, generation))

    told = with_chances(found, [scan], generation, background())

    assert [replace(it, chance=None) for it in told] == list(found)
    assert told[0].chance is None
    assert sum(it.chance is not None for it in told) == MOST_TOLD
