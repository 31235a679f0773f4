"""Every setting refuses every wrong type, and names the given and the right one."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.config.documents import toml
from tests.config.loading import load
from uploadfilter.config import schema
from uploadfilter.config.values import takes_size
from uploadfilter.errors import ConfigError

VALUES: dict[str, tuple[object, str]] = {
    "text": ("some-text", "a text"),
    "number in quotes": ("64", "a text"),
    "truth in quotes": ("true", "a text"),
    "whole number": (3, "a whole number"),
    "number with a point": (2.5, "a number with a point"),
    "whole number with a point": (3.0, "a number with a point"),
    "truth": (True, "true or false"),
    "list": ([1], "a list"),
    "table": ({"x": 1}, "a table"),
    "infinity": (float("inf"), "not a finite number"),
    "no number": (float("nan"), "not a finite number"),
    "huge": (2**80, "too large"),
}
"""Values of TOML, and the name of each in errors."""

TAKEN: dict[object, set[str]] = {
    int: {"whole number"},
    float: {"whole number", "number with a point", "whole number with a point"},
    bool: {"truth"},
    str: {"text", "number in quotes", "truth in quotes"},
}
"""Values that have the type of a setting, though perhaps not its range."""


def settings() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every key that a file may hold, with the type that it is declared as."""
    for name, wanted in schema.PLAIN.items():
        yield (name,), wanted
    for table, room in schema.TABLES.items():
        for name, wanted in schema.fields_of(room).items():
            yield (table, name), wanted
    for name, wanted in schema.ROUTE.items():
        yield (schema.ROUTES, name), wanted
    for name, wanted in schema.fields_of(schema.TABLES["origin"]).items():
        yield (schema.ORIGINS, "store", name), wanted


def document(key: tuple[str, ...], value: object) -> str:
    """Return a file that sets one key."""
    *tables, name = key
    if not tables:
        return f"{name} = {toml(value)}\n"
    heading = ".".join(tables)
    heading = f"[[{heading}]]" if tables[0] == schema.ROUTES else f"[{heading}]"
    return f"{heading}\n{name} = {toml(value)}\n"


def is_wrong(wanted: Any, what: str) -> bool:  # noqa: ANN401 - a type as it is declared
    """Tell whether a value is of a type that a setting does not have."""
    if wanted in TAKEN:
        return what not in TAKEN[wanted]
    texts = what in TAKEN[str]
    is_choice = isinstance(wanted, type)
    return not texts or (is_choice and what != "text")


SETTINGS = dict(settings())


@pytest.mark.parametrize("key", SETTINGS, ids=".".join)
def test_wrong_type_of_a_setting_is_named(key: tuple[str, ...]) -> None:
    """The error has the setting, the value, and the expected type."""
    wanted = SETTINGS[key]
    for what, (value, called) in VALUES.items():
        if not is_wrong(wanted, what):
            continue
        found = load(document(key, value))

        assert isinstance(found, ConfigError), (key, value)
        name = re.escape(".".join(key)).replace("routes", r"routes\[0\]")
        own = [item for item in found.problems if re.match(name, item.text)]
        assert own, (key, value, str(found))
        assert own[0].hint
        if "table" not in what and "Mapping" not in str(wanted):
            assert called in own[0].text or "not a known value" in own[0].text
            assert "Write " in own[0].hint


@pytest.mark.parametrize("key", SETTINGS, ids=".".join)
def test_sizes_are_of_bytes_alone(key: tuple[str, ...]) -> None:
    """A number of anything else has no unit."""
    if SETTINGS[key] is not int:
        return
    found = load(document(key, "20 MiB"))
    told = "" if not isinstance(found, ConfigError) else str(found)

    assert takes_size(key) == key[-1].endswith(("_bytes", "address_space"))
    assert ("cannot be used: it is a text" in told) == (not takes_size(key))
