r"""Rewrite a text as other programs read it: without comments, as a style sheet.

A coding that one program undoes, another leaves alone; and undoing a coding that is not
there breaks the text. So each way is a separate reading besides the text.

Rules this module keeps: linear time; the whole text is rewritten only if a file begins
where the reading differs from the text, or if a file was found in the text already.

To add one: a line in ``REWRITINGS``.
"""

import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from uploadfilter.contents.texts.effort import Effort
from uploadfilter.contents.texts.hot import Hot

_Replace = Callable[[re.Match[bytes]], bytes] | Mapping[bytes | None, bytes] | bytes


@dataclass(frozen=True, kw_only=True)
class Rewriting:
    """A way to read a text.

    Attributes:
        name: The name of its sign.
        sign: A pattern (``patterns.py``) that stands in every text with any ``parts``.
        signs: Bytes, at least one of which stands in every text that it changes.
        pattern: The parts that it changes.
        replace: The replacement of such a part; a reference to the only group if there
            may be many parts, since a call for each would take a microsecond.
        telling: The changes beside which files are looked for, if not all.
        certain: A pattern that stands in every text that it changes, if signs are
            common.
        only: A sign that stands only in changed parts, if there is one.
        gives_bytes: A control that is rare in texts, if bytes of a file may be written
            so.
        is_certain: Whether its signs have no other meaning.
        alone: A pattern for ``only`` outside of changed parts: its first match tells
            most texts.
        is_format: Whether its sign tells a format that all readers read in this way.
    """

    name: str
    sign: str
    signs: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    replace: _Replace
    telling: re.Pattern[bytes] | None = None
    certain: re.Pattern[bytes] | None = None
    only: bytes = b""
    gives_bytes: re.Pattern[bytes] | None = None
    alone: re.Pattern[bytes] | None = None
    is_certain: bool = False
    is_format: bool = False

    @cached_property
    def bytes_name(self) -> str:
        """Return the name of the sign of ``gives_bytes``."""
        return f"bytes in {self.name}"

    def changes(self, text: bytes) -> bool:
        """Return whether this way may change a text."""
        for sign in self.signs:
            if sign in text:
                if self.certain is not None and not self.certain.search(text):
                    return False
                return not self.only or self._is_everywhere(text)
        return False

    def _is_everywhere(self, text: bytes) -> bool:
        """Return whether all of the signs ``only`` stand in changed parts."""
        if self.alone is not None and self.alone.search(text):
            return False
        return self.only not in self.pattern.sub(b"", text)

    def _rewritten(self, text: bytes) -> bytes:
        """Return the rewritten text."""
        if not isinstance(self.replace, Mapping):
            return self.pattern.sub(self.replace, text)
        parts = self.pattern.split(text)
        parts[1::2] = [self.replace[each] for each in parts[1::2]]
        return b"".join(parts)

    def touches(self, text: bytes, hot: Hot) -> bool:
        """Return whether it changes bytes of a stretch that are or may be encoded."""
        telling = self.telling or self.pattern
        return bool(
            self.pattern.search(text, hot.start, hot.end)
            or telling.search(text, hot.first, hot.last)
        )

    def parts(self, text: bytes, effort: Effort) -> tuple[bytes, bytes]:
        """Return the text around the changes, rewritten and unchanged.

        Raises:
            SpentError: The budget of steps is used up.
        """
        matches = (self.telling or self.pattern).finditer(text)
        spans = list[tuple[int, int]]()
        while more := [match.span() for match in islice(matches, _SPANS)]:
            effort.take(1 + len(more) // _SPANS_PER_STEP)
            spans += more
        if not spans:
            return b"", b""
        before = around(text, np.array(spans))
        return self._rewritten(before), before

    def whole(self, text: bytes, effort: Effort) -> bytes:
        """Return the whole text, rewritten.

        Raises:
            SpentError: The budget of steps is used up.
        """
        effort.take(1 + len(text) // _BYTES_PER_STEP)
        return self._rewritten(text)


def around(text: bytes, spans: NDArray[np.intp]) -> bytes:
    """Return the parts of a text around spans, with a break between them.

    Args:
        text: The text.
        spans: Starts and ends, in order, shape (spans, 2), at least one.
    """
    return _BREAK.join([text[start:end] for start, end in joined_spans(spans, _AROUND)])


def joined_spans(spans: NDArray[np.intp], around: int) -> Iterator[tuple[int, int]]:
    """Yield spans with ``around`` bytes on both sides; spans that meet become one.

    Args:
        spans: Starts and ends, sorted by their starts, shape (spans, 2), at least one.
            They may overlap or be nested.
        around: Bytes that are added before and after each span, or fewer at the ends.
    """
    starts = spans[:, 0] - around
    ends = np.maximum.accumulate(spans[:, 1] + around)
    is_apart = starts[1:] > ends[:-1]
    firsts = np.maximum(starts[np.append(True, is_apart)], 0).tolist()
    lasts = ends[np.append(is_apart, True)].tolist()
    yield from zip(firsts, lasts, strict=True)


_BREAK = b"\n>\n"
_AROUND = 48
"""Characters before and after a change in which a beginning is looked for: a beginning
has fewer letters. If more characters stand between two of its letters, the text looks
encoded."""

_SPANS = 4096
"""Spans that are looked for at a time, so that a search of very many ends early."""

_SPANS_PER_STEP = 2
_BYTES_PER_STEP = 128


def _styled(match: re.Match[bytes]) -> bytes:
    """Return the character of an escape of a style sheet, as Latin-1."""
    if match[1]:
        code = int(match[1], 16)
        return bytes((code,)) if 0 < code < 256 else b""  # noqa: PLR2004 - Latin-1
    return match[2] or b""


def _rich(match: re.Match[bytes]) -> bytes:
    """Replace a control of RTF: a break where a group begins or ends."""
    return b">" if match[0] in {b"{", b"}"} else b""


def _septets(match: re.Match[bytes]) -> bytes:
    """Decode a shifted part of UTF-7, as Latin-1."""
    letters = match[1]
    if not letters:
        return match[0][:1]
    letters = letters.replace(b",", b"/")
    whole = letters + b"A" * (-len(letters) % 4)
    return binascii.a2b_base64(whole).translate(None, b"\0")


_HEX = "0123456789abcdefABCDEF"
_PRINTABLE: dict[bytes | None, bytes] = {
    None: b"",
    **{
        (high + low).encode(): bytes((int(high + low, 16),))
        for high in _HEX
        for low in _HEX
    },
}
"""The byte of each number in quoted-printable; empty for a soft line break."""


REWRITINGS: tuple[Rewriting, ...] = (
    Rewriting(
        name="sections",
        sign=r"<!\[CDATA\[|\]\]>",
        signs=(b"<!", b"]]>"),
        # Within a section, markup is character data.
        pattern=re.compile(rb"<!\[CDATA\[|\]\]>"),
        replace=b"",
        is_certain=True,
    ),
    Rewriting(
        name="markup",
        sign=r"<!--|<\?|<!\[CDATA\[|\]\]>",
        signs=(b"<!", b"<?", b"]]>"),
        # The parts that an XML parser removes from character data, or reads as such.
        pattern=re.compile(
            rb"<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)|<!\[CDATA\[|\]\]>", re.DOTALL
        ),
        replace=b"",
    ),
    Rewriting(
        name="style sheet",
        sign=r"\\(?:[0-9a-fA-F]{2}|[:;,])"
        r"|[A-Za-z0-9+/=]\\[0-9a-fA-F][ \t\r\n\f]{0,2}[A-Za-z0-9+/=\\]",
        signs=(b"\\",),
        # CSS Syntax Module Level 3, 4.3.7.
        pattern=re.compile(
            rb"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[ \t\r\n\f])?|\r?\n|([^0-9a-fA-F\r\n]))"
        ),
        replace=_styled,
        # An escaped letter is itself a letter, and a single digit counts only between
        # letters.
        telling=re.compile(
            rb"\\(?:[0-9a-fA-F]{2}|[:;,]|(?<=[A-Za-z0-9+/=]\\)[0-9a-fA-F]"
            rb"(?=[ \t\r\n\f]{0,2}[A-Za-z0-9+/=\\]))"
        ),
    ),
    Rewriting(
        name="shifts",
        sign=r"\x1b[\x20-\x2f]+[\x30-\x7e]",
        signs=(b"\x1b",),
        # ISO 2022 (ECMA-35), 13.2: browsers read ISO-2022-JP.
        pattern=re.compile(rb"\x1b[\x20-\x2f]+[\x30-\x7e]"),
        replace=b"",
    ),
    Rewriting(
        name="quoted-printable",
        # A soft line break alone does not count: its characters are not letters of
        # base64.
        sign=r"=(?:3D|2B|2F|FF|89|47)",
        signs=(b"=",),
        certain=re.compile(rb"=(?:3D|2B|2F|FF|89|47)"),
        pattern=re.compile(rb"=(?:([0-9a-fA-F]{2})|[ \t]*\r?\n)"),
        replace=_PRINTABLE,
        # Numbers that encode letters, and other numbers between letters.
        telling=re.compile(
            rb"=(?:2[bBfF]|3[0-9dD]|4[1-9a-fA-F]|[56][0-9a-fA-F]|7[0-9aA]|FF|89"
            rb"|(?<=[A-Za-z0-9+/]=)[0-9a-fA-F]{2}(?=[A-Za-z0-9+/=]))"
        ),
        # Followed by another number, since single ones are common in programs.
        gives_bytes=re.compile(
            rb"=(?:0[0-8bBeE]|1[0-9a-fA-F])(?:=[ \t]*\r?\n)?=[0-9a-fA-F]{2}"
        ),
    ),
    Rewriting(
        name="joined strings",
        # Matching all bytes before the plus would make the look at every text half as
        # slow again.
        sign=r"\+\s*[\x22'`]",
        signs=(b"+",),
        # A plus is a letter of base64, so that decoders do not skip it.
        pattern=re.compile(rb"([\x22'`])\s{0,32}\+\s{0,32}[\x22'`]"),
        # Letters on both sides, since short strings are common in programs.
        certain=re.compile(
            rb"[\x22'`](?<=[A-Za-z0-9/]{8}[\x22'`])\s{0,32}\+\s{0,32}"
            rb"[\x22'`](?=[A-Za-z0-9+/]{8})"
        ),
        replace=b"",
    ),
    Rewriting(
        name="rich text",
        sign=r"\{\\rtf",
        signs=(b"{\\rtf",),
        # RTF 1.9.1, "Conventions of an RTF Reader": a control word with its number and
        # its blank, a destination that may be ignored, a symbol.
        pattern=re.compile(
            rb"\{\\\*[^{}]*\}|\\[a-zA-Z]{1,32}(?:-?[0-9]{1,10})? ?|\\[^a-zA-Z]|[{}]"
        ),
        replace=_rich,
        is_format=True,
    ),
    Rewriting(
        name="UTF-7",
        # A plus alone does not count: decoders that skip letters for URLs read it.
        sign=r"\+A[A-H][A-Za-z0-9+/]",
        signs=(b"+A",),
        # RFC 2152; a shifted part in ASCII begins with a zero byte.
        pattern=re.compile(rb"\+(?:(A[A-H][A-Za-z0-9+/]+)-?|-)"),
        replace=_septets,
        # Hardly any string of base64 outside of UTF-7 has only such signs.
        only=b"+",
        alone=re.compile(rb"(?<![A-Za-z0-9+/])\+(?!-|A[A-H][A-Za-z0-9+/])"),
    ),
    Rewriting(
        name="UTF-7 of IMAP",
        # One letter, or several: an entity has other letters.
        sign=r"&A[A-H][AEIMQUYcgkosw048][A\-]",
        signs=(b"&A",),
        # RFC 3501, 5.1.3: PHP reads XML in this way, with the iconv of newer Linux.
        pattern=re.compile(rb"&(?:(A[A-H][A-Za-z0-9+,]+)-?|-)"),
        replace=_septets,
    ),
)
