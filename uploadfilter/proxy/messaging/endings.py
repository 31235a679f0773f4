"""The ways in which a WebSocket ends, and the codes that both sides get for it."""

from dataclasses import dataclass
from typing import Final

import aiohttp
from aiohttp import WSCloseCode

from uploadfilter.proxy.inspecting.admission import TurnedAway
from uploadfilter.proxy.inspecting.commands import Answer

_SENDABLE: Final = frozenset({*range(1000, 1004), *range(1007, 1015)})
"""Registered codes that may stand in a close frame (RFC 6455, section 7.4)."""

_PRIVATE: Final = range(3000, 5000)
_TOO_LARGE: Final = 413
_MOST_TEXT_BYTES: Final = 123
_FAULTS_OF_OURS: Final = frozenset({429, 503})


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """The last frame for one side.

    Attributes:
        code: Close code.
        text: Its reason, in UTF-8.
    """

    code: int
    text: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The end of a WebSocket.

    Attributes:
        client: The frame for the client.
        origin: The frame for the origin.
    """

    client: Close
    origin: Close


def passed_on(code: object, text: object) -> Close:
    """Return the close frame of one side as the other side may get it."""
    if isinstance(code, int) and (code in _SENDABLE or code in _PRIVATE):
        said = text.encode() if isinstance(text, str) else b""
        whole = said[:_MOST_TEXT_BYTES].decode("utf-8", "ignore")
        return Close(code=code, text=whole.encode())
    return Close(code=WSCloseCode.OK)


def refused(effect: Answer | TurnedAway, decision_id: str | None) -> Closing:
    """Return the end for a message that may not reach the origin.

    Args:
        effect: Why not.
        decision_id: Id of the decision, which the client may quote.
    """
    if effect.status in _FAULTS_OF_OURS:
        code = WSCloseCode.TRY_AGAIN_LATER
    elif effect.status == _TOO_LARGE:
        code = WSCloseCode.MESSAGE_TOO_BIG
    else:
        code = WSCloseCode.POLICY_VIOLATION
    said = f"rejected: {decision_id}" if decision_id else "try again later"
    return Closing(
        client=Close(code=code, text=said.encode("ascii")),
        origin=Close(code=WSCloseCode.GOING_AWAY),
    )


STOPPING: Final = Closing(
    client=Close(code=WSCloseCode.GOING_AWAY, text=b"the service is ending"),
    origin=Close(code=WSCloseCode.GOING_AWAY),
)
RELOADED: Final = Closing(
    client=Close(code=WSCloseCode.SERVICE_RESTART, text=b"connect again"),
    origin=Close(code=WSCloseCode.GOING_AWAY),
)
"""The settings have changed since the connection was opened."""

ORIGIN_LOST: Final = Closing(
    client=Close(code=WSCloseCode.INTERNAL_ERROR, text=b"the origin is gone"),
    origin=Close(code=WSCloseCode.GOING_AWAY),
)
TOO_SLOW: Final = Closing(
    client=Close(code=WSCloseCode.GOING_AWAY, text=b"too slow"),
    origin=Close(code=WSCloseCode.GOING_AWAY),
)


def of_client(kind: aiohttp.WSMsgType, code: object, text: object) -> Closing:
    """Return the end that the client's side has begun, or broken off."""
    if kind is aiohttp.WSMsgType.CLOSE:
        said = passed_on(code, text)
        return Closing(client=said, origin=said)
    return Closing(
        client=Close(code=WSCloseCode.PROTOCOL_ERROR),
        origin=Close(code=WSCloseCode.GOING_AWAY),
    )


def of_origin(kind: aiohttp.WSMsgType, code: object, text: object) -> Closing:
    """Return the end that the origin's side has begun, or broken off."""
    if kind is aiohttp.WSMsgType.CLOSE:
        said = passed_on(code, text)
        return Closing(client=said, origin=said)
    return ORIGIN_LOST
