"""Compose the running service, and open and close its parts in order.

This is the only module that connects edges: it opens every resource in one block, from
top to bottom, and closes them in reverse order. The order is a guarantee: the listener
opens last and closes first, so that no upload arrives that could not be recorded.
"""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import structlog

from uploadfilter.config import Loaded, Settings, in_short
from uploadfilter.copies.process import searching
from uploadfilter.copies.queue import CopyQueue
from uploadfilter.decisions.files.clients import ClientHasher
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.records.lasting import Change
from uploadfilter.doors.tokens import TokenFile
from uploadfilter.forms.codes import code_of, load_key
from uploadfilter.inspection.admission import Admission
from uploadfilter.inspection.canaries import Canaries
from uploadfilter.inspection.recorder import Recorder, no_code
from uploadfilter.inspection.sealing import Sealer
from uploadfilter.inspection.spool import SpoolRoom
from uploadfilter.inspection.tripwire import Tripwire
from uploadfilter.knowngood.cohorts import Cohorts
from uploadfilter.proxy.admin import listening as admin
from uploadfilter.proxy.admin.gauges import Gauges, register
from uploadfilter.proxy.admin.settings import AdminSettings
from uploadfilter.proxy.admin.watched import Watched
from uploadfilter.proxy.assembling.store import UPLOADS, UploadStore
from uploadfilter.proxy.handling.composing import Composed, ServiceParts, compose
from uploadfilter.reference.store import (
    REFERENCE_DIRECTORY,
    ReferenceDirectory,
    ReferenceReader,
)
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.sealing.folder import EvidenceFolder
from uploadfilter.service.changing import ChangeRecorder
from uploadfilter.service.chores import beside, chores, kept, now_s, surveyor_of
from uploadfilter.service.doors import Doors
from uploadfilter.service.notify import Manager
from uploadfilter.service.reloading import Reloader
from uploadfilter.state import (
    evidence_directory,
    instance_directory,
    log_directory,
)
from uploadfilter.syncing.canaries import canaries_of, note_listening
from uploadfilter.syncing.statuses import read_statuses
from uploadfilter.web.clients.addresses import Address, TCPAddress
from uploadfilter.web.clients.listening import Served, listening
from uploadfilter.web.clients.sockets import Inherited
from uploadfilter.web.counting.labels import Limit
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.requests.draining import Drain
from uploadfilter.web.requests.live import InForce

log: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A service that accepts requests.

    Attributes:
        addresses: Its addresses, with the ports that were chosen.
        admin: The address of the admin listener; ``None`` without one.
        api: The address of the scan API; ``None`` without one.
        clamd: The address of the clamd door; ``None`` without one.
        is_whole: Returns whether the parts are alive that only a restart replaces.
        watched: The objects whose state the admin listener shows.
        changes: Records changes.
    """

    addresses: tuple[Address, ...]
    admin: Address | None
    api: Address | None
    clamd: Address | None
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
            tell=lambda result: self.watched.metrics.reloaded(result, now_s()),
            note=lambda details: self.changes.note(Change.RELOAD, details),
            asked=asked,
        )


@asynccontextmanager
async def running(
    settings: Settings, *, details: Mapping[str, object] | None = None
) -> AsyncIterator[Running]:
    """Run the service while the block runs.

    Yields:
        The running service.

    Raises:
        UploadFilterError: A resource is not available; the error names it, with a
            hint.
    """
    async with AsyncExitStack() as stack:
        metrics = Metrics()
        decisions, recorder = await _recording(stack, settings, metrics)
        reference, room = _reference(stack, settings), _spool_room(settings, metrics)
        scanners = await _scanners(stack, settings, metrics)
        in_force = await stack.enter_async_context(InForce.opened(settings.live))
        canaries = _canaries(settings, metrics, reference)
        tripwire = _tripwire(settings, reference)
        admission, drain = _admission(room, metrics, scanners), Drain()
        store = await _upload_store(stack, settings)
        copies = _copies(settings, recorder, tripwire, metrics)
        shared = ServiceParts(
            in_force=in_force,
            drain=drain,
            metrics=metrics,
            admission=admission,
            room=room,
            store=store,
            reference=reference,
            tripwire=tripwire,
            scanners=scanners,
            recorder=recorder,
            canaries=canaries,
            sealer=_sealer(settings, metrics),
            background=Cohorts(settings.state).background,
            copies=copies,
        )
        watched = _watched(settings, shared, scanners, reference, decisions)
        changes = await _changes(decisions, settings, details or in_short(settings))
        work = chores(watched, recorder, admission, tripwire, settings, changes, copies)
        await stack.enter_async_context(work)
        is_whole = decisions.is_alive
        yield await _listening(
            stack, compose(shared), watched, changes, settings, is_whole
        )


def _watched(
    settings: Settings,
    shared: ServiceParts,
    scanners: ScannerPool,
    reference: ReferenceReader,
    decisions: DecisionLog,
) -> Watched:
    return Watched(
        instance=settings.instance,
        begun=now_s(),
        metrics=shared.metrics,
        in_force=shared.in_force,
        drain=shared.drain,
        open_uploads=lambda: shared.admission.open_uploads,
        room=shared.room,
        store=shared.store.usage,
        scanners=scanners,
        scanner_settings=settings.scanner,
        reference=reference,
        is_writable=lambda: decisions.writable,
        surveyor=surveyor_of(settings),
        signed=lambda: read_statuses(settings.state),
        canaries=lambda: shared.canaries.note,
        clock=now_s,
    )


async def _listening(
    stack: AsyncExitStack,
    parts: Composed,
    watched: Watched,
    changes: ChangeRecorder,
    settings: Settings,
    is_whole: Callable[[], bool],
) -> Running:
    """Start the admin listener, then those of uploads, until the stack closes."""
    doors = Doors(parts=parts, watched=watched, tokens=TokenFile(settings.state))
    watched.metrics.started(watched.begun)
    told_at = await stack.enter_async_context(_admin(watched, settings.admin))
    inherited = stack.enter_context(closing(Inherited.of(os.environ)))
    site = Served(parts.proxy.handle, settings.proxy_listen)
    clients = listening(
        [site, doors.api(settings.api.address), doors.clamd(settings.clamd.address)],
        in_force=watched.in_force,
        drain=watched.drain,
        metrics=watched.metrics,
        inherited=inherited,
    )
    addresses, asked_at, clamd_at = await stack.enter_async_context(clients)
    own = instance_directory(settings.state, settings.instance)
    note_listening(own, addresses)
    return Running(
        addresses=addresses,
        admin=told_at,
        api=next(iter(asked_at), None),
        clamd=next(iter(clamd_at), None),
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


def _reference(stack: AsyncExitStack, settings: Settings) -> ReferenceReader:
    """Open the reference set, which need not be there yet."""
    opened = ReferenceReader.open(settings.state / REFERENCE_DIRECTORY)
    return stack.enter_context(opened)


def _canaries(
    settings: Settings, metrics: Metrics, reference: ReferenceReader
) -> Canaries:
    own = instance_directory(settings.state, settings.instance)
    return canaries_of(settings.state, own, metrics.canaries, now_s, reference)


def _tripwire(settings: Settings, reference: ReferenceReader) -> Tripwire:
    directory = ReferenceDirectory(settings.state / REFERENCE_DIRECTORY)
    return Tripwire(directory, reference, clock=now_s)


def _copies(
    settings: Settings, recorder: Recorder, tripwire: Tripwire, metrics: Metrics
) -> CopyQueue:
    """Make the queue of uploads that are searched after their answer."""
    return CopyQueue(
        partial(searching, settings.state.absolute()),
        recorder=recorder,
        tripwire=tripwire,
        metrics=metrics,
    )


def _spool_room(settings: Settings, metrics: Metrics) -> SpoolRoom:
    """Make the spool for bodies."""
    return SpoolRoom.tried(
        settings.spool,
        directory=settings.spool_directory,
        on_full_share=lambda: metrics.limited(Limit.CLIENT_SPOOL),
    )


async def _upload_store(stack: AsyncExitStack, settings: Settings) -> UploadStore:
    """Make the store of uploads in pieces."""
    directory = settings.upload_store.directory or settings.state / UPLOADS
    store = UploadStore(Path(directory), settings.upload_store, clock=now_s)
    await stack.enter_async_context(beside(uploads=store.keep()))
    return store


def _admission(room: SpoolRoom, metrics: Metrics, scanners: ScannerPool) -> Admission:
    """Limit the number of uploads to the available descriptors."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Admission(
        room, metrics, wait_s=scanners.expected_wait_s, descriptors=descriptors
    )


async def _decision_log(
    stack: AsyncExitStack, settings: Settings, metrics: Metrics
) -> DecisionLog:
    """Open the log, tell repairs; sign its tree and compress its files from now on."""
    decisions = stack.enter_context(
        DecisionLog.open(
            log_directory(settings.state, settings.instance),
            instance=settings.instance,
            clock=now_s,
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
    await stack.enter_async_context(kept(decisions, settings, metrics.compressed))
    return decisions


async def _changes(
    decisions: DecisionLog, settings: Settings, details: Mapping[str, object]
) -> ChangeRecorder:
    """Record the start, and changes by this service and by other processes."""
    changes = ChangeRecorder(
        decisions,
        directory=log_directory(settings.state, settings.instance),
        reference=settings.state / REFERENCE_DIRECTORY,
        clock=now_s,
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
            instance_directory(settings.state, settings.instance), clock=now_s
        ),
        instance=settings.instance,
        clock=now_s,
        metrics=metrics,
        contents_recorded=settings.log.contents_recorded,
        code_of=_code_of(settings),
    )


async def _recording(
    stack: AsyncExitStack, settings: Settings, metrics: Metrics
) -> tuple[DecisionLog, Recorder]:
    """Open the decision log, and make the recorder that writes it."""
    decisions = await _decision_log(stack, settings, metrics)
    return decisions, _recorder(decisions, settings, metrics)


async def _scanners(
    stack: AsyncExitStack, settings: Settings, metrics: Metrics
) -> ScannerPool:
    """Start the processes that scan."""
    pool = ScannerPool.open(settings.scanner, log=log, on_cost=metrics.scanned)
    return await stack.enter_async_context(pool)


def _sealer(settings: Settings, metrics: Metrics) -> Sealer:
    """Make the object that seals the evidence of rejected uploads."""
    return Sealer(
        settings.sealed_evidence,
        EvidenceFolder(evidence_directory(settings.state, settings.instance)),
        instance=settings.instance,
        clock=now_s,
        metrics=metrics,
    )


def _code_of(settings: Settings) -> Callable[[str], str]:
    """Return what makes the codes for objections, if rejections name them."""
    if not settings.objections.public_url:
        return no_code
    return partial(code_of, load_key(settings.state))
