"""The objects that the admin listener may read, in one place.

Rules this module keeps: it reads and changes nothing, and each time reads a few
attributes, so that it costs uploads nothing and works when they are in trouble.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata

from uploadfilter.decisions.files.room import Surveyor
from uploadfilter.inspection.spool import SpoolRoom
from uploadfilter.proxy.admin.health import Health
from uploadfilter.proxy.admin.history import History, Level
from uploadfilter.proxy.assembling.usage import StoreUsage
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.store import ReferenceReader
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.signedsets.canaries import CanaryNote
from uploadfilter.signedsets.freshness import Status
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.requests.draining import Drain
from uploadfilter.web.requests.live import InForce
from uploadfilter.web.routing.enforcing import Unenforced


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A running proxy, as the operator sees it.

    Attributes:
        instance: Its name.
        begun: When it was started, in seconds since the epoch.
        metrics: Its counters.
        in_force: The settings in force.
        drain: Requests in flight.
        open_uploads: Number of open uploads.
        room: Bytes held in the spool.
        store: The uploads in pieces that are held.
        scanners: The pool.
        scanner_settings: The size of the pool.
        reference: The reference set.
        is_writable: Whether the last record could be written.
        surveyor: Measures the room for the decision log.
        signed: Returns the statuses of the signed sets.
        canaries: Returns the note about canaries.
        clock: Seconds since the epoch.
    """

    instance: str
    begun: float
    metrics: Metrics
    in_force: InForce
    drain: Drain
    open_uploads: Callable[[], int]
    room: SpoolRoom
    store: StoreUsage
    scanners: ScannerPool
    scanner_settings: ScannerSettings
    reference: ReferenceReader
    is_writable: Callable[[], bool]
    surveyor: Surveyor
    signed: Callable[[], tuple[Status, ...]]
    clock: Callable[[], float]
    canaries: Callable[[], CanaryNote] = CanaryNote

    @property
    def generation(self) -> LayeredGeneration | None:
        """The generation that was used last, even if it cannot be used any more."""
        return self.reference.last

    def level(self) -> Level:
        """Return the present state."""
        load = self.scanners.load
        return Level(
            waiting=load.waiting + load.put_back,
            scanning=load.scanning + load.slow,
            spool_memory=self.room.memory_bytes,
            spool_disk=self.room.disk_bytes,
        )

    def unenforced(self) -> tuple[Unenforced, ...]:
        """Return the routes that should reject matches, and reject none.

        Raises:
            StoreError: There is no usable reference set.
        """
        return self.in_force.settings.unenforced(self.reference.current())

    def health(self) -> Health:
        """Make the checks of this proxy."""
        return Health(
            reference=self.reference,
            origins=lambda: self.in_force.settings.origins,
            unenforced=self.unenforced,
            is_writable=self.is_writable,
            has_scanners=lambda: self.scanners.load.is_ready,
            room=lambda: self.surveyor.look(self.clock()),
            drain=self.drain,
            signed=self.signed,
        )

    def history(self) -> History:
        """Make the history of this proxy, which begins now."""
        return History(self.metrics, level=self.level, clock=self.clock)


def version() -> str:
    """Return the version of the installed program."""
    return metadata.version("uploadfilter")


def own_cpu_s() -> float:
    """Return the CPU seconds of this process, its threads included."""
    return time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)
