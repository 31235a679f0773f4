"""Cut the framing of ``aws-chunked`` out of a body.

The proxy has proven that the framing is proper (``uploads/body/awschunked.py``); here
only sizes are read, and nothing is copied. If it is not proper after all, there is the
shortfall ``UNSUPPORTED_CODING``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Container, Member, Shortfall, UnpackMeter
from uploadfilter.contents.source import JoinedSource, PartSource, Source
from uploadfilter.model import Reason

NAME: Final = "aws-chunked"

_HEAD: Final = re.compile(rb"([0-9A-Fa-f]{1,9})(?:;[^\r\n]{1,200})?\r\n")
HEAD_BYTES: Final = 256
_CRLF_BYTES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FramedBody:
    """A body in ``aws-chunked`` framing, as a container of the body without it.

    Args:
        declared: The declared type of that body, in lower case; may be empty.

    Attributes:
        is_looked_at: False: the proxy has the bytes as they were sent looked at as a
            content of their own.
    """

    is_looked_at: ClassVar[bool] = False
    declared: str = ""

    @property
    def kinds(self) -> frozenset[Kind]:
        """Return no kind: the head of the request tells it."""
        return frozenset()

    @property
    def undone(self) -> tuple[Container, ...]:
        """Return no container: no other one reads the framing."""
        return ()

    def claim_of_raw(self, source: Source, kind: Kind) -> str:  # noqa: ARG002
        """Return nothing: the framing begins with a number."""
        return ""

    def members(
        self,
        source: Source,
        meter: UnpackMeter,  # noqa: ARG002 - nothing is unpacked
    ) -> Iterator[Member | Shortfall]:
        """Yield the body without its framing."""
        spans, is_proper = _spans(source)
        if not is_proper:
            yield Shortfall(reason=Reason.UNSUPPORTED_CODING)
        if len(spans) == 1:
            start, end = spans[0]
            content: Source = PartSource(source, start, end - start)
        else:
            content = JoinedSource(source, spans)
        yield Member(name="decoded", content=content, sent_as=self.declared)


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
