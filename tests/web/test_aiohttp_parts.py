"""The proxy uses private parts of aiohttp in one module only, and they are there."""

import ast
import asyncio
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp.abc import AbstractStreamWriter
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_writer import StreamWriter
from multidict import CIMultiDict
from typing_extensions import override

import uploadfilter
from uploadfilter.web.aiohttp_parts import hold_head
from uploadfilter.web.origins.heads import encode_head

PACKAGE = Path(uploadfilter.__file__).parent
ADAPTER = PACKAGE / "web" / "aiohttp_parts.py"


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the modules that a module imports, and the names from them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def private_names(tree: ast.AST) -> set[str]:
    """Return the private names that code reads, sets or defines on ``self``."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case _:
                pass
    return {name for name in found if name.startswith("_") and name[:2] != "__"}


def source_of(cls: type) -> ast.Module:
    """Return the parsed source of a class."""
    return ast.parse(inspect.getsource(cls))


def touched_by(path: Path) -> list[str]:
    """Return the private names of aiohttp that a module touches."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    found = [
        name
        for module, name in imported(tree)
        if module.startswith("aiohttp") and name.startswith("_")
    ]
    if "SLF001" in text:
        found.append("SLF001")
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for cls in vars(importlib.import_module(name)).values():
        if inspect.isclass(cls) and cls.__module__ == name:
            theirs = [it for it in cls.__mro__ if it.__module__.startswith("aiohttp")]
            known = set().union(*(private_names(source_of(it)) for it in theirs))
            found += sorted(private_names(source_of(cls)) & known)
    return found


def test_other_modules_touch_no_private_name_of_aiohttp() -> None:
    """An update of aiohttp is looked at in one module (ADR 0015)."""
    touching = {
        str(path.relative_to(PACKAGE)): touched_by(path)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != ADAPTER and "aiohttp" in path.read_text(encoding="utf-8")
    }

    assert {name: found for name, found in touching.items() if found} == {}


def test_list_of_parts_is_whole() -> None:
    """The docstring names each private part that the module uses."""
    tree = ast.parse(ADAPTER.read_text(encoding="utf-8"))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_")
    }
    listed = ast.get_docstring(tree) or ""

    dunder = {name for name in used if name.startswith("__")}
    assert [name for name in sorted(used - dunder) if name not in listed] == []


class Wire(asyncio.Transport):
    """A transport that keeps the written bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep the bytes."""
        self.data += data

    @override
    def is_closing(self) -> bool:
        """Tell that the connection stands."""
        return False


class Other(AbstractStreamWriter):
    """A writer of some other kind."""

    @override
    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Throw it away."""

    @override
    async def write_eof(self, chunk: bytes = b"") -> None:
        """Throw it away."""

    @override
    async def drain(self) -> None:
        """Wait for nothing."""

    @override
    def enable_compression(
        self, encoding: str = "deflate", strategy: int | None = None
    ) -> None:
        """Compress nothing."""

    @override
    def enable_chunking(self) -> None:
        """Cut nothing."""

    @override
    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        """Throw them away."""


async def test_head_is_held_for_the_body() -> None:
    """Head and first piece go out together, byte for byte."""
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.transport = wire = Wire()
    writer = StreamWriter(protocol, loop)

    hold_head(writer, encode_head("HTTP/1.1 200 OK", [(b"X", b"caf\xe9")]))
    held = wire.data
    await writer.write(b"body")

    assert (held, wire.data) == (b"", b"HTTP/1.1 200 OK\r\nX: caf\xe9\r\n\r\nbody")


def test_other_writers_are_not_guessed_at() -> None:
    """An update of aiohttp that writes in another way is noticed."""
    with pytest.raises(TypeError, match="another way"):
        hold_head(object.__new__(Other), b"")
