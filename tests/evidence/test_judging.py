"""Judgements: against the slow twin, and on bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence import twins
from tests.evidence.values import flipped, pictures, raw, views_of
from uploadfilter.evidence import judging
from uploadfilter.evidence.background import BITS, Background
from uploadfilter.evidence.chance import ALTERED, NEAR, VARIANTS
from uploadfilter.evidence.cohort import LEAST_VALUES
from uploadfilter.evidence.judging import Evidence, judge, judge_values
from uploadfilter.outlines import Outline
from uploadfilter.signals.soft.family import NO_VIEWS, soft_views
from uploadfilter.signals.soft.refining import refine

MILLION = 1_000_000


@pytest.fixture(scope="module", name="background")
def background_fixture() -> Background:
    """Return a background of unrelated pictures."""
    return Background.of(pictures(2 * LEAST_VALUES))


def photo(seed: int) -> bytes:
    """Return the plane of a picture with detail at every scale."""
    random = np.random.default_rng(seed)
    plane = np.zeros((64, 64))
    for size in (4, 8, 16, 32):
        coarse = random.normal(0, 60 / size**0.5, (size, size))
        plane += np.kron(coarse, np.ones((64 // size, 64 // size)))
    return (plane + 128).astype(np.float32).tobytes()


def judged(
    background: Background | None, upload: bytes, entry: bytes, entries: int = MILLION
) -> Evidence:
    """Judge a pair in a set of a million entries."""
    return judge_values(background, upload, entry, entries=entries, tries=VARIANTS)


@given(seed=st.integers(0, 2**32), apart=st.integers(0, BITS), own=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_a_judgement_is_that_of_the_twin(seed: int, apart: int, own: int) -> None:
    """Also where the entry's own picture is in the cohort."""
    values = pictures(25, seed)
    entry = raw(pictures(1, seed + 1)[0])
    for number in range(own):
        near = flipped(entry, 12 * number, seed)
        values[number] = np.frombuffer(near, ">u8")
    upload = flipped(entry, apart, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "LEAST_VALUES", 2)
        found = judged(Background.of(values), upload, entry)

    twin = twins.excess_of_pair((upload, entry), list(map(raw, values)), own=31)
    assert found.excess == pytest.approx(twin, rel=1e-3, abs=1e-3)
    assert found.distance == apart
    assert found.refused == min(own, 3)


def test_evidence_falls_with_the_distance(background: Background) -> None:
    """A copy is beyond chance, an unrelated picture is not."""
    entry = raw(pictures(1, 5)[0])
    found = [judged(background, flipped(entry, it), entry) for it in range(0, 129, 8)]
    figures = [it.expected for it in found if it.expected is not None]

    assert len(figures) == len(found)
    assert figures == sorted(figures)
    assert figures[0] < ALTERED < NEAR < figures[-1]


@pytest.mark.parametrize("entries", [100, 10**4, 10**6, 10**7])
def test_unrelated_pictures_are_not_evidence(
    background: Background, entries: int
) -> None:
    """At every size of the set."""
    uploads, listed = pictures(20, 11), pictures(20, 12)
    found = [
        judged(background, raw(one), raw(other), entries).expected
        for one, other in zip(uploads, listed, strict=True)
    ]

    assert all(it is not None and it > NEAR for it in found)


def test_without_a_background_nothing_is_judged() -> None:
    """There is no figure, rather than a wrong one."""
    entry = raw(pictures(1)[0])

    assert judged(None, flipped(entry, 40), entry) == Evidence(
        expected=None, excess=0.0, distance=40
    )


def test_an_entrys_own_pictures_in_the_cohort_do_not_hide_it() -> None:
    """They do not count for this entry, and the judgement says how many."""
    values = pictures(2 * LEAST_VALUES)
    entry = raw(pictures(1, 5)[0])
    poisoned = values.copy()
    for number in range(500):
        copy = flipped(entry, number % 32, number)
        poisoned[number] = np.frombuffer(copy, ">u8")
    upload = flipped(entry, 40, 1)

    found = judged(Background.of(poisoned), upload, entry)

    clean = judged(Background.of(values[500:]), upload, entry)
    assert found.refused == 500
    assert found.expected == pytest.approx(clean.expected, rel=1e-3)


def test_a_cohort_of_nothing_but_the_entrys_picture_judges_nothing() -> None:
    """Too few values are left."""
    entry = raw(pictures(1, 5)[0])
    copies = [np.frombuffer(flipped(entry, 20, it), ">u8") for it in range(5000)]

    found = judged(Background.of(np.stack(copies).astype(np.uint64)), entry, entry)

    assert found.expected is None
    assert found.refused == 5000


def test_a_generic_entry_needs_more(background: Background) -> None:
    """An entry near many harmless pictures: the same distance says less."""
    entry = raw(pictures(1, 5)[0])
    values = pictures(2 * LEAST_VALUES)
    for number in range(400):
        near = flipped(entry, 50, number)
        values[number] = np.frombuffer(near, ">u8")
    upload = flipped(entry, 45, 99)

    found, plain = (
        judged(it, upload, entry) for it in (Background.of(values), background)
    )

    assert found.expected is not None
    assert plain.expected is not None
    assert found.expected > NEAR > ALTERED > plain.expected


def test_the_view_that_shows_the_original_is_found(background: Background) -> None:
    """Its outline says which part of the original the upload shows."""
    views = views_of(200, 99)
    candidates = [
        flipped(views.values[place].tobytes(), 30, place) for place in (0, 77)
    ]

    one, other = judge(background, views, candidates, entries=MILLION, tries=VARIANTS)

    assert (one.outline, other.outline) == (views.outlines[0], views.outlines[77])
    assert one.distance == other.distance == 30
    assert one.expected is not None
    assert one.expected < NEAR


@given(seed=st.integers(0, 2**32), power=st.integers(-12, 8))
@settings(max_examples=6, deadline=None)
def test_candidates_that_are_left_out_are_above_the_limit(
    background: Background, seed: int, power: int
) -> None:
    """Below the limit every figure is that of a judgement without a limit."""
    views, most = views_of(30, seed), 10.0**power
    candidates = [
        flipped(views.values[it].tobytes(), 4 + 13 * it, seed) for it in range(6)
    ]

    slow = judge(
        background, views, candidates, entries=MILLION, tries=VARIANTS, most=1e30
    )
    fast = judge(
        background, views, candidates, entries=MILLION, tries=VARIANTS, most=most
    )

    for one, other in zip(slow, fast, strict=True):
        assert one.expected is not None
        assert other.expected is not None
        if one.expected <= most:
            assert other == one
        else:
            assert most < other.expected <= one.expected * 1.001


def test_a_copy_that_only_a_refinement_shows_is_found(background: Background) -> None:
    """The entry is what a refinement of one view ends at."""
    plane = photo(3)
    views = soft_views(plane)
    place = views.outlines.index(Outline(left=0.05, top=0.05))
    entry = refine(plane, views, place, flipped(views.values[place].tobytes(), 4))

    (found,) = judge(
        background,
        views,
        [entry.view.values[0].tobytes()],
        entries=MILLION,
        tries=VARIANTS,
        plane=plane,
    )

    assert found.expected is not None
    assert found.expected <= ALTERED


def test_refinement_never_lowers_the_excess(background: Background) -> None:
    """The refined view counts only if it is better."""
    plane = photo(3)
    views = soft_views(plane)
    candidates = [flipped(views.values[it].tobytes(), 25, it) for it in (0, 20, 60)]

    rough = judge(background, views, candidates, entries=MILLION, tries=VARIANTS)
    found = judge(
        background, views, candidates, entries=MILLION, tries=VARIANTS, plane=plane
    )

    pairs = zip(rough, found, strict=True)
    assert all(fine.excess >= one.excess for one, fine in pairs)


@pytest.mark.parametrize(
    "plane",
    [
        pytest.param(np.kron(np.eye(2), np.ones((32, 32))) * 255, id="two squares"),
        pytest.param(np.tile([[0.0, 255.0]], (64, 32)), id="endlessly repeating"),
        pytest.param(np.tile([0.0, 0.0, 255.0, 255.0], (64, 16)), id="text-like lines"),
        pytest.param(np.linspace(0, 3, 4096).reshape(64, 64), id="dark and smooth"),
        pytest.param(np.indices((64, 64)).sum(axis=0) * 2.0, id="a gradient"),
    ],
)
def test_poor_pictures_are_no_evidence(
    background: Background, plane: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> None:
    """A picture with little in it is near nothing by more than chance."""
    data = plane.astype(np.float32).tobytes()
    candidates = list(map(raw, pictures(10, 21)))

    found = judge(
        background, soft_views(data), candidates, entries=MILLION, tries=1, plane=data
    )

    assert all(it.expected is not None and it.expected > NEAR for it in found)


def test_a_flat_picture_has_no_views_and_no_evidence(background: Background) -> None:
    """Every candidate gets its answer, without a figure."""
    found = judge(background, NO_VIEWS, [bytes(32)], entries=1, tries=1)

    assert [it.expected for it in found] == [None]


def test_an_upload_without_candidates_costs_nothing(background: Background) -> None:
    """The views are not even looked at."""
    assert judge(background, views_of(1), [], entries=1, tries=1) == ()


def test_a_poisoned_cohort_does_not_hide_an_altered_copy() -> None:
    """One in sixteen of the cohort shows the entry's own picture."""
    views = views_of(50, 7)
    entry = flipped(views.values[9].tobytes(), 20, 3)
    values = pictures(2 * LEAST_VALUES)
    poisoned = values.copy()
    for number in range(512):
        copy = flipped(entry, number % 32, number)
        poisoned[number * 16] = np.frombuffer(copy, ">u8")

    (found,) = judge(
        Background.of(poisoned), views, [entry], entries=MILLION, tries=VARIANTS
    )

    assert found.refused == 512
    assert found.expected is not None
    assert found.expected < NEAR


def test_views_without_a_background_are_located_but_not_judged() -> None:
    """There is no figure, so that nothing is called altered."""
    views = views_of(5)

    (found,) = judge(
        None, views, [views.values[3].tobytes()], entries=MILLION, tries=1, plane=None
    )

    assert found.expected is None
    assert found.outline == views.outlines[3]
    assert found.distance == 0


def test_a_picture_like_many_entries_is_judged_for_each(background: Background) -> None:
    """Each candidate gets its own judgement, in the order of the candidates."""
    views = views_of(30)
    candidates = [
        flipped(views.values[it % 30].tobytes(), it % 128, it) for it in range(60)
    ]

    found = judge(background, views, candidates, entries=MILLION, tries=VARIANTS)

    assert len(found) == 60
    (alone,) = judge(
        background, views, candidates[41:42], entries=MILLION, tries=VARIANTS
    )
    one = found[41]
    assert (one.distance, one.outline) == (alone.distance, alone.outline)
    # Products of several rows are rounded otherwise than those of a single one.
    assert one.expected == pytest.approx(alone.expected, rel=1e-5)


def test_a_value_of_another_width_is_an_error(background: Background) -> None:
    """Only PDQ is judged."""
    with pytest.raises(ValueError, match="32 bytes"):
        judged(background, bytes(8), bytes(32))
