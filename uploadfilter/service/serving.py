"""Serve until a signal: the process around the running service."""

import asyncio
import ctypes
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable

import structlog
import uvloop

from uploadfilter import hardening
from uploadfilter.config import Loaded, told
from uploadfilter.config.checking import doubts
from uploadfilter.service import operational
from uploadfilter.service.chores import beside
from uploadfilter.service.notify import Manager
from uploadfilter.service.running import running

log: structlog.stdlib.BoundLogger = structlog.get_logger()

SWITCH_INTERVAL_S = 0.0005
"""Seconds for which a searching thread may hold the interpreter lock while the loop
waits for it. The loop releases the lock with every system call; at Python's default of
5 ms, an upload of ten calls would wait for 50 ms."""

_COLLECTED_AFTER = (10_000, 20, 20)
"""Thresholds of the garbage collector: at Python's 700, its passes take 2 % of an
upload's CPU time. Ten thousand more objects than before are about a megabyte."""

_LEAST_MAPPED_BYTES = 4 * 1024 * 1024
_MOST_KEPT_BYTES = 16 * 1024 * 1024
"""Least size of a block with a mapping of its own, and most free memory that is kept.
By default glibc returns the buffers of an answer after each read, and gets new pages
for the next one: 670 page faults for 10 MB, a sixth of the CPU time."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers from ``malloc.h``."""


def run(loaded: Loaded, *, read: Callable[[], Loaded]) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight get time to finish.

    Raises:
        UploadFilterError: The service cannot start.
    """
    operational.configure()
    hardening.leave_no_core()
    hardening.keep_files_private()
    raise_descriptor_limit()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    keep_freed_memory()
    uvloop.run(_run(loaded, read))


def raise_descriptor_limit() -> None:
    """Raise the limit of descriptors to the most that the system allows.

    Each upload in flight holds up to four of them, so the usual limit of 1,024 is too
    low for 256 uploads.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def keep_freed_memory() -> None:
    """Keep some freed memory for the next buffers; musl has no such setting."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_MMAP_THRESHOLD, _LEAST_MAPPED_BYTES)
        libc.mallopt(_TRIM_THRESHOLD, _MOST_KEPT_BYTES)


async def _run(loaded: Loaded, read: Callable[[], Loaded]) -> None:
    settings = loaded.settings
    for doubt in doubts(loaded):
        log.warning(
            "settings_doubtful", key=doubt.key, problem=doubt.text, hint=doubt.hint
        )
    stop, hung_up = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if loaded.file is not None:
        loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    # Under nohup, hang-ups are ignored, and stay ignored.
    elif signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, _hang_up, stop)
    manager = Manager.of(os.environ)
    async with (
        running(settings, details=told(loaded)) as service,
        beside(
            watchdog=manager.keep_watchdog(service.is_whole),
            reload=service.reloader(loaded, read, manager, hung_up).keep(),
        ),
    ):
        addresses = [str(address) for address in service.addresses]
        log.info(
            "listening",
            addresses=addresses,
            port=service.port,
            api=service.api and str(service.api),
            clamd=service.clamd and str(service.clamd),
            origin=settings.origin.url if settings.origin else None,
            mode=settings.mode,
            instance=settings.instance,
            state=str(settings.state),
        )
        # All objects made so far live as long as the service: the garbage collector's
        # passes over them cost 3 % of an upload's CPU time (benchmarks proxy, 200 KB).
        gc.collect()
        gc.freeze()
        # Uploads and requests leave no cycles behind (counted with DEBUG_SAVEALL), so
        # that early passes would find nothing.
        gc.set_threshold(*_COLLECTED_AFTER)
        manager.ready(f"{settings.mode} at {', '.join(addresses)}")
        await stop.wait()
        log.info("stopping", drain_s=settings.proxy.drain_s)
        manager.stopping("finishing the requests in flight")
    log.info("stopped")


def _hang_up(stop: asyncio.Event) -> None:
    """End on a hang-up of the terminal; elsewhere, ignore a hang-up without a file.

    Without a configuration file there is nothing to reload, and a mistaken SIGHUP must
    not lose uploads in flight.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        stop.set()
        return
    log.warning(
        "hangup_ignored", hint="There is no configuration file to read: restart."
    )
