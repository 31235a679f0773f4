"""Find ``data:`` URIs in a text: their beginnings, their types and their ends.

Rules this module keeps: each byte is looked at only a few times, however many
beginnings there are.

Source:
    RFC 2397, as browsers read it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from uploadfilter.contents.kinds.magic import Kind, sniff
from uploadfilter.contents.texts.effort import Effort
from uploadfilter.contents.texts.found import (
    STANDARD,
    Encoded,
    from_base64,
    kind_of,
)
from uploadfilter.contents.texts.layers import unquoted

DATA = b"data:"

_TYPE = r"""[^,"'<>(){}]{0,256}"""
_URI = re.compile(f"({_TYPE}),".encode())
SIGN = f"[dD][aA][tT][aA]:{_TYPE},"
"""A pattern that stands in every text with such a URI."""

_BASE64 = re.compile(rb";\s*base64\s*\Z", re.IGNORECASE)
_URI_ENDS = {b'"': b'"', b"'": b"'", b"(": b")"}
_NO_URI_END = re.compile(rb"[\s\"<>]")
_LONGEST_BARE_URI = 1 << 20
"""Longest URI without quotes, in bytes: longer ones are cut."""

_STEPS = 2
"""Steps for finding one."""


@dataclass(frozen=True, slots=True)
class Uri:
    """The beginning of a ``data:`` URI.

    Attributes:
        start: Its offset.
        at: Offset of its data.
        is_base64: Whether its data are base64.
    """

    start: int
    at: int
    is_base64: bool


def uris(text: bytes, effort: Effort, *, is_base64: bool) -> Iterator[Uri]:
    """Yield the beginnings of URIs whose data are base64, or are not.

    Args:
        text: Any bytes.
        effort: The budget of steps.
        is_base64: Whether to yield those with base64, or the others.

    Raises:
        SpentError: The budget of steps is used up.
    """
    if not may_have_uris(text):
        return
    lowered = text.lower()
    start = lowered.find(DATA)
    while start >= 0:
        effort.take(_STEPS)
        match = _URI.match(text, start + len(DATA))
        if match and bool(_BASE64.search(match[1])) is is_base64:
            yield Uri(start, match.end(), is_base64)
        start = lowered.find(DATA, start + len(DATA))


def may_have_uris(text: bytes) -> bool:
    """Return whether a URI may begin in a text; most texts have none."""
    return b"a:" in text or b"A:" in text


class Closings:
    """Finds the ends of strings; from left to right, it looks at no byte twice."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._next = dict.fromkeys(_URI_ENDS.values(), -1)
        self._bare_end = 0
        self._is_bare_end = False

    def end_of(self, uri: Uri) -> int:
        """Return the end of the string with a URI."""
        before = self._text[max(uri.start - 1, 0) : uri.start]
        mark = _URI_ENDS.get(before)
        if mark is None:
            return self._end_of_bare(uri.at)
        if self._next[mark] < uri.at:
            end = self._text.find(mark, uri.at)
            self._next[mark] = len(self._text) if end < 0 else end
        return self._next[mark]

    def _end_of_bare(self, at: int) -> int:
        """Return the end of a URI without quotes."""
        limit = min(at + _LONGEST_BARE_URI, len(self._text))
        if at > self._bare_end:
            self._bare_end, self._is_bare_end = at, False
        if self._bare_end < limit and not self._is_bare_end:
            found = _NO_URI_END.search(self._text, self._bare_end, limit)
            self._bare_end = found.start() if found else limit
            self._is_bare_end = found is not None
        return min(self._bare_end, limit)


# --- Their data ----------------------------------------------------------------------

_SHORTEST = 32
"""Fewest characters of a URI that may hold a picture, or a drawing with a picture."""

_HEAD_CHARACTERS = 2048
_LOOK_STEPS = 10
_LETTERS = re.compile(rb"[A-Za-z0-9+/\-_\s]*")
_SPACE = b"\r\n\t\f "


def plain_uris(text: bytes, effort: Effort) -> Iterator[Encoded]:
    """Yield the contents of ``data:`` URIs that are not base64.

    A text in a URI is not yielded: it stands in the text itself after its layers are
    undone.

    Raises:
        SpentError: The budget of steps is used up.
    """
    closings = Closings(text)
    passed = 0
    for uri in uris(text, effort, is_base64=False):
        if uri.at < passed:
            continue
        end = closings.end_of(uri)
        if end - uri.at < _SHORTEST:
            continue
        effort.take(_LOOK_STEPS)
        head = unquoted(text[uri.at : min(end, uri.at + _HEAD_CHARACTERS)], effort)
        if _counts(head):
            yield Encoded(name="data", data=unquoted(text[uri.at : end], effort))
            passed = end


def base64_uris(text: bytes, effort: Effort) -> Iterator[tuple[int, bytes]]:
    """Yield the offset of the base64 in each ``data:`` URI, and the decoded bytes.

    Raises:
        SpentError: The budget of steps is used up.
    """
    for uri in uris(text, effort, is_base64=True):
        match = _LETTERS.match(text, uri.at)
        if match is None or len(match[0]) < _SHORTEST:
            continue
        effort.take(_LOOK_STEPS)
        head = match[0][:_HEAD_CHARACTERS].translate(STANDARD, _SPACE)
        if _counts(from_base64(head)):
            yield uri.at, from_base64(match[0].translate(STANDARD, _SPACE))


def _counts(head: bytes) -> bool:
    return sniff(head) is Kind.SVG or kind_of(head) is not None
