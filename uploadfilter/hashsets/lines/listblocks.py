"""Parse plain lists of digests, some thousand lines at a time.

Nearly all lists hold millions of digests, one on each line, with or without a name
after it. So this module checks whole stretches: are all lines as long as the first, and
made of hex digits? Or does each have a name? Any other stretch is parsed line by line
(``lists.parse_line``), which also finds the fault of a line. Both ways give the same
signals and counts (``tests/hashsets/lines/test_listblocks.py``).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from uploadfilter.hashsets.degenerate import suspects
from uploadfilter.hashsets.lines.lists import NO_PICTURES, ListedSignal, Types
from uploadfilter.model import SignalType

BLOCK_BYTES: Final = 256 << 10
"""Bytes of a stretch: a millisecond of work, and a megabyte of columns."""

_FEWEST_LINES: Final = 64
"""Fewer lines are parsed one by one: numpy would cost more than it saves."""

_END: Final = ord("\n")
_RETURN: Final = ord("\r")

_MOST_NAME: Final = 8192
"""Most bytes of a name: a line with a longer one is parsed by itself."""

_WHITE_SPACE: Final = b" \t\r\n\v\f"
_SUFFIXES: Final = re.compile(rb"\.([^.\n]*)\n")

_IS_HEX: Final[NDArray[np.bool_]] = np.isin(
    np.arange(256), np.frombuffer(b"0123456789abcdefABCDEF", np.uint8)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedBlock:
    """Lines of a list, all of one type.

    Attributes:
        type: The type of all signals.
        values: The values, concatenated.
        suffixes: Number of names with each suffix that no picture has.
    """

    type: SignalType
    values: bytes
    suffixes: Mapping[str, int]

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.values) // self.type.width_bytes

    def signals(self) -> Iterator[ListedSignal]:
        """Yield the signals one by one."""
        width = self.type.width_bytes
        for at in range(0, len(self.values), width):
            yield ListedSignal(self.type, self.values[at : at + width])


class LineSource(Protocol):
    """A source of lines: a file, or a stretch of one."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; no bytes at the end."""

    def readline(self, size: int, /) -> bytes:
        """Return a line, or its first ``size`` bytes; no bytes at the end."""


def stretches(file: LineSource, *, most_line_bytes: int) -> Iterator[bytes]:
    """Yield a file in stretches of whole lines.

    Only a line that is longer than ``most_line_bytes`` may lack its end; the rest of
    it is left in the file.

    Args:
        file: At the beginning of a line.
        most_line_bytes: Longest line that is read to its end.
    """
    while data := file.read(BLOCK_BYTES):
        if not data.endswith(b"\n"):
            data += file.readline(most_line_bytes + 1)
        yield data


def plain_block(data: bytes, types: Types) -> ListedBlock | None:
    """Return the digests of a stretch of one type, with or without names.

    Args:
        data: Whole lines.
        types: The signal types by length.

    Returns:
        ``None`` if a line has another form, or a signal that must not be matched.
    """
    return _digests_alone(data, types) or _digests_and_names(data, types)


def _digests_and_names(data: bytes, types: Types) -> ListedBlock | None:
    """Return the digests from the output of md5sum and similar programs."""
    digits = data.find(b" ")
    kind, lines = types.get(digits), data.count(b"\n")
    if kind is None or lines < _FEWEST_LINES:
        return None
    found = _named_lines(digits).findall(data)
    # Each is one line from its beginning to its end.
    if len(found) != lines or not data.endswith(b"\n"):
        return None
    return _block(kind, bytes.fromhex(b"".join(found).decode("ascii")), data)


@cache
def _named_lines(digits: int) -> re.Pattern[bytes]:
    line = rb"^([0-9A-Fa-f]{%d}) [ *][!-~][^\n]{0,%d}\n" % (digits, _MOST_NAME)
    return re.compile(line, re.MULTILINE)


def _block(kind: SignalType, values: bytes, named: bytes) -> ListedBlock | None:
    if suspects(kind, values).any():
        return None
    suffixes = Counter(
        suffix.rstrip(_WHITE_SPACE).lower() for suffix in _SUFFIXES.findall(named)
    )
    return ListedBlock(
        type=kind,
        values=values,
        suffixes={it.decode(): suffixes[it] for it in NO_PICTURES & suffixes.keys()},
    )


def _digests_alone(data: bytes, types: Types) -> ListedBlock | None:
    end = data.find(b"\n")
    if end < 1 or len(data) % (end + 1) or len(data) // (end + 1) < _FEWEST_LINES:
        return None
    digits = end - 1 if data[end - 1] == _RETURN else end
    kind = types.get(digits)
    if kind is None:
        return None
    rows = np.frombuffer(data, np.uint8).reshape(-1, end + 1)
    ends = rows[:, digits:]
    if not (ends == np.frombuffer(data[digits : end + 1], np.uint8)).all():
        return None
    body = np.ascontiguousarray(rows[:, :digits])
    if not _IS_HEX.take(body).all():
        return None
    values = bytes.fromhex(body.tobytes().decode("ascii"))
    return _block(kind, values, b"")
