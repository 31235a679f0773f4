"""Write heads of requests and answers byte for byte.

aiohttp has names and values as text. Bytes that are not UTF-8 (for example a file name
in Latin-1) become surrogates when it reads them and are *dropped* when it writes them:
the other end would get another value than the inspected one. So heads are bytes from
end to end.
"""

from collections.abc import Sequence
from typing import TypeAlias

_LINE_END = b"\r\n"

RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]


def encode_head(first_line: str, headers: RawHeaders) -> bytes:
    """Return the head of a message, with the empty line after it.

    Args:
        first_line: Request line or status line, from the parts that aiohttp has parsed.
        headers: Sent unchanged.

    Raises:
        ValueError: A part of it would end a line, and so begin another one.
    """
    first = first_line.encode("utf-8", "surrogateescape")
    head = _LINE_END.join([first, *map(b": ".join, headers), _LINE_END])
    lines = len(headers) + 2
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head:
        raise ValueError("a head holds a line break or a NUL")
    return head
