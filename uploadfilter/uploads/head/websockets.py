"""Read the head of a request that opens a WebSocket (RFC 6455, section 4.2.1).

An origin and this filter must agree on whether a connection becomes a WebSocket: if
only one of them believes it, the bytes that follow are requests for one and messages
for the other. So a head is taken only if every reader takes it for a handshake, or else
it is refused.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.uploads.head.plan import Refusal, connection_options
from uploadfilter.uploads.head.request import HTTP_1_1, RequestHead

_BAD_REQUEST = 400
_UPGRADE_REQUIRED = 426

_KEY_BYTES: Final = 16
_KEY_TEXT: Final = 24
"""Length of the key in base64, of which the last two characters are padding."""

_OFFERED: Final = b"websocket"
_OURS: Final = (b"upgrade", b"connection", b"sec-websocket-")
"""Headers of this hop, by their beginnings: each side has a handshake of its own."""

_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

MOST_PROTOCOLS: Final = 32
"""Subprotocols that a client may offer; libraries offer one or two."""


class WebSockets(StrEnum):
    """The treatments of WebSockets by a route, from the strictest on."""

    REFUSE = "refuse"
    INSPECT = "inspect"
    PASS = "pass"  # noqa: S105  # not a password

    def is_as_strict_as(self, other: "WebSockets") -> bool:
        """Tell whether nobody gains an advantage by this treatment."""
        order = tuple(WebSockets)
        return order.index(self) <= order.index(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """The opening of a WebSocket by a client.

    Attributes:
        head: The head without the headers of the handshake.
        protocols: The subprotocols that the client offers, in its order.
    """

    head: RequestHead
    protocols: tuple[str, ...]


def asks_for_websocket(head: RequestHead) -> bool:
    """Tell whether a request without a body asks for a WebSocket, well-formed or not.

    One that also asks for another protocol, or has a body, is an upgrade that no route
    allows (``head/plan.py``).
    """
    offers = head.values(b"upgrade")
    return (
        len(offers) == 1
        and offers[0].lower() == _OFFERED
        and head.method == "GET"
        and not head.has_body
    )


def read_handshake(head: RequestHead) -> Handshake | Refusal:
    """Read a head for which ``asks_for_websocket`` is true.

    Returns:
        The handshake, or the refusal of one that readers could take differently.
    """
    for is_right, refusal in _RULES:
        if not is_right(head):
            return refusal
    plain = tuple(
        (name, value)
        for name, value in head.headers
        if not name.lower().startswith(_OURS)
    )
    return Handshake(
        head=replace(head, headers=plain), protocols=tuple(_protocols(head) or ())
    )


def _is_key(keys: list[bytes]) -> bool:
    try:
        key = base64.b64decode(b",".join(keys), validate=True)
    except binascii.Error:
        return False
    return len(key) == _KEY_BYTES and len(keys[0]) == _KEY_TEXT


def _protocols(head: RequestHead) -> list[str] | None:
    """Return the offered subprotocols; ``None`` if they are no list of names."""
    values = head.values(b"sec-websocket-protocol")
    names = [name.strip(b" \t") for name in b",".join(values).split(b",")]
    if not values:
        return []
    if (
        len(names) > MOST_PROTOCOLS
        or len(set(names)) < len(names)
        or not all(_TOKEN.fullmatch(name) for name in names)
    ):
        return None
    return [name.decode("ascii") for name in names]


def _is_text(head: RequestHead) -> bool:
    """Tell whether the headers are text: the handshake with the origin is new."""
    try:
        for name, value in head.headers:
            name.decode("ascii")
            value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _wrong(detail: str, status: int = _BAD_REQUEST) -> Refusal:
    return Refusal(status=status, reason=Reason.MALFORMED_REQUEST, detail=detail)


_RULES: Final[tuple[tuple[Callable[[RequestHead], bool], Refusal], ...]] = (
    (
        lambda head: head.version == HTTP_1_1,
        _wrong("A WebSocket needs HTTP/1.1."),
    ),
    (
        lambda head: b"upgrade" in connection_options(head.values(b"connection")),
        _wrong("Connection does not name Upgrade."),
    ),
    (
        lambda head: head.values(b"sec-websocket-version") == [b"13"],
        _wrong("The version of WebSockets is 13.", _UPGRADE_REQUIRED),
    ),
    (
        lambda head: _is_key(head.values(b"sec-websocket-key")),
        _wrong("Sec-WebSocket-Key is not one key of 16 bytes."),
    ),
    (
        lambda head: not any(b"_" in it and b"websocket" in it for it in head.names),
        _wrong("A header name has an underscore instead of a hyphen."),
    ),
    (
        lambda head: _protocols(head) is not None,
        _wrong("Sec-WebSocket-Protocol is not a list of different names."),
    ),
    (_is_text, _wrong("A header is not text in UTF-8.")),
)
