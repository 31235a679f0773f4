"""Put bytes together that a drawing in DXF keeps as digits, a line at a time.

Each value of such a drawing stands in a line behind one with the number of its group.
Bytes are cut into lines of 254 digits, each behind the line ``310`` (or 311 to 319, or
1004): these numbers stand in the middle of the digits, and are none of them.

Source:
    Autodesk, "DXF Reference", "Group Code Value Types Reference".
"""

import re
from typing import Final

from uploadfilter.contents.source import MemorySource, Source

_BEGINS: Final = re.compile(rb"(?:\s*999\r?\n[^\n]*\n)*\s*0\r?\n\s*SECTION\r?\n")
_HEAD_BYTES: Final = 4096
_MOST_BYTES: Final = 64 * 1024 * 1024
"""Longest drawing that is held as a whole."""

_GROUP: Final = rb"[ \t]*(?:31\d|1004)[ \t]*\r?\n"
_LINES: Final = re.compile(
    rb"(?m)^%(group)s[0-9A-Fa-f]{2,256}\r?\n(?:%(group)s[0-9A-Fa-f]{2,256}\r?\n)++"
    % {b"group": _GROUP}
)
_NUMBER: Final = re.compile(rb"(?m)^" + _GROUP)


def joined(source: Source) -> Source:
    """Return a drawing with its bytes in one piece each; anything else as it is.

    Args:
        source: A content that is read as text.
    """
    if not _BEGINS.match(source.read(0, _HEAD_BYTES)) or source.size > _MOST_BYTES:
        return source
    return MemorySource(_LINES.sub(_digits, source.read(0, source.size)))


def _digits(lines: re.Match[bytes]) -> bytes:
    """Return the digits of several lines in one, apart from what stands before."""
    digits = b"".join(_NUMBER.sub(b"", lines[0]).split())
    return b"310\n'" + digits + b"'\n"
