"""Check by a sample that a table of perceptual signals answers like a scan.

For ``verify --reference``; this module is pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import Geometry, SignalType
from uploadfilter.reference.entries.tables import Shape
from uploadfilter.reference.search.index import Lane, LinearIndex, PairsFound
from uploadfilter.reference.search.matcher import Matcher
from uploadfilter.reference.search.matching import Thresholds

_BEYOND = 2
"""Most bits by which sampled queries may lie outside the threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleReport:
    """The answers of one table compared with those of the scan.

    Attributes:
        queries: Number of queries: signals of the table with some bits inverted.
        found: Pairs of query and signal that the scan found.
        wrong: Queries with another answer, or whose answer lacks their own signal.
    """

    signal_type: SignalType
    geometry: Geometry | None
    queries: int
    found: int
    wrong: int


def sample_of(
    shape: Shape, lanes: Sequence[Lane], matcher: Matcher, *, seed: int, count: int
) -> SampleReport:
    """Compare the answers to some queries with those of the scan.

    Args:
        shape: Type and geometry of the signals.
        lanes: The values of the signals.
        matcher: The index over them; damaged tables may make it raise ``IndexError``.
        seed: Makes the choice of queries repeatable.
        count: Number of queries; each costs a scan.
    """
    signal_type, geometry = shape
    threshold = Thresholds().bits(signal_type)
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(lanes[0]), count)
    distances = rng.integers(0, threshold + _BEYOND + 1, count)
    queries = _near(lanes, rows, distances, rng)
    scanned = LinearIndex(lanes).search(queries, [threshold] * count)
    found = matcher.search(queries, [threshold] * count)
    wrong = _differing(found, scanned, len(lanes[0]))
    within = np.flatnonzero(distances <= threshold)
    own = _codes(found, len(lanes[0]))
    missing = within[~np.isin(within * len(lanes[0]) + rows[within], own)]
    return SampleReport(
        signal_type=signal_type,
        geometry=geometry,
        queries=count,
        found=len(scanned.row),
        wrong=len({*wrong.tolist(), *missing.tolist()}),
    )


def _near(
    lanes: Sequence[Lane],
    rows: NDArray[np.int64],
    distances: NDArray[np.int64],
    rng: np.random.Generator,
) -> list[bytes]:
    """Return the values of rows with the stated number of bits inverted."""
    raw = np.stack([lane.take(rows) for lane in lanes], axis=1).astype(">u8")
    bits = np.unpackbits(raw.view(np.uint8), axis=1)
    for value, distance in zip(bits, distances.tolist(), strict=True):
        value[rng.permutation(len(value))[:distance]] ^= 1
    return [value.tobytes() for value in np.packbits(bits, axis=1)]


def _codes(found: PairsFound, count: int) -> NDArray[np.int64]:
    return found.query.astype(np.int64) * count + found.row


def _differing(one: PairsFound, two: PairsFound, count: int) -> NDArray[np.int64]:
    """Return the queries for which two answers differ."""
    both = [
        np.stack([_codes(found, count), found.distance.astype(np.int64)], axis=1)
        for found in (one, two)
    ]
    pairs, times = np.unique(np.concatenate(both), axis=0, return_counts=True)
    queries: NDArray[np.int64] = np.unique(pairs[times == 1, 0] // max(1, count))
    return queries
