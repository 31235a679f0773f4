"""TOML documents to load: right ones, wrong ones, and anything at all."""

import dataclasses
import datetime as dt
import json
import math
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from hypothesis import strategies as st

from uploadfilter.config import schema

NAMES = st.sampled_from(["a", "b", "photos", "store-2"])


def toml(value: object) -> str:  # noqa: PLR0911 -- one for each kind
    """Write a value in one line."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value)
        case float() if math.isnan(value):
            return "nan"
        case float() if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case dict():
            pairs = [f"{toml(name)} = {toml(item)}" for name, item in value.items()]
            return f"{{ {', '.join(pairs)} }}"
        case dt.datetime():
            return value.isoformat()
        case _:
            return str(value)


def document(values: Mapping[str, object]) -> str:
    """Write a document, each key in a line."""
    return "\n".join(f"{toml(name)} = {toml(item)}" for name, item in values.items())


# Anything at all, in tables of the right names and of others.

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_SCALARS = (
    _TEXTS
    | st.integers(-(2**70), 2**70)
    | st.integers(-2, 70_000)
    | st.floats()
    | st.booleans()
    | st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 1, 1))  # noqa: DTZ001 -- a local time
    | st.sampled_from(
        [
            "enforce",
            "http://127.0.0.1:8080",
            "http://[",
            "https://x:99999",
            "unix:",
            "2 GiB",
            "reject",
            "/a",
            "*.example.org",
            "0.0.0.0/0",
            "PUT",
        ]
    )
)
_REFERENCES = st.dictionaries(
    st.sampled_from(["env", "file", "credential", "x"]), _TEXTS, max_size=2
)


def _values(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=2)


_ANY: st.SearchStrategy[Any] = st.recursive(
    _SCALARS | _REFERENCES, _values, max_leaves=4
)


def _table(names: list[str]) -> st.SearchStrategy[Any]:
    keys = st.sampled_from([*names, "strange"])
    return st.dictionaries(keys, _ANY, max_size=4) | _ANY


def _tables() -> Iterator[tuple[str, st.SearchStrategy[Any]]]:
    for name, room in schema.TABLES.items():
        yield name, _table(list(schema.fields_of(room)))
    route = _table([*schema.ROUTE, *schema.ROUTE_TABLES])
    yield schema.ROUTES, st.lists(route, max_size=3) | _ANY
    origin = _table(["url", "ca_file", "connections"])
    yield schema.ORIGINS, st.dictionaries(NAMES, origin, max_size=2) | _ANY
    for name in (*schema.PLAIN, "strange"):
        yield name, _ANY


ANY_DOCUMENTS = st.fixed_dictionaries({}, optional=dict(_tables())).map(document)


# Documents that can be used, except for some combinations.


def _near(value: object) -> st.SearchStrategy[Any]:
    """Draw values that a key with this default may have."""
    match value:
        case bool():
            return st.booleans()
        case StrEnum():
            return st.sampled_from([str(it).lower() for it in type(value)])
        case int():
            return st.sampled_from([value, max(value - 1, 1), value])
        case float():
            return st.sampled_from([value, value + 0.5])
        case _:
            return st.just(value)


def _valid(room: type) -> st.SearchStrategy[dict[str, Any]]:
    names = schema.fields_of(room)
    optional = {
        field.name: _near(field.default)
        for field in dataclasses.fields(room)
        if field.name in names and isinstance(field.default, StrEnum | int | float)
    }
    return st.fixed_dictionaries({}, optional=optional)


_ACTIONS = st.sampled_from(["accept", "reject", "retry_later"])
_CATEGORIES = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5), _ACTIONS, max_size=2
)
_WORDS = st.text(st.characters(exclude_categories=["C"]), max_size=12)


@st.composite
def _routes(draw: st.DrawFn) -> list[dict[str, Any]]:
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    return [
        {
            "name": name,
            "host": f"{name}.example.org",  # so that none shadows another
            **draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "path": st.sampled_from(["/", "/a", "/a/b/"]),
                        "methods": st.just(["PUT", "POST"]),
                        "origin": st.sampled_from(["store", "http://127.0.0.1:83"]),
                        "mode": st.sampled_from(["monitor", "enforce"]),
                        "exempt": st.booleans(),
                        "limits": _valid(schema.TABLES["limits"]),
                        "policy": _policies(),
                    },
                )
            ),
        }
        for name in names
    ]


@st.composite
def _policies(draw: st.DrawFn) -> dict[str, Any]:
    found = draw(_valid(schema.TABLES["policy"]))
    return {**found, **({"categories": c} if (c := draw(_CATEGORIES)) else {})}


def _valid_tables() -> Iterator[tuple[str, st.SearchStrategy[Any]]]:
    for name, room in schema.TABLES.items():
        if name not in {"origin", "policy"}:
            yield name, _valid(room)
    yield "policy", _policies()
    yield "routes", _routes()
    yield "mode", st.sampled_from(["monitor", "ENFORCE"])
    yield "reject_status", st.sampled_from([403, 451])
    yield "listen", st.sampled_from(["[::1]:443", ["0.0.0.0:80", "unix:/run/x"]])
    yield "trusted_proxies", st.just(["10.0.0.0/8", "::1"])
    yield "objection", _WORDS
    yield "report", _WORDS | st.just({"env": "REPORT"})
    yield "language", st.just("nl")
    yield "spool_directory", st.just("/tmp/x")  # noqa: S108 -- never opened
    yield "instance", st.just("second")


VALID_DOCUMENTS = st.fixed_dictionaries(
    {
        "origin": _valid(schema.TABLES["origin"]).map(
            lambda table: {"url": "http://127.0.0.1:81", **table}
        ),
        "origins": st.just({"store": {"url": "unix:/run/store"}}),
    },
    optional=dict(_valid_tables()),
).map(document)
