"""Cut the framing of ``aws-chunked`` out of a body.

The proxy has proven that the framing is proper (``uploads/body/awschunked.py``); here
only sizes are read, and nothing is copied. If it is not proper after all, there is the
shortfall ``UNSUPPORTED_CODING``.
"""

import re
from collections.abc import Iterator
from typing import Final

from uploadfilter.contents.members import Member, Shortfall
from uploadfilter.contents.source import JoinedSource, PartSource, Source
from uploadfilter.model import Reason

NAME: Final = "aws-chunked"

_HEAD: Final = re.compile(rb"([0-9A-Fa-f]{1,9})(?:;[^\r\n]{1,200})?\r\n")
HEAD_BYTES: Final = 256
_CRLF_BYTES: Final = 2


def without_framing(source: Source) -> Iterator[Member | Shortfall]:
    """Yield a body in ``aws-chunked`` framing without its framing."""
    spans, is_proper = _spans(source)
    if not is_proper:
        yield Shortfall(reason=Reason.UNSUPPORTED_CODING)
    if len(spans) == 1:
        start, end = spans[0]
        content: Source = PartSource(source, start, end - start)
    else:
        content = JoinedSource(source, spans)
    yield Member(name="decoded", content=content)


def _spans(source: Source) -> tuple[list[tuple[int, int]], bool]:
    spans: list[tuple[int, int]] = []
    at = 0
    while True:
        match = _HEAD.match(source.read(at, HEAD_BYTES))
        if match is None:
            return spans, False
        start = at + match.end()
        size = int(match[1], 16)
        if size == 0:
            return spans, True
        end = min(start + size, source.size)
        spans.append((start, end))
        at = end + _CRLF_BYTES
