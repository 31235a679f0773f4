"""Undo the layers in which a text is written: percent signs, escapes, references.

Rules this module keeps: linear time whatever the bytes, a few nanoseconds for each. A
flood of percent signs or backslashes is undone in one pass over arrays; references,
whose names only a table knows, are counted before and looked up once each.

To add a layer: a step in ``unwrapped``, and its sign; or, where it makes something else
of what the others left, a form in ``rewritings.py``.
"""

import html
import re
from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray

from uploadfilter.contents.effort import Effort
from uploadfilter.contents.hot import Hot

_Bytes = NDArray[np.uint8]
_Places = NDArray[np.int32]

_NONE = 0xFF


def _table(values: dict[int, int]) -> _Bytes:
    """Return a table of bytes in which the others are ``_NONE``."""
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
    """Undo every layer until nothing changes.

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
            # To look for one sign is much faster than to look for any of three.
            if sign in text and pattern.search(text):
                effort.take(1 + len(text) // _BYTES_PER_STEP)
                text = undone(text, effort)
    return text


def wrapped(text: bytes, signs: Collection[str]) -> NDArray[np.intp]:
    """Return the spans of signs of layers beside which something may begin.

    Not of those that programs and pages are full of, unless letters stand around them:
    broken lines, and references to what is no letter.

    Args:
        text: Any bytes.
        signs: Of ``SIGNS``, those that stand in the text.

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
"""Of which one is in every text that has a layer."""

_NO_SPANS = np.zeros((0, 2), dtype=np.intp)


def _telling(sign: bytes, pattern: bytes) -> tuple[bytes, re.Pattern[bytes]]:
    """Return a sign, and a pattern for those of them that stand near each other."""
    near = b"(?:%b)(?:[^%b]{0,%d}+(?:%b)){0,%d}"
    each = re.escape(sign)
    return sign, re.compile(near % (pattern, each, _NEAR, pattern, _MOST_NEAR))


_MOST_NEAR = 1000
"""Signs that are told as one: the engine keeps 120 bytes for each."""

_NEAR = 64
"""Characters between signs of which it is no use to tell one from the other."""


def is_layered(text: bytes, hot: Hot) -> bool:
    """Return whether a layer changes what is encoded in a stretch, or may be."""
    return any(
        sign in text and pattern.search(text, hot.start, hot.end)
        for sign, pattern, _ in _LAYERS
    ) or any(
        sign in text and pattern.search(text, hot.first, hot.last)
        for sign, pattern in _TELLING
    )


_BYTES_PER_STEP = 512
"""Bytes that are gone through in a step, however few signs there are."""


def unquoted(text: bytes, effort: Effort) -> bytes:
    """Return the bytes that percent signs and two digits stand for.

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
    r"""Return what a string of JSON, JavaScript, C or SQL stands for.

    Of a row of backslashes, each second one belongs to the one before it. Numbers are
    ``\xff``, ``\u00ff``, ``\u{ff}`` and, in eights, ``\377``.

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
"""Signs that are undone one by one: arrays take longer to make than so few signs."""

_PERCENT = re.compile(rb"%[0-9a-fA-F]{2}")
_ESCAPE = re.compile(
    rb"\\(?:u00([0-9a-fA-F]{2})|u\{0*([0-9a-fA-F]{1,2})\}|x([0-9a-fA-F]{2})"
    rb"|([0-3][0-7]{2}|[0-7]{1,2})|([/nrtfb\"'\\]))"
)
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"f": b"\f", b"b": b"\b"}


def _unquoted(found: re.Match[bytes]) -> bytes:
    """Return the byte that a percent sign and two digits stand for."""
    return bytes((int(found[0][1:], 16),))


def _unescaped(found: re.Match[bytes]) -> bytes:
    """Return the byte that an escape stands for."""
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
    """Return where numbers in eights of one to three digits stand, and their values."""
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
"""Of all bytes, half can be signs of one kind; each takes thirty bytes of memory."""


def _places(flags: NDArray[np.bool_]) -> _Places:
    """Return where flags are set; no text here is longer than 2 GiB."""
    return np.flatnonzero(flags).astype(np.int32)


def _padded(text: bytes) -> _Bytes:
    """Return a text as an array, with room for what its last byte may begin."""
    return np.frombuffer(text + bytes(_LONGEST_ESCAPE), dtype=np.uint8).copy()


def _digits(data: _Bytes, at: _Places) -> NDArray[np.int16]:
    """Return what pairs of digits stand for; -1 where they are none."""
    high, low = _DIGITS[data[at]], _DIGITS[data[at + 1]]
    value = high.astype(np.int16) << 4 | low
    return np.where((high == _NONE) | (low == _NONE), np.int16(-1), value)


def _replaced(
    data: _Bytes, at: _Places, values: NDArray[np.int16], length: int
) -> bytes:
    """Put values in the place of so many bytes each, except for negative ones."""
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
    """Write values, and mark the bytes behind each of which they take the place."""
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
    """Return the characters that references of HTML stand for, as Latin-1.

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
    """Return the character of a reference, or the reference if it is none of ours."""
    number = _ZEROS.sub(rb"\1", reference)  # of which there may be any number
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
"""Layers by their signs, what is undone or may be, and how."""

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
"""By their sign, what is in every text that has one for ``wrapped``: the same without
looks around."""
