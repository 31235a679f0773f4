r"""Undo the escapes in a text: percent signs, those of JSON, references of HTML.

None of their characters belongs to the alphabets of base64 and hexadecimal, so that
undoing all of them at once loses nothing of an encoded file. Linear time for any bytes.
"""

import html
import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

_Bytes = NDArray[np.uint8]
_Places = NDArray[np.intp]

_NONE: Final = 0xFF
_PADDING: Final = bytes(6)
"""Bytes of the longest escape, so that one may begin at the last byte of a text."""


def _table(values: dict[int, int]) -> _Bytes:
    table = np.full(256, _NONE, dtype=np.uint8)
    table[list(values)] = list(values.values())
    return table


_DIGITS: Final = _table({ord(each): int(each, 16) for each in "0123456789abcdefABCDEF"})
_CHARACTERS: Final = _table(
    {
        **{byte: byte for byte in b"/\"'\\"},
        **dict(zip(b"nrtfb", b"\n\r\t\f\b", strict=True)),
    }
)

_REFERENCE: Final = re.compile(
    rb"(&(?:#0*[0-9]{1,3}(?![0-9])|#[xX]0*[0-9a-fA-F]{1,2}(?![0-9a-fA-F])"
    rb"|[A-Za-z]{2,8});?)"
)


def undo_escapes(text: bytes) -> bytes:
    """Undo one layer of each sort of escapes; all other bytes stay as they are."""
    return undo_references(undo_backslashes(undo_percent_signs(text)))


def undo_percent_signs(text: bytes) -> bytes:
    """Replace each percent sign and its two digits by their byte."""
    if b"%" not in text:
        return text
    data = _pad(text)
    at = np.flatnonzero(data == ord("%"))
    return _replace(data, (_numbers(data, at, 3),))


def undo_backslashes(text: bytes) -> bytes:
    r"""Undo the escapes of a string of JSON or JavaScript.

    In a row of backslashes, each second one belongs to the one before it. Numbers are
    ``\u00ff`` and ``\xff``; characters beyond them are in no encoded file.
    """
    if b"\\" not in text:
        return text
    data = _pad(text)
    at = np.flatnonzero(data == ord("\\"))
    firsts = np.flatnonzero(np.diff(at, prepend=-2) != 1)
    row = np.repeat(firsts, np.diff(firsts, append=len(at)))
    at = at[(np.arange(len(at)) - row) % 2 == 0]
    sign = data[at + 1]
    is_character = _CHARACTERS[sign] != _NONE
    codes, longer = at[sign == ord("x")], at[sign == ord("u")]
    longer = longer[(data[longer + 2] == ord("0")) & (data[longer + 3] == ord("0"))]
    return _replace(
        data,
        (
            (at[is_character], _CHARACTERS[sign[is_character]], 2),
            _numbers(data, codes, 4),
            _numbers(data, longer, 6),
        ),
    )


def undo_references(text: bytes) -> bytes:
    """Replace references of HTML by their characters, as Latin-1."""
    if b"&" not in text:
        return text
    parts = _REFERENCE.split(text)
    if len(parts) == 1:
        return text
    known = {each: _character(each) for each in set(parts[1::2])}
    parts[1::2] = [known[each] for each in parts[1::2]]
    return b"".join(parts)


def _character(reference: bytes) -> bytes:
    """Return the character of a reference, or the reference itself if it is unknown."""
    if reference[1:2] == b"#":
        digits, base = reference[2:].rstrip(b";"), 10
        if digits[:1] in {b"x", b"X"}:
            digits, base = digits[1:], 16
        # There may be any number of zeros before them.
        code = int(digits.lstrip(b"0") or b"0", base)
        # HTML has no such numbers, or reads them as those of a Windows code page.
        if code in _ODD_CODES or code > _LAST_CODE:
            return reference
        return bytes((code,))
    character = html.unescape(reference.decode("ascii"))
    is_ours = max(character, default="") <= "\xff"
    return character.encode("latin-1") if is_ours else reference


_LAST_CODE: Final = 0xFF
_ODD_CODES: Final = frozenset({0, *range(0x80, 0xA0)})


def _pad(text: bytes) -> _Bytes:
    return np.frombuffer(text + _PADDING, dtype=np.uint8).copy()


_Replacement = tuple[_Places, _Bytes, int]
"""Places, the byte for each, and the length of what it replaces."""


def _numbers(data: _Bytes, at: _Places, length: int) -> _Replacement:
    high = _DIGITS[data[at + length - 2]]
    low = _DIGITS[data[at + length - 1]]
    is_number = (high != _NONE) & (low != _NONE)
    return at[is_number], (high << 4 | low)[is_number], length


def _replace(data: _Bytes, replacements: tuple[_Replacement, ...]) -> bytes:
    is_kept = np.ones(len(data), dtype=np.bool_)
    is_kept[len(data) - len(_PADDING) :] = False
    for places, values, length in replacements:
        data[places] = values
        for behind in range(1, length):
            is_kept[places + behind] = False
    return data[is_kept].tobytes()
