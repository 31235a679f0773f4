"""How near one picture is to all others: its moments and its crowd over the cohort.

A *probe* is a value with a *strength* for each bit: 0 for a bit that says nothing, 15
for one that can hardly be wrong; a plain value has the strength 1 everywhere. The
*agreement* of a probe and a value is the sum of the strengths of equal bits minus that
of the others. Over the cohort it has a mean and a deviation, which follow from the
means and covariances of the cohort's bits, and a tail, which ``crowds.py`` describes.

Rules this module keeps: it is pure; all agreements are whole numbers, so that
the slow twin of the tests computes the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.evidence.cohort import LEAST_VALUES, Words
from uploadfilter.model import SignalType
from uploadfilter.reference.search.matching import Thresholds

BITS: Final = 256

PLANES: Final = 4
"""Bits of a strength."""

STRONGEST: Final = (1 << PLANES) - 1

FLOOR: Final = 0.015
"""Least probability that a bit is flipped, which has the greatest strength: no bit is
more certain than that after an alteration (measured for crops and turns)."""

SAMPLE: Final = 16384
"""Values of the cohort that many views are compared with: with 64 views that takes
some 20 ms, and shows the nearest one in 128 of the cohort as 128 values."""

_FEW: Final = 4096
"""Values that show whether a cohort is full of one picture: two of them are found if
one in two thousand of the cohort show it."""

_BLOCK: Final = 4096
"""Values at a time while bits are summed: 4 MB. Their sums stay exact in float32."""

_AT_A_TIME: Final = 1024
"""Values whose bits are made at a time: a megabyte, which a core's cache holds."""

_COUNTED: Final = 16384
"""Values whose different bits are counted at a time: half a megabyte."""

Strengths = NDArray[np.uint8]
Signs = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and deviation of agreements with the cohort, one for each probe."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]

    def deviations(self, agreement: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return by how many deviations agreements exceed the mean."""
        by: NDArray[np.float32] = (agreement - self.mean) / self.deviation
        return by


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """A cohort, ready to be compared with.

    Attributes:
        lanes: Its values, shape (4, n).
        sums: Sum of each bit as -1 or 1, shape (256,).
        products: Sum of the products of two bits, shape (256, 256).
        mean: Mean of each bit.
        covariance: Covariance of the bits.
        few: Some ``_FEW`` of the values, evenly chosen, shape (4, few).
    """

    lanes: Words
    sums: NDArray[np.float64]
    products: NDArray[np.float64]
    mean: NDArray[np.float32]
    covariance: NDArray[np.float32]
    few: Words

    @classmethod
    def of(cls, values: Words) -> "Background":
        """Prepare values: some 0.1 s for 60,000 of them.

        Args:
            values: Shape (n, 4), at least one.
        """
        sums, products = _summed(values)
        lanes = np.ascontiguousarray(values.T)
        return cls._from(lanes, sums, products)

    @classmethod
    def _from(
        cls,
        lanes: Words,
        sums: NDArray[np.float64],
        products: NDArray[np.float64],
    ) -> "Background":
        mean = sums / lanes.shape[1]
        covariance = products / lanes.shape[1] - np.outer(mean, mean)
        return cls(
            lanes=lanes,
            sums=sums,
            products=products,
            mean=mean.astype(np.float32),
            covariance=covariance.astype(np.float32),
            few=lanes[:, :: max(lanes.shape[1] // _FEW, 1)].copy(),
        )

    def without(self, refused: NDArray[np.bool_]) -> "Background":
        """Return the background without some values, but at least one."""
        if not refused.any():
            return self
        sums, products = _summed(self.lanes[:, refused].T)
        lanes = self.lanes[:, ~refused]
        return self._from(lanes, self.sums - sums, self.products - products)

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self.lanes[0])

    def moments(self, weights: Signs) -> Moments:
        """Return mean and deviation of the agreement with the cohort.

        Args:
            weights: Signs times strengths, shape (n, 256).
        """
        return self.moments_and_products(weights)[0]

    def moments_and_products(self, weights: Signs) -> tuple[Moments, Signs]:
        """Return the moments, and the weights times the covariance of the cohort.

        Args:
            weights: Signs times strengths, shape (n, 256).
        """
        products = weights @ self.covariance
        variance = np.einsum("nb,nb->n", products, weights)
        # A probe without any strength agrees with everything equally.
        deviation = np.sqrt(np.maximum(variance, 1.0))
        moments = Moments(weights @ self.mean, deviation.astype(np.float32))
        return moments, products

    def distances(
        self, value: NDArray[np.uint64], strengths: Strengths
    ) -> NDArray[np.int16]:
        """Return the sum of the strengths of bits that differ, for each of the cohort.

        Args:
            value: Four numbers of 64 bits.
            strengths: 0 to 15, shape (256,), in the order of the bits.
        """
        return distances_of(self.lanes, value, strengths)

    def agreements(
        self, value: NDArray[np.uint64], strengths: Strengths
    ) -> NDArray[np.int16]:
        """Return the agreement with each of the cohort; see ``distances``."""
        return np.int16(strengths.sum()) - 2 * self.distances(value, strengths)

    def resembles(self, value: NDArray[np.uint64]) -> bool:
        """Tell whether many of the cohort are within the threshold of a value.

        A few of them change no moment. ``_FEW`` of the cohort are compared.
        """
        apart = bits_apart(self.few, value)
        return int(np.count_nonzero(apart <= Thresholds().bits(SignalType.PDQ))) > 1

    def apart(self, value: NDArray[np.uint64]) -> NDArray[np.int16]:
        """Return how many bits of each of the cohort differ from a value."""
        return bits_apart(self.lanes, value)

    def rows(self, places: NDArray[np.intp]) -> Words:
        """Return some values of the cohort, shape (n, 4)."""
        found: Words = self.lanes[:, places].T
        return found

    def sample(self) -> Words:
        """Return ``SAMPLE`` values of the cohort, evenly chosen, shape (n, 4)."""
        count = min(len(self), SAMPLE)
        return self.rows(np.arange(count) * len(self) // count)


def background_of(cohort: Words) -> Background | None:
    """Prepare a cohort; ``None`` if it is too small to judge by."""
    return Background.of(cohort) if len(cohort) >= LEAST_VALUES else None


def distances_of(
    lanes: Words, value: NDArray[np.uint64], strengths: Strengths
) -> NDArray[np.int16]:
    """Return the sum of the strengths of bits that differ, for each of some values.

    Args:
        lanes: The values, shape (4, n).
        value: Four numbers of 64 bits.
        strengths: 0 to 15, shape (256,), in the order of the bits.
    """
    planes = np.unpackbits(strengths[:, None], axis=1)[:, -PLANES:].T
    masks = [words_of(it) for it in planes]
    found = np.zeros(lanes.shape[1], np.int16)
    for first in range(0, len(found), _COUNTED):
        total = found[first : first + _COUNTED]
        different = lanes[:, first : first + _COUNTED] ^ value[:, None]
        is_first = True
        for mask in masks:
            # From the most significant plane on, so that each is doubled as often.
            if not is_first:
                total += total
            if mask.any():
                counts = np.bitwise_count(different & mask[:, None])
                # A byte holds the bits of two lanes, and adds up faster.
                halves = counts[0] + counts[1], counts[2] + counts[3]
                if is_first:
                    np.add(*halves, out=total, dtype=np.int16)
                    is_first = False
                else:
                    total += np.add(*halves, dtype=np.int16)
    return found


def bits_apart(lanes: Words, value: NDArray[np.uint64]) -> NDArray[np.int16]:
    """Return how many bits of some values differ from a value.

    Args:
        lanes: The values, shape (4, n).
        value: Four numbers of 64 bits.
    """
    found = np.empty(lanes.shape[1], np.int16)
    for first in range(0, len(found), _COUNTED):
        some = slice(first, first + _COUNTED)
        counts = np.bitwise_count(lanes[:, some] ^ value[:, None])
        halves = counts[0] + counts[1], counts[2] + counts[3]
        np.add(*halves, out=found[some], dtype=np.int16)
    return found


def bits_of_some(values: Words) -> Iterator[tuple[slice, Signs]]:
    """Yield the bits of values as 0 and 1, so many at a time as a core's cache holds.

    Args:
        values: Shape (n, 4).

    Yields:
        Places of some values, and their bits, shape (places, 256).
    """
    packed = np.ascontiguousarray(values.astype(">u8")).view(np.uint8)
    for first in range(0, len(values), _AT_A_TIME):
        rows = slice(first, first + _AT_A_TIME)
        yield rows, np.unpackbits(packed[rows], axis=1).astype(np.float32)


def _summed(values: Words) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sums of the bits, and of the products of two bits."""
    sums, products = np.zeros(BITS), np.zeros((BITS, BITS))
    for first in range(0, len(values), _BLOCK):
        signs = signs_of(values[first : first + _BLOCK])
        sums += signs.sum(axis=0, dtype=np.float64)
        products += signs.T @ signs
    return sums, products


_BYTES = np.arange(256, dtype=np.uint8)[:, None]
_SIGNS_OF_BYTES: Final[Signs] = np.unpackbits(_BYTES, axis=1).astype(np.float32) * 2 - 1
"""The bits of each byte as -1 and 1: looking them up takes one pass over memory."""


def signs_of(values: Words) -> Signs:
    """Return the bits of values as -1 and 1, shape (n, 256)."""
    packed = np.ascontiguousarray(values.astype(">u8")).view(np.uint8)
    return _SIGNS_OF_BYTES[packed].reshape(*values.shape[:-1], BITS)


def words_of(bits: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return 256 bits as four numbers of 64 bits."""
    words: NDArray[np.uint64] = np.packbits(bits).view(">u8").astype(np.uint64)
    return words


def strengths_of(flips: NDArray[np.float32]) -> Strengths:
    """Turn probabilities that a bit is flipped into strengths.

    The strength is the logarithm of the odds that the bit is right, which is what it
    adds to a logarithm of likelihoods, in fifteenths of that at ``FLOOR``.

    Args:
        flips: Probabilities, any shape; beyond 0.5 a bit says nothing.
    """
    wrong = np.clip(flips, FLOOR, 0.5)
    odds = np.log((1 - wrong) / wrong) / np.log((1 - FLOOR) / FLOOR)
    strengths: Strengths = np.rint(odds * STRONGEST).astype(np.uint8)
    return strengths
