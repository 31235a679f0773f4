"""Heads as bytes: what was read is what is written."""

import asyncio

import pytest
from aiohttp.abc import AbstractStreamWriter
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_writer import StreamWriter
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from typing_extensions import override

from uploadfilter.proxy.origins.heads import encode_head, hold_head

VALUES = st.binary(max_size=20).map(
    lambda value: bytes(byte for byte in value if byte >= 0x20 and byte != 0x7F)
)


class Wire(asyncio.Transport):
    """A transport that keeps what it is given."""

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


@given(values=st.lists(VALUES, max_size=4))
def test_encoded_head_holds_every_byte(values: list[bytes]) -> None:
    """Whatever bytes a value has, those are encoded, in their order."""
    headers = [(b"X-Value", value) for value in values]

    lines = b"".join(b"X-Value: %s\r\n" % value for value in values)
    encoded = encode_head("GET /\udce9 HTTP/1.1", headers)
    assert encoded == b"GET /\xe9 HTTP/1.1\r\n" + lines + b"\r\n"


@pytest.mark.parametrize("breaking", ["\r\n", "\n", "\r", "\0"])
@pytest.mark.parametrize("where", ["line", "name", "value"])
def test_encoded_head_has_no_line_of_others(breaking: str, where: str) -> None:
    """A header that is written into a target, a name or a value is refused."""
    texts = {"line": "GET / HTTP/1.1", "name": "X", "value": "1"}
    texts[where] += breaking
    header = (texts["name"].encode(), texts["value"].encode())

    with pytest.raises(ValueError, match="line break"):
        encode_head(texts["line"], [header])
