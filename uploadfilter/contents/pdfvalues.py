"""Read values of a PDF document, which may be of any type where one is expected.

Source:
    ISO 32000-2:2020, 7.3 "Objects", 8.9.7 "Inline images".
"""

from decimal import Decimal
from typing import Final

import pikepdf

QPDF_ERRORS: Final = (pikepdf.PikepdfError, UnicodeDecodeError)
"""What pikepdf raises where a document is damaged: errors of its own, and, where the
message of one would quote bytes that are no text, what decoding them raises."""

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
"""What keys are shortened to in a picture that stands in a content stream."""


def value_of(dictionary: object, key: str) -> object:
    """Return a value, whether its key is written in full or not; or nothing."""
    if not isinstance(dictionary, pikepdf.Dictionary | pikepdf.Stream):
        return None
    value = dictionary.get(key)
    return dictionary.get(_KEYS[key]) if value is None and key in _KEYS else value


def text_of(value: object) -> str:
    """Return a name, with its slash, or a string; of anything else, nothing."""
    if not isinstance(value, pikepdf.Name | pikepdf.String):
        return ""
    try:
        return str(value)
    except UnicodeDecodeError:  # a name may be any bytes, and a string's mark may lie
        return bytes(value).decode("utf-8", "replace")


def items_of(value: object) -> list[object]:
    """Return the items of an array, or the one that is none; of nothing, none."""
    if value is None:
        return []
    return list(value) if isinstance(value, pikepdf.Array) else [value]


def whole(value: object) -> int:
    """Return a number as a whole one, in 32 bits; 0 for anything else."""
    if not isinstance(value, int | Decimal):
        return 0
    return max(-_MOST_NUMBER, min(_MOST_NUMBER, int(value)))


def numbers_of(parameters: object) -> dict[str, int]:
    """Return the numbers and truths of a dictionary."""
    if not isinstance(parameters, pikepdf.Dictionary):
        return {}
    # Not asked for one by one: a key that is no text cannot be asked for.
    entries: list[tuple[str, object]] = list(parameters.items())
    return {
        key: whole(value) for key, value in entries if isinstance(value, int | Decimal)
    }


def reals(value: object) -> list[float]:
    """Return the numbers of an array, or the one that is none; up to ``_MOST_REALS``.

    Returns:
        None, if one of them is no number, or they are too many.
    """
    items = items_of(value)
    if len(items) > _MOST_REALS:
        return []
    numbers = [float(item) for item in items if isinstance(item, int | float | Decimal)]
    return numbers if len(numbers) == len(items) else []


_MOST_REALS: Final = 1000
