"""Compose the running service and give it a beginning and an end.

This is the one place that connects edges: it opens every resource, downwards, in one
block, and closes them upwards. The order is the promise: the listener opens last and
closes first, so that no upload comes in that could not be recorded.
"""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog
import uvloop

from uploadfilter.config import Settings
from uploadfilter.decisions.clients import ClientHasher
from uploadfilter.decisions.log import DecisionLog
from uploadfilter.decisions.retention import prune
from uploadfilter.errors import LogError, StoreError
from uploadfilter.proxy.draining import Drain
from uploadfilter.proxy.origin import Origin
from uploadfilter.proxy.recorder import Recorder
from uploadfilter.proxy.server import Proxy, listening
from uploadfilter.proxy.spool import SpoolRoom
from uploadfilter.proxy.upload import Hands
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.scanners.pool import ScannerPool

log: structlog.stdlib.BoundLogger = structlog.get_logger()

WATCH_INTERVAL_S = 1.0
"""How often a new generation is looked for between uploads. Each upload looks anyway;
this tells the operator, and keeps the promise of two seconds on an idle proxy."""

RETENTION_INTERVAL_S = 3600.0
"""How often old segments are looked for; they are over by whole days."""


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight get time to finish.

    Args:
        settings: From ``config.load``.

    Raises:
        UploadFilterError: The service cannot start.
    """
    configure_logging()
    uvloop.run(_run(settings))


def configure_logging() -> None:
    """Send the operational log to stderr: text on a terminal, JSON lines otherwise.

    Field ``event`` is a constant snake_case name; everything else is in fields.
    """
    on_terminal = sys.stderr.isatty()
    renderer = (
        structlog.dev.ConsoleRenderer()
        if on_terminal
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info
            if not on_terminal
            else structlog.processors.StackInfoRenderer(),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as (host, port):
        log.info(
            "listening",
            host=host,
            port=port,
            origin=settings.origin.url,
            mode=settings.mode,
            instance=settings.instance,
            state=str(settings.state),
        )
        await stop.wait()
        log.info("stopping", drain_s=settings.proxy.drain_s)
    log.info("stopped")


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[tuple[str, int]]:
    """Run the service for the length of the block.

    Args:
        settings: From ``config.load``.

    Yields:
        The address and the port that it listens on.

    Raises:
        UploadFilterError: Something that it needs cannot be had; which, and what to do,
            is in the error.
    """
    instance = settings.state / "instances" / settings.instance
    async with AsyncExitStack() as stack:
        recorder = _recorder(stack, settings, instance)
        reference = stack.enter_context(
            ReferenceReader.open(settings.state / REFERENCE_DIRECTORY)
        )
        hands = Hands(
            origin=await stack.enter_async_context(Origin.opened(settings.origin)),
            scanners=await stack.enter_async_context(
                ScannerPool.open(settings.scanner, log=log)
            ),
            reference=reference,
            recorder=recorder,
            room=SpoolRoom(settings.spool, directory=settings.spool_directory),
            drain=Drain(),
            mode=settings.mode,
            policy=settings.policy,
            thresholds=settings.thresholds,
            uploads=settings.limits,
            limits=settings.proxy,
            objection=settings.objection,
        )
        await stack.enter_async_context(_chores(recorder, reference, instance / "log"))
        proxy = Proxy(hands, trusted_proxies=settings.trusted_proxies)
        yield await stack.enter_async_context(
            listening(proxy, hands, host=settings.host, port=settings.port)
        )


def _recorder(stack: AsyncExitStack, settings: Settings, instance: Path) -> Recorder:
    """Open the decision log and say what had to be put right."""
    decisions = stack.enter_context(
        DecisionLog.open(
            instance / "log",
            instance=settings.instance,
            clock=_now,
            settings=settings.log,
        )
    )
    recovery = decisions.recovery
    if not recovery.is_clean:
        log.warning(
            "decision_log_recovered",
            torn_bytes=recovery.torn_bytes,
            torn=[str(path) for path in recovery.torn],
            unknown_outcomes=len(recovery.unknown_outcomes),
        )
    return Recorder(
        decisions,
        clients=ClientHasher(instance, clock=_now),
        instance=settings.instance,
        clock=_now,
    )


def _now() -> float:
    """Return seconds since the epoch: the one clock, handed down from here."""
    return time.time()  # noqa: TID251


@asynccontextmanager
async def _chores(
    recorder: Recorder, reference: ReferenceReader, directory: Path
) -> AsyncIterator[None]:
    """Keep what has to be kept up, for the length of the block."""
    loop = asyncio.get_running_loop()
    chores = (
        loop.create_task(recorder.keep_checkpoints(), name="checkpoints"),
        loop.create_task(_watch(reference), name="generations"),
        loop.create_task(_keep_retention(directory), name="retention"),
    )
    try:
        yield
    finally:
        for chore in chores:
            chore.cancel()
        await asyncio.wait(chores)
        await recorder.check_in()


async def _keep_retention(directory: Path) -> None:
    """Delete the segments whose time is over, again and again."""
    while True:
        try:
            deleted = await asyncio.to_thread(prune, directory, now=_now())
        except LogError as exc:
            log.error("retention_failed", error=str(exc), hint=exc.hint)
        else:
            if deleted:
                log.info("segments_deleted", segments=list(deleted))
        await asyncio.sleep(RETENTION_INTERVAL_S)


async def _watch(reference: ReferenceReader) -> None:
    """Tell the operator which generation is in use, whenever that changes."""
    known: object = None
    while True:
        try:
            generation = reference.current()
            state: object = generation.number
        except StoreError as exc:
            state = exc.code
        if state != known:
            _say_generation(state, reference)
        known = state
        await asyncio.sleep(WATCH_INTERVAL_S)


def _say_generation(state: object, reference: ReferenceReader) -> None:
    try:
        generation = reference.current()
    except StoreError as exc:
        log.error(
            "reference_set_unusable", code=exc.code, error=str(exc), hint=exc.hint
        )
        return
    log.info(
        "generation_active",
        generation=generation.number,
        entries=generation.entry_count,
    )
    if generation.entry_count == 0:
        log.warning("reference_set_empty", generation=generation.number, state=state)
