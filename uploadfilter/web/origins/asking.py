"""Send one request on one connection to the origin, and read its answer, as bytes.

Connections are aiohttp's: its connector opens them (``keeping.py``), and their
protocol reads answers with the parser of its client. The rest of that client is made
for programs that want answers: it normalises, follows, resends and invents. A proxy
that only forwards treats a head as bytes. Parsing and rebuilding it took half of the
time of a small request (``benchmarks proxy``).
"""

import asyncio
import re
from http import HTTPStatus
from typing import assert_never

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawResponseMessage
from aiohttp.http_writer import StreamWriter
from aiohttp.streams import EMPTY_PAYLOAD

from uploadfilter.web.origins.heads import RawHeaders, encode_head
from uploadfilter.web.origins.keeping import KeptConnections, OriginConnection
from uploadfilter.web.origins.sending import Sending, Whole

_CHUNKED = (b"Transfer-Encoding", b"chunked")

_TIMEOUT = re.compile(r"(?:^|[ ,])timeout *= *\"?([0-9]{1,6})(?![0-9])", re.IGNORECASE)

_NOT_UNDERSTOOD = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.LENGTH_REQUIRED,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.REQUEST_URI_TOO_LONG,
        HTTPStatus.EXPECTATION_FAILED,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    }
)
"""Answers after which a server may close the connection: it does not know where the
request ends. Some do so without ``Connection: close`` (cheroot after 400). The next
request on the connection would be lost if it came between the answer and the end, and
the client would get 502 if the request may change something. Also an answer of 500 and
above may end a connection: its server failed. A new connection costs less."""


class OriginAnswer:
    """The origin's answer, which knows whether it is complete.

    Attributes:
        status: As sent.
        reason: As sent.
        headers: As text.
        raw_headers: As sent.
        content: The body.
        by: The connection.
    """

    def __init__(
        self,
        message: RawResponseMessage,
        content: aiohttp.StreamReader,
        by: ResponseHandler,
    ) -> None:
        self.status = message.code
        self.reason = message.reason
        self.headers = message.headers
        self.raw_headers = message.raw_headers
        self.content = content
        self.by = by
        self._ends_with_connection = (
            message.should_close
            and not message.chunked
            and "Content-Length" not in message.headers
            and content is not EMPTY_PAYLOAD
        )

    def be_patient(self, silence_s: float) -> None:
        """Allow longer silence than for other answers."""
        if not self.content.is_eof():
            self.by.read_timeout = silence_s
            self.by.start_timeout()

    def is_broken_off(self) -> bool:
        """Tell whether a body that has ended was cut off by a broken connection.

        Without a length and without chunks, a body ends with its connection, and
        aiohttp does not distinguish how the connection ends. After any other body, the
        connection may already carry the answer to another request.
        """
        return self._ends_with_connection and isinstance(
            self.by.exception(), aiohttp.ClientOSError
        )


class Asking:
    """One request on a connection that no other request uses meanwhile.

    Args:
        connection: The connection.
        kept: Gets it back, for another request or to end it.
        max_header_bytes: Longest line in the head of the answer.
        silence_s: Seconds for which the origin may be silent.
    """

    def __init__(
        self,
        connection: OriginConnection,
        kept: KeptConnections,
        *,
        max_header_bytes: int,
        silence_s: float,
    ) -> None:
        self._connection = connection
        self._kept = kept
        self._is_given_back = False
        self._content: aiohttp.StreamReader | None = None
        self._max_header_bytes = max_header_bytes
        self._silence_s = silence_s
        self._sending: Sending | None = None
        self._task: asyncio.Task[None] | None = None

    async def answer(
        self,
        method: str,
        target: str,
        headers: RawHeaders,
        body: Sending | Whole | None,
    ) -> OriginAnswer:
        """Send a request and read the head of its answer.

        Args:
            method: As the client sent it.
            target: As the client sent it.
            headers: Sent unchanged; a body without a length is sent in chunks.
            body: The body, or ``None``.

        Raises:
            TimeoutError: The origin, or the sender of the body, is silent.
            aiohttp.ClientError: The connection broke.
            HttpProcessingError: The received bytes are not HTTP.
        """
        by = self._connection.by
        if by.transport is None:
            raise aiohttp.ServerDisconnectedError
        # A parser for each answer: bytes after the end of the last one are forgotten.
        by.set_response_params(
            skip_payload=method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            # The timer of the connection watches over the head.
            read_timeout=None,
            max_line_size=self._max_header_bytes,
            max_field_size=self._max_header_bytes,
        )
        first_line = f"{method} {target} HTTP/1.1"
        match body:
            case None:
                by.transport.write(encode_head(first_line, headers))
                self._connection.await_head(self._silence_s)
            case Whole():
                data = body.data
                if _length_of(headers) is None:
                    headers = [*headers, _CHUNKED]
                    data = _in_one_chunk(data)
                head = encode_head(first_line, headers)
                by.transport.writelines((head, data))
                body.on_sent()
                self._connection.await_head(self._silence_s)
            case Sending():
                length = _length_of(headers)
                if length is None:
                    headers = [*headers, _CHUNKED]
                by.transport.write(encode_head(first_line, headers))
                self._send(body, length, by)
            case never:
                assert_never(never)
        message, content = await self._head_of_answer(by)
        return OriginAnswer(message, content, by)

    def keep(self, answer: OriginAnswer, *, has_body: bool) -> None:
        """Keep the connection for another request after the whole answer.

        Not for an answer that two readers could understand differently: they could
        also disagree on its end. Also not after an answer that may be the last one,
        though its head does not say so.
        """
        if _may_be_the_last(answer, has_body=has_body):
            return
        self._connection.keep_for(_stated_keeping_s(answer))
        answer.content.on_eof(self._body_ended)

    async def _head_of_answer(
        self, by: ResponseHandler
    ) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
        """Read the head of the answer; interim ones do not arrive here."""
        message, content = await by.read()
        error = by.exception()
        if isinstance(error, HttpProcessingError) and not content.is_eof():
            raise error
        self._content = content
        self._connection.stop_waiting()
        if not content.is_eof():
            by.read_timeout = self._silence_s
            by.start_timeout()
        return message, content

    def _send(self, body: Sending, length: int | None, by: ResponseHandler) -> None:
        """Begin to send a body; an answer may arrive before its end."""
        loop = asyncio.get_running_loop()
        body.goes_by(by.transport)
        self._sending = body
        self._task = loop.create_task(_send(body, length, by), name="body to origin")
        self._task.add_done_callback(self._sent)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        """Wait for the answer, or tell the task that does that none will arrive."""
        by = self._connection.by
        # Asked for in any case: asyncio logs an error that nobody asks for.
        error = None if task.cancelled() else task.exception()
        if self._is_given_back or task.cancelled():
            return
        if isinstance(error, TimeoutError):
            by.set_exception(error)
        elif error is not None:
            by.set_exception(aiohttp.ClientOSError(None, "the body broke off"), error)
        elif self._content is None:
            self._connection.await_head(self._silence_s)
        elif not self._content.is_eof():
            by.start_timeout()

    def _is_sent(self) -> bool:
        """Tell whether the whole request is sent.

        After a part of a body, the origin would take the next request for the rest.
        """
        task = self._task
        return task is None or (
            task.done() and not task.cancelled() and task.exception() is None
        )

    def _body_ended(self) -> None:
        """Keep the connection for another request when everything is sent."""
        if self._is_sent() and not self._is_given_back:
            self._is_given_back = True
            self._kept.give_back(self._connection)

    def close(self) -> None:
        """End everything that is still running; an idle connection is kept.

        Idempotent.
        """
        if self._task is not None and not self._task.done():
            self._task.cancel()
        if self._is_given_back:
            return
        self._is_given_back = True
        transport = self._connection.transport
        self._kept.end(self._connection)
        # An origin that answered early may never read the rest; an ordinary close would
        # wait until it has.
        if self._sending and not self._sending.is_complete and transport:
            transport.abort()


async def _send(body: Sending, length: int | None, by: ResponseHandler) -> None:
    writer = StreamWriter(by, asyncio.get_running_loop())
    if length is None:
        writer.enable_chunking()
    writer.length = length
    async for piece in body:
        await writer.write(piece)
    await writer.write_eof()
    if writer.length:
        raise aiohttp.ClientPayloadError("the body is shorter than its length")


def _may_be_the_last(answer: OriginAnswer, *, has_body: bool) -> bool:
    """Tell whether the origin may close the connection after an answer.

    Only a success means that it has read a body. After another answer, such as 403 or
    a redirect to a login, gunicorn closes the connection if the unread rest is large,
    and does not announce it.
    """
    return (
        answer.status == HTTPStatus.SWITCHING_PROTOCOLS
        or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or answer.status in _NOT_UNDERSTOOD
        or (has_body and answer.status >= HTTPStatus.MULTIPLE_CHOICES)
    )


def _stated_keeping_s(answer: OriginAnswer) -> float | None:
    """Return for how many seconds the origin says that it keeps the connection.

    ``Keep-Alive: timeout=5`` (RFC 2068, section 19.7.1.1) is sent by Apache and Node.
    """
    stated = answer.headers.get("Keep-Alive")
    found = _TIMEOUT.search(stated) if stated else None
    return float(found[1]) if found else None


def _in_one_chunk(data: bytes) -> bytes:
    """Frame a body as RFC 9112 says; an empty chunk would be the last one."""
    chunk = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
    return chunk + b"0\r\n\r\n"


def _length_of(headers: RawHeaders) -> int | None:
    """Return the length of the body that a request's headers state."""
    for name, value in headers:
        if name.lower() == b"content-length":
            return int(value)
    return None
