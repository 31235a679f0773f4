"""The nearest of many values: against a slow twin that compares all pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploadfilter.gate import nearness
from uploadfilter.gate.nearness import (
    FAR,
    GENERIC,
    NEAR,
    NEGATIVE,
    Nearest,
    look,
    nothing_near,
)
from uploadfilter.gate.variants import Words
from uploadfilter.model import SignalType
from uploadfilter.reference.search.matching import Thresholds


def slow_twin(values: Words, others: Words) -> list[tuple[int, int, bool, int]]:
    """Compare all pairs: distance, other, negative, generic ones, of each value."""
    found = []
    for value in values.tolist():
        best, generic = (FAR, 0, False), 0
        for number, other in enumerate(others.tolist()):
            pairs = zip(value, other, strict=True)
            apart = sum((a ^ b).bit_count() for a, b in pairs)
            if apart <= NEAR:
                best = min(best, (apart, number, False))
            elif apart <= GENERIC:
                generic += 1
            if 256 - apart <= NEGATIVE:
                best = min(best, (256 - apart, number, True))
        found.append((*best, generic))
    return found


def as_rows(found: Nearest) -> list[tuple[int, int, bool, int]]:
    """Return the result of the twin."""
    return list(
        zip(
            found.distance.tolist(),
            found.other.tolist(),
            found.negative.tolist(),
            found.generic.tolist(),
            strict=True,
        )
    )


def related(seed: int, count: int, others: int, bits: tuple[int, int]) -> Words:
    """Return values that lie some bits from others or their negatives, or far away."""
    random = np.random.default_rng(seed)
    known = random.integers(0, 1 << 64, (others, 4), np.uint64)
    values = known[random.integers(0, others, count)].copy()
    for row in values:
        flips = random.choice(256, random.integers(*bits), replace=False)
        if random.random() < 0.5:
            # All in few chunks, which is where chunks agree the least.
            flips = np.arange(len(flips)) + random.integers(0, 256 - len(flips))
        for flip in flips.tolist():
            row[flip // 64] ^= np.uint64(1 << (63 - flip % 64))
        if random.random() < 0.3:
            np.invert(row, out=row)
    return np.concatenate((known, values))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 30), low=st.integers(0, 33), all_pairs=st.booleans())
def test_every_near_pair_is_found(seed: int, low: int, *, all_pairs: bool) -> None:
    """Both ways find the same as the slow model; far ones are counted, or fewer."""
    both = related(seed, 30, 20, (low, low + 3))
    others, values = both[:20], both[20:]
    wanted = slow_twin(values, others)
    found = nothing_near(len(values))
    with pytest.MonkeyPatch.context() as patch:
        if not all_pairs:
            patch.setattr(nearness, "_FEW_PAIRS", 0)
        look(found, values, others)

    got = as_rows(found)
    assert [row[:3] for row in got] == [row[:3] for row in wanted]
    for (*_, ours), (*_, theirs) in zip(got, wanted, strict=True):
        assert ours == theirs if all_pairs else ours <= theirs


@pytest.mark.parametrize("few", [0, 1 << 22])
def test_parts_give_what_the_whole_gives(
    monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """The results are the same for others in parts, and for pairs in parts."""
    both = related(5, 200, 60, (0, 60))
    others, values = both[:60], both[60:]
    whole = nothing_near(len(values))
    look(whole, values, others)
    monkeypatch.setattr(nearness, "_FEW_PAIRS", few)
    monkeypatch.setattr(nearness, "_MOST_PAIRS", 7)
    parts = nothing_near(len(values))
    for at in range(0, len(others), 25):
        look(parts, values, others[at : at + 25], first=at)

    assert [row[:3] for row in as_rows(parts)] == [row[:3] for row in as_rows(whole)]


def test_generic_pairs_are_mostly_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most pairs 45 bits apart are counted, although not all are compared."""
    both = related(3, 400, 400, (45, 46))
    others, values = both[:400], both[400:]
    monkeypatch.setattr(nearness, "_FEW_PAIRS", 0)
    found = nothing_near(len(values))
    look(found, values, others)
    wanted = sum(row[3] for row in slow_twin(values, others))

    assert 0.7 * wanted < found.generic.sum() <= wanted


def test_nothing_is_near_nothing() -> None:
    """Without values, or without others, no pair is found."""
    none, one = np.empty((0, 4), np.uint64), np.zeros((1, 4), np.uint64)
    for values, others in ((none, one), (one, none), (none, none)):
        found = nothing_near(len(values))
        look(found, values, others)
        assert found.distance.tolist() == [FAR] * len(values)


def test_bounds_are_those_of_matching() -> None:
    """An entry is quarantined exactly if an upload would match it."""
    thresholds = Thresholds()

    assert thresholds.bits(SignalType.PDQ) == NEAR
    assert thresholds.bits(SignalType.PDQ, complement=True) == NEGATIVE
