"""Regular expressions mean the same to every Python that the filter runs with.

Before Python 3.11.5 (Debian 12 has 3.11.2), a possessive repeat or an atomic group
whose body fails after its first character goes on from there, and not from the start of
the body (https://github.com/python/cpython/issues/106052).
"""

import dataclasses
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator

# The parser of expressions has no public name.
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

import uploadfilter

Item = tuple[Any, Any]

_REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}
_CHARACTERS = {codes.IN, codes.LITERAL, codes.NOT_LITERAL, codes.ANY}
_LOOKS = {codes.ASSERT, codes.ASSERT_NOT}


def is_of_characters(item: Item) -> bool:
    """Say whether an item is a character or a repeat of one, which fail at once."""
    op, value = item
    if op in _REPEATS:
        return len(value[2]) == 1 and value[2][0][0] in _CHARACTERS
    return op in _CHARACTERS


def fails_where_it_begins(body: Iterable[Item]) -> bool:
    """Say whether a body fails at its first character, or not at all."""
    first, *rest = body
    op, value = first
    if not rest and op is codes.BRANCH:
        return all(fails_where_it_begins(branch) for branch in value[1])
    never_fail = all(
        item[0] in _REPEATS and item[1][0] == 0 and is_of_characters(item)
        for item in rest
    )
    return is_of_characters(first) and never_fail


def misread(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the parts of an expression that an older Python reads wrongly."""
    for item in items:
        op, value = item
        body: Any = ()
        if op in _REPEATS:
            body = value[2]
        elif op is codes.ATOMIC_GROUP:
            body = value
        if op in (codes.POSSESSIVE_REPEAT, codes.ATOMIC_GROUP):
            if not fails_where_it_begins(body):
                yield item
        elif op is codes.SUBPATTERN:
            body = value[3]
        elif op in _LOOKS:
            body = value[1]
        elif op is codes.BRANCH:
            body = [part for branch in value[1] for part in branch]
        yield from misread(body)


def patterns_in(value: object, depth: int = 4) -> Iterator[re.Pattern[Any]]:
    """Yield the expressions in a value of a module: in tuples, tables and records."""
    if isinstance(value, re.Pattern):
        yield value
    elif not depth or isinstance(value, type):
        return
    elif isinstance(value, tuple | list | set | frozenset):
        for item in value:
            yield from patterns_in(item, depth - 1)
    elif isinstance(value, dict):
        for item in value.values():
            yield from patterns_in(item, depth - 1)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from patterns_in(getattr(value, field.name, None), depth - 1)


def ours() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield each expression that stands in a module of the package, with its name."""
    for module in pkgutil.walk_packages(uploadfilter.__path__, "uploadfilter."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in sorted(sys.modules):
        if name.startswith("uploadfilter."):
            for key, value in vars(sys.modules[name]).items():
                for pattern in patterns_in(value):
                    yield f"{name}.{key}", pattern


def test_every_python_reads_our_expressions_alike() -> None:
    """None of them repeats possessively a part that may fail in its middle."""
    found = list(ours())
    wrong = {
        name
        for name, pattern in found
        if any(misread(parser.parse(pattern.pattern, pattern.flags)))
    }

    assert len(found) > 200
    assert wrong == set()


@pytest.mark.parametrize(
    "expression",
    [
        r"(?:ab?c)*+",
        r"(?:ab?c)++d",
        r"(?>(?:ab?c)+)",
        r"x(?:(?:[^-]++|-(?!->))*+)y",
        r"(?=(?:ab)?+)",
        r"a|(?:[0-9]a){3}+",
    ],
)
def test_rule_finds_what_an_older_python_reads_wrongly(expression: str) -> None:
    """This includes groups, branches and lookarounds."""
    assert any(misread(parser.parse(expression)))


@pytest.mark.parametrize(
    "expression",
    [r"a*+b", r"[ab]{3}+", r"(?:a|b++)*+", r"(?:[0-9]{2}\s*+)++", "(?:ab)*"],
)
def test_rule_allows_what_every_python_reads(expression: str) -> None:
    """A body that fails where it begins, and repeats that give back."""
    assert not any(misread(parser.parse(expression)))
