"""Turn ``[[routes]]`` and ``[origins.NAME]`` into routes.

A key of ``limits`` or ``policy`` that a route does not set is as in the table of the
same name at the top of the file. A route that no request can reach is a mistake, as an
unknown key is: the requests that it was written for would be treated otherwise.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from uploadfilter.config import schema
from uploadfilter.config.lines import Key
from uploadfilter.config.sources import dotted
from uploadfilter.config.values import ValueReader, shown_value
from uploadfilter.contents.kinds.families import FileFamily
from uploadfilter.decisions.policy import Policy
from uploadfilter.decisions.presets import PRESETS
from uploadfilter.model import Mode, Preset
from uploadfilter.rejections import REJECT_STATUSES
from uploadfilter.state import INSTANCE_NAME
from uploadfilter.uploads.head.websockets import WebSockets
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.routing.readings import is_plain
from uploadfilter.web.routing.routes import (
    DEFAULT_ROUTE,
    Route,
    UploadProtocol,
    is_host_pattern,
)

_METHOD = re.compile(r"[A-Z][A-Z0-9-]{0,31}")
_URL: Final = ("http:", "https:", "unix:")
_NAME_HINT: Final = "Use lower-case letters, digits and hyphens, at most 64."
_MODE_HINT: Final = 'Use "monitor" (record only) or "enforce" (reject as well).'


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The values for keys that a route does not set.

    Attributes:
        origin: Whether the top of the file names an origin.
    """

    origin: bool
    mode: Mode
    reject_status: int
    limits: UploadLimits
    policy: Policy


def read_mode(reader: ValueReader, text: str, key: Key) -> Mode | None:
    """Read a mode; ``None`` if there is no such mode."""
    try:
        return Mode(text.upper())
    except ValueError:
        reader.complaints.add(
            key,
            f"{dotted(key)} = {shown_value(text, key)} is not a mode",
            hint=_MODE_HINT,
        )
        return None


def read_reject_status(reader: ValueReader, status: int, key: Key) -> int | None:
    """Read the status of a rejection; ``None`` if it says something else."""
    if status in REJECT_STATUSES:
        return status
    known = ", ".join(map(str, sorted(REJECT_STATUSES)))
    reader.complaints.add(
        key,
        f"{dotted(key)} = {shown_value(status, key)} is not a status of a rejection",
        hint=f"Write one of {known}.",
    )
    return None


MOST_ROUTES: Final = 1000
"""Most routes. A request checks the routes one by one, 2 to 3 microseconds each; a
check of all pairs of routes takes half a second."""


def read_origins(reader: ValueReader, tables: object) -> dict[str, OriginSettings]:
    """Read ``[origins.NAME]``."""
    key = (schema.ORIGINS,)
    if not isinstance(tables, dict):
        reader.not_a_table(tables, key)
        return {}
    found: dict[str, OriginSettings] = {}
    for name, table in tables.items():
        where = (*key, name)
        if not _is_name(name):
            text = f"{name!r} cannot be the name of an origin"
            reader.complaints.add(where, text, hint=_NAME_HINT)
            continue
        origin = read_origin(reader, table, where)
        if origin is not None:
            found[name] = origin
    return found


def read_origin(reader: ValueReader, table: object, key: Key) -> OriginSettings | None:
    """Read one origin."""
    if isinstance(table, dict) and "url" not in table:
        reader.complaints.add(
            key, f"{dotted(key)}.url is missing", hint='Name it: url = "http://HOST".'
        )
    return reader.table(OriginSettings, table, key)


def read_routes(
    reader: ValueReader,
    tables: object,
    *,
    common: Common,
    origins: dict[str, OriginSettings],
) -> tuple[Route, ...]:
    """Read ``[[routes]]``, in order.

    Args:
        reader: Reads values.
        tables: The tables of the file.
        common: The values for keys that a route does not set.
        origins: The named origins; the function adds those that routes name by URL.
    """
    if not isinstance(tables, list):
        reader.complaints.add(
            (schema.ROUTES,),
            f"routes = {shown_value(tables, ())} is not a list of tables",
            hint="Write [[routes]] on a line of its own, once for each route.",
        )
        return ()
    if len(tables) > MOST_ROUTES:
        reader.complaints.add(
            (schema.ROUTES, MOST_ROUTES),
            f"there are {len(tables)} routes, and at most {MOST_ROUTES} are looked at",
            hint="Let one route have several hosts, or run another instance.",
        )
    reading = _Routes(reader, common, origins)
    for index, table in enumerate(tables[:MOST_ROUTES]):
        reading.add(table, (schema.ROUTES, index))
    return tuple(route for _, route in reading.found)


class _Routes:
    """Reads the routes one by one, and compares each with the earlier ones."""

    def __init__(
        self, reader: ValueReader, common: Common, origins: dict[str, OriginSettings]
    ) -> None:
        self.found: list[tuple[Key, Route]] = []
        self._reader = reader
        self._complain = reader.complaints.add
        self._common = common
        self._origins = origins

    def add(self, table: object, key: Key) -> None:
        """Read one route."""
        if not isinstance(table, dict):
            self._reader.not_a_table(table, key)
            return
        self._reader.refuse_unknown(table, {*schema.ROUTE, *schema.ROUTE_TABLES}, key)
        plain = {name: item for name, item in table.items() if name in schema.ROUTE}
        values = self._reader.values(plain, schema.ROUTE, key)
        route = Route(
            name=self._name(values, key, is_given="name" in table),
            origin=self._origin(values, key, is_given="origin" in table),
            hosts=self._hosts(values, key),
            path=self._path(values, key),
            methods=self._methods(values, key),
            mode=self._mode(values, key),
            reject_status=self._reject_status(values, key),
            exempt=values.get("exempt", False),
            websockets=values.get("websockets", WebSockets.REFUSE),
            protocol=self._protocol(values, key),
            limits=self._limits(table, key),
            policy=self._policy(table, key),
            accept=self._accept(values, key),
        )
        self._refuse_shadowed(route, key)
        self.found.append((key, route))

    def _name(self, values: Mapping[str, Any], key: Key, *, is_given: bool) -> str:
        name: str = values.get("name", "")
        where = (*key, "name")
        if not is_given:
            self._complain(key, f"{dotted(key)} has no name", hint='Add name = "...".')
        elif "name" in values and not _is_name(name):
            text = (
                f"{dotted(where)} = {shown_value(name, where)} cannot be the name "
                "of a route"
            )
            self._complain(
                where, text, hint=f"{_NAME_HINT} {DEFAULT_ROUTE!r} is taken."
            )
        elif name and any(name == known.name for _, known in self.found):
            text = (
                f"{dotted(where)} = {shown_value(name, where)} is already the name "
                "of a route"
            )
            self._complain(where, text, hint="Give each route a name of its own.")
        return name

    def _origin(self, values: Mapping[str, Any], key: Key, *, is_given: bool) -> str:
        where = (*key, "origin")
        if not is_given:
            if not self._common.origin:
                text = f"{dotted(key)} has no origin, and neither has the file"
                self._complain(key, text, hint='Add origin = "NAME" or "URL" to it.')
            return DEFAULT_ROUTE
        name: str = values.get("origin", DEFAULT_ROUTE)
        if name.startswith(_URL):
            origin = self._reader.table(OriginSettings, {"url": name}, where)
            if origin is not None:
                self._origins[name] = origin
        elif "origin" in values and name not in self._origins:
            self._complain(
                where,
                f"{dotted(where)} = {shown_value(name, where)} is not an origin",
                hint=self._known_origins(),
            )
        return name

    def _known_origins(self) -> str:
        names = ", ".join(name for name in self._origins if not name.startswith(_URL))
        known = f"Known origins: {names}. " if names else ""
        return f"{known}Write a URL, or the NAME of a table [origins.NAME]."

    def _hosts(self, values: Mapping[str, Any], key: Key) -> tuple[str, ...]:
        given = values.get("host", ())
        hosts = (given,) if isinstance(given, str) else given
        where = (*key, "host")
        if "host" in values and not hosts:
            self._complain(
                where, f"{dotted(where)} is empty", hint="Leave it out for any host."
            )
        for host in hosts:
            if not is_host_pattern(host.lower()):
                self._complain(
                    where,
                    f"{dotted(where)} = {shown_value(host, where)} is not a host",
                    hint='Write "photos.example.org", or "*.example.org" for all '
                    "hosts below it; without a port, and in ASCII (xn--...).",
                )
        return tuple(host.lower() for host in hosts)

    def _path(self, values: Mapping[str, Any], key: Key) -> str:
        path: str = values.get("path", "/")
        where = (*key, "path")
        text = f"{dotted(where)} = {shown_value(path, where)}"
        if not path.startswith("/"):
            self._complain(
                where,
                f"{text} does not begin with /",
                hint='Write "/upload". A path is a prefix, compared byte by byte.',
            )
        elif not is_plain(path):
            self._complain(
                where,
                f"{text} is not a plain path",
                hint="A prefix has no query, no escapes (%), no //, . or .. and no ; "
                "or backslash: name a shorter one.",
            )
        return path

    def _methods(self, values: Mapping[str, Any], key: Key) -> frozenset[str]:
        methods: tuple[str, ...] = values.get("methods", ())
        where = (*key, "methods")
        if "methods" in values and not methods:
            self._complain(
                where, f"{dotted(where)} is empty", hint="Leave it out for any method."
            )
        for method in methods:
            if not _METHOD.fullmatch(method):
                text = f"{dotted(where)} = {shown_value(method, where)} is not a method"
                known = _METHOD.fullmatch(method.upper())
                hint = f"Did you mean {method.upper()!r}?" if known else "Write PUT."
                self._complain(where, text, hint=f"{hint} Methods are in capitals.")
        return frozenset(methods)

    def _mode(self, values: Mapping[str, Any], key: Key) -> Mode:
        if "mode" not in values:
            return self._common.mode
        mode = read_mode(self._reader, values["mode"], (*key, "mode"))
        return mode or self._common.mode

    def _reject_status(self, values: Mapping[str, Any], key: Key) -> int:
        if "reject_status" not in values:
            return self._common.reject_status
        where = (*key, "reject_status")
        status = read_reject_status(self._reader, values["reject_status"], where)
        return status or self._common.reject_status

    def _protocol(self, values: Mapping[str, Any], key: Key) -> UploadProtocol | None:
        """Read a protocol; its requests have methods that a route may not leave out."""
        protocol: UploadProtocol | None = values.get("protocol")
        where = (*key, "protocol")
        if protocol is not None and values.get("methods"):
            self._complain(
                where,
                f"{dotted(where)} = {shown_value(protocol, where)} beside methods",
                hint="Remove methods: a protocol needs all of its own.",
            )
        if protocol is not None and values.get("exempt"):
            self._complain(
                where,
                f"{dotted(where)} = {shown_value(protocol, where)} beside exempt",
                hint="Remove one of them: uploads of an exempt route are not held.",
            )
        return protocol

    def _accept(self, values: Mapping[str, Any], key: Key) -> frozenset[FileFamily]:
        """Read what a route takes: its uploads have to be looked at."""
        given: tuple[FileFamily, ...] = values.get("accept", tuple(FileFamily))
        where = (*key, "accept")
        text = f"{dotted(where)} = {shown_value([*map(str, given)], where)}"
        if not given:
            hint = "Leave it out for everything."
            self._complain(where, f"{dotted(where)} is empty", hint=hint)
        passes = values.get("websockets") is WebSockets.PASS
        unseen = "exempt" if values.get("exempt") else "websockets" if passes else ""
        if unseen and "accept" in values:
            hint = "Remove one of them, or give each a route of its own: nobody looks "
            self._complain(
                where,
                f"{text} beside {unseen}",
                hint=f"{hint}at what such a route passes on.",
            )
        return frozenset(given)

    def _limits(self, table: Mapping[str, object], key: Key) -> UploadLimits:
        base, own = self._common.limits, table.get("limits", {})
        return (
            self._reader.table(UploadLimits, own, (*key, "limits"), base=base) or base
        )

    def _policy(self, table: Mapping[str, object], key: Key) -> Policy:
        base, own = self._common.policy, table.get(schema.POLICY, {})
        place = (*key, schema.POLICY)
        policy = read_policy(self._reader, own, place, base=base) or base
        # Categories are overridden one by one, as all keys are.
        return replace(policy, categories={**base.categories, **policy.categories})

    def _refuse_shadowed(self, route: Route, key: Key) -> None:
        """Refuse a route that no request can reach because an earlier one takes all."""
        for _, earlier in self.found:
            if earlier.covers(route):
                self._complain(
                    key,
                    f"no request can reach {dotted(key)} ({route.name!r}): "
                    f"{earlier.name!r} before it takes all of them",
                    hint=f"Move it before {earlier.name!r}, or remove it.",
                )
                return


def read_policy(
    reader: ValueReader, table: object, key: Key, *, base: Policy | None = None
) -> Policy | None:
    """Read a policy: keys of the table override its preset, which overrides the base.

    Args:
        reader: Converts values, and collects the mistakes.
        table: The table of the file.
        key: The key of the table.
        base: The policy without key and preset; ``None`` for the defaults.

    Returns:
        ``None`` if a value is invalid; the mistake is then noted.
    """
    preset = table.get(schema.PRESET) if isinstance(table, dict) else None
    if isinstance(preset, str) and preset in set(Preset):
        base = PRESETS[Preset(preset)]
    return reader.table(Policy, table, key, base=base)


def _is_name(name: str) -> bool:
    return name != DEFAULT_ROUTE and INSTANCE_NAME.fullmatch(name) is not None


def all_origins(
    origin: OriginSettings | None, origins: Mapping[str, OriginSettings], routes: object
) -> Iterator[tuple[Key, OriginSettings]]:
    """Yield every origin with the key that gave it.

    Args:
        origin: The origin at the top of the file.
        origins: The other origins, by name or URL.
        routes: The tables of routes, which may hold URLs.
    """
    if origin is not None:
        yield (schema.ORIGIN, "url"), origin
    places: dict[object, Key] = {}
    for index, table in enumerate(routes if isinstance(routes, list) else ()):
        url = table.get("origin") if isinstance(table, dict) else None
        if isinstance(url, str):
            places.setdefault(url, (schema.ROUTES, index, "origin"))
    for name, item in origins.items():
        own = (schema.ORIGINS, name, "url")
        yield places.get(name, own) if name.startswith(_URL) else own, item


def unused_origins(routes: Sequence[Route], origins: Iterable[str]) -> Iterator[str]:
    """Yield the names of origins that no route names."""
    used = {route.origin for route in routes}
    return (name for name in origins if name not in used)
