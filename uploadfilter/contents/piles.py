"""Search many strings of base64 at once for pictures behind junk.

Each search has a price of its own, which is that of a thousand bytes; a text may have a
hundred thousand strings.
"""

import binascii
from bisect import bisect_right
from collections.abc import Iterator

from uploadfilter.contents import carving, jxl
from uploadfilter.contents.carving import Candidate
from uploadfilter.contents.effort import Effort, SpentError
from uploadfilter.contents.source import MemorySource

STANDARD = bytes.maketrans(b"-_", b"+/")
"""From the URL alphabet to the standard one."""

ALL_SPACE = b"\r\n\t\f "
_REWRITTEN = tuple(bytes((byte,)) for byte in ALL_SPACE + b"-_")


def pictures(data: bytes, effort: Effort) -> Iterator[int]:
    """Yield where pictures may begin in bytes.

    Raises:
        SpentError: It would cost more than it may.
    """
    for found in carving.candidates(MemorySource(data), most=_MOST_CARVED):
        effort.take(_CARVED_STEPS)
        if not isinstance(found, Candidate):
            raise SpentError
        # The shortest magic is too common in four alignments of long strings.
        if not data.startswith(jxl.MAGIC, found.offset):
            yield found.offset


_MOST_CARVED = 20_000
_CARVED_STEPS = 4


class Pile:
    """Strings that may have a picture behind junk, in any alignment.

    Args:
        effort: What it may cost.
    """

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self._clear()

    def _clear(self) -> None:
        self._strings: list[bytes] = []
        self._ends: list[int] = []
        self._known: list[bool] = []

    def add(self, string: bytes, *, is_known: bool) -> None:
        """Put a string on the pile.

        Args:
            string: In base64, white space and all.
            is_known: Whether what it holds in its own alignment was found already.
        """
        compact = joined(string)
        compact += _BETWEEN[: len(_BETWEEN) - len(compact) % 4]
        self._strings.append(compact)
        self._ends.append((self._ends[-1] if self._ends else 0) + len(compact))
        self._known.append(is_known)

    def searched(self, *, is_last: bool = False) -> Iterator[bytes]:
        """Yield the pictures of a pile that is high enough, and begin another one.

        Args:
            is_last: If true, any pile is.

        Yields:
            What begins with the first picture in each string, in each alignment.

        Raises:
            SpentError: It would cost more than it may.
        """
        if not self._ends or not (is_last or self._ends[-1] >= _PILE_CHARACTERS):
            return
        text, ends, known = b"".join(self._strings), self._ends, self._known
        self._clear()
        for skipped in range(4):
            data = from_base64(text[skipped:])
            done = -1
            for offset in pictures(data, self._effort):
                number = bisect_right(ends, skipped + offset * 4 // 3)
                if number > done and not (known[number] and not skipped):
                    done = number
                    end = (ends[number] - len(_BETWEEN) - skipped) * 3 // 4 + 3
                    yield data[offset : max(end, offset)]


_PILE_CHARACTERS = 256 * 1024
_BETWEEN = b"A" * 64
"""What stands between the strings of a pile: zeros, more than any magic has."""


def joined(string: bytes) -> bytes:
    """Leave white space out."""
    if not any(byte in string for byte in _REWRITTEN):
        # Looking for each is faster than one pass that looks up every byte.
        return string
    return string.translate(STANDARD, ALL_SPACE)


def from_base64(string: bytes) -> bytes:
    """Decode the standard alphabet, whatever its padding."""
    whole = len(string) - (len(string) % 4 == 1)
    if whole % 4 == 0:
        return binascii.a2b_base64(memoryview(string)[:whole])
    return binascii.a2b_base64(string[:whole] + b"==")
