"""Check a configuration on this machine without starting the service.

``loading`` has refused invalid values already. This module checks the machine: do the
folders exist, can the files be read, does a host have that name?

A *problem* would keep the service from starting; with a *fault* it starts, and answers
no upload; a *warning* points at a probable mistake.
"""

import difflib
import ipaddress
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
from uploadfilter.errors import (
    ConfigProblem,
    ServiceError,
    StoreError,
    StoreMissingError,
)
from uploadfilter.model import Action
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.state import foreign
from uploadfilter.web.clients.addresses import TCPAddress, UnixAddress
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.routing.enforcing import enforcing

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
        problems: Mistakes that would keep the service from starting.
        faults: Faults with which it would answer 503 to every upload.
        warnings: Probable mistakes.
    """

    problems: tuple[ConfigProblem, ...]
    faults: tuple[ConfigProblem, ...]
    warnings: tuple[ConfigProblem, ...]


def check(loaded: Loaded, *, environ: Mapping[str, str], online: bool) -> Findings:
    """Check the files, folders, sockets and hosts that a configuration names."""
    problems, warnings = Complaints(loaded.sources), Complaints(loaded.sources)
    faults = Complaints(loaded.sources)
    _check_folders(loaded, problems)
    _check_sockets(loaded, problems)
    for key, origin in _origins(loaded):
        _check_origin(key, origin, problems, online=online)
    _check_reference(loaded, faults, warnings)
    _warn_of_unused(loaded, warnings)
    _warn_of_small_spool(loaded, warnings)
    _warn_of_copies(loaded, warnings)
    _warn_of_variables(loaded, environ, warnings)
    return Findings(
        problems=tuple(problems.problems),
        faults=tuple(faults.problems),
        warnings=(*warnings.problems, *doubts(loaded)),
    )


def _warn_of_small_spool(loaded: Loaded, warnings: Complaints) -> None:
    """Warn of uploads that fit into the limits, but not into the disk of a client."""
    settings = loaded.settings
    longest = max(route.limits.max_body_bytes for route in settings.live.routes)
    share = settings.spool.disk_per_client_bytes
    if longest > share:
        warnings.add(
            ("spool", "disk_total_bytes"),
            f"a client gets a quarter of the spool, {share:,} bytes, and the longest "
            f"upload may have {longest:,}: longer ones than its share are answered 503",
            hint="Set disk_total_bytes of [spool] to four times max_body_bytes of "
            "[limits], or lower that.",
        )


def doubts(loaded: Loaded) -> tuple[ConfigProblem, ...]:
    """Return what uploaders or reviewers would suffer from; ``serve`` says it, too."""
    warnings = Complaints(loaded.sources)
    settings = loaded.settings
    if enforcing(settings.live.routes):
        wording = settings.wording
        texts = wording.catalogues.values()
        if not wording.form and not all(it.objection for it in texts):
            warnings.add(
                ("objection",),
                "uploads may be rejected, and the answers name no place to object",
                hint='Set objection = "ADDRESS", a link or a text, or serve the form '
                "of [objections].",
            )
        if not all(it.report for it in texts):
            warnings.add(
                ("report",),
                "uploads may be rejected, and the answers name no place to report "
                "pictures of abuse",
                hint='Set report = "ADDRESS" to the hotline of your country, or serve '
                "the form of [notices].",
            )
    _warn_of_plain_pages(loaded, warnings)
    return tuple(warnings.problems)


def _warn_of_plain_pages(loaded: Loaded, warnings: Complaints) -> None:
    """Warn of pages with secrets that others on the way could read."""
    settings = loaded.settings
    forms = (
        ("objections", settings.objections.public_url),
        ("notices", settings.notices.public_url),
    )
    for table, url in forms:
        parts = urlsplit(url)
        if parts.scheme == "http" and not _is_here(parts.hostname or ""):
            warnings.add(
                (table, "public_url"),
                f"{table}.public_url = {url!r}: everybody on the way could read what "
                "is typed there",
                hint="Serve it by https:// through your front end.",
            )
    review = settings.forms.review_address
    if isinstance(review, TCPAddress) and not _is_here(review.host):
        warnings.add(
            ("forms", "review"),
            f"forms.review = {str(review)!r}: others on the way could read the page "
            "of reviewers, which has no TLS",
            hint="Listen on 127.0.0.1, and let a front end on this machine serve it by "
            "https://.",
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


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_reference(loaded: Loaded, faults: Complaints, warnings: Complaints) -> None:
    """Find whether there is a reference set, and routes in ENFORCE that reject nothing.

    The second is a warning: the service starts, and uploads are recorded.
    """
    state = loaded.settings.state
    try:
        with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reader:
            found = loaded.settings.live.unenforced(reader.current())
    except StoreMissingError:
        faults.add(
            ("state",),
            f"state = {str(state)!r} holds no reference set: every upload would be "
            "answered 503",
            hint=f"Run 'uploadfilter init --state {state}', and import a hash set.",
        )
        return
    except StoreError as exc:
        faults.add(
            ("state",),
            f"{exc.code}: {exc}: every upload would be answered 503",
            hint=exc.hint,
        )
        return
    names = [route.name for route in loaded.settings.routes]
    for item in found:
        key: Key = ("mode",)
        if item.route in names:
            key = (schema.ROUTES, names.index(item.route))
        warnings.add(key, item.words, hint=item.to_do)


def _warn_of_copies(loaded: Loaded, warnings: Complaints) -> None:
    """Warn of policies that have an action for altered copies that nobody looks for."""
    settings = loaded.settings
    policies = (settings.policy, *(route.policy for route in settings.routes))
    has_action = any(it.altered is not Action.ACCEPT for it in policies)
    if has_action and not settings.evidence.enabled:
        warnings.add(
            ("policy", "altered"),
            "altered copies have an action, but none is looked for",
            hint="Set enabled = true in [evidence].",
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
