"""Read values of a PDF document that may have another type than expected.

Source:
    ISO 32000-2:2020, 7.3 "Objects", 8.9.7 "Inline images".
"""

from decimal import Decimal
from typing import Final

import pikepdf

QPDF_ERRORS: Final = (pikepdf.PikepdfError, UnicodeDecodeError)
"""The exceptions of pikepdf for a damaged document: its own errors, and the error of
decoding bytes that a message would quote and that are not text."""

_MOST_NUMBER: Final = 2**31 - 1

_KEYS: Final = {
    "/Width": "/W",
    "/Height": "/H",
    "/BitsPerComponent": "/BPC",
    "/ColorSpace": "/CS",
    "/Decode": "/D",
    "/DecodeParms": "/DP",
    "/Filter": "/F",
    "/ImageMask": "/IM",
}
"""The short names of keys in an inline image."""


def value_of(dictionary: object, key: str) -> object:
    """Return the value of a key or of its short name; ``None`` if there is none."""
    if not isinstance(dictionary, pikepdf.Dictionary | pikepdf.Stream):
        return None
    value = dictionary.get(key)
    return dictionary.get(_KEYS[key]) if value is None and key in _KEYS else value


def text_of(value: object) -> str:
    """Return a name, with its slash, or a string; empty for anything else."""
    if not isinstance(value, pikepdf.Name | pikepdf.String):
        return ""
    try:
        return str(value)
    except UnicodeDecodeError:  # a name may be any bytes, and a byte order mark wrong
        return bytes(value).decode("utf-8", "replace")


def items_of(value: object) -> list[object]:
    """Return the items of an array; one item for another value, none for ``None``."""
    if value is None:
        return []
    return list(value) if isinstance(value, pikepdf.Array) else [value]


def whole(value: object) -> int:
    """Return a number as an integer of 32 bits; 0 for anything else."""
    if not isinstance(value, int | Decimal):
        return 0
    return max(-_MOST_NUMBER, min(_MOST_NUMBER, int(value)))


def numbers_of(parameters: object) -> dict[str, int]:
    """Return the numbers and booleans of a dictionary."""
    if not isinstance(parameters, pikepdf.Dictionary):
        return {}
    # Keys are not looked up one by one: a key that is not text cannot be.
    entries: list[tuple[str, object]] = list(parameters.items())
    return {
        key: whole(value) for key, value in entries if isinstance(value, int | Decimal)
    }


def reals(value: object) -> list[float]:
    """Return the numbers of an array, or a single number; up to ``_MOST_REALS``.

    Returns:
        An empty list if one item is not a number, or if there are too many.
    """
    items = items_of(value)
    if len(items) > _MOST_REALS:
        return []
    numbers = [float(item) for item in items if isinstance(item, int | float | Decimal)]
    return numbers if len(numbers) == len(items) else []


_MOST_REALS: Final = 1000
