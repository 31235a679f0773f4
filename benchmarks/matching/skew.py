"""How many candidates has a query, with bits in natural order, and shuffled?

A candidate is an entry in a bucket that a query looks up; the candidates are the cost
of a search by chunks. With random values all queries have about the same number.
Neighbouring bits of real values are correlated, which fills some buckets and empties
others.
"""

import json
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.matching.contenders import WIDTH
from benchmarks.matching.data import BYTES, Values
from uploadfilter.reference.search.chunk_tables import (
    BIT_ORDER_SEED,
    ChunkKeys,
    bit_order,
    offsets_of,
)
from uploadfilter.reference.search.index import lanes_of
from uploadfilter.reference.search.planning import Chunk, plan_for

THRESHOLD = 31
_ROWS_AT_ONCE = 1 << 16
"""Values that are unpacked at a time: 16 MiB of bits."""

QUANTILES = (0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)


def main(folder: str) -> None:
    """Print quantiles of the number of candidates as one line of JSON."""
    values = np.load(Path(folder) / "values.npy")
    questions = np.load(Path(folder) / "questions.npy")
    unrelated = questions[np.load(Path(folder) / "planted.npy") < 0]
    plan = plan_for(WIDTH, THRESHOLD, len(values))
    found: dict[str, object] = {"plan": str(plan), "quantiles": QUANTILES}
    if plan.chunks:
        found["shuffled"] = _summary(values, unrelated, plan.chunks)
        found["in_order"] = _summary(
            _unshuffled(values), _unshuffled(unrelated), plan.chunks
        )
    print(json.dumps(found))


def _summary(
    values: Values, questions: Values, chunks: tuple[Chunk, ...]
) -> list[float]:
    counts = candidates(values, questions, chunks)
    return [float(count) for count in np.quantile(counts, QUANTILES)]


def candidates(
    values: Values, questions: Values, chunks: tuple[Chunk, ...]
) -> NDArray[np.int64]:
    """Return the number of candidates of each query."""
    keys = ChunkKeys(WIDTH, [chunk.bits for chunk in chunks], BIT_ORDER_SEED)
    sizes = np.diff(offsets_of(lanes_of(values.tobytes(), BYTES), keys))
    buckets = keys.buckets_of(questions)
    total = np.zeros(len(questions), np.int64)
    for at, chunk in enumerate(chunks):
        for flip in _flips(chunk):
            total += sizes.take(buckets[:, at] ^ flip)
    return total


def _flips(chunk: Chunk) -> list[int]:
    return [
        sum(1 << bit for bit in bits)
        for count in range(chunk.radius + 1)
        for bits in combinations(range(chunk.bits), count)
    ]


def _unshuffled(values: Values) -> Values:
    """Return values whose bits come in natural order after the shuffle."""
    order = list(bit_order(WIDTH, BIT_ORDER_SEED))
    result = np.empty_like(values)
    for start in range(0, len(values), _ROWS_AT_ONCE):
        bits = np.unpackbits(values[start : start + _ROWS_AT_ONCE], axis=1)
        moved = np.empty_like(bits)
        moved[:, order] = bits
        result[start : start + _ROWS_AT_ONCE] = np.packbits(moved, axis=1)
    return result


if __name__ == "__main__":
    main(*sys.argv[1:])
