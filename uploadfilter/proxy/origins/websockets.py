"""Open a WebSocket to the origin, with aiohttp's client.

The client's own handshake ends here, and another one begins: each side has its own key,
its own masks, and its own extensions (none). What an origin answers instead of opening
the WebSocket is returned as it is, up to ``_MOST_BODY_BYTES``: a redirect, a login.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeAlias

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from uploadfilter.proxy.origins.failing import OriginFailure
from uploadfilter.proxy.origins.heads import RawHeaders
from uploadfilter.proxy.origins.settings import OriginSettings

OriginSide: TypeAlias = aiohttp.ClientWebSocketResponse[bool]

PING_S: Final = 30.0
"""How often each side is asked whether it is still there; it has half of that to
answer. Network translators forget connections that are silent for some minutes."""

_MOST_BODY_BYTES: Final = 64 * 1024
_CLOSE_S: Final = 5.0

_ADDED: Final = frozenset({"Accept", "Accept-Encoding", "User-Agent"})
"""Headers that aiohttp would add if the client sent none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginRefusal:
    """The origin's answer to a handshake that it refuses.

    Attributes:
        status: As sent.
        headers: As sent, without those of the connection's framing.
        body: As sent, cut off after ``_MOST_BODY_BYTES``.
    """

    status: int
    headers: RawHeaders
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginWebSocket:
    """An open WebSocket to the origin.

    Attributes:
        side: The origin's side of it.
        headers: The origin's answer to the handshake, as sent.
    """

    side: OriginSide
    headers: RawHeaders


Opened: TypeAlias = OriginWebSocket | OriginRefusal | OriginFailure


class _RefusedError(Exception):
    """Carries a refusal out of aiohttp's client, which would follow a redirect."""

    def __init__(self, refusal: OriginRefusal) -> None:
        super().__init__(f"the origin answered {refusal.status}")
        self.refusal = refusal


@asynccontextmanager
async def origin_websocket(
    settings: OriginSettings,
    connector: aiohttp.BaseConnector,
    target: str,
    headers: RawHeaders,
    protocols: Sequence[str],
    *,
    most_bytes: int,
) -> AsyncIterator[Opened]:
    """Open a WebSocket during the block.

    Args:
        settings: Address and time limits of the origin.
        connector: Keeps the connections to it.
        target: As the client sent it.
        headers: Sent beside the handshake; their values are UTF-8.
        protocols: The subprotocols that the client offers.
        most_bytes: Longest message of the origin.
    """
    answers: list[RawHeaders] = []
    async with _session(settings, connector, answers) as session:
        try:
            side = await session.ws_connect(
                URL(_base(settings) + target, encoded=True),
                protocols=protocols,
                headers=CIMultiDict(
                    (name.decode("ascii"), value.decode("utf-8"))
                    for name, value in headers
                ),
                server_hostname=settings.server_name or None,
                heartbeat=PING_S,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_S),
                max_msg_size=most_bytes + 1,  # aiohttp's limit is exclusive
                decode_text=False,
            )
        except _RefusedError as exc:
            yield exc.refusal
            return
        except TimeoutError:
            yield OriginFailure.TOO_SLOW
            return
        except (aiohttp.ClientError, OSError):
            yield OriginFailure.UNREACHABLE
            return
        try:
            yield OriginWebSocket(side=side, headers=answers[-1])
        finally:
            await side.close()


def _base(settings: OriginSettings) -> str:
    """Return the URL before a target; the connector knows where a socket is."""
    is_socket = settings.socket_path is not None
    return "http://localhost" if is_socket else settings.url.rstrip("/")


def _session(
    settings: OriginSettings,
    connector: aiohttp.BaseConnector,
    answers: list[RawHeaders],
) -> aiohttp.ClientSession:
    """Make a client that adds nothing, and ends if no WebSocket is opened.

    Args:
        settings: Limits on the time and the head of an answer.
        connector: Stays open.
        answers: Gets the headers of the answer that opens the WebSocket.
    """

    async def note_answer(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        answer = await handler(request)
        if answer.status != HTTPStatus.SWITCHING_PROTOCOLS:
            raise _RefusedError(await _refusal(answer))
        answers.append(list(answer.raw_headers))
        return answer

    return aiohttp.ClientSession(
        connector=connector,
        connector_owner=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=_ADDED,
        auto_decompress=False,
        middlewares=(note_answer,),
        max_line_size=settings.max_header_bytes,
        max_field_size=settings.max_header_bytes,
        timeout=aiohttp.ClientTimeout(
            total=None,
            connect=settings.answer_timeout_s,
            sock_connect=settings.connect_timeout_s,
            sock_read=settings.answer_timeout_s,
        ),
    )


async def _refusal(answer: aiohttp.ClientResponse) -> OriginRefusal:
    """Read an answer that opens no WebSocket, and end its connection."""
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) >= _MOST_BODY_BYTES:
            break
    headers = list(answer.raw_headers)
    answer.close()
    return OriginRefusal(
        status=answer.status, headers=headers, body=bytes(body[:_MOST_BODY_BYTES])
    )
