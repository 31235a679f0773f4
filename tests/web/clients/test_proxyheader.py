"""The header of the PROXY protocol: the other end, or nothing at all."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.clients.proxyheaders import TCP4, TCP6, TLV, UNIX, header
from uploadfilter.web.clients.proxyheader import (
    MAX_FIELDS_BYTES,
    SIGNATURE,
    ProxyHeader,
    Unread,
    read_header,
)

MAPPED = (ipaddress.ip_address("::ffff:192.0.2.7").packed * 2) + TCP6[32:]


GOOD = {
    "tcp4": (header(0x21, 0x11, TCP4), "192.0.2.7", 4711),
    "tcp6": (header(0x21, 0x21, TCP6), "2001:db8::7", 4711),
    "ipv4-in-ipv6": (header(0x21, 0x21, MAPPED), "192.0.2.7", 4711),
    "unix": (header(0x21, 0x31, UNIX), "", 0),
    "with-tlv": (header(0x21, 0x11, TCP4 + TLV), "192.0.2.7", 4711),
    "longest": (
        header(0x21, 0x11, TCP4.ljust(MAX_FIELDS_BYTES, b"\0")),
        "192.0.2.7",
        4711,
    ),
    "local": (header(0x20, 0x00), None, 0),
    "local-with-address": (header(0x20, 0x11, TCP4), None, 0),
}


@pytest.mark.parametrize("name", GOOD)
def test_header_tells_the_source(name: str) -> None:
    """Bytes after the header belong to the client and are not parsed."""
    data, source, port = GOOD[name]

    assert read_header(data + b"GET / HTTP/1.1") == ProxyHeader(
        length=len(data), source=source, port=port
    )


@pytest.mark.parametrize("name", GOOD)
def test_header_is_incomplete_at_every_byte_before_its_end(name: str) -> None:
    """However a header is cut, it is incomplete until it is whole."""
    data, _, _ = GOOD[name]

    cuts = {read_header(data[:end]) for end in range(1, len(data))}

    assert cuts == {Unread.INCOMPLETE}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"G", id="http"),
        pytest.param(b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n", id="version-1"),
        pytest.param(b"\r\n\r\n\0\r\nQUIX", id="nearly-the-signature"),
        pytest.param(SIGNATURE + b"\x11", id="old-version"),
        pytest.param(SIGNATURE + b"\x22", id="unknown-command"),
        pytest.param(SIGNATURE + b"\x21\x00", id="unspecified-family"),
        pytest.param(SIGNATURE + b"\x21\x12", id="datagrams"),
        pytest.param(header(0x21, 0x11, TCP4[:-1]), id="no-room-for-addresses"),
        pytest.param(header(0x21, 0x21, TCP4), id="wrong-family"),
        pytest.param(
            SIGNATURE + b"\x21\x11" + (MAX_FIELDS_BYTES + 1).to_bytes(2), id="too-long"
        ),
        pytest.param(SIGNATURE + b"\x20\x00\xff\xff", id="too-long-local"),
    ],
)
def test_what_cannot_become_a_header_is_malformed_at_once(data: bytes) -> None:
    """A wrong first byte is enough to refuse; that includes version 1."""
    assert read_header(data) is Unread.MALFORMED


@given(data=st.binary(min_size=1, max_size=64))
def test_nothing_else_is_taken_for_a_header(data: bytes) -> None:
    """Any bytes are read or refused, and the parser never reads past the end."""
    for start in (data, SIGNATURE + data):
        found = read_header(start)

        assert isinstance(found, Unread) or found.length <= len(start)
