"""Count the results of uploads: how many were found, and how near other entries were.

A *pair* is one upload and one entry of another picture. Its distance in a class of
views is the least of all compared distances: views of that class, turns, geometries.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MOST_BITS = 128
"""Distances up to this are counted one by one, larger ones together."""

EXAMPLES = 40
"""False matches that are listed by name."""

_Z = 1.96
"""Standard deviations for a confidence of 95 %."""

_DERIVED = ("trim", "raw", "alpha", "icc", "black", "white")

Histogram = NDArray[np.int64]


def interval(found: int, tries: int) -> tuple[float, float]:
    """Return Wilson's interval of a share, at a confidence of 95 %.

    Source:
        Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
        Journal of the American Statistical Association 22 (1927).
    """
    if not tries:
        return 0.0, 1.0
    share = found / tries
    middle = share + _Z * _Z / (2 * tries)
    around = _Z * math.sqrt(share * (1 - share) / tries + (_Z / (2 * tries)) ** 2)
    scale = 1 + _Z * _Z / tries
    return max(0.0, (middle - around) / scale), min(1.0, (middle + around) / scale)


def class_of(view: str, path: str) -> str:
    """Return the class of views that a view belongs to.

    Args:
        view: ``View.name``.
        path: ``Scan.path``, which shows whether it was found inside another content.
    """
    atoms = {atom.partition(":")[0] for atom in view.split("/")}
    for name in _DERIVED:
        if name in atoms:
            return name
    if "frame" in atoms:
        return "frame"
    return "embedded" if "!/embedded" in path else "stored"


@dataclass(slots=True)
class Row:
    """The results of one alteration among one sort of pictures.

    Attributes:
        tries: Uploads.
        found: Uploads with the verdict ``MATCH``.
        peer: Uploads that plain PDQ at 31 bits finds.
        inconclusive: Uploads with the verdict ``INCONCLUSIVE``, by reason.
        unscanned: Scans that ended with a reason, by reason, whatever was found.
    """

    tries: int = 0
    found: int = 0
    peer: int = 0
    inconclusive: Counter[str] = field(default_factory=Counter)
    unscanned: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Row") -> None:
        """Add the counts of another process."""
        self.tries += other.tries
        self.found += other.found
        self.peer += other.peer
        self.inconclusive += other.inconclusive
        self.unscanned += other.unscanned


@dataclass(slots=True)
class Tally:
    """All counts; those of several processes are added up.

    Attributes:
        rows: Rows by alteration and sort of picture.
        distances: Number of pairs at each distance, by class of views, whether the
            complement was compared, and sort of pair.
        uploads: Number of uploads with a view of a class, by the same key without the
            sort.
        weak: Distance of the nearest other entry for uploads below quality 50, by sort.
        false: Uploads with a verdict from another entry, by verdict and sort of pair.
        peer_false: The same for plain PDQ at 31 bits.
        pairs: Number of uploads times entries of other pictures, by sort of pair.
        compared: Values that were compared.
        examples: Some of the false matches.
    """

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    distances: dict[tuple[str, bool, str], Histogram] = field(default_factory=dict)
    weak: dict[str, Histogram] = field(default_factory=dict)
    false: Counter[tuple[str, str]] = field(default_factory=Counter)
    peer_false: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    examples: list[dict[str, object]] = field(default_factory=list)

    def row(self, name: str, sort: str) -> Row:
        """Return the row of an alteration and a sort."""
        return self.rows.setdefault((name, sort), Row())

    def note(self, key: tuple[str, bool, str], bits: NDArray[np.int64]) -> None:
        """Count the distances of some pairs."""
        if len(bits):
            known = self.distances.setdefault(key, _empty())
            known += np.bincount(np.minimum(bits, MOST_BITS), minlength=MOST_BITS + 1)

    def note_weak(self, sort: str, nearest: int) -> None:
        """Count the distance of a low-quality picture to the nearest other entry."""
        self.weak.setdefault(sort, _empty())[min(nearest, MOST_BITS)] += 1

    def add(self, other: "Tally") -> None:
        """Add the counts of another process."""
        for (name, sort), row in other.rows.items():
            self.row(name, sort).add(row)
        for key, bits in other.distances.items():
            self.distances.setdefault(key, _empty())[:] += bits
        for kind, bits in other.weak.items():
            self.weak.setdefault(kind, _empty())[:] += bits
        self.false += other.false
        self.peer_false += other.peer_false
        self.pairs += other.pairs
        self.compared += other.compared
        self.examples += other.examples[: EXAMPLES - len(self.examples)]


def _empty() -> Histogram:
    return np.zeros(MOST_BITS + 1, np.int64)


def within(bits: Histogram, threshold: int) -> int:
    """Return how many pairs are within a threshold."""
    return int(bits[: threshold + 1].sum())


def nearest(bits: Histogram) -> int:
    """Return the least distance that occurs."""
    return int(np.flatnonzero(bits)[0]) if bits.any() else MOST_BITS


def merged(parts: Iterable[Tally]) -> Tally:
    """Return the sum of tallies."""
    total = Tally()
    for part in parts:
        total.add(part)
    return total
