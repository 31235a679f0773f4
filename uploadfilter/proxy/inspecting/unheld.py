"""The rest of a body that goes on to the origin without being held."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import StreamReader, http_exceptions, web

from uploadfilter.model import Reason
from uploadfilter.proxy.inspecting.inspection import Answer
from uploadfilter.proxy.requests.limits import ProxyLimits

_TOO_LARGE = Answer(status=413, reason=Reason.TOO_LARGE)
_TOO_SLOW = Answer(status=408, reason=Reason.TOO_SLOW)
_BROKEN = Answer(status=400, reason=Reason.MALFORMED_REQUEST)
"""Of garbage, and of a client that has gone, which never reads it: either way the
origin is not to blame."""


class Unheld:
    """What is still to come of a body, bounded like what is held.

    Args:
        content: The body, of which some may have been read.
        limits: How long its pieces may take to come.
        read_bytes: How much of it has been read.
        most_bytes: How long it may become.

    Attributes:
        answer: What its client is to be told if it did not go on to its end.
    """

    def __init__(
        self,
        content: StreamReader,
        limits: ProxyLimits,
        *,
        read_bytes: int,
        most_bytes: int,
    ) -> None:
        self.answer: Answer | None = None
        self._content = content
        self._limits = limits
        self._read_bytes = read_bytes
        self._most_bytes = most_bytes
        self._waited_s = 0.0

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what comes, until its end.

        Raises:
            RequestPayloadError: It does not go on to its end, so that the origin does
                not get what would make it a whole request.
        """
        while data := await self._piece():
            yield data

    async def _piece(self) -> bytes:
        earned_s = self._limits.time_allowed_s(self._read_bytes) - self._waited_s
        left_s = max(min(self._limits.body_idle_s, earned_s), 0)
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        try:
            async with asyncio.timeout(left_s):
                data = await self._content.readany()
        except TimeoutError:
            raise self._broken_off(_TOO_SLOW) from None
        except (OSError, web.RequestPayloadError, http_exceptions.BadHttpMessage):
            raise self._broken_off(_BROKEN) from None
        # For a slow origin, which takes nothing meanwhile, the client cannot be blamed.
        self._waited_s += loop.time() - begun_s
        self._read_bytes += len(data)
        if self._read_bytes > self._most_bytes:
            raise self._broken_off(_TOO_LARGE)
        return data

    def _broken_off(self, answer: Answer) -> Exception:
        self.answer = answer
        return web.RequestPayloadError("the body is not passed on to its end")
