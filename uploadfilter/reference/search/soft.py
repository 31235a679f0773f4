"""Soft views: values whose bits have a probability, and the score of a row under them.

A *soft view* is a guess of the value that the listed picture has, if the upload is an
altered copy of it. Each of its bits has a probability to be wrong. The *soft score* of
a row is the logarithm of how much more likely its bits are under this guess than by
chance; the score of a batch is that of the best view.

``reference_near`` is the slow twin of every search by soft score.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from uploadfilter.reference.search.index import Lane

WIDTH_BITS = 256
"""Only PDQ has soft views."""

WIDTH_BYTES = WIDTH_BITS // 8

LEAST_FLIP = 1e-3
"""Lowest probability that a bit is wrong. A lower one would let a single bit decide."""

MOST_FLIP = 0.5
"""At this probability a bit says nothing; above it, its inverse would be the guess."""

LEAST_SCORE = 15.0
"""Lowest score of a candidate, in nats: a random row reaches it for one view with a
probability below 3 in 10^7, so that a larger set gives some dozen candidates."""

_LANE_BYTES = 8

_SLICE_VIEWS = 128
"""Views whose figures are computed at a time: they stay in the cache of a core."""

_SLICE_SCORES = 1 << 20
"""Scores that are computed at a time: 4 MiB."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftBatch:
    """The soft views of one upload.

    Attributes:
        values: The guessed values, shape (views, 32), most significant byte first.
        flips: For each bit, the probability that the listed value differs, shape
            (views, 256), in the order of ``numpy.unpackbits(values, axis=1)``; limited
            to ``LEAST_FLIP`` to ``MOST_FLIP``.
    """

    values: NDArray[np.uint8]
    flips: Floats

    def __post_init__(self) -> None:
        """Refuse arrays of other shapes, and probabilities that are no numbers."""
        views = len(self.values)
        if self.values.dtype != np.uint8 or self.values.shape != (views, WIDTH_BYTES):
            raise ValueError(f"values of soft views have shape {self.values.shape}")
        if self.flips.shape != (views, WIDTH_BITS):
            raise ValueError(f"flips of soft views have shape {self.flips.shape}")
        if not np.isfinite(self.flips).all():
            raise ValueError("a flip probability is not a finite number")

    def __len__(self) -> int:
        """Return the number of views."""
        return len(self.values)


class Scorer:
    """The score of rows under the views of a batch.

    Attributes:
        costs: The nats that each bit costs if it differs, shape (views, 256).
        certain: The logarithm of the probability that each bit is right, same shape.
        bits: The guessed bits, 0 or 1, same shape.
        weights: What each bit of a row that is set adds to the score, same shape.
        constants: The score of a row without any set bit, shape (views,).
    """

    def __init__(self, batch: SoftBatch) -> None:
        shape = (len(batch), WIDTH_BITS)
        self.bits: Floats = np.empty(shape, np.float32)
        self.costs: Floats = np.empty(shape, np.float32)
        self.certain: Floats = np.empty(shape, np.float32)
        # A row's score is a constant and a weight for each of its bits that is set.
        self.weights: Floats = np.empty(shape, np.float32)
        self.constants: Floats = np.empty(len(batch), np.float32)
        for start in range(0, len(batch), _SLICE_VIEWS):
            self._fill(batch, slice(start, start + _SLICE_VIEWS))

    def _fill(self, batch: SoftBatch, part: slice) -> None:
        flips = np.clip(batch.flips[part], LEAST_FLIP, MOST_FLIP, dtype=np.float32)
        # Exact enough at ``LEAST_FLIP``, and a quarter of the time of a ``log1p``
        # where no instructions of 512 bits are at hand.
        certain = np.subtract(1, flips, out=self.certain[part])
        np.log(certain, out=certain)
        costs = np.subtract(certain, np.log(flips, out=flips), out=self.costs[part])
        bits, weights = self.bits[part], self.weights[part]
        bits[:] = np.unpackbits(batch.values[part], axis=1)
        np.multiply(costs, bits, out=weights)
        zeros = np.subtract(certain, weights, out=flips).sum(axis=1)
        self.constants[part] = zeros + np.float32(WIDTH_BITS * np.log(2))
        weights *= 2
        weights -= costs

    def of_pairs(self, bits: Floats, views: NDArray[np.intp]) -> Floats:
        """Return the score of each row under one view.

        Args:
            bits: 0 or 1, shape (rows, 256).
            views: The view of each row.
        """
        sums: Floats = np.einsum("ij,ij->i", bits, self.weights.take(views, axis=0))
        sums += self.constants.take(views)
        return sums

    def best(self, bits: Floats) -> tuple[Floats, NDArray[np.intp]]:
        """Return the score of each row under its best view, and that view.

        Args:
            bits: 0 or 1, shape (rows, 256).
        """
        scores = np.empty(len(bits), np.float32)
        views = np.empty(len(bits), np.intp)
        step = max(1, _SLICE_SCORES // len(self.constants)) if len(bits) else 1
        for start in range(0, len(bits), step):
            part = slice(start, start + step)
            every = bits[part] @ self.weights.T
            every += self.constants
            views[part] = every.argmax(axis=1)
            scores[part] = np.take_along_axis(every, views[part, None], axis=1)[:, 0]
        return scores, views


@dataclass(frozen=True, slots=True, kw_only=True)
class NearRows:
    """Rows with a sufficient score, the best first; equal ones by row.

    Attributes:
        row: Position of the value in the index.
        view: The view with the highest score.
        score: That score, in nats.
        values: The values of the rows, shape (rows, 32).
        work: Units of work that the search took.
        is_complete: False if the budget cut the search short.
    """

    row: NDArray[np.intp]
    view: NDArray[np.intp]
    score: Floats
    values: NDArray[np.uint8]
    work: int = 0
    is_complete: bool = True


def values_at(lanes: tuple[Lane, ...], rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return the values of some rows, shape (rows, bytes), most significant first."""
    words = np.stack([lane.take(rows) for lane in lanes], axis=1)
    return (
        words.astype(">u8").view(np.uint8).reshape(len(rows), _LANE_BYTES * len(lanes))
    )


def scored(
    lanes: tuple[Lane, ...], rows: NDArray[np.intp], scorer: Scorer, least: float
) -> NearRows:
    """Return those of some rows whose score under the best view is sufficient."""
    values = values_at(lanes, rows)
    scores, views = scorer.best(np.unpackbits(values, axis=1).astype(np.float32))
    keep = np.flatnonzero(scores >= least)
    keep = keep[np.lexsort((rows[keep], -scores[keep]))]
    return NearRows(
        row=rows[keep], view=views[keep], score=scores[keep], values=values[keep]
    )


def reference_near(
    values: NDArray[np.uint8], batch: SoftBatch, least: float = LEAST_SCORE
) -> dict[int, float]:
    """Find every row with a sufficient score, the slow and obvious way.

    Returns:
        The score of the best view, by row.
    """
    guessed = np.unpackbits(batch.values, axis=1)
    flips = np.clip(batch.flips.astype(np.float64), LEAST_FLIP, MOST_FLIP)
    found = {}
    for row, bits in enumerate(np.unpackbits(values, axis=1)):
        chances = np.where(guessed == bits, 1 - flips, flips)
        score = float(np.log(2 * chances).sum(axis=1).max(initial=-np.inf))
        if score >= least:
            found[row] = score
    return found
