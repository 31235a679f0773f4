"""Read the configuration; options override variables, which override the file."""

import dataclasses
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from uploadfilter.config import schema
from uploadfilter.config.circles import is_circle
from uploadfilter.config.lines import Key, lines_of
from uploadfilter.config.plain import PARSERS, WORDING, read_wording
from uploadfilter.config.references import Credentials
from uploadfilter.config.routing import (
    Common,
    all_origins,
    read_origin,
    read_origins,
    read_policy,
    read_routes,
)
from uploadfilter.config.settings import Settings
from uploadfilter.config.sources import Complaints, Sources
from uploadfilter.config.values import ValueReader
from uploadfilter.errors import ConfigError
from uploadfilter.toml import fault_of

_MOST_BYTES: Final = 1024 * 1024
"""Most bytes of a file. Ten thousand routes take half of it; a larger file is not a
configuration, or may be endless."""

_DEEP_NAME = re.compile(
    r"""(?<![\w.-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){40}"""
)
"""A name with more parts than any key or host has. Reading it takes time and memory
with the square of its length: minutes and gigabytes for a file as above."""

_NUL = re.compile(r"\\u0000|\\U00000000")
"""TOML's escapes of the NUL character. No system call accepts it, and each raises
another, unexpected error."""

_SEE: Final = "See docs/operating/settings.md for an example."
_NO_ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A valid configuration, and the sources of its values.

    Attributes:
        plain: Values of the keys at the top of the file, as they were given.
        references: Values that the file only refers to, by their keys.
    """

    settings: Settings
    file: Path | None
    plain: Mapping[str, Any]
    sources: Sources
    references: Mapping[Key, Mapping[str, object]]


def load(
    path: Path | None,
    *,
    overrides: Mapping[str, object],
    default_state: Path,
    environ: Mapping[str, str] = _NO_ENVIRONMENT,
) -> Settings:
    """Read a configuration, as ``read`` does, and return its settings."""
    return read(
        path, overrides=overrides, default_state=default_state, environ=environ
    ).settings


def read(
    path: Path | None,
    *,
    overrides: Mapping[str, object],
    default_state: Path,
    environ: Mapping[str, str] = _NO_ENVIRONMENT,
) -> Loaded:
    """Read a file, and override it by the environment and the command line.

    Args:
        path: TOML file, or ``None`` for none.
        overrides: Values of ``schema.OPTIONS``; ``None`` values are left out.
        default_state: State directory if none is named.
        environ: The environment of the process.

    Returns:
        Checked settings, and their sources.

    Raises:
        ConfigError: The file cannot be read, or keys, values or combinations of them
            are invalid: the error lists all of them, each with its line.
    """
    text = read_text(path) if path else ""
    document, lines = _parsed(text, path)
    _write_out(document, lines)
    others = _put_on_top(document, overrides, environ)
    sources = Sources(file=str(path) if path else None, lines=lines, others=others)
    reader = ValueReader(Complaints(sources), Credentials(environ))
    plain, settings = _Reading(reader, document, default_state).settings()
    reader.complaints.raise_any()
    return Loaded(
        settings=Settings(**settings),
        file=path,
        plain=plain,
        sources=sources,
        references=reader.references,
    )


class _Reading:
    """Converts one document to settings."""

    def __init__(
        self, reader: ValueReader, document: Mapping[str, Any], default_state: Path
    ) -> None:
        self._reader = reader
        self._complain = reader.complaints.add
        self._document = document
        self._default_state = default_state

    def settings(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the plain values as they were given, and the fields of ``Settings``.

        They are valid if no mistake was noted.
        """
        self._reader.refuse_unknown(self._document, schema.TOP, ())
        given = {k: v for k, v in self._document.items() if k in schema.PLAIN}
        plain = self._reader.values(given, schema.PLAIN, ())
        tables = self._tables()
        settings = {**tables, **self._plain(plain, tables)}
        self._add_routes(settings)
        self._refuse_circles(settings)
        return plain, settings

    def _tables(self) -> dict[str, Any]:
        tables: dict[str, Any] = {
            name: self._reader.table(room, self._document.get(name, {}), (name,))
            for name, room in schema.TABLES.items()
            if name not in {schema.ORIGIN, schema.POLICY}
        }
        policy = self._document.get(schema.POLICY, {})
        tables[schema.POLICY] = read_policy(self._reader, policy, (schema.POLICY,))
        tables = {name: table for name, table in tables.items() if table is not None}
        budgets = tables.pop("budgets", None)
        if budgets is not None and "scanner" in tables:
            scanner = dataclasses.replace(tables["scanner"], budgets=budgets)
            tables["scanner"] = scanner
        return tables

    def _plain(
        self, plain: Mapping[str, Any], tables: Mapping[str, Any]
    ) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "state": Path(plain.get("state", self._default_state)),
            "wording": read_wording(self._reader, plain, tables),
        }
        for key in plain.keys() - {"state", *WORDING}:
            parse = PARSERS.get(key)
            settings[key] = parse(self._reader, plain[key]) if parse else plain[key]
        return {key: value for key, value in settings.items() if value is not None}

    def _add_routes(self, settings: dict[str, Any]) -> None:
        document, default = self._document, Settings(state=self._default_state)
        if schema.ORIGIN in document:
            key = (schema.ORIGIN,)
            origin = read_origin(self._reader, document[schema.ORIGIN], key)
            settings[schema.ORIGIN] = origin
        elif schema.ROUTES not in document and not self._is_only_asked():
            self._complain(
                (),
                "no origin is named",
                hint="Name the site behind the proxy: --origin URL, or origin = "
                '"URL" in the configuration file. If applications only ask: --api or '
                "--clamd, without --listen.",
            )
        origins = read_origins(self._reader, document.get(schema.ORIGINS, {}))
        common = Common(
            origin=schema.ORIGIN in document,
            mode=settings.get("mode", default.mode),
            reject_status=settings.get("reject_status", default.reject_status),
            limits=settings.get("limits", default.limits),
            policy=settings.get("policy", default.policy),
        )
        routes = document.get(schema.ROUTES, [])
        settings[schema.ROUTES] = read_routes(
            self._reader, routes, common=common, origins=origins
        )
        settings[schema.ORIGINS] = origins

    def _is_only_asked(self) -> bool:
        """Tell whether there is no proxy, but a door that applications ask."""
        tables = [self._document.get(name) for name in ("api", "clamd")]
        has_door = any(isinstance(it, dict) and it.get("listen") for it in tables)
        return has_door and "listen" not in self._document

    def _refuse_circles(self, settings: Mapping[str, Any]) -> None:
        origins = all_origins(
            settings.get(schema.ORIGIN),
            settings[schema.ORIGINS],
            self._document.get(schema.ROUTES),
        )
        listen = settings.get("listen", Settings(state=self._default_state).listen)
        for key, origin in origins:
            for address in listen:
                if is_circle(origin, address):
                    self._complain(
                        key,
                        f"origin and listen are the same: {address}",
                        hint="Requests would go in a circle: let the proxy listen on "
                        "another port (--listen), and name the site behind it with "
                        "--origin.",
                    )


def read_text(path: Path) -> str:
    """Read a file whole.

    Raises:
        ConfigError: The file cannot be read, or is not a regular text file.
    """
    try:
        # Does not block on a pipe, which could be read only once.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            before = os.fstat(fd)
            is_regular = stat.S_ISREG(before.st_mode)
            data = file.read(_MOST_BYTES + 1) if is_regular else b""
            is_changing = is_regular and _state(os.fstat(fd)) != _state(before)
    except OSError as exc:
        raise ConfigError(
            f"cannot read {str(path)!r}: {exc.strerror}",
            hint="Check the path and that this user may read the file.",
        ) from exc
    if is_changing:
        raise ConfigError(
            f"{path}: the file was changed while it was read",
            hint="Write a new file beside it, and rename the new file.",
        )
    if not is_regular or len(data) > _MOST_BYTES:
        raise ConfigError(
            f"{path}: not a regular file of at most {_MOST_BYTES // 1024} KiB",
            hint="It is read again at each SIGHUP: write the settings into a file.",
        )
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as exc:
        raise ConfigError(
            f"{path}: not UTF-8 at byte {exc.start}", hint="Save the file as UTF-8."
        ) from exc


def _state(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _parsed(text: str, path: Path | None) -> tuple[dict[str, Any], dict[Key, int]]:
    if _DEEP_NAME.search(text):
        raise _too_deep(path)
    if found := _NUL.search(text):
        raise ConfigError(
            f"{path}:{text.count(chr(10), 0, found.start()) + 1}: a text contains a "
            "NUL character",
            hint="No path, address or name can contain it: remove it.",
        )
    try:
        return tomllib.loads(text), lines_of(text)
    except RecursionError as exc:
        raise _too_deep(path) from exc
    except ValueError as exc:
        # TOMLDecodeError, and Python's error for numbers of thousands of digits.
        raise fault_of(text, exc).in_file(path, see=_SEE) from exc


def _too_deep(path: Path | None) -> ConfigError:
    return ConfigError(
        f"{path}: lists or tables are nested too deeply",
        hint="No key is more than four tables deep; is this the right file?",
    )


def _write_out(document: dict[str, Any], lines: dict[Key, int]) -> None:
    """Turn each origin that is only a URL into a table with one key."""
    tables = document.get(schema.ORIGINS)
    places: list[tuple[dict[str, Any], Key]] = [(document, (schema.ORIGIN,))]
    if isinstance(tables, dict):
        places += [(tables, (schema.ORIGINS, name)) for name in tables]
    for table, key in places:
        name = str(key[-1])
        if isinstance(table.get(name), str):
            table[name] = {"url": table[name]}
            lines[*key, "url"] = lines[key]


def _put_on_top(
    document: dict[str, Any],
    overrides: Mapping[str, object],
    environ: Mapping[str, str],
) -> dict[Key, str]:
    """Override the file by variables, then by options; return the sources."""
    others: dict[Key, str] = {}
    for name, key in schema.VARIABLES.items():
        if environ.get(name):
            _put(document, key, _from_variable(environ[name], key))
            others[key] = name
    for name, key in schema.OPTIONS.items():
        if overrides.get(name) is not None:
            _put(document, key, overrides[name])
            others[key] = f"--{name}"
    return others


def _from_variable(text: str, key: Key) -> object:
    if schema.PLAIN.get(str(key[-1])) is str or key[0] == schema.ORIGIN:
        return text
    return [word.strip() for word in text.split(",") if word.strip()]


def _put(document: dict[str, Any], key: Key, value: object) -> None:
    """Set a value of the document; the other keys of its table stay."""
    *tables, name = key
    for table in tables:
        held = document.get(str(table))
        inner = dict(held) if isinstance(held, dict) else {}
        document[str(table)] = inner
        document = inner
    document[str(name)] = value
