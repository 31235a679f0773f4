"""Hold what a command prints to its JSON schema."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, BinaryIO, cast

import pytest
from jsonschema import Draft202012Validator
from typing_extensions import override

from deploy.documents.schemas import schema_of
from uploadfilter.cli.documents import DOCUMENTS


class Overheard(io.RawIOBase):
    """Standard output, of which every byte is kept."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.data = bytearray()

    @override
    def write(self, data: Any) -> int:
        """Pass data on, and keep it."""
        self.data += data
        self._out.write(data)
        self._out.flush()
        return len(data)

    @override
    def fileno(self) -> int:
        """Return the descriptor of standard output."""
        return self._out.fileno()

    @override
    def writable(self) -> bool:
        """Return true."""
        return True


@contextmanager
def held_to_schema(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> Iterator[None]:
    """Hold what a command prints in the block to its schema, if it prints JSON."""
    words = command_of(arguments)
    if words is None:
        yield
        return
    heard = Overheard(sys.stdout.buffer)
    with monkeypatch.context() as patch:
        out = io.BufferedWriter(heard)
        text = io.TextIOWrapper(out, sys.stdout.encoding, write_through=True)
        patch.setattr(sys, "stdout", text)
        yield
        text.flush()
    check(words, bytes(heard.data))


def command_of(arguments: tuple[str, ...]) -> str | None:
    """Return the words of the command, if it is to print JSON of which there is one."""
    if "--json" not in arguments:
        return None
    for count in (2, 1):
        if (words := " ".join(arguments[:count])) in DOCUMENTS:
            return words
    return None


def check(words: str, data: bytes) -> None:
    """Refuse what is no document of a command, one on each line."""
    for line in data.splitlines():
        # A process that ends in the middle of a line, or a message of a test.
        if line.startswith((b"{", b"[")) and line.endswith((b"}", b"]")):
            is_valid(words)(json.loads(line))


@cache
def is_valid(words: str) -> Callable[[object], None]:
    """Return a check for the documents of a command, which knows every key of them."""
    validator = Draft202012Validator(cast("Any", _strict(schema_of(words))))

    def valid(document: object) -> None:
        found = _causes(validator, document)
        errors = [f"{it.json_path}: {it.message}" for it in found]
        assert not errors, f"{words} prints other than docs/json says: {errors}"

    return valid


def _causes(validator: Draft202012Validator, document: object) -> list[Any]:
    found = list(validator.iter_errors(document))
    return [cause for it in found for cause in (it.context or [it])]


def _strict(schema: object) -> object:
    """Return a schema that allows no key that it does not name."""
    match schema:
        case dict():
            strict = {key: _strict(value) for key, value in schema.items()}
            if isinstance(schema.get("properties"), dict):
                strict.setdefault("additionalProperties", False)
            return strict
        case list():
            return [_strict(it) for it in schema]
        case _:
            return schema
