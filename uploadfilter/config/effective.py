"""List the settings in force, key by key, as TOML, as JSON, or to find differences.

The TOML can be loaded again, and gives the same settings.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from uploadfilter.config import schema
from uploadfilter.config.lines import Key
from uploadfilter.config.loading import Loaded
from uploadfilter.config.settings import Settings
from uploadfilter.config.sources import dotted
from uploadfilter.contents.kinds.families import FAMILIES
from uploadfilter.decisions.policy import Policy
from uploadfilter.model import Preset
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.routing.routes import DEFAULT_ROUTE, Route

DEFAULT: Final = "default"
_CATEGORIES: Final = "categories"
"""The only key of a policy that no preset sets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One key and its value in force.

    Attributes:
        key: The path of the key; routes are known by their index.
        value: The TOML value: a string, a number, a boolean, a list or a table of them.
        actual: The same, but a reference of the file is replaced by its target.
        source: ``default``, ``line 7``, ``--mode``, the name of a variable, or a preset
            that one of these chose: ``preset strict``.
    """

    key: Key
    value: Any
    actual: Any
    source: str

    @property
    def name(self) -> str:
        """The key as it is written in documentation."""
        return dotted(self.key)


def values_of(loaded: Loaded) -> tuple[Value, ...]:
    """Return every key that has a value, in the order of the documentation."""
    return tuple(_Listing(loaded).all())


def differences(one: Loaded, other: Loaded) -> tuple[str, ...]:
    """Return the keys whose values differ, as ``limits.max_parts``.

    Routes and named origins count as one key each: they are read as a whole.
    """
    before, after = _flat(one), _flat(other)
    return tuple(
        key for key in {**before, **after} if before.get(key) != after.get(key)
    )


def is_live(key: str) -> bool:
    """Return whether a key, as ``differences`` returns it, is live."""
    return schema.is_live(tuple(key.split(".")))


def _flat(loaded: Loaded) -> dict[str, object]:
    found: dict[str, object] = {}
    for item in values_of(loaded):
        if item.key[0] in {schema.ROUTES, schema.ORIGINS}:
            whole = found.setdefault(str(item.key[0]), {})
            if isinstance(whole, dict):
                whole[item.key] = item.actual
        else:
            found[".".join(map(str, item.key))] = item.actual
    return found


class _Listing:
    """Lists the values of one configuration."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._settings = loaded.settings

    def all(self) -> Iterator[Value]:
        for name in schema.PLAIN:
            yield from self._plain(name)
        for table in schema.TABLES:
            room = _room(self._settings, table)
            if room is not None:
                yield from self._table(room, (table,))
        for name, origin in self._settings.origins.items():
            if not _is_url(name, origin):
                yield from self._table(origin, (schema.ORIGINS, name))
        for index, route in enumerate(self._settings.routes):
            yield from self._route(route, (schema.ROUTES, index))

    def _value(self, key: Key, value: object) -> Value:
        actual = _written(value)
        return Value(
            key=key,
            value=self._loaded.references.get(key, actual),
            actual=actual,
            source=self._source(key),
        )

    def _source(self, key: Key) -> str:
        """Return the source of a value: its own, or the preset of its table."""
        given = self._loaded.sources.given(key)
        if given is None and key[-2:-1] == (schema.POLICY,):
            preset = (*key[:-1], schema.PRESET)
            if self._loaded.sources.given(preset) and key[-1] != _CATEGORIES:
                return f"{schema.PRESET} {self._preset(key[:-1])}"
        return given or DEFAULT

    def _preset(self, table: Key) -> Preset:
        if table[0] != schema.ROUTES:
            return self._settings.policy.preset
        return self._settings.routes[int(table[1])].policy.preset

    def _plain(self, name: str) -> Iterator[Value]:
        value = self._loaded.plain.get(name, _defaults(self._settings).get(name))
        if value is not None and value != "":
            yield self._value((name,), value)

    def _table(self, room: object, key: Key) -> Iterator[Value]:
        for name in schema.fields_of(type(room)):
            yield self._value((*key, name), getattr(room, name))

    def _route(self, route: Route, key: Key) -> Iterator[Value]:
        yield self._value((*key, "name"), route.name)
        if route.hosts:
            yield self._value((*key, "host"), route.hosts)
        yield self._value((*key, "path"), route.path)
        if route.methods:
            yield self._value((*key, "methods"), sorted(route.methods))
        if route.origin != DEFAULT_ROUTE:
            yield self._value((*key, "origin"), route.origin)
        yield self._value((*key, "mode"), route.mode)
        yield self._value((*key, "reject_status"), route.reject_status)
        yield self._value((*key, "exempt"), route.exempt)
        yield self._value((*key, "websockets"), route.websockets)
        if route.protocol is not None:
            yield self._value((*key, "protocol"), route.protocol)
        if route.accept != FAMILIES:
            yield self._value((*key, "accept"), sorted(route.accept))
        yield from self._own(route.limits, self._settings.limits, (*key, "limits"))
        yield from self._own(route.policy, self._settings.policy, (*key, "policy"))

    def _own(
        self, own: UploadLimits | Policy, common: UploadLimits | Policy, key: Key
    ) -> Iterator[Value]:
        """Yield the keys that a route's table sets, or that differ from the top."""
        for field in fields(own):
            value, place = getattr(own, field.name), (*key, field.name)
            is_given = self._loaded.sources.given(place) is not None
            if is_given or value != getattr(common, field.name):
                yield self._value(place, value)


def _room(settings: Settings, table: str) -> object:
    if table == "budgets":
        return settings.scanner.budgets
    return getattr(settings, table)


def _defaults(settings: Settings) -> Mapping[str, object]:
    return {
        "listen": [str(address) for address in settings.listen],
        "state": str(settings.state),
        "instance": settings.instance,
        "mode": settings.mode,
        "reject_status": settings.reject_status,
        "trusted_proxies": [str(network) for network in settings.trusted_proxies],
        "client_header": settings.client_header,
        "language": settings.wording.default,
    }


def _is_url(name: str, origin: OriginSettings) -> bool:
    """Return whether an origin has no table, and routes name it by its URL."""
    return name == origin.url


def _written(value: object) -> object:
    match value:
        case StrEnum():
            return value.value.lower() if value.value.isupper() else value.value
        case tuple() | list():
            return [_written(item) for item in value]
        case Mapping():
            return {name: _written(item) for name, item in value.items()}
        case _:
            return value


def as_toml(values: Sequence[Value]) -> Iterator[str]:
    """Yield the lines of a file with the same settings, each with its source."""
    table: Key = ()
    for item in values:
        if item.key[:-1] != table:
            yield ""
            yield from _headers(table, item.key[:-1])
            table = item.key[:-1]
        yield f"{_name(str(item.key[-1]))} = {_toml(item.value)}  # {item.source}"


def _headers(before: Key, table: Key) -> Iterator[str]:
    if table[0] != schema.ROUTES:
        yield f"[{'.'.join(_name(str(part)) for part in table)}]"
        return
    if table[:2] != before[:2]:
        yield "[[routes]]"
    if len(table) > 2:  # noqa: PLR2004 - routes, the index, and what is below
        yield f"[{'.'.join((schema.ROUTES, *map(str, table[2:])))}]"


def _name(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else _toml(name)


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            # TOML reads JSON's escapes, except DEL and lone surrogates.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case Mapping():
            pairs = [f"{_name(name)} = {_toml(item)}" for name, item in value.items()]
            return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
        case _:
            return repr(value)
