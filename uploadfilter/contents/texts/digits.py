"""Decode hexadecimal digits and lists of numbers, whatever separates them.

Rules this module keeps: linear time for any text; a run gives no more bytes than it has
digits; it is read in a bounded number of ways.
"""

import binascii
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from uploadfilter.contents.texts.effort import Effort

_Bytes = NDArray[np.uint8]

SHORTEST_BYTES = 60
"""Fewest bytes of a picture that shows anything."""

LONG_ROW = f"{{{2 * SHORTEST_BYTES}}}"
_MEMBER, _OTHER = b"\1", b"\0"
BYTES_PER_STEP = 64
TRY_STEPS = 2
RUN_STEPS = 20
"""Fixed steps for each run, besides those for its length."""


def table_of(members: bytes) -> bytes:
    """Return a table that tells for each byte whether it is one of the members."""
    return bytes(byte in members for byte in range(256))


def runs(text: bytes, table: bytes, shortest: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of each row of at least ``shortest`` bytes of a table."""
    flags = text.translate(table)
    row = _MEMBER * shortest
    start = flags.find(row)
    while start >= 0:
        end = flags.find(_OTHER, start)
        end = len(text) if end < 0 else end
        yield start, end
        start = flags.find(row, end)


# --- Hexadecimal digits --------------------------------------------------------------

HEX_DIGITS = b"0123456789abcdefABCDEF"
BETWEEN = b" \t\r\n\f,;:\"'\\xX[]-"
"""Bytes that may stand between digits: ``0xff, 0xd8``, ``\xff``, ``FF:D8``,
``"FF","D8"``."""

_IN_HEX = table_of(HEX_DIGITS + BETWEEN)
_AS_BLANKS = bytes.maketrans(BETWEEN, b" " * len(BETWEEN))
_IN_SPACED_HEX = table_of(HEX_DIGITS + b" \t\r\n\f")
_PAIRS = re.compile(rb"(?<![0-9a-fA-F])(?:[0-9a-fA-F]{2}\s*+)++")


def from_digits(text: bytes, effort: Effort) -> Iterator[tuple[str, bytes]]:
    """Decode hexadecimal digits and numbers, whatever separates them."""
    for start, end in runs(text, _IN_HEX, 2 * SHORTEST_BYTES):
        run = text[start:end]
        if len(run.translate(None, BETWEEN)) < SHORTEST_BYTES:
            continue
        effort.take(RUN_STEPS + len(run) // BYTES_PER_STEP)
        yield from named("hex", _from_hex(run))
        yield from named("numbers", _from_numbers(run))


def named(name: str, found: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield each of some bytes with the name of their coding."""
    return ((name, data) for data in found)


def _from_hex(run: bytes) -> Iterator[bytes]:
    """Decode a run of hexadecimal digits."""
    whole, length = _whole_hex(run)
    if whole:
        # A string of digits alone is decoded to its last byte.
        yield binascii.a2b_hex(whole)
    if not whole or length < len(run) - 2 * SHORTEST_BYTES:
        yield _from_pairs(run.replace(b"0x", b"x").replace(b"0X", b"x"))
    yield from _from_odd_lines(run)


def _from_odd_lines(run: bytes) -> Iterator[bytes]:
    """Decode digits whose lines end in the middle of a byte.

    RTF may be written in this way, and every word processor reads it.
    """
    for start, end in runs(run, _IN_SPACED_HEX, 2 * SHORTEST_BYTES):
        lines = run[start:end].split()
        digits = b"".join(lines)
        # The last line may be shorter than the others.
        before = len(digits) - len(lines[-1]) if lines else 0
        is_long = before >= _LEAST_LINE * (len(lines) - 1)
        if is_long and any(len(line) % 2 for line in lines[:-1]):
            for at in (0, 1):
                yield binascii.a2b_hex(
                    digits[at : len(digits) - (len(digits) - at) % 2]
                )


_LEAST_LINE = 16
"""Fewest digits in a line, on average; lines of single bytes or numbers have fewer."""


def _whole_hex(run: bytes) -> tuple[bytes, int]:
    """Return the first long string of pairs of digits, and its length with spaces."""
    for start, end in runs(run, _IN_SPACED_HEX, 2 * SHORTEST_BYTES):
        for match in _PAIRS.finditer(run, start, end):
            length = match.end() - match.start()
            if length >= 2 * SHORTEST_BYTES:
                digits = match[0].translate(None, b" \t\r\n\f")
                if len(digits) >= 2 * SHORTEST_BYTES:
                    return digits, length
    return b"", 0


def _from_pairs(run: bytes) -> bytes:
    """Decode pairs of digits, or single digits."""
    blank = run.translate(_AS_BLANKS)
    try:
        return bytes.fromhex(blank.decode("ascii"))
    except ValueError:
        return _from_odd_digits(blank)


_DIGIT = np.zeros(256, dtype=np.uint8)
for _value, _digit in enumerate(b"0123456789abcdef"):
    _DIGIT[[_digit, ord(chr(_digit).upper())]] = _value


def _from_odd_digits(blank: bytes) -> bytes:
    """Do so where some digits stand alone: pair digits from the left of each word."""
    data = np.frombuffer(blank, dtype=np.uint8)
    is_digit = data != ord(" ")
    numbers = np.arange(1, len(data) + 1, dtype=np.int32)
    # For each digit, the number of digits of its word up to it.
    within = numbers - np.maximum.accumulate(np.where(is_digit, np.int32(0), numbers))
    is_high = within % 2 == 1
    values = _DIGIT.take(data)
    pairs = values.copy()
    has_low = is_digit[1:]
    pairs[:-1] = np.where(has_low, values[:-1] << 4 | values[1:], values[:-1])
    read: bytes = pairs[is_high].tobytes()
    return read


# --- Lists of numbers ----------------------------------------------------------------

_IN_NUMBERS = table_of(b"0123456789 \t\r\n\f,;:\"'-[]")
_SHORTEST_NUMBERS = 4 * SHORTEST_BYTES
"""Fewest characters: for each byte three digits and a comma, or an index and a colon.
"""

_MOST_DIGITS = 3
_BYTE = 256


def _from_numbers(run: bytes) -> Iterator[bytes]:
    """Yield the bytes of lists of numbers, which may be signed or have an index.

    JSON of Node's ``Buffer`` or of a ``Uint8Array`` is written like this, and bytes in
    Java.
    """
    for start, end in runs(run, _IN_NUMBERS, _SHORTEST_NUMBERS):
        part = run[start:end]
        numbers = _numbers(part)
        if len(numbers) < SHORTEST_BYTES:
            continue
        yield numbers.tobytes()
        if b":" in part:
            yield numbers[1::2].tobytes()
            yield numbers[::2].tobytes()


def _numbers(run: bytes) -> _Bytes:
    """Return each number as a byte; a number that does not fit becomes zero."""
    data = np.frombuffer(run + b" ", dtype=np.uint8)
    is_digit = (data >= ord("0")) & (data <= ord("9"))
    edges = np.flatnonzero(np.diff(is_digit.view(np.int8), prepend=np.int8(0)))
    starts, ends = edges[::2], edges[1::2]
    values = np.zeros(len(starts), dtype=np.int32)
    for back, weight in enumerate((1, 10, 100), start=1):
        has_digit = ends - starts >= back
        digits = data.take(ends - back, mode="clip").astype(np.int32) - ord("0")
        values += np.where(has_digit, digits * weight, 0)
    before = data.take(starts - 1, mode="clip")
    values = np.where((before == ord("-")) & (starts > 0), _BYTE - values, values)
    is_byte = (ends - starts <= _MOST_DIGITS) & (values >= 0) & (values < _BYTE)
    return np.where(is_byte, values, 0).astype(np.uint8)
