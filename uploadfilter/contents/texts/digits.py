"""Find the files that a text holds in hexadecimal: two digits for each byte."""

import binascii
import re
from collections.abc import Iterator
from typing import Final

_DIGITS: Final = b"0123456789abcdefABCDEF"
_SPACE: Final = b"\t\n\v\f\r "
_SHORTEST: Final = 160
"""Fewest digits of a picture, which has more than sixty bytes; checksums are shorter.
"""

_SAMPLING: Final = 4
_IN_RUN: Final = bytes(byte in _DIGITS + b"\r\n " for byte in range(256))
_LONG_RUN: Final = b"\1" * (_SHORTEST // _SAMPLING - 1)
_RUN: Final = re.compile(
    rb"(?<![0-9A-Fa-f])[0-9A-Fa-f][0-9A-Fa-f\s]{%d,}" % (_SHORTEST - 1)
)


def bytes_of_digits(text: bytes) -> Iterator[bytes]:
    """Yield the bytes of each long run of digits, from its first and second digit on.

    White space between digits means nothing, as in rich text; a number before them may
    shift them by one.
    """
    if _LONG_RUN not in text[::_SAMPLING].translate(_IN_RUN):
        return
    for match in _RUN.finditer(text):
        digits = match[0].translate(None, _SPACE)
        if len(digits) >= _SHORTEST:
            for first in range(2):
                pairs = digits[first:]
                yield binascii.unhexlify(pairs[: len(pairs) // 2 * 2])
