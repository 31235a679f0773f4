"""A request to the origin, and its answer, byte for byte.

Both are aiohttp's, with those of its habits taken away that have no switch. Each is
held by a test on the wire (ADR 0015).
"""

from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from typing_extensions import override
from yarl import URL

from uploadfilter.proxy.heads import is_plain, write_exactly
from uploadfilter.proxy.sending import Sending


class StaleConnectionError(Exception):
    """A kept connection turned out to be used up before anything was sent on it."""


class OriginAnswer(aiohttp.ClientResponse):
    """What the origin answers, and whether it has come to its end."""

    _by: ResponseHandler | None = None

    @override
    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Read the head of the answer, past what only says that there will be one.

        aiohttp stops its clock at an informational answer (1xx), so that an origin
        which then hangs would be waited for without end.
        """
        self._by = protocol = connection.protocol
        if protocol is None:
            raise aiohttp.ServerDisconnectedError
        while True:
            message, body = await protocol.read()
            if not _is_informational(message.code):
                break
            protocol.start_timeout()
        protocol.feed_data((message, body))
        return await super().start(connection)

    def is_broken_off(self) -> bool:
        """Tell whether a body that is over was cut off by a connection that broke.

        Without a length and without chunks, a body ends with its connection, and for
        aiohttp it does so however that ends.
        """
        return self._by is not None and isinstance(
            self._by.exception(), aiohttp.ClientOSError
        )


def _is_informational(status: int) -> bool:
    return status // 100 == 1 and status != HTTPStatus.SWITCHING_PROTOCOLS


class OriginRequest(aiohttp.ClientRequest):
    """A request whose head goes out byte for byte."""

    _sending: Sending | None = None

    @override
    def update_body_from_data(self, body: Any, _stacklevel: int = 3) -> None:
        """Take the body; where there is none, no length is invented."""
        if body is None:
            return
        self._sending = body
        super().update_body_from_data(body, _stacklevel + 1)

    @override
    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        protocol = conn.protocol
        if protocol is None or protocol.should_close or len(protocol) > 0:
            # An origin that closes an idle connection may say so first (408). What has
            # come unasked would be taken for the answer to this request.
            conn.close()
            raise StaleConnectionError
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
        if self._sending is not None:
            self._sending.goes_by(conn.transport)
        line = f"{self.method} {self.url.raw_path_qs} HTTP/1.1"
        write_exactly(writer, line, self.headers)
        await super().write_bytes(writer, conn, content_length)


def url_of(base: URL, target: str) -> URL:
    """Build the address of a request so that its target goes on byte by byte.

    Even what yarl takes for encoded loses an empty query (``/?``) and everything behind
    ``#`` when it is taken apart; so all of a target is given for the path. yarl keeps
    what it has built and gives it to whoever asks for the same: what one request may
    read must never be changed for another, so only ``*``, which is no path, gets its
    line from us, in an object that stands for nothing else.
    """
    whole = target != "*"
    request_target = URL.build(
        scheme=base.scheme,
        authority=base.raw_authority,
        path=target if whole else "/",
        query_string="" if whole else target,
        encoded=True,
    )
    if not whole:
        request_target._cache["raw_path_qs"] = target  # noqa: SLF001 - see above
    return request_target
