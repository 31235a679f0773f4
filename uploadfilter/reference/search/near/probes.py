"""Choose the buckets in which the listed value of a soft view probably lies.

For each view and chunk the bits are sorted by what it costs to flip them. A *template*
flips bits by their place in this order: none, the cheapest, the second, both, and so
on. So one matrix product gives the probability of every bucket in question, and the
buckets with the highest ones are looked up, those of narrow chunks last, because they
hold many rows. This reaches distances of 40 to 80 bits for
the price of some bits: a bit that is hardly known is tried both ways, and one that is
well known is trusted.

Rules this module keeps: it is pure; the same arguments give the same buckets; no Python
loop runs once for each view.

Source:
    Lv et al., "Multi-Probe LSH", VLDB 2007, for the order of templates.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from uploadfilter.reference.search.chunk_tables import ChunkKeys, bit_order
from uploadfilter.reference.search.soft import WIDTH_BITS, Floats, Scorer

RANKS = 12
"""Bits of a chunk that a template may flip: the cheapest ones."""

CANDIDATE_WORK = 1
"""Units of work for comparing the first 128 bits of one row; looking up a bucket is one
unit. Each waits for one or two lines of memory, which is most of its time."""

MOST_TEMPLATES = 256
LEAST_TEMPLATES = 16

LEAST_CHOICES = 100_000
"""Buckets that are compared before the best are looked up, if these are few: some 20
templates for 400 views and 13 chunks. More of them find no more rows for their work."""

_CHOICES_A_WORK = 1.0
"""The same for each unit of work: a large table has wide chunks, in which more
templates are probable enough. With 0.4, all 45 templates of a table of ten million were
looked up, and a third of the work was left: of 1,037 altered photographs within 60
bits, 12 were lost, all of them by flips that no template made."""

_COST_SCALE = 1 << 12
"""Steps a nat in which costs are sorted; the highest cost is 7 nats."""

_PLACE_BITS = 5
"""A chunk has at most 23 bits, so that a place in it fits below the cost."""

_NO_PLACE = (1 << _PLACE_BITS) - 1
"""Place of a bit that a chunk does not have."""

_BEYOND = 8 * _COST_SCALE
"""Cost of such a bit, in these steps."""

_SAMPLED = 1 << 12
"""Probabilities from which the lowest one to be looked up is estimated."""

_GAIN_STEPS = 32
"""Steps a nat in which that probability is known."""

_NARROW_BITS = 32
"""Bits of the numbers that are sorted, if key and view fit into them: a chunk of 23
bits and 500 views do."""

_POWERS = np.append(2.0 ** np.arange(_NO_PLACE), 0).astype(np.float32)
"""The bit of a key at each place."""

_Buckets = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ProbedBuckets:
    """The buckets to look up: each once, ascending.

    Attributes:
        view: The first view to which each bucket belongs.
        bucket: Number of the bucket, over all chunks.
    """

    view: NDArray[np.intp]
    bucket: _Buckets

    def __len__(self) -> int:
        """Return the number of buckets."""
        return len(self.bucket)


class Prober:
    """Chooses buckets in the tables of one index.

    Args:
        keys: Assigns bits to chunks; of values of 256 bits.
        seed: The seed of the order of bits of the same tables.
        count: Number of values in the tables.
    """

    def __init__(self, keys: ChunkKeys, seed: str, count: int) -> None:
        self._keys = keys
        expected = count / 2.0 ** np.array(keys.bits)
        self._work: Floats = (1 + CANDIDATE_WORK * expected).astype(np.float32)
        order = iter(bit_order(WIDTH_BITS, seed))
        # A chunk that is less wide gets bits that cost too much to be flipped.
        shape = (len(keys.bits), max(keys.bits[0], RANKS))
        self._bits = np.full(shape, WIDTH_BITS)
        self._places = np.full(shape, _NO_PLACE, np.int32)
        self._powers = np.zeros((WIDTH_BITS, len(keys.bits)), np.float32)
        for chunk, size in enumerate(keys.bits):
            bits = [next(order) for _ in range(size)]
            places = np.arange(size - 1, -1, -1)
            self._bits[chunk, :size] = bits
            self._places[chunk, :size] = places
            self._powers[bits, chunk] = 2.0**places
        self._has: Floats = (self._powers > 0).astype(np.float32)

    def probes(self, scorer: Scorer, work: int) -> ProbedBuckets:
        """Return the buckets with the highest probability for their work.

        Args:
            scorer: Of the batch.
            work: Units of work that the buckets and their rows may take, as far as the
                size of the tables tells; about as many buckets are returned, or fewer
                if all buckets of all templates are fewer, or views share buckets.
        """
        # A row for each chunk: its numbers, 100 kB, stay in the cache of a core.
        likely: Floats = np.ascontiguousarray((scorer.certain @ self._has).T)
        likely -= np.log(self._work)[:, np.newaxis]
        choices = max(LEAST_CHOICES, int(_CHOICES_A_WORK * work))
        count = choices // max(1, likely.size)
        templates = _templates(min(max(count, LEAST_TEMPLATES), MOST_TEMPLATES))
        costs, masks = self._cheapest(scorer, len(templates))
        likely -= _lowest((likely, costs, templates), self._work, work)
        # Bits of one key are exact in such a product, wherever they begin.
        shift = len(scorer.bits).bit_length()
        own = (scorer.bits @ self._powers).T.astype(np.int64) << shift
        own |= np.arange(len(scorer.bits))
        masks *= np.float32(1 << shift)
        found = []
        for chunk, size in enumerate(self._keys.bits):
            # As much is lost by the bits that a template flips.
            lost = costs[:, chunk] @ templates
            chosen = np.flatnonzero(lost <= likely[chunk, :, np.newaxis])
            flips = (masks[:, chunk] @ templates).ravel().take(chosen)
            kind = np.uint32 if size + shift <= _NARROW_BITS else np.int64
            pairs = own[chunk].astype(kind).take(chosen // templates.shape[1])
            pairs ^= flips.astype(kind)
            found.append(_each_once(pairs, shift) + (self._keys.first[chunk] << shift))
        pairs = np.concatenate(found)
        return ProbedBuckets(pairs & ((1 << shift) - 1), pairs >> shift)

    def _cheapest(self, scorer: Scorer, count: int) -> tuple[Floats, Floats]:
        """Return costs of the cheapest bits of each chunk, ascending, and their masks.

        Args:
            scorer: Of the batch.
            count: Bits of each view and chunk.

        Returns:
            Two arrays of the shape (views, chunks, count). A mask is the bit of the
            chunk's key, or 0 where the chunk has no such bit.
        """
        # Each machine sorts numbers of 32 bits by wide instructions, those of 16 bits
        # only some. The place travels in the lowest bits.
        steps = np.full((len(scorer.costs), WIDTH_BITS + 1), _BEYOND, np.int32)
        np.multiply(
            scorer.costs,
            _COST_SCALE,
            out=steps[:, :-1],
            casting="unsafe",
            dtype=np.float32,
        )
        steps <<= _PLACE_BITS
        packed = steps.take(self._bits.ravel(), axis=1)
        packed = packed.reshape(len(steps), *self._bits.shape)
        packed |= self._places
        packed.sort(axis=2)
        packed = packed[:, :, :count]
        masks = _POWERS.take(packed & _NO_PLACE)
        costs = (packed >> _PLACE_BITS).astype(np.float32)
        costs *= np.float32(1 / _COST_SCALE)
        return costs, masks


def _each_once(pairs: _Buckets, shift: int) -> _Buckets:
    """Return different keys, ascending, each with its first view.

    Neighbours among the views share a third of their buckets, and in this order the
    tables are read from their beginning to their end.

    Args:
        pairs: Keys of one chunk, each with its view in the lower bits; sorted in place.
        shift: Number of these bits.
    """
    pairs.sort()
    is_new = np.ones(len(pairs), np.bool_)
    np.greater_equal(pairs[1:] ^ pairs[:-1], 1 << shift, out=is_new[1:])
    return pairs.compress(is_new)


def _lowest(
    figures: tuple[Floats, Floats, Floats], works: Floats, work: int
) -> np.float32:
    """Return the lowest gain of the best buckets that take some work together.

    It is estimated from a sample of the buckets.

    Args:
        figures: How probable the bucket of each chunk and view is without any flip, for
            its work; the costs of its cheapest bits; and the templates.
        works: The work for a bucket of each chunk.
        work: The work for all of them.
    """
    likely, costs, templates = figures
    chunks = len(likely)
    count = likely.size * templates.shape[1]
    step = max(1, -(-count // _SAMPLED))
    # Else some templates or chunks would never be in the sample.
    while math.gcd(step, templates.shape[1] * chunks) > 1:
        step += 1
    pairs, columns = np.divmod(np.arange(0, count, step), templates.shape[1])
    view, chunk = np.divmod(pairs, chunks)
    flipped = np.ascontiguousarray(templates.T).take(columns, axis=0)
    of_pairs = costs.reshape(-1, costs.shape[2]).take(pairs, axis=0)
    sample = np.einsum("ij,ij->i", of_pairs, flipped)
    sample -= likely[chunk, view]
    # Sums of the work at each step of the gain take a fifth of the time of sorting.
    least = sample.min(initial=np.inf)
    steps = ((sample - least) * _GAIN_STEPS).astype(np.intp)
    taken = np.bincount(steps, works.take(chunk)).cumsum()
    place = int(np.searchsorted(taken, work / step))
    if place >= len(taken):
        return np.float32(-np.inf)
    return np.float32(-(least + place / _GAIN_STEPS))


@lru_cache(maxsize=4)
def _all_templates() -> Floats:
    sets = sorted(_sets(), key=lambda ranks: (sum(ranks) + len(ranks), ranks))
    table = np.zeros((RANKS, MOST_TEMPLATES), np.float32)
    for at, ranks in enumerate(sets[:MOST_TEMPLATES]):
        table[list(ranks), at] = 1
    return table


def _sets() -> Iterator[tuple[int, ...]]:
    for number in range(1 << RANKS):
        yield tuple(rank for rank in range(RANKS) if number >> rank & 1)


@lru_cache(maxsize=64)
def _templates(count: int) -> Floats:
    """Return the cheapest templates, without the ranks that none of them flips."""
    table = _all_templates()[:, :count]
    return np.ascontiguousarray(table[table.any(axis=1)])
