# ruff: noqa: SLF001 - this module exists so that no other one does it
"""All private parts of aiohttp that the proxy uses; no other module uses any.

aiohttp is made for applications. Some of its automatic actions change the bytes that a
client or an origin gets, and cannot be switched off (ADR 0015). In 3.14:

- It writes heads as text and drops bytes that are not UTF-8. ``hold_head`` puts bytes
  into ``StreamWriter._headers_buf``.
- It adds a type and its own name to an answer. ``RawResponse`` replaces
  ``StreamResponse._start``, which sets ``_req``, ``_payload_writer`` and
  ``_keep_alive``; it reads ``_must_be_empty_body``. ``NamelessResponse`` extends
  ``Response._prepare_headers``.
- It waits for the rest of a body after garbage, has no time limit for a head, and has
  no answer to bytes that are not a request. ``AiohttpConnection`` names the slots of
  ``RequestHandler`` in which the requests of a connection wait: ``_messages``,
  ``_request_count``, ``_current_request``, ``_waiter``, ``_loop``; ``failed`` makes an
  ``_ErrInfo``.
- It ends an idle connection even while a head arrives on it.
  ``AiohttpConnection`` overrides ``_process_keepalive``, and forgets
  ``_keepalive_handle``.
- It does not state in how many chunks a body arrived. ``unread_chunks`` counts
  ``StreamReader._http_chunk_splits``.
- It does not state whether bytes after the end of an answer began another one.
  ``has_begun_another_answer`` ends ``ResponseHandler._parser``.
- It forgets an answer that has arrived when it notices the end of the connection while
  it sends a body, or bytes behind the answer that are no other one; and it keeps any
  number of interim answers. ``read_to_the_end`` puts ``_Reading`` into
  ``BaseConnector._factory``, which the connector calls for each connection. It reads
  ``ResponseHandler._exception``, ``_parser``, ``_payload_parser`` and ``_upgraded``,
  and forgets ``_payload``; ``_content``, ``_interim_count`` and ``_line_end`` are ours,
  and so are ``_awaits_head`` and ``_end_of_head``.
- Its server makes connections of its own class only. ``AiohttpServer`` passes
  ``Server._loop`` and ``_kwargs`` to another class.

Rules this module keeps: each part has a test that examines the bytes on the sockets,
and not the attribute; ``tests/web/test_aiohttp_parts.py`` checks that no other module
uses a private name of aiohttp.
"""

import asyncio
import os
import re
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard

import aiohttp
from aiohttp import http_exceptions, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_parser import RawRequestMessage
from aiohttp.http_writer import StreamWriter
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import RequestHandler, _ErrInfo
from typing_extensions import override

Handle: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""Answers one request."""

Queued: TypeAlias = tuple[Any, StreamReader]
"""A request that waits for its answer: its head, or an error in its place; its body."""

_UNREAD_BYTES = 256 * 1024
"""Most bytes of an answer that are read after its connection broke: asyncio reads as
many at once. The answer to a refused upload is short."""


MOST_INTERIM_ANSWERS: Final = 100
"""Interim answers of an origin to one request: Go's client takes five, and servers of
WebDAV send one in some seconds. Others would wait while a flood of them is parsed."""

_SWITCHING: Final = 101
_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")


def hold_head(writer: AbstractStreamWriter, head: bytes) -> None:
    """Keep a head in the writer of its message until the first bytes of the body."""
    if not isinstance(writer, StreamWriter):
        raise TypeError("aiohttp writes heads in another way than we know")
    writer._headers_buf = head


def unread_chunks(payload: StreamReader) -> int:
    """Return how many chunks of a body have arrived and are unread."""
    if payload is EMPTY_PAYLOAD:
        return 0
    return len(payload._http_chunk_splits or ())


def has_begun_another_answer(by: ResponseHandler) -> bool:
    """Tell whether bytes after the end of the last answer began another one.

    The parser has taken them, so that nobody else sees them. It cannot be used
    afterwards: the next answer needs another one.
    """
    if by._parser is None:
        return False
    try:
        return by._parser.feed_eof() is not None
    except http_exceptions.HttpProcessingError:
        return True


class _Reading(ResponseHandler):
    """Reads one answer, and whatever comes with it or behind it does no harm.

    Interim answers (100, 102, 103) are dropped. The head of the answer is parsed by
    itself, so that an error behind it cannot take it away. Bytes behind a whole answer,
    such as the body of an answer to HEAD, end the connection, and not the answer. An
    answer is not lost either if the connection broke while a body was sent on it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._content: StreamReader | None = None
        self._interim_count = 0
        self._line_end = b""  # that may be a part of the empty line behind a head

    @override
    def set_response_params(self, **params: Any) -> None:
        """Begin to read another answer."""
        self._content, self._interim_count, self._line_end = None, 0, b""
        super().set_response_params(**params)

    @override
    def data_received(self, data: bytes) -> None:
        """Parse head after head, then the body of the answer."""
        while data and self._awaits_head():
            end = self._end_of_head(data)
            super().data_received(data[:end])
            data = data[end:]
            if not data or self._exception is not None:
                return
        is_over = self._content is not None and self._content.is_eof()
        if data and is_over and not self._upgraded and self._payload_parser is None:
            self.force_close()
            if self.transport is not None:
                self.transport.close()
        else:
            super().data_received(data)

    @override
    def feed_data(self, data: tuple[Any, StreamReader], size: int = 0) -> None:
        """Take an answer; drop an interim one."""
        message, content = data
        is_interim = message.code // 100 == 1 and message.code != _SWITCHING
        if not is_interim:
            self._content = content if self._content is None else self._content
            super().feed_data(data, size)
            return
        self._interim_count += 1
        if self._interim_count > MOST_INTERIM_ANSWERS and self.transport is not None:
            self.set_exception(http_exceptions.BadHttpMessage("too many announcements"))
            self.transport.abort()

    @override
    def set_exception(
        self, exc: BaseException, exc_cause: BaseException | None = None
    ) -> None:
        """Tell the reader of the body, too, that its rest cannot be parsed."""
        super().set_exception(exc, exc_cause or exc)
        is_malformed = isinstance(exc, http_exceptions.HttpProcessingError)
        if is_malformed and self._content is not None and not self._content.is_eof():
            self._content.set_exception(aiohttp.ClientPayloadError(str(exc)), exc)

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        """Read the bytes that came before the end of the connection."""
        if isinstance(exc, ConnectionError) and self.transport is not None:
            data = _unread(self.transport)
            if data:
                self.data_received(data)
        if self._payload is not None and self._payload.is_eof():
            self._payload = None
        super().connection_lost(exc)

    def _awaits_head(self) -> bool:
        is_reading = self._parser is not None and self._exception is None
        return is_reading and self._content is None and not self._upgraded

    def _end_of_head(self, data: bytes) -> int:
        """Return where the first head in the data ends, or the data."""
        before = self._line_end
        found = _END_OF_HEAD.search(before + data)
        self._line_end = b"" if found else (before + data)[-2:]
        return found.end() - len(before) if found else len(data)


def read_to_the_end(connector: aiohttp.BaseConnector) -> None:
    """Let a connector make connections that lose no answer.

    An origin that does not want an upload may answer and close the connection before it
    has read the body. The bytes of the answer are followed by a reset. asyncio gives up
    the connection as soon as it cannot send on it, and closes the socket in which the
    answer waits. This is done without TLS only: with TLS, asyncio's own protocol is
    between the socket and the answer.
    """
    loop = asyncio.get_running_loop()
    # mypy does not know that a partial of a subclass makes a ResponseHandler, too.
    connector._factory = partial(_Reading, loop=loop)  # type: ignore[assignment]


def _unread(transport: asyncio.BaseTransport) -> bytes:
    """Return what a broken connection has received; asyncio closes it afterwards."""
    end = transport.get_extra_info("socket")
    if transport.get_extra_info("sslcontext") is not None or end.fileno() < 0:
        return b""
    try:
        return os.read(end.fileno(), _UNREAD_BYTES)
    except OSError:
        return b""


def failed(error: http_exceptions.HttpProcessingError) -> Queued:
    """Return the item that aiohttp queues in place of an unparsable request."""
    return _ErrInfo(status=error.code, exc=error, message=""), EMPTY_PAYLOAD


def is_request(message: object) -> TypeGuard[RawRequestMessage]:
    """Tell whether an item is a parsed head, and not an error in its place."""
    return isinstance(message, RawRequestMessage)


class NamelessResponse(web.Response):
    """An answer that does not state the name and version of the server's software."""

    @override
    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)


class RawResponse(web.StreamResponse):
    """An answer whose head is bytes that a subclass makes in ``raw_head``."""

    def raw_head(self, request: web.BaseRequest, *, keep_alive: bool) -> bytes:
        """Return the whole head, and set the framing of the request's writer."""
        raise NotImplementedError

    @property
    def must_be_empty(self) -> bool:
        """Whether this status, or this method, has no body."""
        return self._must_be_empty_body or False

    def send_head(self) -> None:
        """Send the head without waiting for bytes of the body."""
        if self._payload_writer is not None:
            self._payload_writer.send_headers()

    @override
    async def _start(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Prepare the head; it waits in the writer for the first bytes of the body."""
        self._req, self._payload_writer = request, request.writer
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        head = self.raw_head(request, keep_alive=bool(self._keep_alive))
        hold_head(request.writer, head)
        return request.writer


class AiohttpConnection(RequestHandler):
    """aiohttp's connection, with public names for its slots that cost no call.

    Attributes:
        loop: The event loop.
        requests_parsed: Number of requests that have been parsed on it.
        queued: The requests that wait for their answers.
        current_request: The request that is being answered, if any.
        waiter: Set if the connection waits for a request.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        loop: asyncio.AbstractEventLoop
        requests_parsed: int
        queued: deque[Queued]
        current_request: web.BaseRequest | None
        waiter: asyncio.Future[None] | None
    else:
        # The slots themselves: a property would be a call for each piece of a body.
        loop = RequestHandler._loop
        requests_parsed = RequestHandler._request_count
        queued = RequestHandler._messages
        current_request = RequestHandler._current_request
        waiter = RequestHandler._waiter

    @property
    def is_waiting(self) -> bool:
        """Whether all requests so far were answered."""
        waiter = self.waiter
        return waiter is not None and not waiter.done() and not self.queued

    def queue(self, entry: Queued) -> None:
        """Answer ``entry`` after the earlier requests."""
        self.queued.append(entry)
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    def may_end_idle(self) -> bool:
        """Tell whether the connection may be ended because it is idle."""
        return True

    @override
    def _process_keepalive(self) -> None:
        if self.may_end_idle():
            super()._process_keepalive()
        else:
            self._keepalive_handle = None


class AiohttpServer(web.Server):
    """aiohttp's server, with connections of another class.

    Args:
        handle: Answers one request.
        make: Makes the handler of a connection from aiohttp's own arguments.
        arguments: Keyword arguments for each of these handlers.
    """

    def __init__(
        self,
        handle: Handle,
        make: Callable[..., RequestHandler],
        **arguments: Any,  # noqa: ANN401 - aiohttp's own
    ) -> None:
        super().__init__(handle, **arguments)
        self.make = make

    @override
    def __call__(self) -> RequestHandler:
        """Make the handler of a new connection."""
        return self.make(self, loop=self._loop, **self._kwargs)
