r"""Undo the layers over digits, and over bytes that are written one by one.

Undoing a layer that is not there loses little of base64, but much of other codings: of
``%41`` in uuencode, or of a backslash among the characters of a picture. So each layer
is undone by itself, once, and the result is a text that is searched again.

Rules this module keeps: a layer is undone only in a text that has its sign; digits are
cut out, so that a long text is not read again for a table of numbers.

To add a layer: a line in ``_steps``, and the pattern of its sign in ``_ESCAPE``.
"""

import re
import string
from collections.abc import Iterator
from itertools import islice

from uploadfilter.contents.patterns import Patterns, one_of
from uploadfilter.contents.texts.codings import BASE32
from uploadfilter.contents.texts.digits import BETWEEN, HEX_DIGITS, runs
from uploadfilter.contents.texts.effort import Effort
from uploadfilter.contents.texts.layers import unescaped, unquoted, unreferenced
from uploadfilter.contents.texts.rewritings import REWRITINGS

_LEAST_DIGITS = 240
"""Fewest characters of 60 bytes whose digits have a layer over them."""

_LEAST_ESCAPES = 4
_ESCAPE = re.compile(
    rb"%[0-9a-fA-F]{2}|\\|&(?:#|[a-zA-Z])|=(?:[0-9A-F]{2}|\r?\n)|\+|\x1b\("
)
_IN_DIGITS = HEX_DIGITS + BETWEEN + b"%&#;=+\\nrtuxX{}qotamp\x1b(BJ"
"""The characters of digits and numbers, of the separators between them, and of the
layers over both, with ``&quot;``, ``&amp;``, and shifts to ASCII and back."""

_LEAST_WRITTEN = 6
"""Fewest unprintable bytes in a row: every fortieth random byte begins such a row, and
programs have shorter ones."""

DIGITS, WRITTEN, LINES, SHIFTED = "digits", "written bytes", "lines", "shifted"
SHORT_LINES = "letters in short lines"
_LINE_END = (
    r"\\+[nrt]|%(?:25)*(?:5[cC](?:%(?:25)*5[cC])*[nrt]|0[aAdD])"
    r"|&#(?:10|13|[xX]0{0,2}[aAdD]);|=(?:\r?\n|0[aAdD])"
)
SIGNS: dict[str, str] = {
    DIGITS: f"{one_of(_IN_DIGITS)}{{{_LEAST_DIGITS}}}",
    # Bytes one by one, many in a row: \xff\xd8\xff, %FF%D8%FF, =FF=D8=FF, \u00ff...
    WRITTEN: "|".join(
        f"(?:{before}[0-9a-fA-F]{{2}}){{{_LEAST_WRITTEN}}}"
        for before in (
            *(r"\\+x", r"\\+u00", "%(?:25)*", "=(?:3[dD])*", "%(?:25)*3[dD]"),
            *("%(?:25)*5[cC](?:%(?:25)*5[cC])*(?:x|u00)", "\\+A[A-H][A-Za-z0-9+/]-?"),
        )
    ),
    # Base32 with so many escapes that none of its rows is long enough for a sign.
    SHORT_LINES: "|".join(
        f"(?:(?:{_LINE_END}){letter}{{2,}}){{3}}(?:{_LINE_END})"
        for letter in ("[A-Z2-7]", "[a-z2-7]")
    ),
    LINES: r"begin(?: |\+|%20|=20|&#32;)[0-7]{3,4}|M[ -`]{60}(?:\\|%0|=0|&#)",
    # Two characters of UTF-7, or two shifts of ISO-2022-JP, near each other.
    SHIFTED: r"\+A[A-H][A-Za-z0-9+/]-[^+]{0,64}\+A[A-H][A-Za-z0-9+/]-"
    r"|(?:\x1b|[=%]1[bB])\([BJ][^\x1b]{0,64}(?:\x1b|[=%]1[bB])\([BJ]",
}
"""For each sign a pattern that stands in every text which this module reads for it."""

_WHOLE = frozenset({WRITTEN, LINES, SHIFTED})
_PATTERNS = Patterns([SIGNS[name] for name in sorted(_WHOLE)])
_OF_LETTERS = frozenset({*BASE32, SHORT_LINES})
"""Codings of letters. Digits of an escape before base32 would be letters of it."""

_RUN_STEPS = 20
_BYTES_PER_STEP = 64


def undone(text: bytes, signs: frozenset[str], effort: Effort) -> Iterator[bytes]:
    """Yield a text, or the digits in it, with one layer undone, for each layer.

    Args:
        text: Any text.
        signs: The signs that stand in it.
        effort: The budget of steps.

    Raises:
        SpentError: The budget of steps is used up.
    """
    if signs & _WHOLE:
        yield from _steps(text, effort, near=_near_signs(text, effort))
        if b"%" in text and b"+" in text:
            yield text.replace(b"+", b" ")
        return
    if DIGITS in signs:
        for part in _escaped_runs(text, _DIGITS, effort):
            yield from _steps(part, effort)
    if signs & _OF_LETTERS:
        for part in _escaped_runs(text, _LETTERS, effort):
            if _is_of_one_case(part):
                yield from _steps(part, effort)


def _is_of_one_case(part: bytes) -> bool:
    """Return whether letters are nearly all large or nearly all small.

    Letters of base64 are of both cases, and its zeros look like letters of base32.
    """
    large = len(part) - len(part.translate(None, _LARGE))
    small = len(part) - len(part.translate(None, _SMALL))
    return min(large, small) * _OTHER_CASE < max(large, small)


_LARGE, _SMALL = string.ascii_uppercase.encode(), string.ascii_lowercase.encode()
_OTHER_CASE = 3
"""Least ratio of letters of one case to letters of the other; escapes bring in the
other case."""


def _escaped_runs(text: bytes, table: bytes, effort: Effort) -> Iterator[bytes]:
    """Yield the runs of some characters that have a layer over them."""
    for start, end in runs(text, table, _LEAST_DIGITS):
        effort.take(_RUN_STEPS + (end - start) // _BYTES_PER_STEP)
        part = text[start:end]
        escapes = islice(_ESCAPE.finditer(part), _LEAST_ESCAPES)
        if sum(1 for _ in escapes) == _LEAST_ESCAPES:
            yield part


_DIGITS = bytes(byte in _IN_DIGITS for byte in range(256))
_LETTERS = bytes(
    byte in _IN_DIGITS or chr(byte).isalnum() for byte in range(128)
) + bytes(128)


def _near_signs(text: bytes, effort: Effort) -> bytes:
    """Return the parts of a text near the signs of layers over a whole text.

    A program has tables of characters in one place, and references or percent signs in
    another: undoing the references does not change the tables, and each set of layers
    would be one more text to search.
    """
    effort.take(1 + len(text) // _BYTES_PER_LOOK)
    length = max(_NEAR_BYTES, len(text) // _MOST_BLOCKS)
    is_near = [
        bool(_PATTERNS.numbers_in(text[at : at + length + _LONGEST_SIGN]))
        for at in range(0, len(text), length)
    ]
    kept = [
        any(is_near[max(at - 1, 0) : at + _BLOCKS_BEHIND]) for at in range(len(is_near))
    ]
    if all(kept):
        return text
    return b"".join(
        text[at * length : (at + 1) * length] if is_kept else b"\n"
        for at, is_kept in enumerate(kept)
    )


_NEAR_BYTES = 1024
_MOST_BLOCKS = 512
"""Most blocks of a text that are looked at one by one; also the shortest block, in
bytes."""

_LONGEST_SIGN = 256
_BLOCKS_BEHIND = 2
"""A block counts if it, or one this many blocks away, has a sign: in a picture signs
are everywhere."""

_BYTES_PER_LOOK = 256
"""Bytes that are looked at for signs in a step."""


def _steps(text: bytes, effort: Effort, *, near: bytes = b"") -> Iterator[bytes]:
    """Yield a text with one layer undone.

    Args:
        text: The text.
        effort: The budget of steps.
        near: The parts of the text over which a layer must lie; empty for the whole
            text.
    """
    is_told = bool(near)
    near = near or text
    steps = [unquoted, unescaped, unreferenced]
    # Digits and bytes in a style sheet are not read.
    steps += [
        way.whole
        for way in REWRITINGS
        if way.name != "style sheet" and any(sign in near for sign in way.signs)
    ]
    for step in steps:
        undone = step(near, effort)
        if undone != near:
            # The whole text, unless blocks of it were left out.
            yield undone if near == text else step(text, effort)
    # Tables and databases write a quote within quotes twice.
    marks = [mark for mark in (b'""', b"''") if mark in near]
    if is_told and marks:
        marks = [b'""', b"''"] if _QUOTED.search(near) else []
    for mark in marks:
        yield text.replace(mark, mark[:1])
    if b"+" in near and not _IS_NO_FORM.search(text):
        yield text.replace(b"+", b" ")


_QUOTED = re.compile(rb"[\w\\]\"\"[\w\\]|[\w\\]''[\w\\]")
"""A doubled quote within a string, not an empty string or the beginning of a long one.
"""


def is_form(text: bytes) -> bool:
    """Return whether a text is a form, in which a plus stands for a blank."""
    return b"+" in text and b"%" in text and not _IS_NO_FORM.search(text)


_IS_NO_FORM = re.compile(rb"[ \t\r\n<>]")
