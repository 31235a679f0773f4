"""Ask the origin, and change nothing on the way.

aiohttp's client is made for programs that want answers, not for a proxy that passes
them on. Each convenience that would change a request or a response is switched off
here, and ``tests/proxy/test_origin.py`` holds one test for each:

- redirects are passed on, not followed; cookies are nobody's business here;
- responses stay compressed as they came;
- a request with a body is never sent a second time on a fresh connection;
- the target goes on byte by byte: yarl is told that it is encoded already;
- no header is added that the client did not send, and none loses a byte.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.connector import Connection
from multidict import CIMultiDict
from typing_extensions import override
from yarl import URL

from uploadfilter.proxy.heads import RawHeaders, is_plain, texts, write_exactly

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What aiohttp would add where the client sent none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginSettings:
    """Where the origin is and how long it may take.

    Attributes:
        url: ``http://host[:port]`` or ``https://...``, without a path.
        connect_timeout_s: A server in the same rack answers within milliseconds; five
            seconds outlast one lost SYN and its repetition after one and three seconds.
        answer_timeout_s: From the last byte sent to the first byte of the answer and
            between any two of its bytes; nginx's ``proxy_read_timeout`` is 60 s too.
        idle_timeout_s: How long an idle connection is kept. Below the five seconds
            after which Node and Apache close theirs, so that a connection is not lost
            at the moment it is used again.
        connections: Most connections at once; 0 is no limit.
        max_header_bytes: Longest line of the origin's header; twice of what nginx
            allows, since the origin is honest.
    """

    url: str
    connect_timeout_s: float = 5.0
    answer_timeout_s: float = 60.0
    idle_timeout_s: float = 4.0
    connections: int = 0
    max_header_bytes: int = 16 * 1024

    def __post_init__(self) -> None:
        """Refuse what is not the address of an origin."""
        url = URL(self.url)
        if url.user is not None or url.password is not None:
            raise ValueError("an origin is named without user and password")
        if url.scheme not in {"http", "https"} or not url.host:
            raise ValueError("an origin is http://HOST[:PORT] or https://HOST[:PORT]")
        if url.raw_user is not None or url.raw_password is not None:
            raise ValueError("an origin is an address without user and password")
        if url.path not in {"", "/"} or url.query_string or url.fragment:
            raise ValueError("an origin has no path: targets go on as they came")


class OriginFailure(Enum):
    """Why there is no answer from the origin; the value is our status for it."""

    UNREACHABLE = 502
    TOO_SLOW = 504


class Origin:
    """The hosting service behind the proxy. Open it with ``opened``.

    Args:
        settings: Where it is.
        plain: Session for requests without a body.
        uploads: Session for requests with one; it never sends twice.
    """

    def __init__(
        self,
        settings: OriginSettings,
        *,
        plain: aiohttp.ClientSession,
        uploads: aiohttp.ClientSession,
    ) -> None:
        self._base = settings.url.rstrip("/")
        self._plain = plain
        self._uploads = uploads

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: OriginSettings) -> AsyncIterator["Origin"]:
        """Keep connections to the origin for the length of the block."""
        async with (
            aiohttp.TCPConnector(
                limit=settings.connections,
                keepalive_timeout=settings.idle_timeout_s,
                use_dns_cache=True,
            ) as connector,
            _session(settings, connector) as plain,
            _session(settings, connector) as uploads,
        ):
            # aiohttp repeats an "idempotent" PUT or DELETE if a kept connection broke.
            # The body has been read from the spool by then, and whether the first one
            # took effect is unknown. There is no public switch (aiohttp 3.14).
            uploads._retry_connection = False  # noqa: SLF001
            yield cls(settings, plain=plain, uploads=uploads)
        # Connections are closed by callbacks that the loop has still to run.
        await asyncio.sleep(0)

    @asynccontextmanager
    async def asked(
        self,
        method: str,
        target: str,
        headers: RawHeaders,
        body: AsyncIterator[bytes] | None,
    ) -> AsyncIterator[aiohttp.ClientResponse | OriginFailure]:
        """Send one request and hold its response for the length of the block.

        Args:
            method: As the client sent it.
            target: As the client sent it, beginning with ``/`` or being ``*``.
            headers: To be sent as they are; with a body they hold its framing.
            body: What follows, or ``None``.

        Yields:
            The response, of which only the head has been read, or why there is none.
        """
        session = self._plain if body is None else self._uploads
        sending = None if body is None else _Sending(body)
        response = await self._response(session, method, target, headers, sending)
        if isinstance(response, OriginFailure):
            yield response
            return
        transport = response.connection.transport if response.connection else None
        try:
            yield response
        finally:
            response.close()
            # An origin that answered early may never read the rest; a mere close would
            # wait until it has.
            if sending and not sending.is_complete and transport:
                transport.abort()

    async def _response(
        self,
        session: aiohttp.ClientSession,
        method: str,
        target: str,
        headers: RawHeaders,
        body: "_Sending | None",
    ) -> aiohttp.ClientResponse | OriginFailure:
        try:
            response = await session.request(
                method,
                _url(self._base, target),
                headers=CIMultiDict(texts(headers)),
                data=body,
                allow_redirects=False,
            )
        except TimeoutError:
            return OriginFailure.TOO_SLOW
        except (aiohttp.ClientError, OSError):
            return OriginFailure.UNREACHABLE
        if _is_unfit(response):
            response.close()
            return OriginFailure.UNREACHABLE
        return response


def _is_unfit(response: aiohttp.ClientResponse) -> bool:
    """Tell whether an answer cannot be passed on as it is.

    That is a change of protocol, which nobody was offered, and control characters in
    its head, which aiohttp takes in but does not give out.
    """
    return (
        response.status == HTTPStatus.SWITCHING_PROTOCOLS
        or _CONTROL.search(response.reason or "") is not None
        or any(_CONTROL.search(value) for value in response.headers.values())
    )


class _Request(aiohttp.ClientRequest):
    """A request whose head goes out byte for byte."""

    @override
    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        if self._body is None and not is_plain(self.headers.values()):
            # Without a body, the head would go out before anyone could touch it.
            self._body = aiohttp.BytesPayload(b"")
        return await super().send(conn)

    @override
    async def write_bytes(
        self,
        writer: AbstractStreamWriter,
        conn: Connection,
        content_length: int | None = None,
    ) -> None:
        line = f"{self.method} {self.url.raw_path_qs} HTTP/1.1"
        write_exactly(writer, line, self.headers)
        await super().write_bytes(writer, conn, content_length)


class _Sending:
    """A body on its way, which knows whether all of it has been asked for."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self.is_complete = False

    def __aiter__(self) -> "_Sending":
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._body)
        except StopAsyncIteration:
            self.is_complete = True
            raise


def _session(
    settings: OriginSettings, connector: aiohttp.BaseConnector
) -> aiohttp.ClientSession:
    """Make a session that passes everything on as it is."""
    return aiohttp.ClientSession(
        connector=connector,
        connector_owner=False,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        request_class=_Request,
        skip_auto_headers=_AUTOMATIC_HEADERS,
        max_line_size=settings.max_header_bytes,
        max_field_size=settings.max_header_bytes,
        timeout=aiohttp.ClientTimeout(
            total=None,
            sock_connect=settings.connect_timeout_s,
            sock_read=settings.answer_timeout_s,
        ),
    )


def _url(base: str, target: str) -> URL:
    """Build the address of a request so that its target goes on byte by byte.

    Even what yarl takes for encoded loses an empty query (``/?``) and everything behind
    ``#`` when it is taken apart; so all of a target is given for the path. yarl keeps
    what it has built and gives it to whoever asks for the same: what one request may
    read must never be changed for another, so only ``*``, which is no path, gets its
    line from us, in an object that stands for nothing else.
    """
    url = URL(base, encoded=True)
    whole = target != "*"
    request_target = URL.build(
        scheme=url.scheme,
        authority=url.raw_authority,
        path=target if whole else "/",
        query_string="" if whole else target,
        encoded=True,
    )
    if not whole:
        request_target._cache["raw_path_qs"] = target  # noqa: SLF001 - see above
    return request_target
