"""Share the steps by which rows and foreign records become JSON lines.

An item is the JSON object of our own format (``rows.py``) that is equivalent to a
row or a record. If it lacks an id, the id is made of one of its signals; if it lacks a
category, it gets the one that the operator names.
"""

from binascii import unhexlify
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from uploadfilter.errors import UsageError
from uploadfilter.hashsets.degenerate import problem_of
from uploadfilter.hashsets.tally import UNNAMED_CATEGORY
from uploadfilter.hashsets.writings import hex_of
from uploadfilter.model import SignalType

IdOf: TypeAlias = Callable[[SignalType, bytes], str]
"""Returns the id of an entry that has none of its own, from one of its signals."""

Item: TypeAlias = dict[str, Any]

FLAGS: Final[Mapping[str, bool]] = MappingProxyType(
    dict.fromkeys(("true", "yes", "y", "1"), True)
    | dict.fromkeys(("false", "no", "n", "0", ""), False)
)
"""Texts that mean a boolean, in small letters."""

_ID_TYPES: Final = (
    SignalType.SHA256,
    SignalType.SHA1,
    SignalType.MD5,
    *(kind for kind in SignalType if not kind.is_exact),
)
"""Signal types by preference for the id: the first one that an item has is used."""

_ID_FIELDS: Final = tuple((kind.value, kind) for kind in _ID_TYPES)

_NO_ID: Final = "?"
"""The id of an item that will be refused for its signals."""


def any_id(_signal_type: SignalType, _value: bytes) -> str:
    """Return an id for a survey, which has no secret to make the final one."""
    return "auto"


def common_category(categories: frozenset[str] | None, *, what: str, hint: str) -> str:
    """Return the category of every entry of a file without categories.

    Raises:
        UsageError: Not exactly one category was given.
    """
    if categories is None:
        return UNNAMED_CATEGORY
    if len(categories) != 1:
        raise UsageError(
            f"{what} holds categories, but {len(categories)} were given", hint=hint
        )
    return next(iter(categories))


def flag_of(value: object) -> bool | None:
    """Return a boolean from a text or number; ``None`` if it is not a boolean.

    An absent value is false.
    """
    if value is None:
        return False
    if isinstance(value, bool | int | str):
        return FLAGS.get(str(value).casefold())
    return None


def made_id(item: Mapping[str, Any], id_of: IdOf) -> str:
    """Return an id from the first signal of an item that may be matched."""
    others = item.get("signals", ())
    for name, kind in _ID_FIELDS:
        if name not in item and not others:
            continue
        texts = [item.get(name)]
        texts += [other["value"] for other in others if other["type"] == name]
        for text in texts:
            value = _unhexlified(text, kind)
            if len(value) == kind.width_bytes and problem_of(kind, value) is None:
                return id_of(kind, value)
    return _NO_ID


def _unhexlified(text: object, kind: SignalType) -> bytes:
    try:
        return unhexlify(hex_of(text, kind)) if isinstance(text, str) else b""
    except ValueError:
        return b""
