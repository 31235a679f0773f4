"""Describe a configuration for the decision log.

Rules this module keeps: a value that a file only refers to may be a secret, so only the
reference is recorded; a password in an address is left out; the size is bounded for any
number of routes.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Final

from uploadfilter.config.effective import DEFAULT, Value, values_of
from uploadfilter.config.loading import Loaded
from uploadfilter.config.settings import Settings

MOST_KEYS: Final = 200
"""Most keys that are recorded; a long configuration sets about fifty."""

MOST_ROUTES: Final = 100
"""Most routes that are listed; the others are only counted."""

MOST_CHARACTERS: Final = 200
"""Most characters of one value."""

_USER: Final = re.compile(r"(?<=://)[^/@\s\"]*@")
"""A name and a password before the host of an address."""


def told(loaded: Loaded) -> dict[str, object]:
    """Return the details of a configuration for the record of a start."""
    values = values_of(loaded)
    given = {it.name: _shown(it) for it in values if it.source != DEFAULT}
    return {
        **in_short(loaded.settings),
        "configuration": digest(loaded),
        "settings": _bounded(given),
    }


def in_short(settings: Settings) -> dict[str, object]:
    """Return the mode and the routes."""
    routes = [
        f"{route.name}: {'exempt' if route.exempt else route.mode}"
        for route in settings.live.routes
    ]
    return {
        "mode": settings.mode,
        "policy": settings.policy.preset,
        "routes": routes[:MOST_ROUTES],
        "routes_omitted": max(0, len(routes) - MOST_ROUTES),
    }


def digest(loaded: Loaded) -> str:
    """Return the SHA-256 of all settings in force, as hex."""
    values = {it.name: _shown(it) for it in values_of(loaded)}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def changed(before: Loaded, after: Loaded) -> dict[str, object]:
    """Return the details for the record of a reload: keys with old and new values.

    Returns:
        The details; empty if the configurations are equal.
    """
    old = {it.name: it for it in values_of(before)}
    new = {it.name: it for it in values_of(after)}
    differing = {
        name: [_shown(old.get(name)), _shown(new.get(name))]
        for name in {**old, **new}
        if _actual(old.get(name)) != _actual(new.get(name))
    }
    if not differing:
        return {}
    return {
        **in_short(after.settings),
        "configuration": digest(after),
        "changed": _bounded(differing),
    }


def _actual(value: Value | None) -> object:
    return None if value is None else value.actual


def _shown(value: Value | None) -> str | None:
    if value is None:
        return None
    text = json.dumps(value.value, ensure_ascii=False, sort_keys=True, default=str)
    return _USER.sub("", text)[:MOST_CHARACTERS]


def _bounded(values: Mapping[str, object]) -> dict[str, object]:
    shown: dict[str, object] = dict(list(values.items())[:MOST_KEYS])
    if len(values) > MOST_KEYS:
        shown["..."] = f"and {len(values) - MOST_KEYS} more"
    return shown
