"""Send requests to the origin, and change nothing on the way.

aiohttp's client is made for programs that want answers, not for a proxy that forwards
them. Each convenience that would change a request or a response is switched off here,
and ``tests/web/origins/test_origin.py`` has one test for each:

- redirects are forwarded, not followed; cookies are not stored;
- responses stay compressed as they arrived;
- a request that may change something is never sent a second time;
- the target is forwarded byte by byte: yarl is told that it is already encoded;
- no header is added that the client did not send, and none loses a byte.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from operator import itemgetter

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from typing_extensions import override
from yarl import URL

from uploadfilter.uploads.head.websockets import is_opened
from uploadfilter.web.aiohttp_parts import read_to_the_end
from uploadfilter.web.origins.asking import Asking, OriginAnswer
from uploadfilter.web.origins.failing import OriginFailure
from uploadfilter.web.origins.heads import RawHeaders
from uploadfilter.web.origins.keeping import KeptConnections
from uploadfilter.web.origins.sending import Sending, Whole
from uploadfilter.web.origins.settings import OriginSettings

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TOKENS = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+\n)*")
"""Names, each followed by a byte that no name can contain."""

_NAME, _VALUE = itemgetter(0), itemgetter(1)

_CONTROL_BYTE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BROKEN = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)

_SAFE = frozenset(
    {"GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "REPORT", "SEARCH"}
)
"""Methods that change nothing, by IANA's registry of methods: if a kept connection
breaks before an answer, they are sent once more. PUT and DELETE are idempotent, but the
second answer may differ from the first: 404 for a file that the first has deleted."""

_NAME_CACHED_S = 10
"""How long an address of the origin's name is cached. Names move within minutes; within
ten seconds, a short failure of a name server is not noticed."""

_STREAM = "text/event-stream"
"""Server-sent events (WHATWG HTML, section 9.2), with pauses of up to hours."""


class Origin:
    """The hosting service behind the proxy. Open it with ``opened``."""

    def __init__(
        self,
        settings: OriginSettings,
        *,
        connector: aiohttp.BaseConnector,
        whom: aiohttp.ClientRequest,
    ) -> None:
        self.telling = settings.telling()
        self.stream_timeout_s = settings.stream_timeout_s
        self._settings = settings
        self._connector = connector
        self._kept = KeptConnections(settings, connector=connector, whom=whom)

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: OriginSettings) -> AsyncIterator["Origin"]:
        """Keep connections to the origin during the block.

        Raises:
            ServiceError: A certificate or a key cannot be used.
        """
        # In a thread, because a reload reads certificates while requests are served.
        tls = await asyncio.to_thread(settings.tls)
        async with _connector(settings, tls) as connector:
            read_to_the_end(connector)
            origin = cls(settings, connector=connector, whom=_whom(settings))
            try:
                yield origin
            finally:
                origin.close()
        # Connections are closed by callbacks that the loop still has to run.
        await asyncio.sleep(0)

    def asked(
        self,
        method: str,
        target: str,
        headers: RawHeaders,
        body: AsyncIterator[bytes] | Whole | None,
    ) -> "Exchange":
        """Send one request and hold its response during the block.

        Args:
            method: As the client sent it.
            target: As the client sent it, beginning with ``/`` or equal to ``*``.
            headers: Sent unchanged; with a body they hold its framing.
            body: The body, or ``None``.

        Returns:
            A context that gives the response, of which only the head has been read, or
            the reason why there is none.
        """
        if body is None or isinstance(body, Whole):
            return Exchange(self, method, target, headers, body)
        sending = Sending(body, patience_s=self._settings.answer_timeout_s)
        return Exchange(self, method, target, headers, sending)

    async def answer(
        self,
        held: list[Asking],
        method: str,
        target: str,
        headers: RawHeaders,
        body: Sending | Whole | None,
    ) -> OriginAnswer | OriginFailure:
        """Send one request and read the head of its answer.

        Args:
            held: Collects the objects to close when the answer has been read.
            method: As for ``asked``; the next two as well.
            target: As sent.
            headers: As sent.
            body: The body, or ``None``.
        """
        try:
            asking = await self._connected(held)
            try:
                answer = await asking.answer(method, target, headers, body)
            except _BROKEN:
                if isinstance(body, Sending) or method not in _SAFE:
                    raise
                # With a limit on their number, this one would be waited for.
                asking.close()
                # Another idle one may have ended for the same reason.
                asking = await self._connected(held, is_new=True)
                answer = await asking.answer(method, target, headers, body)
        except TimeoutError:
            return OriginFailure.TOO_SLOW
        except (aiohttp.ClientError, HttpProcessingError, OSError):
            stalled = isinstance(body, Sending) and body.is_stalled
            return OriginFailure.TOO_SLOW if stalled else OriginFailure.UNREACHABLE
        if _is_unfit(answer, headers):
            return OriginFailure.UNREACHABLE
        asking.keep(answer, has_body=body is not None)
        if _is_stream(answer):
            answer.be_patient(self._settings.stream_timeout_s)
        return answer

    async def _connected(self, held: list[Asking], *, is_new: bool = False) -> Asking:
        """Take a connection that can be used; a new one if ``is_new``.

        Raises:
            aiohttp.ClientError: There is none.
            TimeoutError: There was none in time.
        """
        asking = Asking(
            await self._kept.take(is_new=is_new),
            self._kept,
            max_header_bytes=self._settings.max_header_bytes,
            silence_s=self._settings.answer_timeout_s,
        )
        held.append(asking)
        return asking

    def close(self) -> None:
        """Close idle connections, and keep no more."""
        self._kept.close()


class Exchange(AbstractAsyncContextManager[OriginAnswer | OriginFailure]):
    """One request to an origin, and its answer, during a block.

    Args:
        origin: The origin.
        method: Method of the request.
        target: Target of the request.
        headers: Headers of the request.
        body: The body, or ``None``.
    """

    __slots__ = ("_body", "_headers", "_held", "_method", "_origin", "_target")

    def __init__(
        self,
        origin: Origin,
        method: str,
        target: str,
        headers: RawHeaders,
        body: Sending | Whole | None,
    ) -> None:
        self._origin = origin
        self._method = method
        self._target = target
        self._headers = headers
        self._body = body
        self._held: list[Asking] = []

    @override
    async def __aenter__(self) -> OriginAnswer | OriginFailure:
        try:
            return await self._origin.answer(
                self._held, self._method, self._target, self._headers, self._body
            )
        except BaseException:
            self._close()
            raise
        finally:
            if isinstance(self._body, Sending):
                self._body.stop_clock()

    @override
    async def __aexit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        for asking in reversed(self._held):
            asking.close()


def _is_unfit(answer: OriginAnswer, asked: RawHeaders) -> bool:
    """Tell whether an answer cannot be forwarded unchanged.

    This applies to a change of protocol that was not offered; to a transfer coding
    other than chunked, because aiohttp undoes no other; and to malformed names
    (``Content-Length ``) or control characters in its head, which two readers could
    understand differently.
    """
    codings = answer.headers.getall("Transfer-Encoding", ())
    return (
        (
            answer.status == HTTPStatus.SWITCHING_PROTOCOLS
            and not (answer.by.upgraded and is_opened(asked, answer.raw_headers))
        )
        or any(coding.lower() != "chunked" for coding in codings)
        or _CONTROL.search(answer.reason) is not None
        or _CONTROL_BYTE.search(b"".join(map(_VALUE, answer.raw_headers))) is not None
        or _TOKENS.fullmatch(b"\n".join([*map(_NAME, answer.raw_headers), b""])) is None
    )


def _is_stream(answer: OriginAnswer) -> bool:
    kind = answer.headers.get("Content-Type", "")
    return kind[: len(_STREAM)].lower() == _STREAM


def _connector(
    settings: OriginSettings, tls: ssl.SSLContext | None
) -> aiohttp.BaseConnector:
    """Make what opens connections; ``keeping.py`` counts and keeps them."""
    if settings.socket_path is not None:
        return aiohttp.UnixConnector(settings.socket_path, limit=0, force_close=True)
    return aiohttp.TCPConnector(
        limit=0, force_close=True, ttl_dns_cache=_NAME_CACHED_S, ssl=tls or True
    )


def _whom(settings: OriginSettings) -> aiohttp.ClientRequest:
    """Make a request that is never sent; the connector takes the address from it."""
    is_socket = settings.socket_path is not None
    return aiohttp.ClientRequest(
        "GET",
        URL("http://localhost" if is_socket else settings.url),
        server_hostname=settings.server_name or None,
    )
