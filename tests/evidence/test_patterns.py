"""Patterns: what a few edges explain counts only so much."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence import twins
from tests.evidence.values import flipped, pictures, raw, views_of
from uploadfilter.evidence.background import Background, signs_of
from uploadfilter.evidence.chance import NEAR
from uploadfilter.evidence.judging import judge, judge_values
from uploadfilter.evidence.patterns import Gauge, counted, patterns_of
from uploadfilter.evidence.probes import Probes
from uploadfilter.signals.soft.family import soft_views

MILLION = 1_000_000


@pytest.fixture(scope="module", name="background")
def background_fixture() -> Background:
    """Return a background of unrelated pictures."""
    return Background.of(pictures(8192))


def made_of(seed: int) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    """Return signs of rows times signs of columns, shape (1, 256)."""
    random = np.random.default_rng(seed)
    rows, columns = random.choice([-1, 1], (2, 16))
    return np.outer(rows, columns).reshape(1, 256).astype(np.float32)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_patterns_are_those_of_the_twin(seed: int) -> None:
    """In whole numbers, so that both are the same."""
    probes = Probes.of(views_of(3, seed))

    found = patterns_of(probes.weights)

    for place in range(3):
        strengths = probes.strengths[place].tolist()
        view = twins.bits_of(probes.views.values[place].tobytes())
        for kind, twin in enumerate((twins.stripes, twins.shape)):
            bits = np.array(twin(view, strengths))
            assert (found[kind, place] == bits * probes.strengths[place]).all()


@given(seed=st.integers(0, 2**32), wrong=st.integers(0, 140))
@settings(max_examples=20, deadline=None)
def test_patterns_count_as_the_twin_says(seed: int, wrong: int) -> None:
    """From chance bits to a pattern."""
    signs = made_of(seed)
    signs[0, np.random.default_rng(seed).choice(256, wrong, replace=False)] *= -1
    bits = [int(it) for it in signs[0]]

    assert float(counted(signs)[0]) == twins.counted(bits)


def test_patterns_count_for_patterns_alone() -> None:
    """Chance bits owe them little, and a flag owes them all."""
    assert counted(made_of(3))[0] == 1
    assert counted(signs_of(pictures(200, 3))).mean() < 0.05


@given(by=st.floats(3.1, 20), seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_nothing_is_taken_off_where_patterns_do_not_count(by: float, seed: int) -> None:
    """And less the less they count."""
    signs = made_of(seed)
    gauge = Gauge.of(Background.of(pictures(64)), signs, np.ones((1, 256), np.uint8))
    first = np.zeros(1, np.intp)
    found = [
        float(gauge.capped(np.array([by]), signs, first, share)[0])
        for share in (0.0, 0.5, 1.0)
    ]

    assert found[0] == pytest.approx(by)
    assert found == sorted(found, reverse=True)


@given(seed=st.integers(0, 2**32), wrong=st.integers(0, 30))
@settings(max_examples=30, deadline=None)
def test_a_pattern_is_found_through_wrong_bits(seed: int, wrong: int) -> None:
    """It agrees with the probe at least as well as the one it was made of."""
    made = made_of(seed)
    probe = made.copy()
    places = np.random.default_rng(seed).choice(256, wrong, replace=False)
    probe[0, places] *= -1

    found = patterns_of(probe)[0]

    assert float((found * probe).sum()) >= 256 - 2 * wrong


def test_a_pattern_has_the_strengths_of_its_probe() -> None:
    """A bit that says nothing takes no part."""
    probes = Probes.of(views_of(20))

    assert (np.abs(patterns_of(probes.weights)) == probes.strengths).all()


def test_two_flags_are_not_evidence(background: Background) -> None:
    """All 256 bits agree, and still they only have their stripes in common."""
    flag = np.packbits(made_of(4)[0] > 0).tobytes()

    found = judge_values(background, flag, flag, entries=MILLION, tries=400)

    assert found.distance == 0
    assert found.expected is not None
    assert found.expected > NEAR


@given(seed=st.integers(0, 2**20))
@settings(max_examples=10, deadline=None)
def test_stripes_on_plain_ground_are_near_no_others(seed: int) -> None:
    """Uploads of two rectangles, and entries that show two others."""
    random = np.random.default_rng(seed)
    planes = []
    for _ in range(2):
        plane = np.full((64, 64), 40.0, np.float32)
        top, left = random.integers(2, 40, 2)
        plane[top : top + 20, left : left + 20] = 220
        planes.append(plane.tobytes())
    views = [soft_views(it) for it in planes]
    entry = views[1].values[0].tobytes()
    background = Background.of(pictures(8192))

    (found,) = judge(
        background,
        views[0],
        [entry],
        entries=MILLION,
        tries=len(views[0]),
        plane=planes[0],
    )

    assert found.expected is not None
    assert found.expected > NEAR


def test_a_busy_picture_loses_little(background: Background) -> None:
    """Its bits owe a third to any pattern."""
    values = pictures(40, 3)
    signs = signs_of(values)
    gauge = Gauge.of(background, signs, np.ones((40, 256), np.uint8))
    near = [flipped(raw(it), 40, place) for place, it in enumerate(values)]
    joined = np.frombuffer(b"".join(near), ">u8").reshape(40, 4)
    others = signs_of(joined.astype(np.uint64))
    by = gauge.deviations(np.einsum("nb,nb->n", signs, others))

    found = gauge.capped(by, others, np.arange(40))

    assert (found >= by - 1.0).all()
    assert (found > 9).all()
