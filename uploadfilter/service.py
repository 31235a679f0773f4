"""Compose the running service, and start and stop it.

This is the only module that connects edges: it opens every resource in one block, from
top to bottom, and closes them in reverse order. The order is a guarantee: the listener
opens last and closes first, so that no upload arrives that could not be recorded.
"""

import asyncio
import gc
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import structlog
import uvloop

from uploadfilter import hardening, operational
from uploadfilter.changing import ChangeRecorder
from uploadfilter.config import Loaded, Settings, in_short, told
from uploadfilter.decisions.files.clients import ClientHasher
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.files.room import Surveyor
from uploadfilter.decisions.records.lasting import Change, Retention
from uploadfilter.errors import LogError
from uploadfilter.following import Following
from uploadfilter.notify import Manager
from uploadfilter.proxy.admin import listening as admin
from uploadfilter.proxy.admin.gauges import Gauges, register
from uploadfilter.proxy.admin.settings import AdminSettings
from uploadfilter.proxy.admin.watched import Watched
from uploadfilter.proxy.clients.addresses import Address, TCPAddress
from uploadfilter.proxy.clients.listening import listening
from uploadfilter.proxy.clients.sockets import Inherited
from uploadfilter.proxy.counting.labels import Limit
from uploadfilter.proxy.counting.metrics import Metrics
from uploadfilter.proxy.handling.composing import composed
from uploadfilter.proxy.handling.proxy import Proxy
from uploadfilter.proxy.inspecting.admission import Admission
from uploadfilter.proxy.inspecting.recorder import Recorder
from uploadfilter.proxy.inspecting.spool import SpoolRoom
from uploadfilter.proxy.inspecting.tripwire import Tripwire
from uploadfilter.proxy.requests.draining import Drain
from uploadfilter.proxy.requests.live import InForce
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.reloading import Reloader
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.state import instance_directory, log_directory
from uploadfilter.syncing.canaries import canaries_of, note_listening
from uploadfilter.syncing.trusting import read_statuses

log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOG_DAYS_INTERVAL_S = 60.0
"""Seconds between two checks of the disk: an attack needs hours to fill gigabytes."""

RETENTION_INTERVAL_S = 3600.0
"""Seconds between two searches for old segments, whose retention is in whole days."""

SWITCH_INTERVAL_S = 0.0005
"""Seconds for which a searching thread may hold the interpreter lock while the loop
waits for it. The loop releases the lock with every system call; at Python's default of
5 ms, an upload of ten calls would wait for 50 ms."""


def run(loaded: Loaded, *, read: Callable[[], Loaded]) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight get time to finish.

    Args:
        loaded: The configuration from ``config.read``.
        read: Reads the same configuration again, for SIGHUP.

    Raises:
        UploadFilterError: The service cannot start.
    """
    operational.configure()
    hardening.leave_no_core()
    hardening.keep_files_private()
    raise_descriptor_limit()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    uvloop.run(_run(loaded, read))


def raise_descriptor_limit() -> None:
    """Raise the limit of descriptors to the most that the system allows.

    Each upload in flight holds up to four of them, so the usual limit of 1,024 is too
    low for 256 uploads.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _run(loaded: Loaded, read: Callable[[], Loaded]) -> None:
    settings = loaded.settings
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
            origin=settings.origin.url if settings.origin else None,
            mode=settings.mode,
            instance=settings.instance,
            state=str(settings.state),
        )
        # All objects made so far live as long as the service: the garbage collector's
        # passes over them cost 3 % of an upload's CPU time (benchmarks proxy, 200 KB).
        gc.collect()
        gc.freeze()
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A service that accepts requests.

    Attributes:
        addresses: Its addresses, with the ports that were chosen.
        admin: The address of the admin listener; ``None`` without one.
        is_whole: Returns whether the parts are alive that only a restart replaces.
        watched: The objects whose state the admin listener shows.
        changes: Records changes.
    """

    addresses: tuple[Address, ...]
    admin: Address | None
    is_whole: Callable[[], bool]
    watched: Watched
    changes: ChangeRecorder

    @property
    def port(self) -> int:
        """The first TCP port; 0 if there is none."""
        ports = (item.port for item in self.addresses if isinstance(item, TCPAddress))
        return next(ports, 0)

    def reloader(
        self,
        loaded: Loaded,
        read: Callable[[], Loaded],
        manager: Manager,
        asked: asyncio.Event,
    ) -> Reloader:
        """Make the object that reloads the configuration of this service."""
        return Reloader(
            loaded,
            read=read,
            in_force=self.watched.in_force,
            manager=manager,
            tell=lambda result: self.watched.metrics.reloaded(result, _now()),
            note=lambda details: self.changes.note(Change.RELOAD, details),
            asked=asked,
        )


@asynccontextmanager
async def running(
    settings: Settings, *, details: Mapping[str, object] | None = None
) -> AsyncIterator[Running]:
    """Run the service while the block runs.

    Args:
        settings: The settings from ``config.load``.
        details: Details of the configuration, for the record of the start.

    Yields:
        The running service.

    Raises:
        UploadFilterError: A resource is not available; the error names it, with a
            hint.
    """
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        decisions = _decision_log(stack, settings)
        recorder = _recorder(decisions, settings, metrics)
        entries = ReferenceReader.open(settings.state / REFERENCE_DIRECTORY)
        reference = stack.enter_context(entries)
        room = _spool_room(settings, metrics)
        pool = ScannerPool.open(settings.scanner, log=log, on_cost=metrics.scanned)
        scanners = await stack.enter_async_context(pool)
        in_force = await stack.enter_async_context(InForce.opened(settings.live))
        own = instance_directory(settings.state, settings.instance)
        canaries = canaries_of(settings.state, own, metrics.canaries, _now)
        tripwire = Tripwire(settings.state, own, clock=_now)
        admission, drain = _admission(room, metrics, scanners), Drain()
        proxy = composed(
            in_force=in_force,
            drain=drain,
            metrics=metrics,
            admission=admission,
            room=room,
            reference=reference,
            tripwire=tripwire,
            scanners=scanners,
            recorder=recorder,
            canaries=canaries,
        )
        watched = Watched(
            instance=settings.instance,
            begun=_now(),
            metrics=metrics,
            in_force=in_force,
            drain=drain,
            open_uploads=lambda: admission.open_uploads,
            room=room,
            scanners=scanners,
            scanner_settings=settings.scanner,
            reference=reference,
            is_writable=lambda: decisions.writable,
            surveyor=_surveyor(settings),
            signed=lambda: read_statuses(settings.state),
            canaries=lambda: canaries.note,
            demotions=lambda: tripwire.demotions,
            clock=_now,
        )
        changes = await _changes(decisions, settings, details or in_short(settings))
        chores = _chores(watched, recorder, admission, tripwire, settings, changes)
        await stack.enter_async_context(chores)
        yield await _listening(
            stack, proxy, watched, changes, settings, is_whole=decisions.is_alive
        )


async def _listening(
    stack: AsyncExitStack,
    proxy: Proxy,
    watched: Watched,
    changes: ChangeRecorder,
    settings: Settings,
    *,
    is_whole: Callable[[], bool],
) -> Running:
    """Start the admin listener, then that of uploads, until the stack closes."""
    watched.metrics.started(watched.begun)
    told_at = await stack.enter_async_context(_admin(watched, settings.admin))
    inherited = stack.enter_context(closing(Inherited.of(os.environ)))
    clients = listening(
        proxy.handle,
        in_force=watched.in_force,
        drain=watched.drain,
        metrics=watched.metrics,
        addresses=settings.listen,
        inherited=inherited,
    )
    addresses = await stack.enter_async_context(clients)
    own = instance_directory(settings.state, settings.instance)
    note_listening(own, addresses)
    return Running(
        addresses=addresses,
        admin=told_at,
        is_whole=is_whole,
        watched=watched,
        changes=changes,
    )


@asynccontextmanager
async def _admin(
    watched: Watched, settings: AdminSettings
) -> AsyncIterator[Address | None]:
    """Run the admin listener while the block runs, if it has an address.

    It closes after the listener of uploads, so that probes see that the proxy drains.
    """
    if settings.address is None:
        yield None
        return
    health, history = watched.health(), watched.history()
    register(watched.metrics.registry, Gauges(watched, health))
    desk = admin.AdminHandler(watched, health, history, hosts=settings.hosts)
    async with (
        beside(health=health.keep(), history=history.keep()),
        admin.listening(desk, settings) as address,
    ):
        log.info("admin_listening", address=str(address))
        yield address


def _spool_room(settings: Settings, metrics: Metrics) -> SpoolRoom:
    """Make the spool for bodies."""
    return SpoolRoom.tried(
        settings.spool,
        directory=settings.spool_directory,
        on_full_share=lambda: metrics.limited(Limit.CLIENT_SPOOL),
    )


def _admission(room: SpoolRoom, metrics: Metrics, scanners: ScannerPool) -> Admission:
    """Limit the number of uploads to the available descriptors."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Admission(
        room, metrics, wait_s=scanners.expected_wait_s, descriptors=descriptors
    )


def _decision_log(stack: AsyncExitStack, settings: Settings) -> DecisionLog:
    """Open the decision log, and log the repairs."""
    decisions = stack.enter_context(
        DecisionLog.open(
            log_directory(settings.state, settings.instance),
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
    if recovery.cut_off is not None:
        log.error(
            "decision_log_cut_off",
            was=recovery.cut_off.text(),
            hint="Newest files of the log are gone, or it was replaced by an older "
            "copy. Look for them; the log goes on from what is there.",
        )
    return decisions


async def _changes(
    decisions: DecisionLog, settings: Settings, details: Mapping[str, object]
) -> ChangeRecorder:
    """Record the start, and changes by this service and by other processes."""
    changes = ChangeRecorder(
        decisions,
        directory=log_directory(settings.state, settings.instance),
        reference=settings.state / REFERENCE_DIRECTORY,
        clock=_now,
    )
    cut_off = decisions.recovery.cut_off
    await changes.start(
        {
            "uploadfilter": version("uploadfilter"),
            "python": python_version(),
            **details,
        },
        cut_off=cut_off and cut_off.text(),
    )
    return changes


def _recorder(decisions: DecisionLog, settings: Settings, metrics: Metrics) -> Recorder:
    """Make the recorder of uploads, with the keys of this instance."""
    return Recorder(
        decisions,
        clients=ClientHasher(
            instance_directory(settings.state, settings.instance), clock=_now
        ),
        instance=settings.instance,
        clock=_now,
        metrics=metrics,
        contents_recorded=settings.log.contents_recorded,
    )


def _now() -> float:
    """Return seconds since the epoch: the only clock, which is passed on from here."""
    return time.time()  # noqa: TID251


@asynccontextmanager
async def _chores(
    watched: Watched,
    recorder: Recorder,
    admission: Admission,
    tripwire: Tripwire,
    settings: Settings,
    changes: ChangeRecorder,
) -> AsyncIterator[None]:
    """Run the periodic tasks while the block runs."""
    directory = log_directory(settings.state, settings.instance)
    try:
        async with beside(
            checkpoints=recorder.keep_checkpoints(),
            generations=Following(
                watched.reference,
                settings=lambda: watched.in_force.settings,
                clock=asyncio.get_running_loop().time,
                signed=watched.signed,
                now=_now,
            ).keep(),
            retention=_keep_retention(directory, settings.log.retention),
            origins=watched.in_force.keep_closing(),
            changes=changes.keep(),
            tripwire=tripwire.keep(changes.note),
            log_days=_keep_log_days(admission, settings),
        ):
            yield
    finally:
        await changes.look()
        await recorder.check_in()


async def _keep_log_days(admission: Admission, settings: Settings) -> None:
    """Log periodically for how many days the disk of the log will last."""
    surveyor = _surveyor(settings)
    while True:
        # If the log cannot be read, the task that writes to it reports it.
        with suppress(LogError, OSError):
            room = await asyncio.to_thread(surveyor.look, _now())
            admission.log_lasts(room.days_left)
        await asyncio.sleep(LOG_DAYS_INTERVAL_S)


def _surveyor(settings: Settings) -> Surveyor:
    return Surveyor(
        log_directory(settings.state, settings.instance),
        retention=settings.log.retention,
        reserve_bytes=settings.log.reserve_bytes,
    )


@asynccontextmanager
async def beside(**chores: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run endless tasks while the block runs.

    A failed task does not end the service, because uploads are recorded without it. The
    failure is logged at once, because the task is not started again.

    Args:
        chores: The tasks, by name.
    """
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(chore, name=name) for name, chore in chores.items()]
    for task in tasks:
        task.add_done_callback(_say_failed)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _say_failed(chore: "asyncio.Task[None]") -> None:
    if not chore.cancelled() and (error := chore.exception()) is not None:
        log.error("chore_failed", chore=chore.get_name(), exc_info=error)


async def _keep_retention(directory: Path, retention: Retention) -> None:
    """Delete the segments whose retention is over, periodically."""
    while True:
        try:
            deleted = await asyncio.to_thread(
                prune, directory, now=_now(), retention=retention
            )
        except LogError as exc:
            log.error("retention_failed", error=str(exc), hint=exc.hint)
        else:
            if deleted:
                log.info("segments_deleted", segments=list(deleted))
        await asyncio.sleep(RETENTION_INTERVAL_S)
