"""The buckets in which a listed value probably lies."""

import numpy as np

from tests.reference.search.near.views import batch_around
from uploadfilter.reference.search.chunk_tables import BIT_ORDER_SEED, ChunkKeys
from uploadfilter.reference.search.near.probes import MOST_PAIRS, Prober
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


def test_more_pairs_than_are_looked_at_are_left_out() -> None:
    """A batch of thousands of views costs no more than its most probable buckets."""
    views = MOST_PAIRS // len(_BITS) + 100
    batch = _random(views, 5)
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
