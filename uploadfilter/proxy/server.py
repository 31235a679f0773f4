"""Listen, take requests in, and give each to whoever carries it out.

Rules this module keeps:

- A request without a body is forwarded; one with a body becomes an ``Upload``.
- aiohttp's server is made for applications. What it would do to a request on its own is
  switched off in ``listening``: no decompression, no access log, and our own answers to
  ``Expect`` and to requests that cannot be parsed.
"""

import ipaddress
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import structlog
from aiohttp import http_exceptions, http_parser, web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler
from typing_extensions import override

from uploadfilter.errors import ServiceError
from uploadfilter.model import Mode, Reason
from uploadfilter.proxy import answers
from uploadfilter.proxy.inspection import Inspection
from uploadfilter.proxy.origin import OriginFailure
from uploadfilter.proxy.relaying import relay
from uploadfilter.proxy.upload import Hands, Upload
from uploadfilter.uploads.forwarding import (
    Network,
    client_address,
    forwarded_headers,
)
from uploadfilter.uploads.head import BodyPlan, Refusal, RequestHead, plan

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_CLOSING_S = 1.0
"""How long aiohttp may take to close its connections; nothing is in flight then."""


class Proxy:
    """What is done with each request.

    Args:
        hands: What uploads need to be carried out.
        trusted_proxies: Networks whose word about clients is believed.
    """

    def __init__(self, hands: Hands, *, trusted_proxies: tuple[Network, ...]) -> None:
        self._hands = hands
        self._trusted = trusted_proxies
        self._open_uploads = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        with self._hands.drain.request():
            return await self._answer(request)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        head = _head(request)
        body = plan(head, self._hands.uploads)
        if head.has_body:
            return await self._upload(request, head, body)
        if isinstance(body, Refusal):
            return self._refuse(request, body)
        return await self._pass_on(request, head)

    async def _upload(
        self, request: web.BaseRequest, head: RequestHead, body: BodyPlan | Refusal
    ) -> web.StreamResponse:
        """Carry out one upload, if there is room for one more."""
        if self._is_full():
            return self._shed(request, head)
        inspection = Inspection(
            body,
            mode=self._hands.mode,
            policy=self._hands.policy,
            limits=self._hands.uploads,
        )
        with ExitStack() as held:
            self._open_uploads += 1
            held.callback(self._leave)
            upload = Upload(
                request,
                head,
                inspection,
                self._hands,
                client=self._client(request, head),
                trusted=self._is_trusted(request),
                body=held.enter_context(self._hands.room.spool()),
                contents=held.enter_context(self._hands.room.spool()),
                release=held.close,
            )
            return await upload.run()

    def _leave(self) -> None:
        """Make room for another upload."""
        self._open_uploads -= 1

    def _is_full(self) -> bool:
        """Whether one more upload must be shed; ``MONITOR`` sheds nothing."""
        enforced = self._hands.mode is Mode.ENFORCE
        return enforced and self._open_uploads >= self._hands.limits.open_uploads

    def _shed(self, request: web.BaseRequest, head: RequestHead) -> web.StreamResponse:
        recorder = self._hands.recorder
        ticket = recorder.ticket(self._client(request, head), head.method)
        recorder.shed(ticket, Reason.OVERLOADED, status=503)
        return answers.response(
            request,
            status=503,
            reason=Reason.OVERLOADED,
            decision_id=None,
            objection=self._hands.objection,
        )

    def _refuse(self, request: web.BaseRequest, refusal: Refusal) -> web.StreamResponse:
        """Refuse a request that has no body, so that there is nothing to record."""
        return answers.response(
            request,
            status=refusal.status,
            reason=refusal.reason,
            detail=refusal.detail,
            decision_id=None,
            objection=self._hands.objection,
        )

    async def _pass_on(
        self, request: web.BaseRequest, head: RequestHead
    ) -> web.StreamResponse:
        """Forward a request that has no body."""
        headers = forwarded_headers(
            head,
            client=self._client(request, head),
            scheme=request.scheme,
            decision_id=None,
            # A client that said "no body" (0) is told so on; one that said nothing is
            # not, since some origins take a length as the sign of an upload.
            body_length=head.declared_length,
            content_type=None,
            trusted=self._is_trusted(request),
        )
        async with self._hands.origin.asked(
            head.method, head.target, headers, None
        ) as answer:
            if isinstance(answer, OriginFailure):
                self._hands.recorder.say_origin_failed(answer)
                return answers.response(
                    request,
                    status=answer.value,
                    reason=None,
                    decision_id=None,
                    objection=self._hands.objection,
                )
            return await relay(
                request,
                answer,
                last=self._hands.drain.begun,
                idle_s=self._hands.limits.answer_idle_s,
            )

    def _client(self, request: web.BaseRequest, head: RequestHead) -> str:
        return client_address(_peer(request), head, self._trusted)

    def _is_trusted(self, request: web.BaseRequest) -> bool:
        try:
            peer = ipaddress.ip_address(_peer(request).partition("%")[0])
        except ValueError:
            return False
        return any(peer in network for network in self._trusted)


class _Connection(RequestHandler):
    """One client's connection, with our own answer to what is not HTTP."""

    @override
    def data_received(self, data: bytes) -> None:
        """Take bytes in; garbage inside a body ends the reading of that body.

        aiohttp 3.14 only queues its own answer for after the request, and leaves
        whoever reads the body waiting for more.
        """
        super().data_received(data)
        request = self._current_request
        if request is None or request.content.is_eof() or not self._messages:
            return
        if not isinstance(self._messages[-1][0], RawRequestMessage):
            garbage = web.RequestPayloadError("the body is not framed as it says")
            request.content.set_exception(garbage)
            # Nothing is left to be read away, which aiohttp would try and complain of.
            request.content.feed_eof()

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that cannot be parsed, or one whose handling failed."""
        self.keep_alive(val=False)
        if isinstance(exc, http_exceptions.HttpProcessingError):
            status = 431 if _is_too_long(exc) else 400
            detail = "The request is not valid HTTP."
            return answers.response(
                request,
                status=status,
                reason=Reason.MALFORMED_REQUEST,
                detail=detail,
                decision_id=None,
                objection="",
            )
        log.error("request_failed", status=status, exc_info=exc)
        return answers.response(
            request,
            status=503,
            reason=Reason.INTERNAL_ERROR,
            decision_id=None,
            objection="",
        )


def _is_too_long(exc: http_exceptions.HttpProcessingError) -> bool:
    """Tell whether a head is over a limit; for too many lines there is no class."""
    return isinstance(exc, http_exceptions.LineTooLong) or exc.message.startswith(
        "Too many headers"
    )


class _Server(web.Server):
    """aiohttp's server, making connections of our own kind."""

    @override
    def __call__(self) -> RequestHandler:
        """Make the handler of a new connection."""
        return _Connection(self, loop=self._loop, **self._kwargs)


@asynccontextmanager
async def listening(
    proxy: Proxy, hands: Hands, *, host: str, port: int
) -> AsyncIterator[tuple[str, int]]:
    """Serve ``proxy`` for the length of the block.

    Args:
        proxy: What is done with each request.
        hands: For the limits of connections.
        host: Address to bind.
        port: Port to bind; 0 picks a free one.

    Yields:
        The address and port that were bound.

    Raises:
        ServiceError: The address cannot be bound, or aiohttp lacks its C parser.
    """
    _require_c_parser()
    limits = hands.limits
    server = _Server(
        proxy.handle,
        auto_decompress=False,
        access_log=None,
        keepalive_timeout=limits.keep_alive_s,
        lingering_time=limits.linger_s,
        max_line_size=limits.header_line_bytes,
        max_field_size=limits.header_line_bytes,
        max_headers=limits.header_lines,
    )
    runner = web.ServerRunner(server, shutdown_timeout=_CLOSING_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        yield await _bound(site, runner)
        await site.stop()
        left = await hands.drain.finish(within_s=limits.drain_s)
        if left:
            log.warning("requests_cut_off", requests=left, drain_s=limits.drain_s)
    finally:
        await runner.cleanup()


async def _bound(site: web.TCPSite, runner: web.ServerRunner) -> tuple[str, int]:
    try:
        await site.start()
    except (OSError, socket.gaierror) as exc:
        raise ServiceError(
            f"cannot listen on {site.name}: {exc.strerror or exc}",
            hint="Is another program using this address? Choose another with --listen.",
        ) from exc
    address, bound_port, *_ = runner.addresses[0]
    return address, bound_port


def _require_c_parser() -> None:
    """Refuse to run on aiohttp's pure-Python parser, which lets smuggled bytes pass."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise ServiceError(
            "aiohttp has no C parser here, and its Python one is too lenient",
            hint="Install aiohttp from a wheel, and unset AIOHTTP_NO_EXTENSIONS.",
        )


def _head(request: web.BaseRequest) -> RequestHead:
    return RequestHead(
        method=request.method,
        target=request.raw_path,
        headers=tuple(request.raw_headers),
        version=(request.version.major, request.version.minor),
    )


def _peer(request: web.BaseRequest) -> str:
    """Return the address of the other end; empty for a unix socket or a lost one."""
    return request.remote or ""
