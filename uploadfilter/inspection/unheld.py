"""Forward the rest of a body to the origin without holding it."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import StreamReader, http_exceptions, web

from uploadfilter.model import Reason
from uploadfilter.rejections import Outcome
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.requests.limits import ProxyLimits

_TOO_LARGE = Answer(outcome=Outcome.REFUSED, status=413, reason=Reason.TOO_LARGE)
_TOO_SLOW = Answer(outcome=Outcome.REFUSED, status=408, reason=Reason.TOO_SLOW)
_BROKEN = Answer(outcome=Outcome.REFUSED, status=400, reason=Reason.MALFORMED_REQUEST)
"""For garbage, and for a client that has disconnected, which never reads it; in both
cases it is not the origin's fault."""


class Unheld:
    """The rest of a body, with the same limits as a held one.

    Args:
        content: The body, of which some may have been read.
        limits: Limits on the time of its pieces.
        read_bytes: Number of bytes that have been read.
        most_bytes: Longest allowed body.

    Attributes:
        answer: The answer for its client if the body was not forwarded to its end.
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
        """Yield the pieces that arrive, until the end.

        Raises:
            RequestPayloadError: The body does not reach its end, so that the origin
                must not receive a request that looks complete.
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
        # The client is not to blame for the silence of a slow origin, which accepts
        # nothing.
        self._waited_s += loop.time() - begun_s
        self._read_bytes += len(data)
        if self._read_bytes > self._most_bytes:
            raise self._broken_off(_TOO_LARGE)
        return data

    def _broken_off(self, answer: Answer) -> Exception:
        self.answer = answer
        return web.RequestPayloadError("the body is not passed on to its end")
