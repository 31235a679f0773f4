"""Serve a witness over HTTP: ``POST /add-checkpoint`` of C2SP tlog-witness."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog
from aiohttp import web

from uploadfilter.decisions.tree.notes import Signature
from uploadfilter.decisions.tree.witnessing import (
    MOST_SUBMISSION_BYTES,
    PATH,
    SIZE_TYPE,
    Submission,
    WitnessRefusal,
)
from uploadfilter.errors import WitnessError
from uploadfilter.proxy.admin.serving import serving
from uploadfilter.proxy.clients.addresses import TCPAddress
from uploadfilter.witness.keeping import WitnessKeeper

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_READING_S: Final = 10.0
"""Seconds for a request of some kilobytes."""


async def serve(
    keeper: WitnessKeeper, host: str, port: int, *, announce: Callable[[str], None]
) -> None:
    """Serve a witness until SIGTERM or SIGINT.

    Args:
        keeper: The witness.
        host: The address to listen on.
        port: The port; 0 for any free one.
        announce: Receives the URL, once.

    Raises:
        ServiceError: It cannot listen there.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with listening(keeper, host, port) as url:
        announce(url)
        await ended.wait()


@asynccontextmanager
async def listening(keeper: WitnessKeeper, host: str, port: int) -> AsyncIterator[str]:
    """Serve a witness while the block runs; yield its URL.

    Raises:
        ServiceError: It cannot listen there.
    """

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await answer(keeper, request)

    served = serving(
        handle,
        TCPAddress(host=host, port=port),
        who="the witness",
        hint="Give another address with --listen, or port 0 for any free one.",
    )
    async with served as bound:
        yield f"http://{bound}"


async def answer(keeper: WitnessKeeper, request: web.BaseRequest) -> web.Response:
    """Return the answer to one request."""
    if request.path != PATH:
        return web.Response(status=404)
    if request.method != "POST":
        return web.Response(status=405, headers={"Allow": "POST"})
    body = await _body(request)
    if body is None:
        return web.Response(status=413, headers={"Connection": "close"})
    try:
        submission = Submission.parse(body)
    except ValueError as exc:
        return web.Response(status=WitnessRefusal.MALFORMED.status, text=f"{exc}\n")
    try:
        found = await asyncio.to_thread(keeper.add, submission)
        return _answer(keeper, submission, found)
    except (OSError, WitnessError) as exc:
        log.error("checkpoint_not_kept", origin=submission.head.origin, error=str(exc))
        return web.Response(status=500)


def _answer(
    keeper: WitnessKeeper, submission: Submission, found: Signature | WitnessRefusal
) -> web.Response:
    head = submission.head
    if isinstance(found, Signature):
        log.info("cosigned", origin=head.origin, size=head.size, root=head.root.hex())
        return web.Response(text=found.line)
    if found in (WitnessRefusal.FORKED, WitnessRefusal.INCONSISTENT):
        # The log signed it: with the note that is kept, it proves that the log forked.
        log.error(
            "checkpoint_contradicts",
            origin=head.origin,
            refusal=found.name.lower(),
            note=submission.note.data.decode(),
        )
    if found is WitnessRefusal.OTHER_SIZE:
        latest = keeper.latest(head.origin)
        size = 0 if latest is None else latest.size
        return web.Response(
            status=found.status,
            body=f"{size}\n".encode(),
            headers={"Content-Type": SIZE_TYPE},
        )
    return web.Response(status=found.status, text=f"{found.name.lower()}\n")


async def _body(request: web.BaseRequest) -> bytes | None:
    """Return the body of a request; ``None`` if it is too long or too slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(_READING_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MOST_SUBMISSION_BYTES:
                    return None
    except TimeoutError:
        return None
    return bytes(body)
