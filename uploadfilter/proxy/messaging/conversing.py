"""Carry the messages of one WebSocket, from its opening to its end.

Two tasks run until one of them knows how the WebSocket ends: ``_to_client`` sends what
the origin says, and ``_to_origin`` has the client's messages judged, and sends them. A
third one, ``_listen``, takes the client's messages in meanwhile. Those that wait are
judged together.

Rules this module keeps:

- No message reaches the origin before its decision is on record.
- Everything that waits is bounded: ``MOST_TOGETHER`` messages, or the bytes of the
  longest one. A client that sends more has to wait.
- A side that accepts nothing ends the WebSocket (``answer_idle_s``).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from aiohttp import WSMessage, WSMsgType, web

from uploadfilter.proxy.messaging.endings import (
    ORIGIN_LOST,
    TOO_SLOW,
    Closing,
    of_client,
    of_origin,
)
from uploadfilter.proxy.origins.websockets import OriginSide
from uploadfilter.uploads.body.messages import Message

Judge: TypeAlias = Callable[[Sequence[Message]], Awaitable[Closing | None]]
"""Judges messages: returns ``None`` if the origin may get them, else the end."""

MOST_TOGETHER: Final = 64
"""Messages that are judged together: an upload of 64 small contents."""

_TYPES: Final = {True: WSMsgType.TEXT, False: WSMsgType.BINARY}
_DATA: Final = (WSMsgType.TEXT, WSMsgType.BINARY)


class WebSocketConversation:
    """One open WebSocket.

    Args:
        client: The client's side.
        origin: The origin's side.
        judge: Judges messages of the client.
        most_bytes: Bytes that may wait.
        idle_s: Seconds for which a side may accept nothing.
    """

    def __init__(
        self,
        client: web.WebSocketResponse,
        origin: OriginSide,
        judge: Judge,
        *,
        most_bytes: int,
        idle_s: float,
    ) -> None:
        self._client = client
        self._origin = origin
        self._judge = judge
        self._most_bytes = most_bytes
        self._idle_s = idle_s
        self._waiting: list[Message] = []
        self._ended: Closing | None = None
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()

    async def run(self, until: Awaitable[Closing]) -> Closing:
        """Carry messages until a side, or ``until``, ends it; say how it ended."""
        works = [
            asyncio.ensure_future(work)
            for work in (self._to_client(), self._to_origin(), until)
        ]
        listening = asyncio.ensure_future(self._listen())
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            return next(work for work in works if work in done).result()
        finally:
            for work in (*works, listening):
                work.cancel()
            await asyncio.gather(*works, listening, return_exceptions=True)

    async def _to_client(self) -> Closing:
        while True:
            message = await self._origin.receive()
            if message.type not in _DATA:
                return of_origin(message.type, message.data, message.extra)
            try:
                async with asyncio.timeout(self._idle_s):
                    await self._client.send_frame(message.data, message.type)
            except TimeoutError:
                return TOO_SLOW
            except ConnectionError:
                return of_client(WSMsgType.CLOSED, None, None)

    async def _to_origin(self) -> Closing:
        while True:
            await self._changed.wait()
            self._changed.clear()
            messages, self._waiting = self._waiting, []
            self._taken.set()
            if not messages:
                if self._ended is not None:
                    return self._ended
                continue
            ending = await self._judge(messages) or await self._send(messages)
            if ending is not None:
                return ending
            self._changed.set()

    async def _send(self, messages: Sequence[Message]) -> Closing | None:
        try:
            async with asyncio.timeout(self._idle_s):
                for message in messages:
                    await self._origin.send_frame(message.data, _TYPES[message.is_text])
        except (TimeoutError, ConnectionError):
            return ORIGIN_LOST
        return None

    async def _listen(self) -> None:
        """Take in the client's messages, as long as there is room."""
        while True:
            message = await self._client.receive()
            if message.type in _DATA:
                await self._take(message)
                continue
            self._ended = of_client(message.type, message.data, message.extra)
            self._changed.set()
            return

    async def _take(self, message: WSMessage) -> None:
        is_text = message.type is WSMsgType.TEXT
        data = message.data.encode("utf-8") if is_text else bytes(message.data)
        while not self._has_room(len(data)):
            self._taken.clear()
            await self._taken.wait()
        self._waiting.append(Message(data=data, is_text=is_text))
        self._changed.set()

    def _has_room(self, size: int) -> bool:
        held = sum(len(message.data) for message in self._waiting)
        return not self._waiting or (
            held + size <= self._most_bytes and len(self._waiting) < MOST_TOGETHER
        )
