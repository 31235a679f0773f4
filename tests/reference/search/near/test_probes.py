"""The buckets in which a listed value probably lies."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest

from tests.reference.search.near.views import batch_around
from uploadfilter.reference.search.chunk_tables import (
    BIT_ORDER_SEED,
    ChunkKeys,
    bit_order,
)
from uploadfilter.reference.search.near.near_index import (
    MOST_PLANNED,
    PLANNED,
    PLANNED_ROWS,
)
from uploadfilter.reference.search.near.probes import CANDIDATE_WORK, Prober
from uploadfilter.reference.search.planning import plan_for
from uploadfilter.reference.search.soft import Scorer, SoftBatch

_BITS = (19, 19, 18, 18, 17)
_KEYS = ChunkKeys(256, _BITS, BIT_ORDER_SEED)


def _prober(count: int = 1 << 17) -> Prober:
    return Prober(_KEYS, BIT_ORDER_SEED, count)


def _random(views: int, seed: int) -> SoftBatch:
    rng = np.random.default_rng(seed)
    return batch_around(rng.integers(0, 256, (views, 32), np.uint8), seed=seed)


def test_little_work_looks_up_the_most_probable_buckets() -> None:
    """With work for some buckets, the unchanged key of a chunk is among them."""
    batch = _random(1, 1)
    probes = _prober().probes(Scorer(batch), 100)

    own = _KEYS.buckets_of(batch.values)[0].tolist()
    assert set(own) & set(probes.bucket.tolist())
    assert set(probes.view.tolist()) == {0}


def test_buckets_lie_in_their_chunk_and_come_once() -> None:
    """Flipping bits of a key stays within the chunk's buckets."""
    batch = _random(3, 2)
    probes = _prober().probes(Scorer(batch), 1 << 20)

    pairs = {*zip(probes.view.tolist(), probes.bucket.tolist(), strict=True)}
    assert len(pairs) == len(probes)
    assert probes.bucket.min() >= 0
    assert probes.bucket.max() < _KEYS.buckets
    chunks = np.searchsorted(_KEYS.first, probes.bucket, "right") - 1
    assert set(chunks.tolist()) == set(range(len(_BITS)))


def test_doubtful_bits_are_flipped() -> None:
    """Bits of a probability of a half are tried both ways, sure ones are kept."""
    batch = _random(1, 3)
    batch.flips[:] = 0.001
    batch.flips[0, ::32] = 0.5
    probes = _prober().probes(Scorer(batch), 20)

    flips = 0
    for chunk, size in enumerate(_BITS):
        own = int(_KEYS.buckets_of(batch.values)[0, chunk])
        first = int(_KEYS.first[chunk])
        inside = (probes.bucket >= first) & (probes.bucket < first + (1 << size))
        for bucket in probes.bucket[inside].tolist():
            flips |= own ^ bucket
    assert 0 < flips.bit_count() <= 8


def test_work_bounds_the_number_of_buckets() -> None:
    """About as many buckets are returned as the work allows, for any batch."""
    for views in (1, 40, 400):
        batch = _random(views, views)
        for work in (1000, 30_000):
            probes = _prober().probes(Scorer(batch), work)
            assert 0 < len(probes) <= 1.2 * work + 100


def test_thousands_of_views_have_no_more_buckets() -> None:
    """A batch of thousands of views costs no more than its most probable buckets."""
    batch = _random(4096, 5)
    probes = _prober().probes(Scorer(batch), 10_000)

    assert 0 < len(probes) <= 12_100


def test_the_same_batch_gives_the_same_buckets() -> None:
    """Nothing depends on chance."""
    batch = _random(20, 6)
    one, two = (_prober().probes(Scorer(batch), 5000) for _ in range(2))

    assert one.bucket.tolist() == two.bucket.tolist()


def test_no_views_have_no_buckets() -> None:
    """An upload without any detail has no soft view."""
    batch = batch_around(np.empty((0, 32), np.uint8), seed=1)

    assert not len(_prober().probes(Scorer(batch), 1000))


class _Slow:
    """How probable a bucket is for its work, bit by bit."""

    def __init__(self, batch: SoftBatch, count: int) -> None:
        order = iter(bit_order(256, BIT_ORDER_SEED))
        self._bits = [[next(order) for _ in range(size)] for size in _BITS]
        self._works = [1 + CANDIDATE_WORK * count / 2.0**size for size in _BITS]
        self._own = _KEYS.buckets_of(batch.values)
        self._flips = batch.flips.astype(np.float64)

    def gain(self, view: int, chunk: int, bucket: int) -> float:
        """Return the logarithm of the probability, divided by the work."""
        flipped = bucket ^ int(self._own[view, chunk])
        places = reversed(range(_BITS[chunk]))
        chances = [
            flip if flipped >> place & 1 else 1 - flip
            for place, flip in zip(places, self._of(view, chunk), strict=True)
        ]
        return float(np.log(chances).sum() - np.log(self._works[chunk]))

    def _of(self, view: int, chunk: int) -> list[float]:
        found: list[float] = self._flips[view, self._bits[chunk]].tolist()
        return found

    def near(self, flipped: int) -> Iterator[tuple[int, float]]:
        """Yield the buckets by flips of some of the cheapest bits, and their gains."""
        for view, chunk in np.ndindex(self._own.shape):
            flips = self._of(view, chunk)
            places = range(_BITS[chunk])
            cheapest = sorted(places, key=lambda it: (-flips[-1 - it], it))[:flipped]
            for number in range(flipped + 1):
                for chosen in combinations(cheapest, number):
                    bucket = int(self._own[view, chunk]) ^ sum(1 << it for it in chosen)
                    yield bucket, self.gain(view, chunk, bucket)


@pytest.mark.parametrize("views", [1, 2, 30])
@pytest.mark.parametrize("work", [200, 5000, 50_000])
def test_no_better_bucket_is_left_out(views: int, work: int) -> None:
    """Buckets of few flips are looked up if the slow twin finds them as probable."""
    count = 1 << 17
    batch = _random(views, views)
    slow = _Slow(batch, count)

    probes = _prober(count).probes(Scorer(batch), work)

    chunks = np.searchsorted(_KEYS.first, probes.bucket, "right") - 1
    pairs = zip(
        probes.view.tolist(), chunks.tolist(), probes.bucket.tolist(), strict=True
    )
    worst = min(slow.gain(*pair) for pair in pairs)
    better = {bucket for bucket, gain in slow.near(3) if gain > worst + 0.01}
    assert better <= set(probes.bucket.tolist())
    assert probes.bucket.tolist() == sorted(set(probes.bucket.tolist()))


def test_a_bucket_has_its_first_view() -> None:
    """If several views share a bucket, it comes once, with the first of them."""
    one = _random(1, 7)
    batch = SoftBatch(
        values=np.repeat(one.values, 3, axis=0), flips=np.repeat(one.flips, 3, axis=0)
    )

    probes = _prober().probes(Scorer(batch), 3000)

    assert len(probes) > 500
    assert not probes.view.any()
    assert len(set(probes.bucket.tolist())) == len(probes)


@pytest.mark.parametrize("count", [100_000, 1_000_000, 10_000_000])
def test_templates_suffice_for_the_planned_work(count: int) -> None:
    """In a table of any size, the limit is the work, and not the flips to choose from.

    Of ten million entries, 12 of 1,000 altered copies were once lost because all
    buckets of too few templates were looked up, and a third of the work was left.
    """
    bits = plan_for(256, 31, count).bits
    keys = ChunkKeys(256, bits, BIT_ORDER_SEED)
    planned = min(PLANNED + count // PLANNED_ROWS, MOST_PLANNED)

    found = Prober(keys, BIT_ORDER_SEED, count).probes(Scorer(_random(398, 8)), planned)

    sizes = 1 << np.array(bits)
    chunks = np.searchsorted(keys.first, found.bucket, "right") - 1
    work = float((1 + CANDIDATE_WORK * count / sizes[chunks]).sum())
    assert 0.9 * planned <= work <= 1.1 * planned
