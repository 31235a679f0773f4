"""The tasks that run beside requests: checkpoints, retention, what others changed.

A failed task does not end the service, because uploads are recorded without it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from uploadfilter.config import Settings
from uploadfilter.copies.queue import CopyQueue
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.files.room import Surveyor
from uploadfilter.errors import LogError
from uploadfilter.inspection.admission import Admission
from uploadfilter.inspection.recorder import Recorder
from uploadfilter.inspection.tripwire import Tripwire
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.proxy.admin.watched import Watched
from uploadfilter.sealing.folder import EvidenceFolder
from uploadfilter.service.changing import ChangeRecorder
from uploadfilter.service.compressing import Compressing
from uploadfilter.service.expiring import EvidencePruner
from uploadfilter.service.following import Following
from uploadfilter.service.notifying import Notifier
from uploadfilter.service.objections import ObjectionRecorder
from uploadfilter.service.signing import Signing
from uploadfilter.service.submitting import Submitting
from uploadfilter.state import (
    evidence_directory,
    instance_directory,
    log_directory,
)

log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOG_DAYS_INTERVAL_S = 60.0
"""Seconds between two checks of the disk: an attack needs hours to fill gigabytes."""

RETENTION_INTERVAL_S = 3600.0
"""Seconds between two searches for old segments, whose retention is in whole days."""


def now_s() -> float:
    """Return seconds since the epoch: the only clock, which is passed on from here."""
    return time.time()  # noqa: TID251


@asynccontextmanager
async def chores(
    watched: Watched,
    recorder: Recorder,
    admission: Admission,
    tripwire: Tripwire,
    settings: Settings,
    changes: ChangeRecorder,
    copies: CopyQueue,
) -> AsyncIterator[None]:
    """Run the periodic tasks while the block runs.

    Args:
        watched: The running proxy.
        recorder: Writes checkpoints.
        admission: Learns for how many days the disk of the decision log lasts.
        tripwire: Writes the entries that it switches off.
        settings: The settings of the start.
        changes: Records changes; it looks once more at the end.
        copies: Is searched; it ends first, so that its last records are written.
    """
    directory = log_directory(settings.state, settings.instance)
    try:
        async with (
            beside(
                checkpoints=recorder.keep_checkpoints(),
                generations=Following(
                    watched.reference,
                    settings=lambda: watched.in_force.settings,
                    faults=recorder.faults,
                    clock=asyncio.get_running_loop().time,
                    signed=watched.signed,
                    now=now_s,
                ).keep(),
                origins=watched.in_force.keep_closing(),
                changes=changes.keep(),
                tripwire=tripwire.keep(),
                evidence=_keep_evidence(settings, changes),
                objections=ObjectionRecorder(
                    changes,
                    directory,
                    state=settings.state,
                    instance=settings.instance,
                    clock=now_s,
                ).keep(),
                log_days=_keep_log_days(admission, settings),
                notifications=Notifier(
                    directory,
                    instance_directory(settings.state, settings.instance),
                    settings.notify,
                    signed=watched.signed,
                    clock=now_s,
                ).keep(),
                witnesses=Submitting(
                    directory, settings.witnesses.known, tell=watched.metrics.submitted
                ).keep(),
            ),
            copies.running(),
        ):
            yield
    finally:
        await changes.look()
        await recorder.check_in()


@asynccontextmanager
async def kept(
    decisions: DecisionLog, settings: Settings, tell: Callable[[bool], None]
) -> AsyncIterator[None]:
    """Keep the files of the log while the block runs: sign, compress and delete.

    Args:
        decisions: The log. What else writes to it must end before this block does.
        settings: The settings of the start.
        tell: Is told of each file that was compressed, or could not be.
    """
    directory = log_directory(settings.state, settings.instance)
    signing = Signing(directory, instance=settings.instance, end=lambda: decisions.end)
    compressing = Compressing(
        directory,
        settings.log,
        newest=lambda: decisions.newest,
        tell=tell,
        clock=now_s,
    )
    try:
        async with beside(
            tree=signing.keep(),
            compression=compressing.keep(),
            retention=_keep_retention(directory, settings, after=signing.was_tried),
        ):
            yield
    finally:
        await signing.finish()


async def _keep_evidence(settings: Settings, changes: ChangeRecorder) -> None:
    """Delete the sealed evidence whose days are over, periodically."""
    folder = EvidenceFolder(evidence_directory(settings.state, settings.instance))
    pruner = EvidencePruner(
        folder,
        keep_days=settings.sealed_evidence.keep_days,
        record=changes.record,
    )
    while True:
        await pruner.prune(now_s())
        await asyncio.sleep(RETENTION_INTERVAL_S)


async def _keep_log_days(admission: Admission, settings: Settings) -> None:
    """Log periodically for how many days the disk of the log will last."""
    surveyor = surveyor_of(settings)
    while True:
        # If the log cannot be read, the task that writes to it reports it.
        with suppress(LogError, OSError):
            room = await asyncio.to_thread(surveyor.look, now_s())
            admission.log_lasts(room.days_left)
        await asyncio.sleep(LOG_DAYS_INTERVAL_S)


def surveyor_of(settings: Settings) -> Surveyor:
    """Return the object that measures the room for the decision log."""
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


async def _keep_retention(
    directory: Path, settings: Settings, *, after: asyncio.Event
) -> None:
    """Delete the segments whose retention is over, periodically.

    It begins after the tree has taken the records that it can: a tree that misses one
    of them can never be continued.
    """
    faults = OngoingFaults(log)
    await after.wait()
    while True:
        try:
            deleted = await asyncio.to_thread(
                prune, directory, now=now_s(), retention=settings.log.retention
            )
        except LogError as exc:
            faults.fail("retention_failed", error=str(exc), hint=exc.hint)
        else:
            faults.recover("retention_failed")
            if deleted:
                log.info("segments_deleted", segments=list(deleted))
        await asyncio.sleep(RETENTION_INTERVAL_S)
