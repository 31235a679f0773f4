"""Convert the values of a TOML document to the types of the rooms' settings.

Rules this module keeps: an invalid value is noted and left out, so that the next
mistake is found in the same run; no value is shown that could be a secret.
"""

import math
import re
import typing
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from uploadfilter.config import schema
from uploadfilter.config.lines import Key
from uploadfilter.config.meanings import FORMER_CHOICES, meant
from uploadfilter.config.references import Credentials, UnusableReferenceError
from uploadfilter.config.schema import Wanted
from uploadfilter.config.sources import Complaints, dotted

_T = TypeVar("_T")

SEE_DOCS: Final = (
    "docs/operating/keys.md lists every key with its type, range and default."
)

_UNITS: Final = {
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KIB": 1024,
    "MIB": 1024**2,
    "GIB": 1024**3,
}
_SIZE = re.compile(r"([0-9]{1,15})\s*([A-Za-z]+)")
_A_SIZE: Final = 'a whole number without quotes, or a size such as "20 MiB"'
_SIZES: Final = ("_bytes", "address_space")
"""Suffixes of the keys that are numbers of bytes, and so may have a unit."""
_LARGEST: Final = 2**63 - 1
"""Largest limit: code that counts with it may use 64-bit integers."""

_USER = re.compile(r"^(.*?//)?.*@", re.DOTALL)
_SECRET_WORDS = re.compile(r"password|passwd|secret|token|private", re.IGNORECASE)
_LONGEST_SHOWN: Final = 80
_WRITTEN: Final[Mapping[Wanted, str]] = {
    bool: "true or false",
    int: "a whole number without quotes",
    float: "a number without quotes",
    str: "a text in quotes",
    str | tuple[str, ...]: "a text in quotes, or a list of texts in brackets",
}
_MAPPINGS: Final[Collection[object]] = (Mapping,)


class ValueReader:
    """Converts values, and collects the mistakes."""

    def __init__(self, complaints: Complaints, credentials: Credentials) -> None:
        self.complaints = complaints
        self.references: dict[Key, Mapping[str, object]] = {}
        self._credentials = credentials

    def table(
        self, room: type[_T], table: object, key: Key, *, base: _T | None = None
    ) -> _T | None:
        """Make a room's settings from one table of the file.

        Args:
            room: The settings.
            table: The table of the file.
            key: The key of the table.
            base: Settings for the keys that the table does not name; ``None`` for the
                defaults of the room.

        Returns:
            ``None`` if a value is invalid; the mistake is then noted.
        """
        wanted = schema.fields_of(room)
        values = self.values(table, wanted, key)
        return self._made(room, values, key, base)

    def values(
        self, table: object, wanted: Mapping[str, Wanted], key: Key
    ) -> dict[str, Any]:
        """Return the valid values of a table."""
        if not isinstance(table, dict):
            self.not_a_table(table, key)
            return {}
        self.refuse_unknown(table, wanted, key)
        found = {
            name: self.value(value, wanted[name], (*key, name))
            for name, value in table.items()
            if name in wanted
        }
        return {name: value for name, value in found.items() if value is not None}

    def _made(
        self, room: type[_T], values: dict[str, Any], key: Key, base: _T | None
    ) -> _T | None:
        base_values = {} if base is None else _values_of(base)
        required = frozenset() if base is not None else schema.required_of(room)
        while not required - values.keys():
            try:
                return room(**(base_values | values))
            except ValueError as exc:
                concerned = self._concerned(values, str(exc), key)
                for name in concerned:
                    del values[name]
                if not concerned:
                    return None
        return None

    def _concerned(
        self, values: Mapping[str, Any], complaint: str, key: Key
    ) -> list[str]:
        """Note the mistake that a room found; return the keys that it concerns."""
        named = [
            name
            for name in values
            if len(values) == 1 or re.search(rf"\b{re.escape(name)}\b", complaint)
        ] or list(values)
        shown = ", ".join(
            f"{dotted((*key, name))} = {shown_value(values[name], (*key, name))}"
            for name in named
        )
        where = (*key, named[0]) if named else key
        text = f"{shown or f'[{dotted(key)}]'}: {complaint}"
        self.complaints.add(where, text, hint=SEE_DOCS)
        return named

    def not_a_table(self, value: object, key: Key) -> None:
        """Note that a value should be a table."""
        name = dotted(key)
        self.complaints.add(
            key,
            f"{name} = {shown_value(value, key)} is not a table",
            hint=f"Write [{name}] on a line of its own, and its keys below it.",
        )

    def refuse_unknown(
        self, table: Mapping[str, object], known: Collection[str], key: Key
    ) -> None:
        """Note unknown keys, and suggest known ones."""
        for name in table:
            if name not in known:
                self.complaints.add(
                    (*key, name),
                    f"unknown key {dotted((*key, name))!r}",
                    hint=meant(name, known, key),
                )

    def value(self, value: object, wanted: Wanted, key: Key) -> Any:  # noqa: ANN401 - whatever the field is declared as
        """Convert one value to the type of its field; ``None`` if it is invalid."""
        if typing.get_origin(wanted) in _MAPPINGS:
            return self._mapping(value, wanted, key)
        if isinstance(value, dict) and _takes_text(wanted):
            return self._referred(value, key)
        is_size = wanted is int and takes_size(key)
        try:
            return _converted(value, wanted, is_size=is_size)
        except ValueError as exc:
            text = f"{dotted(key)} = {shown_value(value, key)} cannot be used"
            why = str(exc) if isinstance(exc, _UnusableError) else _kind_of(value)
            described = _A_SIZE if is_size else _described(wanted)
            hint = FORMER_CHOICES.get((str(key[-1]), str(value)))
            hint = hint or f"Write {described}. {SEE_DOCS}"
            self.complaints.add(key, f"{text}: {why}", hint=hint)
            return None

    def _mapping(self, value: object, wanted: Wanted, key: Key) -> Any:  # noqa: ANN401 - as above
        if not isinstance(value, dict):
            self.not_a_table(value, key)
            return None
        _, kind = typing.get_args(wanted)
        found = {
            name: self.value(item, kind, (*key, name)) for name, item in value.items()
        }
        return {name: item for name, item in found.items() if item is not None}

    def _referred(self, value: Mapping[str, object], key: Key) -> str | None:
        try:
            text = self._credentials.fetch(value, is_path=key[-1] in schema.PATHS)
        except UnusableReferenceError as exc:
            self.complaints.add(key, f"{dotted(key)}: {exc}", hint=exc.hint)
            return None
        self.references[key] = value
        if key[-1] not in schema.PATHS:
            self.complaints.keep_secret(text)
        return text


def _values_of(settings: object) -> dict[str, Any]:
    names = typing.get_type_hints(type(settings))
    return {name: getattr(settings, name) for name in names}


def takes_size(key: Key) -> bool:
    """Return whether an integer is a number of bytes, which may have a unit."""
    return str(key[-1]).endswith(_SIZES)


class _UnusableError(ValueError):
    """A value has the right type, but is invalid."""


def _kind_of(value: object) -> str:
    # True is also an int for Python.
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        return "it is a list with values that are not texts"
    kinds = {
        bool: "it is true or false",
        int: "it is a whole number",
        float: "it is a number with a point",
        str: "it is a text",
        list: "it is a list",
        dict: "it is a table",
    }
    return kinds.get(type(value), "it is a date or a time")


def shown_value(value: object, key: Key) -> str:
    """Return a value as it was written, without secrets, for an error."""
    if any(_SECRET_WORDS.search(str(part)) for part in key):
        return "..."
    masked = _masked(value)
    # As TOML writes it.
    text = repr(masked).lower() if isinstance(masked, bool) else repr(masked)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _masked(value: object) -> object:
    """Remove the user name and the password from a URL."""
    match value:
        case str():
            return _USER.sub(r"\1...@", value)
        case list() | tuple():
            return [_masked(item) for item in value]
        case dict():
            return {
                key: "..." if _SECRET_WORDS.search(key) else _masked(item)
                for key, item in value.items()
            }
        case _:
            return value


def _takes_text(wanted: Wanted) -> bool:
    return wanted is str or str in typing.get_args(wanted)


def _converted(value: object, wanted: Wanted, *, is_size: bool) -> Any:  # noqa: ANN401 - as above
    """Convert a value.

    Raises:
        ValueError: The value is invalid.
    """
    if is_size and isinstance(value, str):
        value = _size(value)
    if isinstance(value, str) and _is_choice(wanted):
        value = _member(value, wanted)
    if isinstance(value, float) and not math.isfinite(value):
        # TOML has inf and nan; with nan every comparison is false, limits included.
        raise _UnusableError("it is not a finite number")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise _UnusableError("the number is too large")
    return msgspec.convert(value, wanted)


def _is_choice(wanted: Wanted) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, StrEnum)


def _described(wanted: Wanted) -> str:
    choice, *more = typing.get_args(wanted) or (wanted,)
    if _is_choice(choice):
        members = ", ".join(f'"{str(member).lower()}"' for member in choice)
        return f"a list of some of {members}" if more else f"one of {members}"
    return _WRITTEN.get(wanted, "a list of texts in brackets and quotes")


def _member(value: str, wanted: type[StrEnum]) -> str:
    """Accept an enum's value in either case: ``reject`` for ``REJECT``."""
    members = {str(member) for member in wanted}
    for word in (value, value.upper()):
        if word in members:
            return word
    raise _UnusableError("it is not a known value")


def _size(text: str) -> int:
    found = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get((found[2] or "B").upper()) if found else None
    if found is None or unit is None:
        raise _UnusableError(
            "it is a text, but not a size; the units are B, KB, MB, GB, KiB, MiB, GiB"
        )
    return int(found[1]) * unit
