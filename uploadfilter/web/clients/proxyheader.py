"""Parse the header in which a front end names the client of a connection.

This is version 2 of the PROXY protocol (HAProxy, ``doc/proxy-protocol.txt``): binary,
once, and before anything else. Rules this module keeps:

- Version 1, and bytes without the signature, are malformed: a front end that is
  configured for the protocol always sends the header, so nothing is guessed.
- A header without the client's address is malformed too. The specification allows the
  receiver to refuse an unspecified family (section 2.2); taking the front end for the
  client would mean believing headers that somebody else wrote.
- Additional fields (TLVs) are skipped; the length includes them.
"""

import ipaddress
from dataclasses import dataclass
from enum import Enum
from typing import Final

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
"""The first twelve bytes (section 2.2); no HTTP request can begin with them."""

MAX_FIELDS_BYTES: Final = 4096
"""Most bytes after the fixed part. The addresses of unix sockets take 216 and names
from a certificate a few hundred more. The length field could say 65,535, and all of it
would be held for a client that sends it slowly."""

_FIXED_BYTES: Final = 16
_LOCAL: Final = 0x20
_PROXY: Final = 0x21
_TCP4: Final = 0x11
_TCP6: Final = 0x21
_UNIX_STREAM: Final = 0x31
_ADDRESS_BYTES: Final = {_TCP4: 12, _TCP6: 36, _UNIX_STREAM: 216}
"""Two addresses and two ports, or two paths."""


class Unread(Enum):
    """Why there is no header."""

    INCOMPLETE = "incomplete"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyHeader:
    """The content of a header.

    Attributes:
        length: Bytes of the header; the following bytes are the client's.
        source: Address of the client; empty if it reached the front end by a unix
            socket; ``None`` if the front end itself is the client (``LOCAL``).
        port: Its port; 0 without an address.
    """

    length: int
    source: str | None
    port: int


def read_header(data: bytes) -> ProxyHeader | Unread:
    """Parse a header from the first bytes of a connection.

    Args:
        data: All bytes that have arrived, at least one.

    Returns:
        The header; or that more bytes are needed; or that it is malformed, which is
        known at the first wrong byte.

    Source:
        Tarreau, "The PROXY protocol, versions 1 & 2", section 2.2.
    """
    if not SIGNATURE.startswith(data[: len(SIGNATURE)]):
        return Unread.MALFORMED
    if _is_wrong(data):
        return Unread.MALFORMED
    if len(data) < _FIXED_BYTES:
        return Unread.INCOMPLETE
    length = _FIXED_BYTES + int.from_bytes(data[14:16])
    if len(data) < length:
        return Unread.INCOMPLETE
    if data[12] == _LOCAL:
        return ProxyHeader(length=length, source=None, port=0)
    return _told(data, length)


def _is_wrong(data: bytes) -> bool:
    """Tell whether one of the fixed fields that have arrived is unusable."""
    command, family, size = data[12:13], data[13:14], data[14:16]
    if command and command[0] not in {_LOCAL, _PROXY}:
        return True
    is_local = bool(command) and command[0] == _LOCAL
    if family and not is_local and family[0] not in _ADDRESS_BYTES:
        return True
    if len(size) == 2:  # noqa: PLR2004 - the length field is two bytes
        least = 0 if is_local else _ADDRESS_BYTES[family[0]]
        return not least <= int.from_bytes(size) <= MAX_FIELDS_BYTES
    return False


def _told(data: bytes, length: int) -> ProxyHeader:
    """Return the source in a complete header."""
    match data[13]:
        case 0x11:
            source = str(ipaddress.IPv4Address(data[16:20]))
            port = int.from_bytes(data[24:26])
        case 0x21:
            address = ipaddress.IPv6Address(data[16:32])
            source = str(address.ipv4_mapped or address)
            port = int.from_bytes(data[48:50])
        case _:
            source, port = "", 0
    return ProxyHeader(length=length, source=source, port=port)
