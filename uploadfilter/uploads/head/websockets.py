"""Tell whether a request opens a WebSocket, and whether an origin opened it (RFC 6455).

An origin and this filter must agree on whether a connection becomes a WebSocket: if
only one of them believes it, the bytes that follow are requests for one and messages
for the other. So a head counts as a handshake only if every reader takes it for one,
and an answer of 101 only if it proves that the origin has read the client's key.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import Final

from uploadfilter.uploads.head.plan import connection_options
from uploadfilter.uploads.head.request import HTTP_1_1, RequestHead

_KEY_BYTES: Final = 16
_ADDED_TO_KEY: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_OFFERED: Final = b"websocket"

UPGRADE: Final = ((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))
"""The headers of one hop that open a WebSocket, in the request and in its answer."""


class WebSockets(StrEnum):
    """The treatments of WebSockets by a route, from the strictest on."""

    REFUSE = "refuse"
    PASS = "pass"  # noqa: S105  # not a password

    def is_as_strict_as(self, other: "WebSockets") -> bool:
        """Tell whether nobody gains an advantage by this treatment."""
        return self is WebSockets.REFUSE or other is WebSockets.PASS


def without_handshake(head: RequestHead) -> RequestHead | None:
    """Return the head of a request that opens a WebSocket, without its upgrade.

    Returns:
        ``None`` if the request opens none, or if readers could disagree about it.
    """
    opens = (
        [offer.lower() for offer in head.values(b"upgrade")] == [_OFFERED]
        and head.method == "GET"
        and not head.has_body
        and head.version == HTTP_1_1
        and b"upgrade" in connection_options(head.values(b"connection"))
        and _is_key(head.values(b"sec-websocket-key"))
    )
    if not opens:
        return None
    kept = tuple(it for it in head.headers if it[0].lower() != b"upgrade")
    return replace(head, headers=kept)


def is_opened(
    asked: Iterable[tuple[bytes, bytes]], answered: Iterable[tuple[bytes, bytes]]
) -> bool:
    """Tell whether the headers of an answer of 101 open the WebSocket asked for."""
    offered, given = _by_name(asked), _by_name(answered)
    key = offered.get(b"sec-websocket-key", b"").strip(b" \t")
    proof = hashlib.sha1(key + _ADDED_TO_KEY, usedforsecurity=False).digest()
    return (
        offered.get(b"upgrade", b"").lower() == _OFFERED
        and given.get(b"upgrade", b"").lower() == _OFFERED
        and given.get(b"sec-websocket-accept") == base64.b64encode(proof)
    )


def _by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in headers}


def _is_key(keys: list[bytes]) -> bool:
    try:
        decoded = [base64.b64decode(key, validate=True) for key in keys]
    except binascii.Error:
        return False
    return [len(key) for key in decoded] == [_KEY_BYTES]
