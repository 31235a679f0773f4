"""What the decision log says of a configuration.

Rules this module keeps: nothing that a file only refers to is told, since it may be a
secret, but only the reference; a password in an address is left out; and it is bounded,
however many routes there are.
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
"""Keys that are told; a long configuration has fifty that are not defaults."""

MOST_ROUTES: Final = 100
"""Routes that are told in short; of more, the number has to do."""

MOST_CHARACTERS: Final = 200
"""Of one value."""

_USER: Final = re.compile(r"(?<=://)[^/@\s\"]*@")
"""A name and a password before the host of an address."""


def told(loaded: Loaded) -> dict[str, object]:
    """Return what is recorded of a configuration at a start.

    Args:
        loaded: The configuration.
    """
    values = values_of(loaded)
    given = {it.name: _shown(it) for it in values if it.source != DEFAULT}
    return {
        **in_short(loaded.settings),
        "configuration": digest(loaded),
        "settings": _bounded(given),
    }


def in_short(settings: Settings) -> dict[str, object]:
    """Return the mode and the routes.

    Args:
        settings: What is in force.
    """
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
    """Return the SHA-256 of everything that is in force, hex."""
    values = {it.name: _shown(it) for it in values_of(loaded)}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def changed(before: Loaded, after: Loaded) -> dict[str, object]:
    """Return what is recorded of a reload: keys with their values before and after.

    Args:
        before: What was read last.
        after: What is read now.

    Returns:
        Nothing if both say the same.
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
    """Return a value as it may be told."""
    if value is None:
        return None
    text = json.dumps(value.value, ensure_ascii=False, sort_keys=True, default=str)
    return _USER.sub("", text)[:MOST_CHARACTERS]


def _bounded(values: Mapping[str, object]) -> dict[str, object]:
    shown: dict[str, object] = dict(list(values.items())[:MOST_KEYS])
    if len(values) > MOST_KEYS:
        shown["..."] = f"and {len(values) - MOST_KEYS} more"
    return shown
