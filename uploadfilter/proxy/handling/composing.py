"""Compose the proxy: give each step of an upload what it needs, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from uploadfilter.evidence.background import Background
from uploadfilter.inspection.admission import Admission
from uploadfilter.inspection.afterwards import CopySearch
from uploadfilter.inspection.canaries import Canaries
from uploadfilter.inspection.driver import Driver
from uploadfilter.inspection.forwarding import Forwarding
from uploadfilter.inspection.intake import Intake
from uploadfilter.inspection.recorder import Recorder
from uploadfilter.inspection.recording import Recording
from uploadfilter.inspection.scanning import Scanners, Scanning
from uploadfilter.inspection.sealing import Sealer
from uploadfilter.inspection.searching import Reference, Searching
from uploadfilter.inspection.spool import SpoolRoom
from uploadfilter.inspection.tripwire import Tripwire
from uploadfilter.proxy.assembling.bench import Workbench
from uploadfilter.proxy.assembling.protocols import Assembling
from uploadfilter.proxy.assembling.store import UploadStore
from uploadfilter.proxy.handling.passing import Passing
from uploadfilter.proxy.handling.proxy import Proxy
from uploadfilter.proxy.handling.websockets import WebSocketPassing
from uploadfilter.web.clients.waiting import Waiters
from uploadfilter.web.counting.labels import Limit
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.requests.draining import Drain
from uploadfilter.web.requests.live import InForce


class Composed(NamedTuple):
    """The proxy, and the parts of it that doors without an origin share.

    Attributes:
        proxy: Handles each request.
        intake: Takes uploads in.
        canaries: Knows an operator's canary.
        background: Returns the prepared cohort, by which matches are judged.
    """

    proxy: Proxy
    intake: Intake
    canaries: Canaries
    background: Callable[[], Background | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParts:
    """Objects that live as long as the service.

    Attributes:
        in_force: The live settings.
        drain: Counts the requests in flight.
        metrics: Counts events.
        admission: Decides which uploads are admitted.
        room: Holds bodies.
        store: Holds uploads that come in several requests.
        reference: Knows the entries.
        tripwire: Demotes entries that match too much.
        scanners: Compute perceptual signals.
        recorder: Keeps the decisions.
        canaries: Knows an operator's canary.
        sealer: Seals the evidence of rejected uploads.
        background: Returns the prepared cohort, by which matches are judged.
        copies: Searches accepted uploads for altered copies, after the answer.
    """

    in_force: InForce
    drain: Drain
    metrics: Metrics
    admission: Admission
    room: SpoolRoom
    store: UploadStore
    reference: Reference
    tripwire: Tripwire
    scanners: Scanners
    recorder: Recorder
    canaries: Canaries
    sealer: Sealer
    background: Callable[[], Background | None]
    copies: CopySearch


def compose(parts: ServiceParts) -> Composed:
    """Make the proxy."""
    waiting = Waiters(partial(parts.metrics.limited, Limit.WAITING_ANSWERS))
    driver = _driver(parts, waiting)
    intake = Intake(
        admission=parts.admission,
        recorder=parts.recorder,
        room=parts.room,
        driver=driver,
    )
    bench = Workbench(
        store=parts.store,
        intake=intake,
        admission=parts.admission,
        recorder=parts.recorder,
        metrics=parts.metrics,
        room=parts.room,
    )
    passing = _passing(parts, waiting)
    websockets = WebSocketPassing(
        parts.in_force, intake, parts.recorder, parts.drain, waiting
    )
    proxy = Proxy(
        in_force=parts.in_force,
        drain=parts.drain,
        metrics=parts.metrics,
        canaries=parts.canaries,
        assembling=Assembling(bench),
        intake=intake,
        passing=passing,
        websockets=partial(passing.in_turn, exchange=websockets.exchange),
    )
    return Composed(proxy, intake, parts.canaries, parts.background)


def _driver(parts: ServiceParts, waiting: Waiters) -> Driver:
    return Driver(
        arriving=parts.admission.arriving,
        searching=Searching(
            parts.reference,
            parts.tripwire,
            faults=parts.recorder.faults,
            background=parts.background,
            metrics=parts.metrics,
        ),
        scanning=Scanning(parts.scanners),
        recording=Recording(
            parts.recorder,
            admission=parts.admission,
            tripwire=parts.tripwire,
            canaries=parts.canaries,
            sealer=parts.sealer,
            copies=parts.copies,
        ),
        forwarding=Forwarding(parts.recorder, parts.drain, parts.metrics, waiting),
        metrics=parts.metrics,
    )


def _passing(parts: ServiceParts, waiting: Waiters) -> Passing:
    return Passing(
        parts.drain,
        waiting,
        parts.metrics,
        descriptors=parts.admission.descriptors,
        note_origin=parts.recorder.faults.note_origin,
    )
