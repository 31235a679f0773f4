"""Join the lines of digits in which a drawing in DXF writes bytes.

Each value of such a drawing stands in a line after one with the number of its group.
Bytes are cut into lines of 254 digits, each after a line ``310`` (or 311 to 319, or
1004). These numbers stand in the middle of the digits, and do not belong to them.

Source:
    Autodesk, "DXF Reference", "Group Code Value Types Reference".
"""

import re
from collections.abc import Iterator
from typing import Final

from uploadfilter.contents.source import MemorySource, Source

_BEGINS: Final = re.compile(rb"(?:\s*999\r?\n[^\n]*\n)*\s*0\r?\n\s*SECTION\r?\n")
_HEAD_BYTES: Final = 4096
_MOST_BYTES: Final = 64 * 1024 * 1024
"""Longest drawing, which is held in memory."""

_GROUP: Final = rb"[ \t]*(?:31\d|1004)[ \t]*\r?\n"
_MOST_LINES: Final = 4096
"""Lines that are matched at once: the engine of ``re`` keeps 120 bytes for each."""

_LINES: Final = re.compile(
    rb"(?m)^(?:%b[0-9A-Fa-f]{2,256}\r?\n){1,%d}" % (_GROUP, _MOST_LINES)
)
_FEWEST_LINES: Final = 2


def joined(source: Source) -> Source:
    """Return a drawing with its byte strings in one piece each; other texts unchanged.

    Args:
        source: A content that is read as text.
    """
    if not _BEGINS.match(source.read(0, _HEAD_BYTES)) or source.size > _MOST_BYTES:
        return source
    text = source.read(0, source.size)
    parts: list[bytes] = []
    at = 0
    for start, end in _blocks(text):
        parts += [text[at:start], _digits(text[start:end])]
        at = end
    return MemorySource(b"".join([*parts, text[at:]])) if parts else source


def _blocks(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each block of lines of digits."""
    start = end = 0
    for lines in _LINES.finditer(text):
        if lines.start() != end:
            if end:
                yield start, end
            start = lines.start()
        end = lines.end()
    if end:
        yield start, end


def _digits(block: bytes) -> bytes:
    """Return the digits of several lines in one line; a single line unchanged."""
    digits = block.split(b"\n")[1::2]
    if len(digits) < _FEWEST_LINES:
        return block
    return b"310\n'" + b"".join(line.rstrip() for line in digits) + b"'\n"
