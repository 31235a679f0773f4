"""Turn the operator's TOML file and command line into the rooms' own settings.

Each room owns its settings as a frozen dataclass with the reason beside each default;
this module only fills them. The file has the same shape as the settings: one table a
room, one key a field::

    origin = "http://127.0.0.1:8081"
    listen = "127.0.0.1:8080"
    mode = "enforce"

    [limits]
    max_body_bytes = "2 GiB"

    [policy]
    not_inspected = "reject"

Rules this module keeps: an unknown key is an error, never ignored; every error names
the key, the value and the cure; sizes may be written with a unit (``"20 MiB"``).

To add a setting, add a field to its room's dataclass. To add a room, add a line to
``TABLES``. ``docs/operating.md`` lists every key, and a test holds it to that.
"""

import dataclasses
import difflib
import ipaddress
import math
import re
import tomllib
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from uploadfilter.decisions.log import LogSettings
from uploadfilter.decisions.policy import Policy
from uploadfilter.errors import ConfigError
from uploadfilter.model import Mode
from uploadfilter.proxy import texts
from uploadfilter.proxy.addresses import Address, TCPAddress, parse_address
from uploadfilter.proxy.limits import ProxyLimits
from uploadfilter.proxy.live import LiveSettings
from uploadfilter.proxy.origin import OriginSettings
from uploadfilter.proxy.routes import DEFAULT_ROUTE, Route, Routes
from uploadfilter.proxy.spool import SpoolLimits
from uploadfilter.proxy.wording import Wording
from uploadfilter.reference.matching import Thresholds
from uploadfilter.scanners.messages import Budgets
from uploadfilter.scanners.settings import ScannerSettings
from uploadfilter.state import DEFAULT_INSTANCE, INSTANCE_NAME
from uploadfilter.uploads.forwarding import ClientHeader, Network
from uploadfilter.uploads.limits import UploadLimits

_T = typing.TypeVar("_T")

_UNITS = {
    "B": 1,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KIB": 1024,
    "MIB": 1024**2,
    "GIB": 1024**3,
}


_LISTEN = TCPAddress(host="127.0.0.1", port=8080)
"""Reached from this machine only, until the operator says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that ``serve`` needs to know.

    Attributes:
        origin: The hosting service behind the proxy.
        state: The state directory.
        listen: Where to listen.
        instance: Name of this proxy among those that share the state directory.
        mode: ``MONITOR`` until the operator has counted, then ``ENFORCE``.
        trusted_proxies: Networks whose word about clients is believed.
        client_header: The header in which they say who the client is.
        wording: What clients are told, and where they can object and report.
        spool_directory: Where bodies over the memory limit are held, unlinked.
        limits: Of bodies and forms.
        proxy: Of connections and time.
        spool: Of what is held.
        thresholds: Largest distances.
        policy: From reason to action.
        scanner: Processes, and the budgets of the table ``[budgets]``.
        log: Size of segments.
    """

    origin: OriginSettings
    state: Path
    listen: tuple[Address, ...] = (_LISTEN,)
    instance: str = DEFAULT_INSTANCE
    mode: Mode = Mode.MONITOR
    trusted_proxies: tuple[Network, ...] = ()
    client_header: ClientHeader = ClientHeader.X_FORWARDED_FOR
    wording: Wording = field(default_factory=texts.load)
    spool_directory: str | None = None
    limits: UploadLimits = field(default_factory=UploadLimits)
    proxy: ProxyLimits = field(default_factory=ProxyLimits)
    spool: SpoolLimits = field(default_factory=SpoolLimits)
    thresholds: Thresholds = field(default_factory=Thresholds)
    policy: Policy = field(default_factory=Policy)
    scanner: ScannerSettings = field(default_factory=ScannerSettings)
    log: LogSettings = field(default_factory=LogSettings)

    @property
    def live(self) -> LiveSettings:
        """What may change while the service runs."""
        default = Route(
            name=DEFAULT_ROUTE,
            origin=DEFAULT_ROUTE,
            mode=self.mode,
            limits=self.limits,
            policy=self.policy,
        )
        return LiveSettings(
            routes=Routes((default,)),
            origins={DEFAULT_ROUTE: self.origin},
            trusted_proxies=self.trusted_proxies,
            client_header=self.client_header,
            thresholds=self.thresholds,
            limits=self.proxy,
            wording=self.wording,
        )


TABLES: Mapping[str, typing.Any] = {
    "origin": OriginSettings,
    "limits": UploadLimits,
    "proxy": ProxyLimits,
    "spool": SpoolLimits,
    "thresholds": Thresholds,
    "policy": Policy,
    "scanner": ScannerSettings,
    "budgets": Budgets,
    "log": LogSettings,
}
"""The tables of the file, and the settings that each of them fills."""

_NOT_CONFIGURED = frozenset({"scanner.budgets", "scanner.module"})
"""Fields that are no keys: budgets have a table of their own, the module is fixed."""

_PLAIN: Mapping[str, typing.Any] = {
    "listen": str | tuple[str, ...],
    "state": str,
    "instance": str,
    "mode": str,
    "trusted_proxies": tuple[str, ...],
    "client_header": ClientHeader,
    "objection": str,
    "report": str,
    "texts": str,
    "language": str,
    "spool_directory": str,
}
_WORDING = frozenset({"objection", "report", "texts", "language"})
"""Keys that make the wording together."""

_SIZE = re.compile(r"(\d+)\s*([A-Za-z]+)?")
_CREDENTIALS = re.compile(r"//[^/@]*@")
_WRITTEN: Mapping[typing.Any, str] = {
    bool: "true or false",
    int: 'a whole number without quotes, or a size such as "20 MiB"',
    float: "a number without quotes",
    str: "a text in quotes",
    str | tuple[str, ...]: "a text in quotes, or a list of texts in brackets",
}
_SCHEME_PORTS = {"http": 80, "https": 443}
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SEE_DOCS = "docs/operating.md lists every key with its type, range and default."


def keys() -> tuple[str, ...]:
    """Return every key that a file may hold, as ``limits.max_parts``."""
    return (
        *_PLAIN,
        *(
            f"{table}.{field.name}"
            for table, room in TABLES.items()
            for field in dataclasses.fields(room)
            if f"{table}.{field.name}" not in _NOT_CONFIGURED
        ),
    )


def load(
    path: Path | None, *, overrides: Mapping[str, object], default_state: Path
) -> Settings:
    """Read a configuration file and put the command line on top of it.

    Args:
        path: TOML file, or ``None`` for none.
        overrides: ``origin``, ``listen``, ``state``, ``instance`` and ``mode`` from the
            command line; ``None`` values are left out.
        default_state: State directory where neither names one.

    Returns:
        Checked settings.

    Raises:
        ConfigError: The file cannot be read, or a key, a value or a combination of
            them cannot be used.
    """
    source = str(path) if path else "the command line"
    document = _document(path) if path else {}
    document |= {key: value for key, value in overrides.items() if value is not None}
    if isinstance(document.get("origin"), str):
        document["origin"] = {"url": document["origin"]}
    _refuse_unknown(document, {*_PLAIN, *TABLES}, source=source, table_name="")
    plain = {
        key: _convert(value, _PLAIN[key], source=source, key=key)
        for key, value in document.items()
        if key in _PLAIN
    }
    if "origin" not in document:
        raise ConfigError(
            f"{source}: no origin is named",
            hint='Name what is behind the proxy: --origin URL, or origin = "URL".',
        )
    tables = {
        key: _fill(room, document.get(key, {}), source=source, table_name=key)
        for key, room in TABLES.items()
    }
    tables["scanner"] = dataclasses.replace(
        tables["scanner"], budgets=tables.pop("budgets")
    )
    settings = Settings(
        **tables, **_plain_settings(plain, source=source, default_state=default_state)
    )
    _refuse_circle(settings, source=source)
    return settings


def _refuse_circle(settings: Settings, *, source: str) -> None:
    """Refuse a proxy that would be its own origin."""
    origin = urlsplit(settings.origin.url)
    port = origin.port or _SCHEME_PORTS.get(origin.scheme)
    for address in settings.listen:
        if not isinstance(address, TCPAddress) or port != address.port:
            continue
        if origin.hostname in {
            address.host,
            *(_LOOPBACK if address.host in _EVERYWHERE else ()),
        }:
            raise ConfigError(
                f"{source}: origin and listen are the same: {address}",
                hint="Requests would go round in a circle: let the proxy listen on "
                "another port (--listen), and name what is behind it as --origin.",
            )


def _document(path: Path) -> dict[str, typing.Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(
            f"cannot read {str(path)!r}: {exc.strerror}",
            hint="Check the path and that this user may read the file.",
        ) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(
            f"{path}: not UTF-8 at byte {exc.start}", hint="Save the file as UTF-8."
        ) from exc
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(
            f"{path}: not TOML: {exc}",
            hint="Texts stand in double quotes; see docs/operating.md for an example.",
        ) from exc


def _plain_settings(
    plain: Mapping[str, typing.Any], *, source: str, default_state: Path
) -> dict[str, typing.Any]:
    """Turn the plain keys into the fields of ``Settings``."""
    settings: dict[str, typing.Any] = {"state": Path(plain.get("state", default_state))}
    settings["wording"] = _wording(plain)
    for key in plain.keys() - {"state", *_WORDING}:
        parse = _PARSERS.get(key)
        settings[key] = parse(plain[key], source=source) if parse else plain[key]
    return settings


def _wording(plain: Mapping[str, typing.Any]) -> Wording:
    """Read what clients are told, in each language."""
    folder = plain.get("texts")
    return texts.load(
        Path(folder) if folder else None,
        language=plain.get("language", texts.DEFAULT_LANGUAGE),
        objection=plain.get("objection", ""),
        report=plain.get("report", ""),
    )


def _addresses(listen: str | tuple[str, ...], *, source: str) -> tuple[Address, ...]:
    """Read where to listen: one address, or a list of them."""
    texts = (listen,) if isinstance(listen, str) else listen
    return tuple(_address(text, source=source) for text in texts)


def _address(text: str, *, source: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as exc:
        raise ConfigError(
            f"{source}: listen = {text!r} is not HOST:PORT: {exc}",
            hint="For example 127.0.0.1:8080, [::1]:8080, 0.0.0.0:80 or "
            "unix:/run/uploadfilter/http.",
        ) from exc


def _instance(text: str, *, source: str) -> str:
    if not INSTANCE_NAME.fullmatch(text):
        raise ConfigError(
            f"{source}: instance = {text!r} is not a name",
            hint="Use lower-case letters, digits and hyphens, at most 64.",
        )
    return text


def _mode(text: str, *, source: str) -> Mode:
    try:
        return Mode(text.upper())
    except ValueError as exc:
        raise ConfigError(
            f"{source}: mode = {text!r} is not a mode",
            hint='Use "monitor" (record only) or "enforce" (reject as well).',
        ) from exc


def _networks(texts: Iterable[str], *, source: str) -> tuple[Network, ...]:
    return tuple(_network(text, source=source) for text in texts)


def _network(text: str, *, source: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as exc:
        raise ConfigError(
            f"{source}: trusted_proxies = {text!r} is not a network: {exc}",
            hint="Write an address (10.0.0.7) or a network (10.0.0.0/24).",
        ) from exc


_PARSERS: Mapping[str, Callable[..., typing.Any]] = {
    "listen": _addresses,
    "instance": _instance,
    "mode": _mode,
    "trusted_proxies": _networks,
}
"""What makes more of a plain key than its text."""


def _refuse_unknown(
    table: Mapping[str, object], known: Iterable[str], *, source: str, table_name: str
) -> None:
    """Refuse a key that nobody reads, and suggest the one that was meant."""
    names = sorted(known)
    for key in table:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            known_keys = f"Known are: {', '.join(names)}."
            meant = f"Did you mean {near[0]!r}?" if near else known_keys
            raise ConfigError(f"{source}: unknown key {table_name}{key!r}", hint=meant)


def _fill(room: type[_T], table: object, *, source: str, table_name: str) -> _T:
    """Make a room's settings from one table of the file."""
    if not isinstance(table, dict):
        raise ConfigError(
            f"{source}: {table_name} = {table!r} is not a table",
            hint=f"Write [{table_name}] on a line of its own and its keys below.",
        )
    hints = {
        key: hint
        for key, hint in typing.get_type_hints(room).items()
        if f"{table_name}.{key}" not in _NOT_CONFIGURED
    }
    _refuse_unknown(table, hints, source=source, table_name=f"{table_name}.")
    values = {
        key: _convert(value, hints[key], source=source, key=f"{table_name}.{key}")
        for key, value in table.items()
    }
    try:
        return room(**values)
    except ValueError as exc:
        where = _concerned(table, str(exc), table_name=table_name)
        raise ConfigError(f"{source}: {where}: {exc}", hint=_SEE_DOCS) from exc


def _concerned(table: Mapping[str, object], complaint: str, *, table_name: str) -> str:
    """Return the keys and values of a table that a complaint is about."""
    given = [
        f"{table_name}.{key} = {_shown(value)}"
        for key, value in table.items()
        if len(table) == 1 or re.search(rf"\b{re.escape(key)}\b", complaint)
    ]
    return ", ".join(given) or f"[{table_name}]"


def _shown(value: object) -> str:
    """Return a value as it was written, but for a password in an address."""
    return _CREDENTIALS.sub("//...@", repr(value))


def _convert(value: object, wanted: typing.Any, *, source: str, key: str) -> typing.Any:  # noqa: ANN401 - whatever the field is declared as
    """Convert one value to the type of its field."""
    if wanted is int and isinstance(value, str):
        value = _size(value, source=source, key=key)
    if isinstance(value, str) and isinstance(wanted, type):
        value = _member(value, wanted) if issubclass(wanted, StrEnum) else value
    if isinstance(value, float) and not math.isfinite(value):
        # TOML has inf and nan; with nan every comparison is false, limits included.
        raise ConfigError(f"{source}: {key} = {value!r} is no number", hint=_SEE_DOCS)
    try:
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError as exc:
        raise ConfigError(
            f"{source}: {key} = {value!r} cannot be used",
            hint=f"Write {_wanted(wanted)}. {_SEE_DOCS}",
        ) from exc


def _wanted(wanted: typing.Any) -> str:  # noqa: ANN401 - as above
    """Say how a value of a type is written in TOML."""
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        return "one of " + ", ".join(f'"{str(member).lower()}"' for member in wanted)
    return _WRITTEN.get(wanted, "a list of texts in brackets and quotes")


def _member(value: str, wanted: type[StrEnum]) -> str:
    """Accept an enum's value in either case: ``reject`` for ``REJECT``."""
    members = {str(member) for member in wanted}
    return value.upper() if value.upper() in members else value


def _size(text: str, *, source: str, key: str) -> int:
    """Read a size with a unit, such as ``20 MiB``."""
    found = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get((found[2] or "B").upper()) if found else None
    if found is None or unit is None:
        raise ConfigError(
            f"{source}: {key} = {text!r} is not a number or a size",
            hint='Write a whole number, or a size such as "20 MiB" or "2 GiB".',
        )
    return int(found[1]) * unit
