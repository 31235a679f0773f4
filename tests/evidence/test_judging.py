"""Judgements: against the slow twin, and on bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence.values import flipped, pictures, raw
from uploadfilter.evidence import judging, obvious
from uploadfilter.evidence.background import BITS, Background
from uploadfilter.evidence.chance import ALTERED, NEAR, VARIANTS
from uploadfilter.evidence.cohort import LEAST_VALUES
from uploadfilter.evidence.judging import Evidence, judge_values

MILLION = 1_000_000


@pytest.fixture(scope="module", name="background")
def background_fixture() -> Background:
    """Return a background of unrelated pictures."""
    return Background.of(pictures(2 * LEAST_VALUES))


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

    twin = obvious.excess((upload, entry), [1] * BITS, list(map(raw, values)), own=31)
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
    for number in range(40):
        near = flipped(entry, 50, number)
        values[number] = np.frombuffer(near, ">u8")
    upload = flipped(entry, 45, 99)

    found, plain = (
        judged(it, upload, entry) for it in (Background.of(values), background)
    )

    assert found.generic == 40
    assert plain.generic == 0
    assert found.expected is not None
    assert plain.expected is not None
    assert found.expected > NEAR > ALTERED > plain.expected


def test_a_value_of_another_width_is_an_error(background: Background) -> None:
    """Only PDQ is judged."""
    with pytest.raises(ValueError, match="32 bytes"):
        judged(background, bytes(8), bytes(32))
