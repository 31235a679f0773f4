"""Declare the keys of the file, their types, and which of them are live.

Rules this module keeps: a key that is not declared live needs a restart. So a forgotten
declaration announces a needless restart, and never hides a needed one.
"""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from uploadfilter.config.lines import Key
from uploadfilter.contents.kinds.families import FileFamily
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.notifysettings import NotifySettings
from uploadfilter.decisions.policy import Policy
from uploadfilter.decisions.tree.settings import WitnessSettings
from uploadfilter.doors.settings import APISettings, ClamdSettings
from uploadfilter.evidence.settings import EvidenceSettings
from uploadfilter.forms.settings import (
    FormsSettings,
    NoticeSettings,
    ObjectionSettings,
)
from uploadfilter.forms.statement import StatementSettings
from uploadfilter.inspection.spool import SpoolLimits
from uploadfilter.proxy.admin.settings import AdminSettings
from uploadfilter.proxy.assembling.settings import StoreSettings
from uploadfilter.reference.search.matching import Thresholds
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.sealing.settings import SealedEvidenceSettings
from uploadfilter.uploads.head.clientside import ClientHeader
from uploadfilter.uploads.head.websockets import WebSockets
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.requests.limits import ProxyLimits
from uploadfilter.web.routing.routes import UploadProtocol

Wanted: TypeAlias = Any
"""The type of a field: ``int``, ``tuple[str, ...]``, an enum, ..."""

TABLES: Final[Mapping[str, Any]] = {
    "origin": OriginSettings,
    "limits": UploadLimits,
    "proxy": ProxyLimits,
    "spool": SpoolLimits,
    "upload_store": StoreSettings,
    "thresholds": Thresholds,
    "evidence": EvidenceSettings,
    "policy": Policy,
    "scanner": ScannerSettings,
    "budgets": Budgets,
    "log": LogSettings,
    "witnesses": WitnessSettings,
    "notify": NotifySettings,
    "sealed_evidence": SealedEvidenceSettings,
    "admin": AdminSettings,
    "api": APISettings,
    "clamd": ClamdSettings,
    "forms": FormsSettings,
    "objections": ObjectionSettings,
    "statements": StatementSettings,
    "notices": NoticeSettings,
}
"""The tables of the file, and the settings that each of them fills."""

PLAIN: Final[Mapping[str, Wanted]] = {
    "listen": str | tuple[str, ...],
    "state": str,
    "instance": str,
    "mode": str,
    "reject_status": int,
    "trusted_proxies": tuple[str, ...],
    "client_header": ClientHeader,
    "objection": str,
    "report": str,
    "texts": str,
    "language": str,
    "spool_directory": str,
}
"""The keys at the top of the file."""

ROUTE: Final[Mapping[str, Wanted]] = {
    "name": str,
    "host": str | tuple[str, ...],
    "path": str,
    "methods": tuple[str, ...],
    "origin": str,
    "mode": str,
    "reject_status": int,
    "exempt": bool,
    "websockets": WebSockets,
    "protocol": UploadProtocol,
    "accept": tuple[FileFamily, ...],
}
"""The keys of one of ``[[routes]]``."""

ROUTE_TABLES: Final[Mapping[str, Any]] = {"limits": UploadLimits, "policy": Policy}
"""The tables of a route; a missing key is as in the top table of the same name."""

ORIGIN: Final = "origin"
POLICY: Final = "policy"
PRESET: Final = "preset"
ROUTES: Final = "routes"
ORIGINS: Final = "origins"
TOP: Final = frozenset({*PLAIN, *TABLES, ROUTES, ORIGINS})
"""The keys and tables at the top of the file."""

PATHS: Final = frozenset(
    {
        "state",
        "spool_directory",
        "directory",
        "texts",
        "ca_file",
        "client_certificate",
        "client_key",
    }
)
"""Last words of the keys that name a file or folder."""

VARIABLES: Final[Mapping[str, Key]] = {
    "UPLOADFILTER_ORIGIN": ("origin", "url"),
    "UPLOADFILTER_LISTEN": ("listen",),
    "UPLOADFILTER_MODE": ("mode",),
    "UPLOADFILTER_STATE_DIR": ("state",),
    "UPLOADFILTER_INSTANCE": ("instance",),
    "UPLOADFILTER_SPOOL_DIRECTORY": ("spool_directory",),
    "UPLOADFILTER_TRUSTED_PROXIES": ("trusted_proxies",),
}
"""Environment variables, and the keys that they override. Lists are split at commas."""

OPTIONS: Final[Mapping[str, Key]] = {
    "origin": ("origin", "url"),
    "listen": ("listen",),
    "mode": ("mode",),
    "state": ("state",),
    "instance": ("instance",),
    "api": ("api", "listen"),
    "clamd": ("clamd", "listen"),
}
"""Options of ``serve``, and the keys that they override."""

_KEYS: Final[Mapping[type, frozenset[str]]] = {
    OriginSettings: frozenset(
        {
            *("url", "answer_timeout_s", "whole_ranges", "via"),
            *("ca_file", "server_name", "client_certificate", "client_key"),
        }
    ),
    UploadLimits: frozenset({"max_body_bytes", "max_parts"}),
    ProxyLimits: frozenset({"open_uploads", "open_uploads_per_client", "match_budget"}),
    SpoolLimits: frozenset({"memory_total_bytes", "disk_total_bytes"}),
    StoreSettings: frozenset({"directory", "disk_total_bytes"}),
    Thresholds: frozenset({"pdq", "phash"}),
    ScannerSettings: frozenset({"workers", "require_sandbox", "formats"}),
    Budgets: frozenset({"content_cpu_s", "large_address_space"}),
    LogSettings: frozenset(
        {"days_without_match", "days_with_match", "compress_after_s"}
    ),
    SealedEvidenceSettings: frozenset(
        {
            *("recipients", "needed", "categories", "keep_days"),
            *("account_header", "port_header"),
        }
    ),
}
"""The fields that are keys, of rooms whose other fields are fixed: nobody had a reason
to change those, and tests do. Each has its reason in the room."""

_LIVE_TABLES = frozenset(
    {"origin", ORIGINS, "limits", "proxy", "thresholds", "evidence", "policy", ROUTES}
)
_LIVE = frozenset(
    {
        "mode",
        "reject_status",
        "trusted_proxies",
        "client_header",
        "objection",
        "report",
        "texts",
        "language",
    }
)


def is_live(key: Key) -> bool:
    """Return whether a key may change while the service runs."""
    name = ".".join(map(str, key))
    return key[0] in _LIVE_TABLES or name in _LIVE


def fields_of(room: type) -> dict[str, Wanted]:
    """Return the keys that a table may hold, and their types."""
    hints = typing.get_type_hints(room)
    return {name: hints[name] for name in hints if name in _KEYS.get(room, hints)}


def is_fixed(room: type, name: str) -> bool:
    """Return whether a name is that of a field without a key."""
    return name in typing.get_type_hints(room) and name not in fields_of(room)


def required_of(room: type) -> frozenset[str]:
    """Return the required keys of a table."""
    return frozenset(
        field.name
        for field in dataclasses.fields(room)
        if field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    )


def keys() -> tuple[str, ...]:
    """Return every key that a file may hold, as ``limits.max_parts``."""
    return (
        *PLAIN,
        *(
            f"{table}.{name}"
            for table, room in TABLES.items()
            for name in fields_of(room)
        ),
        *(f"{ROUTES}.{name}" for name in (*ROUTE, *ROUTE_TABLES)),
    )
