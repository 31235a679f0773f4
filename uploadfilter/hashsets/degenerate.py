"""Detect signals that describe no particular picture, and would match harmless ones.

The digest of the empty file matches every empty upload; the digest of a line end
matches every file of one line end; the perceptual signal of a flat area matches every
flat picture. Lists that were made automatically hold all of them.
"""

import hashlib
import struct
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from uploadfilter.hashsets import trivial
from uploadfilter.hashsets.tally import Problem
from uploadfilter.model import EXACT_TYPES, SignalType

_EMPTY_FILE = frozenset(
    # Not for security: these are the digests that lists hold.
    hashlib.new(signal_type.value, b"", usedforsecurity=False).digest()
    for signal_type in EXACT_TYPES
)

_CONSTANT = frozenset(
    byte * signal_type.width_bytes
    for signal_type in SignalType
    for byte in (b"\0", b"\xff")
)
"""Values of equal bits: an empty column of any type."""

_FLAT: Mapping[SignalType, tuple[tuple[int, ...], int]] = MappingProxyType(
    {
        # Flat white to grey give the first with imagehash, black the second.
        SignalType.PHASH: ((1 << 63, 0, (1 << 64) - 1), 8),
        # Every flat picture gives 0, and a pure gradient 0 or all ones.
        SignalType.DHASH: ((0, (1 << 64) - 1), 4),
        SignalType.AHASH: ((0, (1 << 64) - 1), 4),
        SignalType.WHASH: ((0, (1 << 64) - 1), 4),
    }
)
"""64-bit values of flat pictures, and the default threshold of their type: a value
within this distance of one of them matches every flat picture."""

_PDQ_ONES = range(96, 161)
"""The allowed numbers of set bits in a PDQ value of 256 bits.

A bit is set if its coefficient is above the median, so a picture without equal
coefficients has exactly 128 set bits. In a flat picture most coefficients are equal,
except for rounding: the reference implementation gives 0 set bits for black, and 46 to
103 for the 255 other greys.
"""

_PDQ_MOST_EQUAL_WORDS = 10
"""A PDQ value with at most this many different 16-bit words (a word and its complement
count as one) comes from a flat area or from plain stripes.

The rows of its coefficients are then multiples of one row. Flat pictures gave 1 to 9
different words with the reference implementation, photographs 16 of 16.
"""

_PDQ_WORDS = struct.Struct(">16H")
_WORD_ONES = 0xFFFF


def problem_of(signal_type: SignalType, value: bytes) -> Problem | None:
    """Return why a signal must not be matched, or ``None`` if it may.

    Some flat pictures have an ordinary PDQ value, made of rounding noise. They can be
    recognised by their quality, 0, which a set should state.
    """
    if value in _EMPTY_FILE:
        return Problem.EMPTY_FILE
    if value in _CONSTANT:
        return Problem.DEGENERATE
    if signal_type.is_exact:
        return Problem.TRIVIAL if value in trivial.digests() else None
    is_flat = _is_flat_pdq if signal_type is SignalType.PDQ else _is_flat_64
    return Problem.DEGENERATE if is_flat(signal_type, value) else None


def suspects(signal_type: SignalType, values: bytes) -> NDArray[np.bool_]:
    """Return for each of many signals whether ``problem_of`` gives a reason.

    Args:
        signal_type: Type of all of them.
        values: At least one value, concatenated.
    """
    width = signal_type.width_bytes
    rows = np.frombuffer(values, np.uint8).reshape(-1, width)
    if signal_type.is_exact:
        return _are_known(rows)
    lanes = rows.view(">u8")
    if signal_type is SignalType.PDQ:
        return _are_flat_pdq(rows, np.bitwise_count(lanes).sum(axis=1, dtype=np.int16))
    flat, threshold = _FLAT[signal_type]
    near = [
        np.bitwise_count(lanes[:, 0] ^ np.uint64(other)) <= threshold for other in flat
    ]
    # All zeros and all ones are degenerate for every type.
    ones = np.bitwise_count(lanes[:, 0])
    flagged = [*near, ones == 0, ones == 8 * width]
    suspect: NDArray[np.bool_] = np.logical_or.reduce(flagged)
    return suspect


def _are_known(rows: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return for each digest whether it has equal bytes or a trivial content."""
    known, beginnings = _known(rows.shape[1])
    # The first two bytes nearly always decide.
    suspect = beginnings.take(np.ascontiguousarray(rows[:, :2]).view(np.uint16)[:, 0])
    for row in np.flatnonzero(suspect).tolist():
        suspect[row] = rows[row].tobytes() in known
    return suspect


@cache
def _known(width: int) -> tuple[frozenset[bytes], NDArray[np.bool_]]:
    """Return the digests that must never be matched, and a table of their beginnings.

    Returns:
        The digests, and for each value of two bytes whether a digest begins with it.
    """
    everything = _EMPTY_FILE | _CONSTANT | trivial.digests()
    known = frozenset(value for value in everything if len(value) == width)
    begins = np.zeros(1 << 16, np.bool_)
    begins[np.frombuffer(b"".join(value[:2] for value in known), np.uint16)] = True
    return known, begins


def _are_flat_pdq(
    rows: NDArray[np.uint8], ones: NDArray[np.int16]
) -> NDArray[np.bool_]:
    words = rows.view(np.uint16)
    words = np.sort(np.minimum(words, ~words), axis=1)
    different = 1 + (words[:, 1:] != words[:, :-1]).sum(axis=1)
    odd = (ones < _PDQ_ONES.start) | (ones >= _PDQ_ONES.stop)
    suspect: NDArray[np.bool_] = odd | (different <= _PDQ_MOST_EQUAL_WORDS)
    return suspect


def _is_flat_64(signal_type: SignalType, value: bytes) -> bool:
    flat, threshold = _FLAT[signal_type]
    number = int.from_bytes(value)
    return any((number ^ other).bit_count() <= threshold for other in flat)


def _is_flat_pdq(_signal_type: SignalType, value: bytes) -> bool:
    if int.from_bytes(value).bit_count() not in _PDQ_ONES:
        return True
    words = {min(word, word ^ _WORD_ONES) for word in _PDQ_WORDS.unpack(value)}
    return len(words) <= _PDQ_MOST_EQUAL_WORDS
