"""Check a configuration on this machine without starting the service.

``loading`` has refused invalid values already. This module checks the machine: do the
folders exist, can the files be read, does a host have that name?

A *problem* would keep the service from starting or from working; a *warning* points at
a probable mistake.
"""

import difflib
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from uploadfilter.config import schema
from uploadfilter.config.lines import Key
from uploadfilter.config.loading import Loaded
from uploadfilter.config.routing import all_origins, unused_origins
from uploadfilter.config.sources import Complaints, dotted
from uploadfilter.errors import ConfigProblem, ServiceError, StoreError
from uploadfilter.evidence.settings import Copies
from uploadfilter.model import Action
from uploadfilter.proxy.clients.addresses import UnixAddress
from uploadfilter.proxy.origins.settings import OriginSettings
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.state import foreign

PREFIX: Final = "UPLOADFILTER_"
OTHER_VARIABLES: Final = frozenset(
    {"UPLOADFILTER_CONFIG", "UPLOADFILTER_KEY", "UPLOADFILTER_PROGRAM"}
)
"""Variables that are not settings: the command line's, the key's, and our tests'."""

_ALIKE: Final = 0.85
"""Least similarity of a suggested variable; all of them begin in the same way."""

_LONGEST_SOCKET: Final = 107
"""Bytes of a unix socket's path (unix(7)): 108 with the NUL at its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The result of a check.

    Attributes:
        problems: Faults that would keep the service from working.
        warnings: Probable mistakes.
    """

    problems: tuple[ConfigProblem, ...]
    warnings: tuple[ConfigProblem, ...]


def check(loaded: Loaded, *, environ: Mapping[str, str], online: bool) -> Findings:
    """Check the files, folders, sockets and hosts that a configuration names.

    Args:
        loaded: The configuration.
        environ: The environment of the process.
        online: Whether to look up the host names of origins.
    """
    problems, warnings = Complaints(loaded.sources), Complaints(loaded.sources)
    _check_folders(loaded, problems)
    _check_sockets(loaded, problems)
    for key, origin in _origins(loaded):
        _check_origin(key, origin, problems, online=online)
    _warn_of_state(loaded, warnings)
    _warn_of_unenforced(loaded, warnings)
    _warn_of_unused(loaded, warnings)
    _warn_of_copies(loaded, warnings)
    _warn_of_former(loaded, warnings)
    _warn_of_variables(loaded, environ, warnings)
    return Findings(
        problems=tuple(problems.problems), warnings=tuple(warnings.problems)
    )


def _origins(loaded: Loaded) -> Iterator[tuple[Key, OriginSettings]]:
    settings = loaded.settings
    routes = [{"origin": route.origin} for route in settings.routes]
    return all_origins(settings.origin, settings.origins, routes)


def _check_folders(loaded: Loaded, problems: Complaints) -> None:
    settings = loaded.settings
    # The state directory may be missing: the first command makes it.
    if os.path.lexists(settings.state) and not _is_usable(settings.state):
        problems.add(
            ("state",),
            f"state = {str(settings.state)!r} is not a directory that this user can "
            "write to",
            hint="It must belong to this user, with mode 0700.",
        )
    found = foreign(settings.state)
    if found:
        problems.add(
            ("state",),
            f"state = {str(settings.state)!r}: {len(found)} files belong to another "
            f"user than the directory, such as {str(found[0].path)!r}",
            hint="Give them to the user of the service, as root: chown -R USER: "
            f"{settings.state}",
        )
    if settings.spool_directory is None:
        return
    try:
        with tempfile.TemporaryFile(dir=settings.spool_directory):
            pass
    except OSError as exc:
        problems.add(
            ("spool_directory",),
            f"spool_directory = {settings.spool_directory!r}: {exc.strerror}",
            hint="Name a directory that this user may write to.",
        )


def _is_usable(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK)


def _check_sockets(loaded: Loaded, problems: Complaints) -> None:
    for address in loaded.settings.listen:
        if not isinstance(address, UnixAddress):
            continue
        if len(os.fsencode(address.path)) > _LONGEST_SOCKET:
            problems.add(
                ("listen",),
                f"listen = {str(address)!r} is too long for a unix socket",
                hint=f"A path of a socket has at most {_LONGEST_SOCKET} bytes.",
            )
        elif not _is_usable(Path(address.path).parent):
            problems.add(
                ("listen",),
                f"listen = {str(address)!r}: this user cannot make a socket there",
                hint="Make the directory, and let this user write to it.",
            )


def _check_origin(
    key: Key, origin: OriginSettings, problems: Complaints, *, online: bool
) -> None:
    try:
        origin.tls()
    except ServiceError as exc:
        problems.add(key[:-1], f"{dotted(key[:-1])}: {exc}", hint=exc.hint)
    host = urlsplit(origin.url).hostname
    if not online or host is None:
        return
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        problems.add(
            key,
            f"{dotted(key)} = {origin.url!r}: no host has this name",
            hint="Check the name, and the name servers of this machine.",
        )


def _warn_of_state(loaded: Loaded, warnings: Complaints) -> None:
    # Not `exists` of pathlib, which raises if this user may not read the folder.
    if not os.path.lexists(loaded.settings.state / REFERENCE_DIRECTORY):
        warnings.add(
            ("state",),
            f"state = {str(loaded.settings.state)!r} holds no reference set: every "
            "upload would be answered 503",
            hint="Run 'uploadfilter init', and import a hash set.",
        )


def _warn_of_unenforced(loaded: Loaded, warnings: Complaints) -> None:
    """Warn of routes in ENFORCE that reject no match with the hash sets in force."""
    directory = loaded.settings.state / REFERENCE_DIRECTORY
    try:
        with ReferenceReader.open(directory) as reader:
            found = loaded.settings.live.unenforced(reader.current())
    except StoreError as exc:
        if os.path.lexists(directory):
            warnings.add(("state",), f"{exc.code}: {exc}", hint=exc.hint)
        return
    names = [route.name for route in loaded.settings.routes]
    for item in found:
        key: Key = ("mode",)
        if item.route in names:
            key = (schema.ROUTES, names.index(item.route))
        warnings.add(key, item.words, hint=item.to_do)


def _warn_of_copies(loaded: Loaded, warnings: Complaints) -> None:
    """Warn of policies with which copies are looked for more, or less, than is said."""
    settings, evidence = loaded.settings, loaded.settings.evidence
    policies = (settings.policy, *(route.policy for route in settings.routes))
    has_action = any(it.altered is not Action.ACCEPT for it in policies)
    key: Key = ("policy", "altered")
    if not evidence.enabled or evidence.copies is Copies.NEVER:
        if has_action:
            warnings.add(
                key,
                "altered copies have an action, but none is looked for",
                hint='Set copies = "always" in [evidence].',
            )
        return
    if evidence.copies is not Copies.SPARE:
        return
    if has_action:
        warnings.add(
            key,
            "altered copies have an action, so each upload is searched for them, "
            "however busy the filter is",
            hint='Write copies = "always" in [evidence] to say so, or accept altered '
            "copies in [policy]: then only spare capacity is used.",
        )
    if any(evidence.copies_under(it) is Copies.NEVER for it in policies):
        warnings.add(
            ("policy", "near_match"),
            "near_match has an action, so no altered copies are looked for with spare "
            "capacity: no answer may depend on how busy the filter is",
            hint='Write copies = "always" or copies = "never" in [evidence].',
        )


def _warn_of_former(loaded: Loaded, warnings: Complaints) -> None:
    """Warn of values that are written as older versions did."""
    for key, meaning in loaded.former.items():
        warnings.add(
            key,
            f"{dotted(key)} is not true or false any more; it means {meaning!r}",
            hint=f'Write {key[-1]} = "{meaning}".',
        )


def _warn_of_unused(loaded: Loaded, warnings: Complaints) -> None:
    settings = loaded.settings
    for name in unused_origins(settings.routes, settings.origins):
        key = (schema.ORIGINS, name)
        warnings.add(
            key,
            f"no route uses {dotted(key)}",
            hint="Remove it, or let a route use it.",
        )


def _warn_of_variables(
    loaded: Loaded, environ: Mapping[str, str], warnings: Complaints
) -> None:
    """Warn of variables that look like ours, but are not settings."""
    known = sorted({*schema.VARIABLES, *OTHER_VARIABLES})
    referred = {reference.get("env") for reference in loaded.references.values()}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known and name not in referred:
            near = difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE)
            meant = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}"
            warnings.problems.append(
                ConfigProblem(
                    source="the environment",
                    line=None,
                    key="",
                    text=f"no setting is read from the environment variable {name!r}",
                    hint=meant,
                )
            )
