"""Undo the layers in which a text is written: percent signs, escapes, references.

Rules this module keeps: linear time whatever the bytes, a few nanoseconds for each. A
flood of percent signs or backslashes is undone in one pass over arrays; references,
whose names only a table knows, are counted before and looked up once each.

To add a layer: a step in ``unwrapped``.
"""

import html
import re

import numpy as np
from numpy.typing import NDArray

from uploadfilter.contents.effort import Effort

_Bytes = NDArray[np.uint8]
_Places = NDArray[np.int32]

_MOST_LAYERS = 3
"""Times that layers are undone: a data URI in an attribute in a JSON string in a form
has one of each kind, and two of percent signs."""

_NONE = 0xFF


def _table(values: dict[int, int]) -> _Bytes:
    """Return a table of bytes in which the others are ``_NONE``."""
    table = np.full(256, _NONE, dtype=np.uint8)
    table[list(values)] = list(values.values())
    return table


_DIGITS = _table({ord(digit): int(digit, 16) for digit in "0123456789abcdefABCDEF"})
_LETTERS = _table(
    {
        **{byte: byte for byte in b"/\"'\\"},
        **dict(zip(b"nrtfb", b"\n\r\t\f\b", strict=True)),
    }
)


def unwrapped(text: bytes, effort: Effort) -> bytes:
    """Undo every layer, up to ``_MOST_LAYERS`` times.

    Args:
        text: Any bytes.
        effort: What it may cost.

    Raises:
        SpentError: It would cost more.
    """
    for _ in range(_MOST_LAYERS):
        before = text
        text = unreferenced(text, effort)
        text = unstyled(text, effort)
        text = unescaped(text, effort)
        text = unquoted(text, effort)
        if text == before:
            break
    return text


def unquoted(text: bytes, effort: Effort) -> bytes:
    """Return the bytes that percent signs and two digits stand for.

    Raises:
        SpentError: It would cost more.
    """
    if b"%" not in text:
        return text
    effort.take(text.count(b"%") // _SIGNS_PER_STEP)
    data = _padded(text)
    at = _places(data[: len(text)] == ord("%"))
    return _replaced(data, at, _digits(data, at + 1), 3)


def unescaped(text: bytes, effort: Effort) -> bytes:
    r"""Return what a string of JSON or JavaScript stands for.

    Of a row of backslashes, each second one belongs to the one before it.

    Raises:
        SpentError: It would cost more.
    """
    if b"\\" not in text:
        return text
    effort.take(text.count(b"\\") // _SIGNS_PER_STEP)
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
    for places, values, length in (
        (at, _LETTERS[following], 2),
        (codes, _digits(data, codes + 2), 4),
        (longer, _digits(data, longer + 4), 6),
    ):
        _replace(data, kept, places, values, length)
    kept[len(text) :] = False
    return data[kept].tobytes()


_STYLED = re.compile(
    rb"\\(?:0000([2-7][0-9a-fA-F])|0{0,3}([2-7][0-9a-fA-F])(?![0-9a-fA-F]))[ \t\r\n\f]?"
    rb"|\\\r?\n"
)
"""A printable character by its number, which a space may end; or a broken line."""


def unstyled(text: bytes, effort: Effort) -> bytes:
    r"""Return what a string of a style sheet stands for.

    What no printable character of ASCII stands for is left alone: so nothing is taken
    from the strings of JSON, in which ``\\b`` is no eleven.

    Raises:
        SpentError: It would cost more.

    Source:
        CSS Syntax Module Level 3, 4.3.7.
    """
    if b"\\" not in text:
        return text
    effort.take(text.count(b"\\") // _REFERENCES_PER_STEP)
    return _STYLED.sub(_styled, text)


def _styled(match: re.Match[bytes]) -> bytes:
    digits = match[1] or match[2]
    return bytes((int(digits, 16),)) if digits else b""


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
        effort: What it may cost.

    Raises:
        SpentError: It would cost more.
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
