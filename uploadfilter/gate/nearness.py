"""Find, for each of many PDQ values, the nearest value in another large list.

Two values within 31 bits differ in at most one bit in at least one of their sixteen
chunks of 16 bits. So values are compared only in such pairs. For values at larger
distances, such pairs cover most distances up to 60 bits, and the results say so. The
*negative* is searched for as well: the distance to the complement.

Rules this module keeps: it is pure; its memory is bounded by the number of values, not
by the number of pairs; every pair within the thresholds is found. The tests compare the
results with those of a slow function that compares all pairs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.gate.variants import Words

NEAR: Final = 31
"""Bits within which a known-good picture would match: ``Thresholds.pdq``."""

NEGATIVE: Final = 23
"""The same for its negative: ``Thresholds.pdq_complement``."""

GENERIC: Final = 60
"""Bits within which nearly all pairs from different collections show the same
picture."""

_BITS: Final = 256
_CHUNK_BITS: Final = 16
_CHUNKS: Final = _BITS // _CHUNK_BITS
_CHUNKS_OF_LANE: Final = 64 // _CHUNK_BITS
_LANES: Final = 4
_VALUES: Final = 1 << _CHUNK_BITS
_NEGATIVE_CHUNKS: Final = 12
"""If 23 bits differ, at least one of twelve chunks has at most one of them."""

_PARTIAL: Final = 40
"""Most bits that may differ in the first two lanes of a pair that is compared as a
whole. No pair within 31 bits is lost, and one in a hundred of those with 60 bits; few
of the others are compared."""

_FEW_PAIRS: Final = 1 << 22
"""Up to this number, all pairs are compared: that takes under a tenth of a second."""

_MOST_PAIRS: Final = 1 << 20
"""Pairs that are compared at a time: 24 MB."""

Indices = NDArray[np.intp]
Lane = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The nearest value found for each value; arrays of the same length.

    Attributes:
        distance: Distance to the nearest other value that counts, or to its negative;
            ``FAR`` if none lies within ``NEAR`` (``NEGATIVE`` for a negative).
        other: Number of that other value.
        negative: Whether it is its negative.
        generic: Lower bound of the number of values within ``GENERIC`` and beyond
            ``NEAR``.
    """

    distance: NDArray[np.int16]
    other: Indices
    negative: NDArray[np.bool_]
    generic: NDArray[np.int32]


FAR: Final = _BITS + 1


def nothing_near(count: int) -> Nearest:
    """Return the result before anything was compared."""
    return Nearest(
        distance=np.full(count, FAR, np.int16),
        other=np.zeros(count, np.intp),
        negative=np.zeros(count, np.bool_),
        generic=np.zeros(count, np.int32),
    )


def look(found: Nearest, values: Words, others: Words, *, first: int = 0) -> None:
    """Compare values with others, and update the results with nearer ones.

    Args:
        found: The results for the values; they are changed.
        values: Shape (n, 4).
        others: Shape (m, 4); a million at a time need some 100 MB.
        first: Number of the first of the others.
    """
    if not len(values) or not len(others):
        return
    if len(values) * len(others) <= _FEW_PAIRS:
        rows = max(1, _MOST_PAIRS // len(others))
        for at in range(0, len(values), rows):
            ours = np.arange(at, min(at + rows, len(values)))
            distance = _distances(values[ours][:, None], others[None])
            ones, twos = np.nonzero(_counts(distance))
            _note(found, ours[ones], twos, distance[ones, twos], first)
        return
    for chunk in range(_CHUNKS):
        for ours, theirs, is_negative in _pairs(values, others, chunk):
            different = values[ours] ^ others[theirs]
            if is_negative:
                # All remaining bits differ from the complement.
                different = ~different
            most = NEGATIVE if is_negative else GENERIC
            keep = np.bitwise_count(different).sum(axis=-1) <= most
            keep[keep] = _is_first(different[keep], chunk)
            distance = _distances(values[ours[keep]], others[theirs[keep]])
            _note(found, ours[keep], theirs[keep], distance, first)


def _counts(distance: NDArray[np.int16]) -> NDArray[np.bool_]:
    is_far: NDArray[np.bool_] = (distance > GENERIC) & (distance < _BITS - NEGATIVE)
    return ~is_far


def _distances(left: Words, right: Words) -> NDArray[np.int16]:
    differing: NDArray[np.int16] = np.bitwise_count(left ^ right).sum(
        axis=-1, dtype=np.int16
    )
    return differing


def _is_first(different: Words, chunk: int) -> NDArray[np.bool_]:
    """Tell which pairs agree in no earlier chunk, so that each is counted once."""
    chunks = different.astype(">u8").view(">u2").reshape(-1, _CHUNKS)[:, :chunk]
    agreeing = np.bitwise_count(chunks.astype(np.uint16)) <= 1
    is_first: NDArray[np.bool_] = agreeing.sum(axis=1) == 0
    return is_first


def _pairs(
    values: Words, others: Words, chunk: int
) -> Iterator[tuple[Indices, Indices, bool]]:
    """Yield pairs that may be near, of those that nearly agree in a chunk.

    The third item tells whether the second value of the pair is the complement.
    """
    lane = chunk // _CHUNKS_OF_LANE
    ours, our_ends = _by_chunk(values, chunk)
    theirs, their_ends = _by_chunk(others, chunk)
    # Two other lanes are compared first, each in one piece of memory.
    two = (lane + 1) % _LANES, (lane + 2) % _LANES
    mine = [values[:, it].take(ours) for it in two]
    yours = [others[:, it].take(theirs) for it in two]
    turns = [_FLIPS]
    if chunk < _NEGATIVE_CHUNKS:
        turns.append(_FLIPS ^ (_VALUES - 1))
    for number in np.flatnonzero(np.diff(our_ends)).tolist():
        one = slice(our_ends[number], our_ends[number + 1])
        for is_negative, turn in enumerate(turns):
            near = number ^ turn
            places = _ranges(their_ends[near], their_ends[near + 1])
            if not len(places):
                continue
            for rows, columns in _near_in(
                [it[one] for it in mine],
                [it.take(places) for it in yours],
                is_negative=bool(is_negative),
            ):
                yield ours[one][rows], theirs[places[columns]], bool(is_negative)


def _near_in(
    mine: Sequence[Lane], yours: Sequence[Lane], *, is_negative: bool
) -> Iterator[tuple[Indices, Indices]]:
    """Yield rows and columns of pairs with few differing bits in two lanes."""
    step = max(1, _MOST_PAIRS // len(yours[0]))
    for at in range(0, len(mine[0]), step):
        one, two = (it[at : at + step, None] for it in mine)
        count = np.bitwise_count(one ^ yours[0])
        count += np.bitwise_count(two ^ yours[1])
        is_near = count >= _BITS // 2 - NEGATIVE if is_negative else count <= _PARTIAL
        if is_near.any():
            rows, columns = np.nonzero(is_near)
            yield rows + at, columns


def _by_chunk(values: Words, chunk: int) -> tuple[Indices, Indices]:
    """Return values in the order of a chunk, and where each of its numbers begins."""
    lane, place = divmod(chunk, _CHUNKS_OF_LANE)
    shift = np.uint64(64 - _CHUNK_BITS * (place + 1))
    numbers = (values[:, lane] >> shift).astype(np.uint16)
    order = np.argsort(numbers, kind="stable")
    ends = np.zeros(_VALUES + 1, np.intp)
    np.cumsum(np.bincount(numbers, minlength=_VALUES), out=ends[1:])
    return order, ends


def _ranges(starts: Indices, ends: Indices) -> Indices:
    """Return the numbers of several ranges, one range after the other."""
    lengths = ends - starts
    total = int(lengths.sum())
    skipped = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    numbers: Indices = np.arange(total) + skipped
    return numbers


def _note(
    found: Nearest,
    ours: Indices,
    theirs: Indices,
    distance: NDArray[np.int16],
    first: int,
) -> None:
    """Update the results with pairs; a value may be in several of them."""
    is_negative = distance >= _BITS - NEGATIVE
    real = np.where(is_negative, _BITS - distance, distance).astype(np.int16)
    is_near = is_negative | (distance <= NEAR)
    np.add.at(found.generic, ours[~is_near], 1)
    # The last pair of a value stays, so the nearest (or the first of equals) goes last.
    rows = np.flatnonzero(is_near)
    order = rows[np.lexsort((-theirs[rows], -real[rows]))]
    ours, number = ours[order], theirs[order] + first
    real, is_negative = real[order], is_negative[order]
    known = found.distance[ours]
    is_better = (real < known) | ((real == known) & (number < found.other[ours]))
    at = ours[is_better]
    found.distance[at] = real[is_better]
    found.other[at] = number[is_better]
    found.negative[at] = is_negative[is_better]


_FLIPS: Final = np.array([0, *(1 << bit for bit in range(_CHUNK_BITS))], np.intp)
