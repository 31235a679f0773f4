"""Pass the origin's answer on to the client, and change nothing on the way.

aiohttp's server is made for programs that answer for themselves. What it would add to
another's answer is taken back here: a ``Content-Type`` where the origin sent none (a
browser would save what it was to show), and a ``Server`` that names our software.
``Date`` is added where there is none, as RFC 9110, section 6.6.1, asks of a proxy.
"""

import asyncio

import aiohttp
import structlog
from aiohttp import web
from multidict import CIMultiDict
from typing_extensions import override

from uploadfilter.proxy.heads import texts, write_exactly
from uploadfilter.uploads.forwarding import returned_headers

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_INVENTED = ("Content-Type", "Server")
"""What aiohttp adds to an answer that has none."""


class _Relayed(web.StreamResponse):
    """An answer whose head goes out as the origin wrote it."""

    # The head waits in the writer until it is exact.
    _send_headers_immediately = False

    @override
    async def _prepare_headers(self) -> None:
        missing = [name for name in _INVENTED if name not in self.headers]
        await super()._prepare_headers()
        for name in missing:
            self.headers.popall(name, None)

    @override
    async def _write_headers(self) -> None:
        await super()._write_headers()
        if self._req is not None and self._payload_writer is not None:
            version = self._req.version
            line = f"HTTP/{version.major}.{version.minor} {self.status} {self.reason}"
            write_exactly(self._payload_writer, line, self.headers)
            self._payload_writer.send_headers()


async def relay(
    request: web.BaseRequest,
    answer: aiohttp.ClientResponse,
    *,
    last: bool,
    idle_s: float,
) -> web.StreamResponse:
    """Pass the origin's answer on as it comes.

    Args:
        request: What it answers.
        answer: Of which only the head has been read.
        last: Whether the connection ends with it.
        idle_s: Seconds for which the client may take nothing of it.
    """
    response = _Relayed(
        status=answer.status,
        reason=answer.reason,
        headers=CIMultiDict(texts(returned_headers(answer.raw_headers))),
    )
    if last:
        response.force_close()
    try:
        await response.prepare(request)
        async for data in answer.content.iter_any():
            async with asyncio.timeout(idle_s):
                await response.write(data)
        async with asyncio.timeout(idle_s):
            await response.write_eof()
    except (aiohttp.ClientError, OSError) as exc:
        # The client has gone or takes nothing, or the status has gone out; all that is
        # left is to end the connection, so that a part is not taken for the whole.
        log.info("answer_broken_off", error=type(exc).__name__)
        request.protocol.force_close()
        if isinstance(exc, TimeoutError) and request.transport is not None:
            # A close would wait until the client has taken what is ready for it.
            request.transport.abort()
    return response
