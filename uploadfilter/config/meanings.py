"""Suggest a known key for an unknown one.

A wrong suggestion is worse than no suggestion: a reader of "did you mean
``near_match``?" stops searching. So only very similar keys are suggested; keys of other
programs, which their users may write, are listed here by hand.
"""

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from uploadfilter.config import schema
from uploadfilter.config.lines import Key
from uploadfilter.config.sources import dotted
from uploadfilter.decisions.policy import FIGHTING, OVER_BUDGET

_ALIKE: Final = 0.75
"""Least similarity of a suggested key: one letter of five may be wrong, missing or
doubled. At 0.6, ``near_match`` would be suggested for ``match``."""

_ALIKE_ELSEWHERE: Final = 0.85
"""The same for keys of other tables, which are many."""

_CATEGORIES: Final = (
    "A match is rejected, unless its category says otherwise: write "
    '[policy.categories] and below it a line such as "1" = "accept".'
)
_ORIGIN: Final = (
    'Write origin = "http://HOST:PORT" above the first table of the file, or '
    "[[routes]] with an origin each."
)
_LISTEN: Final = 'Write listen = "HOST:PORT" above the first table of the file.'
_STATE: Final = 'Write state = "/PATH" above the first table of the file.'
_TLS: Final = (
    "The proxy has no TLS of its own: it ends at the front end, "
    "see docs/operating/front-end.md."
)
_LARGEST: Final = 'Write [limits] and below it max_body_bytes = "100 MiB".'
_NO_LEVEL: Final = (
    "There are no levels: each event is one line on standard error, for the journal."
)
_WAIT: Final = "Delete the line: an upload waits for two seconds at most."
_WEBSOCKETS: Final = (
    'WebSockets are no longer inspected. Write websockets = "pass" to let them through '
    "without that, or delete the line to refuse them; see docs/non-goals.md."
)
_RETENTION: Final = "Write days_without_match and days_with_match."
_OVER_BUDGET: Final = "Write over_budget, the one action for all of these reasons."
_FIGHTING: Final = "Delete the line: such content is always rejected."
_FOLLOWS: Final = "Delete the line: this follows from {} now."

MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("policy.match", "policy.matches", "policy.matched", "policy.hit"),
            _CATEGORIES,
        ),
        **dict.fromkeys(("policy.category", "categories", "policy.sets"), _CATEGORIES),
        **dict.fromkeys(
            ("policy.default", "policy.action"), 'Write preset = "strict".'
        ),
        **dict.fromkeys(("upstream", "backend", "proxy_pass", "target"), _ORIGIN),
        **dict.fromkeys(("proxy.upstream", "proxy.backend", "proxy.url"), _ORIGIN),
        **dict.fromkeys(("host", "port", "bind", "address", "proxy.port"), _LISTEN),
        **dict.fromkeys(("state_dir", "state_directory", "data_dir"), _STATE),
        **dict.fromkeys(("tls", "ssl", "certificate", "cert", "cert_file"), _TLS),
        **dict.fromkeys(
            ("max_size", "max_body_size", "client_max_body_size", "limits.max_size"),
            _LARGEST,
        ),
        **dict.fromkeys(("log_level", "verbose", "debug", "log.level"), _NO_LEVEL),
        **dict.fromkeys(("proxy.queue_target_s", "proxy.queue_burst_s"), _WAIT),
        **dict.fromkeys(
            (
                "proxy.websockets",
                "proxy.websockets_per_client",
                "limits.max_message_bytes",
            ),
            "Delete the line: WebSockets are no longer inspected.",
        ),
        **dict.fromkeys(("retention", "log.retention", "log.days"), _RETENTION),
        **dict.fromkeys(
            ("log.path", "log.file", "log.directory"),
            f"The decision log is in the state directory. {_STATE}",
        ),
        **{f"policy.{reason}": _OVER_BUDGET for reason in OVER_BUDGET},
        **{f"policy.{reason}": _FIGHTING for reason in FIGHTING},
        "policy.evidence_unfinished": _FOLLOWS.format("altered"),
        "proxy.connections_per_client": _FOLLOWS.format("open_uploads_per_client"),
        "scanner.slow_lane": _FOLLOWS.format("workers"),
        "budgets.upload_cpu_s": _FOLLOWS.format("content_cpu_s"),
        "log.compress": _FOLLOWS.format("compress_after_s"),
        **dict.fromkeys(
            [f"evidence.{it}" for it in ("turned", "altered", "near", "most_views")],
            "Delete the line: it has a fixed value.",
        ),
        "evidence.copies": "To look for no altered copies, write enabled = false.",
        "notify.events": "Delete the line: your system gets each kind and may drop it.",
        "client_groups": "Delete the line: limit such networks in the front end.",
        **dict.fromkeys(
            ("origin.client_headers", "origin.whole_chain"),
            "Delete the line: X-Forwarded-* names the client alone.",
        ),
        "origin.connections": "Delete the line: proxy.open_uploads limits uploads.",
    }
)
"""Corrections, by unknown key."""

FORMER_CHOICES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {("websockets", "inspect"): _WEBSOCKETS}
)
"""Corrections, by key and a value that it had in older versions."""


def meant(name: str, known: Iterable[str], key: Key) -> str:
    """Return a suggestion for an unknown key."""
    place = _place(key, name)
    listed = MEANINGS.get(place) or MEANINGS.get(place.removeprefix("routes."))
    if listed:
        return listed
    if _is_fixed(place.removeprefix("routes.")):
        return "Delete the line: this has a fixed value now."
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=_ALIKE)
    if near:
        return f"Did you mean {dotted((*key, near[0]))!r}?"
    elsewhere = _elsewhere(name)
    if elsewhere is not None:
        return f"Did you mean {elsewhere}?"
    return f"Known keys: {', '.join(names)}."


def _place(key: Key, name: str) -> str:
    """Return a key as those of ``MEANINGS``: without index of a route, or origin."""
    if key[:1] == (schema.ORIGINS,) and len(key) > 1:
        key = (schema.ORIGIN,)
    return ".".join(part for part in (*key, name) if isinstance(part, str))


def _is_fixed(place: str) -> bool:
    table, _, name = place.rpartition(".")
    room = schema.TABLES.get(table)
    return room is not None and schema.is_fixed(room, name)


def _elsewhere(name: str) -> str | None:
    if name == schema.ORIGIN:
        return f"{name!r}, which stands above the first table of the file"
    if name in {*schema.TABLES, schema.ROUTES, schema.ORIGINS}:
        brackets = f"[[{name}]]" if name == schema.ROUTES else f"[{name}]"
        return f"the table {brackets}, which is a table of its own"
    places = {item.rpartition(".")[2]: item for item in reversed(schema.keys())}
    near = difflib.get_close_matches(name, places, n=1, cutoff=_ALIKE_ELSEWHERE)
    if not near:
        return None
    table, _, last = places[near[0]].rpartition(".")
    if not table:
        return f"{last!r}, which stands above the first table of the file"
    return f"[{'[routes]' if table == schema.ROUTES else table}] {last}"
