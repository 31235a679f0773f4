"""Names and values as text, and back to the same bytes."""

import asyncio

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_writer import StreamWriter
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from typing_extensions import override

from uploadfilter.proxy.heads import encode_head, is_plain, texts, write_exactly

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


async def written(first_line: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return what aiohttp's writer sends of a head."""
    loop = asyncio.get_running_loop()
    protocol = BaseProtocol(loop)
    protocol.transport = wire = Wire()
    writer = StreamWriter(protocol, loop)
    held = CIMultiDict(texts(headers))
    await writer.write_headers(first_line, held)
    write_exactly(writer, first_line, held)
    writer.send_headers()
    return wire.data


@given(values=st.lists(VALUES, max_size=4))
def test_head_goes_out_byte_for_byte(values: list[bytes]) -> None:
    """Whatever bytes a value has, those are sent, in their order."""
    headers = [(b"X-Value", value) for value in values]

    sent = asyncio.run(written("GET / HTTP/1.1", headers))

    lines = b"".join(b"X-Value: %s\r\n" % value for value in values)
    assert sent == b"GET / HTTP/1.1\r\n" + lines + b"\r\n"


async def test_head_with_a_line_break_is_refused() -> None:
    """Nobody writes a header of their own into another one's value."""
    with pytest.raises(ValueError, match="control character"):
        await written("GET / HTTP/1.1", [(b"X", b"\xe9\r\nEvil: 1")])


@pytest.mark.parametrize(
    ("value", "expected"), [("a b", True), ("caf\xe9", False), ("\udce9", False)]
)
def test_only_ascii_is_plain(value: str, *, expected: bool) -> None:
    """What aiohttp is known to write as it read it needs no care."""
    assert is_plain(["x", value]) is expected


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
