"""Read the keys at the top of the file whose texts must be parsed."""

import ipaddress
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from uploadfilter.config.routing import read_mode, read_reject_status
from uploadfilter.config.values import ValueReader, shown_value
from uploadfilter.errors import ConfigError
from uploadfilter.forms.settings import NoticeSettings, ObjectionSettings
from uploadfilter.model import Mode
from uploadfilter.state import INSTANCE_NAME
from uploadfilter.uploads.head.clientside import Network
from uploadfilter.web.answering import texts
from uploadfilter.web.answering.wording import Wording
from uploadfilter.web.clients.addresses import Address, parse_address


def _addresses(
    reader: ValueReader, listen: str | tuple[str, ...]
) -> tuple[Address, ...] | None:
    found: list[Address] = []
    for text in (listen,) if isinstance(listen, str) else listen:
        try:
            found.append(parse_address(text))
        except ValueError as exc:
            reader.complaints.add(
                ("listen",),
                f"listen = {shown_value(text, ())} is not an address: {exc}",
                hint="Write for example 127.0.0.1:8080, [::1]:8080, 0.0.0.0:80 or "
                "unix:/run/uploadfilter/http.",
            )
    if not listen:
        reader.complaints.add(
            ("listen",), "listen is empty", hint="Name at least one address."
        )
    return tuple(found) or None


def _instance(reader: ValueReader, text: str) -> str | None:
    if INSTANCE_NAME.fullmatch(text):
        return text
    reader.complaints.add(
        ("instance",),
        f"instance = {shown_value(text, ())} is not a name",
        hint="Use lower-case letters, digits and hyphens, at most 64.",
    )
    return None


def _mode(reader: ValueReader, text: str) -> Mode | None:
    return read_mode(reader, text, ("mode",))


def _networks(reader: ValueReader, written: tuple[str, ...]) -> tuple[Network, ...]:
    found = (
        _network(reader, ("trusted_proxies", index), text, text)
        for index, text in enumerate(written)
    )
    return tuple(network for network in found if network is not None)


def _network(
    reader: ValueReader, key: tuple[str, int], text: str, whole: str
) -> Network | None:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        reader.complaints.add(
            key,
            f"{key[0]} = {shown_value(whole, ())} is not a network",
            hint="Write an address (10.0.0.7) or a network (10.0.0.0/24); the bits "
            "after the prefix must be 0.",
        )
        return None


def _reject_status(reader: ValueReader, status: int) -> int | None:
    return read_reject_status(reader, status, ("reject_status",))


PARSERS: Final[Mapping[str, Callable[[ValueReader, Any], Any]]] = MappingProxyType(
    {
        "listen": _addresses,
        "instance": _instance,
        "mode": _mode,
        "reject_status": _reject_status,
        "trusted_proxies": _networks,
    }
)
"""Parsers of plain keys; they return ``None`` for an invalid text."""

WORDING: Final = frozenset({"objection", "report", "texts", "language"})
"""Keys that form the wording together."""


def read_wording(
    reader: ValueReader, plain: Mapping[str, Any], tables: Mapping[str, Any]
) -> Wording | None:
    """Read the texts of answers to clients, in each language.

    Args:
        reader: Notes mistakes.
        plain: The keys at the top of the file.
        tables: The settings that were read from tables; a wrong table is missing.
    """
    objections = tables.get("objections", ObjectionSettings())
    notices = tables.get("notices", NoticeSettings())
    folder = plain.get("texts")
    try:
        return texts.load(
            Path(folder) if folder else None,
            language=plain.get("language", texts.DEFAULT_LANGUAGE),
            objection=plain.get("objection", ""),
            report=plain.get("report") or notices.public_url,
            form=objections.public_url,
        )
    except ConfigError as exc:
        about, text = "texts", str(exc)
        if text.startswith("language = "):
            shown = shown_value(plain.get("language"), ())
            about, text = "language", f"language = {shown} has no texts"
        reader.complaints.add((about,), text, hint=exc.hint)
        return None
