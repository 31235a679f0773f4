"""What rows and records of others have in common on their way to JSON lines.

An item is the JSON object of our own format (``jsonlines.py``) that says what a row or
a record says. It may lack an id, which is made of one of its signals, and a category,
which is the one that the operator names.
"""

from binascii import unhexlify
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from uploadfilter.errors import UsageError
from uploadfilter.hashsets.degenerate import problem_of
from uploadfilter.hashsets.writings import hex_of
from uploadfilter.model import SignalType

IdOf: TypeAlias = Callable[[SignalType, bytes], str]
"""Returns the id of an entry that has none of its own, from one of its signals."""

Item: TypeAlias = dict[str, Any]

UNNAMED_CATEGORY: Final = "unnamed"
"""What every entry gets for who only looks, where the file holds no categories."""

FLAGS: Final[Mapping[str, bool]] = MappingProxyType(
    dict.fromkeys(("true", "yes", "y", "1"), True)
    | dict.fromkeys(("false", "no", "n", "0", ""), False)
)
"""Texts that stand for a flag, in small letters."""

_ID_TYPES: Final = (
    SignalType.SHA256,
    SignalType.SHA1,
    SignalType.MD5,
    *(kind for kind in SignalType if not kind.is_exact),
)
"""The signal that gives the id: the first of these that an item has."""

_ID_FIELDS: Final = tuple((kind.value, kind) for kind in _ID_TYPES)

_NO_ID: Final = "?"
"""Stands in an item that will be refused for its signals."""


def any_id(_signal_type: SignalType, _value: bytes) -> str:
    """Return an id for who only looks: without the secret there are no others."""
    return "auto"


def common_category(categories: frozenset[str] | None, *, what: str, hint: str) -> str:
    """Return the category of every entry of a file that holds none.

    Args:
        categories: Those that are allowed; ``None``: all are, for who only looks.
        what: What holds no categories, for the message.
        hint: What to do, if that is not said yet.

    Raises:
        UsageError: There is not exactly one.
    """
    if categories is None:
        return UNNAMED_CATEGORY
    if len(categories) != 1:
        raise UsageError(
            f"{what} holds categories, but {len(categories)} were given", hint=hint
        )
    return next(iter(categories))


def flag_of(value: object) -> bool | None:
    """Return a flag, which may be a text or a number; ``None`` if it is no flag.

    What is absent is false.
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
