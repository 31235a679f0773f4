"""Undo the layers in which a text is written: percent signs, escapes, references.

Rules this module keeps: linear time for any bytes, a few nanoseconds for each. Many
percent signs or backslashes are undone in one pass over arrays; references, whose names
are in a table, are counted first, and each name is looked up once.

To add a layer: a step in ``unwrapped``, and its sign; or a form in ``rewritings.py``,
if it changes text that the other layers leave alone.
"""

import html
import re
from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from uploadfilter.contents.texts.effort import Effort
from uploadfilter.contents.texts.hot import Hot

_Bytes = NDArray[np.uint8]
_Places = NDArray[np.int32]

_NONE = 0xFF


def _table(values: dict[int, int]) -> _Bytes:
    """Return a table of all bytes; those without a value are ``_NONE``."""
    table = np.full(256, _NONE, dtype=np.uint8)
    table[list(values)] = list(values.values())
    return table


_DIGITS = _table({ord(digit): int(digit, 16) for digit in "0123456789abcdefABCDEF"})
_OCTAL = _table({ord(digit): int(digit) for digit in "01234567"})
_LETTERS = _table(
    {
        **{byte: byte for byte in b"/\"'\\"},
        **dict(zip(b"nrtfb", b"\n\r\t\f\b", strict=True)),
    }
)


def unwrapped(text: bytes, effort: Effort) -> bytes:
    """Undo all layers again and again until nothing changes.

    Args:
        text: Any bytes.
        effort: The budget of steps.

    Raises:
        SpentError: The budget of steps is used up.
    """
    before = b""
    while text != before:
        before = text
        for sign, pattern, undone in _LAYERS:
            # Looking for one sign is much faster than looking for any of three.
            if sign in text and pattern.search(text):
                effort.take(1 + len(text) // _BYTES_PER_STEP)
                text = undone(text, effort)
    return text


def wrapped(text: bytes, signs: Collection[str]) -> NDArray[np.intp]:
    """Return the spans of the signs of layers beside which a file may begin.

    Signs that are common in programs and pages count only between letters: broken
    lines, and references to characters that are not letters.

    Args:
        text: Any bytes.
        signs: The members of ``SIGNS`` that stand in the text.

    Returns:
        Starts and ends, in order, shape (signs, 2).
    """
    spans = [
        match.span()
        for sign, pattern in _TELLING
        if sign.decode() in signs
        for match in pattern.finditer(text)
    ]
    if not spans:
        return _NO_SPANS
    return np.array(sorted(spans), dtype=np.intp).reshape(-1, 2)


SIGNS_OF_LAYERS = (b"&", b"\\", b"%")
"""Every text with a layer has at least one of these."""

_NO_SPANS = np.zeros((0, 2), dtype=np.intp)


def _telling(sign: bytes, pattern: bytes) -> tuple[bytes, re.Pattern[bytes]]:
    """Return a sign, and a pattern for several of it that stand near each other."""
    near = b"(?:%b)(?:[^%b]{0,%d}+(?:%b)){0,%d}"
    each = re.escape(sign)
    return sign, re.compile(near % (pattern, each, _NEAR, pattern, _MOST_NEAR))


_MOST_NEAR = 1000
"""Most signs in one match: the engine of ``re`` keeps 120 bytes for each."""

_NEAR = 64
"""Most characters between two signs of one match."""


def is_layered(text: bytes, hot: Hot) -> bool:
    """Return whether a layer changes letters of a stretch that may be encoded."""
    return any(
        sign in text and pattern.search(text, hot.start, hot.end)
        for sign, pattern, _ in _LAYERS
    ) or any(
        sign in text and pattern.search(text, hot.first, hot.last)
        for sign, pattern in _TELLING
    )


_BYTES_PER_STEP = 512
"""Bytes that are searched in a step, however few signs there are."""


def unquoted(text: bytes, effort: Effort) -> bytes:
    """Replace each percent sign and its two digits by their byte.

    Raises:
        SpentError: The budget of steps is used up.
    """
    if b"%" not in text:
        return text
    count = text.count(b"%")
    effort.take(count // _SIGNS_PER_STEP)
    if count <= MOST_FEW:
        return _PERCENT.sub(_unquoted, text)
    data = _padded(text)
    at = _places(data[: len(text)] == ord("%"))
    return _replaced(data, at, _digits(data, at + 1), 3)


def unescaped(text: bytes, effort: Effort) -> bytes:
    r"""Undo the escapes of a string of JSON, JavaScript, C or SQL.

    In a row of backslashes, each second one belongs to the one before it. Numbers are
    ``\xff``, ``\u00ff``, ``\u{ff}`` and, in octal, ``\377``.

    Raises:
        SpentError: The budget of steps is used up.
    """
    if b"\\" not in text:
        return text
    count = text.count(b"\\")
    effort.take(count // _SIGNS_PER_STEP)
    if count <= MOST_FEW:
        return _ESCAPE.sub(_unescaped, text)
    if b"\\u{" in text:
        text = _BRACED.sub(rb"\\x0\1", text)
        text = _BRACED_ZERO.sub(rb"\\x\1", text)
    data = _padded(text)
    at = _places(data[: len(text)] == ord("\\"))
    firsts = _places(np.diff(at, prepend=-2) != 1)
    row = np.repeat(firsts, np.diff(firsts, append=len(at)))
    at = at[(np.arange(len(at)) - row) % 2 == 0]
    following = data[at + 1]
    codes = at[following == ord("x")]
    longer = at[following == ord("u")]
    longer = longer[(data[longer + 2] == ord("0")) & (data[longer + 3] == ord("0"))]
    kept = np.ones(len(data), dtype=np.bool_)
    octal = at[_OCTAL[following] != _NONE]
    for places, values, length in (
        *_octals(data, octal),
        (at, _LETTERS[following], 2),
        (codes, _digits(data, codes + 2), 4),
        (longer, _digits(data, longer + 4), 6),
    ):
        _replace(data, kept, places, values, length)
    kept[len(text) :] = False
    return data[kept].tobytes()


MOST_FEW = 128
"""Most signs that are undone one by one; for so few, making arrays takes longer."""

_PERCENT = re.compile(rb"%[0-9a-fA-F]{2}")
_ESCAPE = re.compile(
    rb"\\(?:u00([0-9a-fA-F]{2})|u\{0*([0-9a-fA-F]{1,2})\}|x([0-9a-fA-F]{2})"
    rb"|([0-3][0-7]{2}|[0-7]{1,2})|([/nrtfb\"'\\]))"
)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"f": b"\f", b"b": b"\b"}


def _unquoted(found: re.Match[bytes]) -> bytes:
    """Return the byte of a percent sign and two digits."""
    return bytes((int(found[0][1:], 16),))


def _unescaped(found: re.Match[bytes]) -> bytes:
    """Return the byte of an escape."""
    sign = found[5]
    if sign:
        return _CONTROLS.get(sign, sign)
    code = found[1] or found[2] or found[3]
    return bytes((int(code, 16) if code else int(found[4], 8),))


_BRACED = re.compile(rb"\\u\{0*([0-9a-fA-F])\}")
_BRACED_ZERO = re.compile(rb"\\u\{0*([1-9a-fA-F][0-9a-fA-F])\}")


def _octals(
    data: _Bytes, at: _Places
) -> tuple[tuple[_Places, NDArray[np.int16], int], ...]:
    """Return the places and the values of octal numbers of one to three digits."""
    first, second, third = (
        _OCTAL[data[at + number]].astype(np.int16) for number in (1, 2, 3)
    )
    has_two = second != _NONE
    has_three = has_two & (third != _NONE) & (first < _MOST_FIRST_OCTAL)
    has_two &= ~has_three
    has_one = ~(has_two | has_three)
    return (
        (at[has_three], (first << 6 | second << 3 | third)[has_three], 4),
        (at[has_two], (first << 3 | second)[has_two], 3),
        (at[has_one], first[has_one], 2),
    )


_MOST_FIRST_OCTAL = 4
"""``\\377`` is the largest byte."""


_LONGEST_ESCAPE = 6
_SIGNS_PER_STEP = 16
"""Signs of one kind that are undone in a step. Half of all bytes can be such signs;
each takes thirty bytes of memory."""


def _places(flags: NDArray[np.bool_]) -> _Places:
    """Return the places of the set flags; no text here is longer than 2 GiB."""
    return np.flatnonzero(flags).astype(np.int32)


def _padded(text: bytes) -> _Bytes:
    """Return a text as an array, padded so that a sign may begin at its last byte."""
    return np.frombuffer(text + bytes(_LONGEST_ESCAPE), dtype=np.uint8).copy()


def _digits(data: _Bytes, at: _Places) -> NDArray[np.int16]:
    """Return the values of pairs of digits; -1 where they are not digits."""
    high, low = _DIGITS[data[at]], _DIGITS[data[at + 1]]
    value = high.astype(np.int16) << 4 | low
    return np.where((high == _NONE) | (low == _NONE), np.int16(-1), value)


def _replaced(
    data: _Bytes, at: _Places, values: NDArray[np.int16], length: int
) -> bytes:
    """Replace a number of bytes at each place by its value, unless that is negative."""
    kept = np.ones(len(data), dtype=np.bool_)
    _replace(data, kept, at, values, length)
    kept[len(data) - _LONGEST_ESCAPE :] = False
    return data[kept].tobytes()


def _replace(
    data: _Bytes,
    kept: NDArray[np.bool_],
    at: _Places,
    values: NDArray[np.int16] | _Bytes,
    length: int,
) -> None:
    """Write each value at its place, and mark the bytes after it for removal."""
    is_one = values >= 0 if values.dtype == np.int16 else values != _NONE
    places = at[is_one]
    data[places] = values[is_one].astype(np.uint8)
    for behind in range(1, length):
        kept[places + behind] = False


# --- References ----------------------------------------------------------------------

_REFERENCE = re.compile(
    rb"(&(?:#0*[0-9]{1,8}|#[xX]0*[0-9a-fA-F]{1,8}|[A-Za-z]{2,8});?)"
)
_ZEROS = re.compile(rb"\A(&#[xX]?)0+(?=[0-9a-fA-F])")
_REFERENCES_PER_STEP = 4


def unreferenced(text: bytes, effort: Effort) -> bytes:
    """Replace references of HTML by their characters, as Latin-1.

    Args:
        text: Any bytes.
        effort: The budget of steps.

    Raises:
        SpentError: The budget of steps is used up.
    """
    if b"&" not in text:
        return text
    effort.take(text.count(b"&") // _REFERENCES_PER_STEP)
    parts = _REFERENCE.split(text)
    known = {each: each for each in set(parts[1::2])}
    effort.take(2 * len(known))
    for each in known:
        known[each] = _referenced(each)
    parts[1::2] = [known[each] for each in parts[1::2]]
    return b"".join(parts)


def _referenced(reference: bytes) -> bytes:
    """Return the character of a reference, or the reference itself if it is unknown."""
    number = _ZEROS.sub(rb"\1", reference)  # there may be any number of them
    character = html.unescape(number.decode("ascii"))
    is_ours = max(character, default="") <= "\xff"
    return character.encode("latin-1") if is_ours else reference


_LAYERS: tuple[
    tuple[bytes, re.Pattern[bytes], Callable[[bytes, Effort], bytes]], ...
] = (
    (b"&", re.compile(rb"&(?:#[xX]?[0-9a-fA-F]|[A-Za-z]{2})"), unreferenced),
    (
        b"\\",
        re.compile(
            rb"\\(?:u00[0-9a-fA-F]{2}|u\{0*[0-9a-fA-F]{1,2}\}|x[0-9a-fA-F]{2}"
            rb"|[0-7/nrtfb\"'\\])"
        ),
        unescaped,
    ),
    (b"%", re.compile(rb"%[0-9a-fA-F]{2}"), unquoted),
)
"""The layers: sign, pattern of the undone text, and function that undoes it."""

_TELLING: tuple[tuple[bytes, re.Pattern[bytes]], ...] = (
    _telling(
        b"&",
        rb"&(?:#|(?:amp|plus|sol|equals|colon|comma|semi|Tab|NewLine|hyphen|dash"
        rb"|lowbar|UnderBar|nbsp);)",
    ),
    _telling(
        b"\\",
        rb"\\(?:u00|u\{|x[0-9a-fA-F]|[0-7/]"
        rb"|(?<!\\\\)\\+(?:u00|x[0-9a-fA-F]|[0-7/nrt])"
        rb"|(?<=[A-Za-z0-9+/]\\)[nrtfb](?=[\\A-Za-z0-9+/]))",
    ),
    _telling(b"%", rb"%[0-9a-fA-F]{2}"),
)

SIGNS: dict[str, str] = {
    "&": r"&#"
    r"|&(?:amp|plus|sol|equals|colon|comma|semi|Tab|NewLine|hyphen|dash|lowbar|nbsp);"
    r"|&UnderBar;",
    "\\": r"\\(?:u00|u\{|x[0-9a-fA-F]|[0-7/])"
    r"|\\\\+(?:u00|x[0-9a-fA-F]|[0-7/nrt])"
    r"|[A-Za-z0-9+/]\\[nrtfb][\\A-Za-z0-9+/]",
    "%": r"%[0-9a-fA-F]{2}",
}
"""For each sign a pattern that stands in every text with one for ``wrapped``: the same
pattern without its look-arounds."""
