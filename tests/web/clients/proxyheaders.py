"""Headers of the PROXY protocol, version 2."""

import ipaddress

from uploadfilter.web.clients.proxyheader import SIGNATURE

TCP4 = bytes([192, 0, 2, 7, 10, 0, 0, 1]) + (4711).to_bytes(2) + (80).to_bytes(2)

TCP6 = (
    ipaddress.ip_address("2001:db8::7").packed
    + ipaddress.ip_address("2001:db8::1").packed
    + (4711).to_bytes(2)
    + (80).to_bytes(2)
)

UNIX = b"/run/a".ljust(108, b"\0") * 2
TLV = b"\x04\x00\x03abc"


def header(command: int, family: int, fields: bytes = b"") -> bytes:
    """Write a header."""
    return SIGNATURE + bytes([command, family]) + len(fields).to_bytes(2) + fields
