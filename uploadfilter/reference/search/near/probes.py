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

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from uploadfilter.reference.search.chunk_tables import ChunkKeys, bit_order
from uploadfilter.reference.search.soft import WIDTH_BITS, Floats, Scorer

RANKS = 12
"""Bits of a chunk that a template may flip: the cheapest ones."""

CANDIDATE_WORK = 5
"""Units of work for comparing the first 128 bits of one row; looking up a bucket is one
unit."""

MOST_TEMPLATES = 256
LEAST_TEMPLATES = 16

MOST_PAIRS = 1 << 14
"""Pairs of view and chunk that are looked at: those whose unchanged bucket is the most
probable. With it, the memory of the choice stays below 16 MiB for any batch."""

LEAST_CHOICES = 300_000
"""Buckets that are compared before the best are looked up, if these are few: 1.2 MiB of
probabilities, some 70 templates for 320 views and 13 chunks."""

_CHOICES_A_WORK = 0.5
"""The same for each unit of work: a large table has wide chunks, in which more
templates are probable enough."""

_COST_SCALE = 256
"""Steps a nat in which costs are sorted; the highest cost is 7 nats."""

_PLACE_BITS = 5
"""A chunk has at most 23 bits, so that a place in it fits below the cost, and both
together into 16 bits."""

_BEYOND = (1 << 16 - _PLACE_BITS) / _COST_SCALE - 0.01
"""Cost of a bit that a chunk does not have."""

_SAMPLED = 1 << 12
"""Probabilities from which the lowest one to be looked up is estimated."""

_BLOCK_PAIRS = 1024
"""Pairs whose buckets are compared at a time: their numbers, 200 kB, stay in the cache
of a core. Fresh memory for all of them would take longer than the products."""

_Buckets = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ProbedBuckets:
    """The buckets to look up.

    Attributes:
        view: The view that each bucket belongs to.
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
        widest = max(keys.bits[0], RANKS)
        # A chunk that is less wide gets bits that cost too much to be flipped.
        self._bits = np.full((len(keys.bits), widest), WIDTH_BITS)
        self._powers = np.zeros((WIDTH_BITS + 1, len(keys.bits)), np.float32)
        self._masks = np.zeros((len(keys.bits), 1 << _PLACE_BITS), np.float32)
        order = iter(bit_order(WIDTH_BITS, seed))
        for chunk, size in enumerate(keys.bits):
            self._bits[chunk, :size] = [next(order) for _ in range(size)]
            self._masks[chunk, :size] = 2.0 ** np.arange(size - 1, -1, -1)
            self._powers[self._bits[chunk, :size], chunk] = self._masks[chunk, :size]
        self._powers = self._powers[:-1]
        self._has: Floats = (self._powers > 0).astype(np.float32)
        self._places = np.arange(widest, dtype=np.uint16)

    def probes(self, scorer: Scorer, work: int) -> ProbedBuckets:
        """Return the buckets with the highest probability for their work.

        Args:
            scorer: Of the batch.
            work: Units of work that the buckets and their rows may take, as far as the
                size of the tables tells; about as many buckets are returned, or fewer
                if all buckets of all templates are fewer.
        """
        pairs, likely = self._pairs(scorer)
        works = self._work.take(pairs % len(self._keys.bits))
        choices = max(LEAST_CHOICES, int(_CHOICES_A_WORK * work))
        count = choices // max(1, len(pairs))
        templates = _templates(min(max(count, LEAST_TEMPLATES), MOST_TEMPLATES))
        costs, places = self._cheapest(scorer, pairs, len(templates))
        likely -= np.log(works)
        lowest = _lowest((likely, costs, templates), works, work)
        chunks = len(self._keys.bits)
        # Whole numbers of less than 24 bits are exact in such a product.
        own = (scorer.bits @ self._powers).astype(np.int64) + self._keys.first
        views, buckets = [], []
        for start in range(0, len(pairs), _BLOCK_PAIRS):
            part = slice(start, start + _BLOCK_PAIRS)
            gains = costs[part] @ templates
            np.subtract(likely[part, np.newaxis], gains, out=gains)
            chosen = np.flatnonzero(gains >= lowest)
            at = places[part] + (pairs[part, np.newaxis] % chunks << _PLACE_BITS)
            flips = (self._masks.ravel().take(at) @ templates).ravel().take(chosen)
            pair = pairs[part].take(chosen // templates.shape[1])
            views.append(pair // chunks)
            buckets.append(own.ravel().take(pair) ^ flips.astype(np.int64))
        return ProbedBuckets(
            np.concatenate([*views, np.empty(0, np.intp)]),
            np.concatenate([*buckets, np.empty(0, np.int64)]),
        )

    def _pairs(self, scorer: Scorer) -> tuple[NDArray[np.intp], Floats]:
        """Return the pairs of view and chunk that count, and how probable each is.

        The probability is that of the bucket without any flip, as a logarithm.
        """
        likely = (scorer.certain @ self._has).ravel()
        if len(likely) <= MOST_PAIRS:
            return np.arange(len(likely)), likely
        order = np.argsort(-likely, kind="stable")[:MOST_PAIRS]
        order.sort()
        return order, likely.take(order)

    def _of_chunks(self, bits: Floats, beyond: float) -> Floats:
        """Return figures of bits by view, chunk and place in the chunk."""
        padded = np.full((len(bits), WIDTH_BITS + 1), beyond, np.float32)
        padded[:, :-1] = bits
        return padded.take(self._bits.ravel(), axis=1).reshape(-1, *self._bits.shape)

    def _cheapest(
        self, scorer: Scorer, pairs: NDArray[np.intp], count: int
    ) -> tuple[Floats, NDArray[np.uint16]]:
        """Return costs and places of the cheapest bits of each pair, ascending.

        Args:
            scorer: Of the batch.
            pairs: The pairs.
            count: Bits of each pair.
        """
        costs = self._of_chunks(scorer.costs, _BEYOND)
        costs = costs.reshape(-1, costs.shape[2])
        if len(pairs) < len(costs):
            costs = costs.take(pairs, axis=0)
        # Numbers of 16 bits are sorted fast, and the place travels in the lowest bits.
        costs *= np.float32(_COST_SCALE)
        packed = costs.astype(np.uint16)
        packed <<= np.uint16(_PLACE_BITS)
        packed |= self._places
        packed.sort(axis=1)
        packed = packed[:, :count]
        places = packed & np.uint16((1 << _PLACE_BITS) - 1)
        cheapest = (packed >> np.uint16(_PLACE_BITS)).astype(np.float32)
        cheapest *= np.float32(1 / _COST_SCALE)
        return cheapest, places


def _lowest(
    figures: tuple[Floats, Floats, Floats], works: Floats, work: int
) -> np.float32:
    """Return the lowest gain of the best buckets that take some work together.

    It is estimated from a sample of the buckets.

    Args:
        figures: How probable the bucket of each pair is without any flip, for its work;
            the costs of its cheapest bits; and the templates.
        works: The work for a bucket of each pair.
        work: The work for all of them.
    """
    likely, costs, templates = figures
    count = len(likely) * templates.shape[1]
    step = max(1, -(-count // _SAMPLED))
    pairs, columns = np.divmod(np.arange(0, count, step), templates.shape[1])
    flipped = np.ascontiguousarray(templates.T).take(columns, axis=0)
    sample = likely.take(pairs)
    sample -= np.einsum("ij,ij->i", costs.take(pairs, axis=0), flipped)
    order = np.argsort(-sample)
    taken = works.take(pairs.take(order)).cumsum(dtype=np.float64)
    place = int(np.searchsorted(taken, work / step))
    return np.float32(-np.inf if place >= len(sample) else sample[order[place]])


@lru_cache(maxsize=4)
def _all_templates() -> Floats:
    """Return every template, the cheapest first: shape (``RANKS``, templates)."""
    sets = sorted(_sets(), key=lambda ranks: (sum(ranks) + len(ranks), ranks))
    table = np.zeros((RANKS, MOST_TEMPLATES), np.float32)
    for at, ranks in enumerate(sets[:MOST_TEMPLATES]):
        table[list(ranks), at] = 1
    return table


def _sets() -> Iterator[tuple[int, ...]]:
    """Yield every set of ranks."""
    for number in range(1 << RANKS):
        yield tuple(rank for rank in range(RANKS) if number >> rank & 1)


@lru_cache(maxsize=64)
def _templates(count: int) -> Floats:
    """Return the cheapest templates, without the ranks that none of them flips."""
    table = _all_templates()[:, :count]
    return np.ascontiguousarray(table[table.any(axis=1)])
