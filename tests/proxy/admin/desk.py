"""A proxy to look at: everything real, but without scanner processes.

So the scanners are never ready, and everything else can be; the whole service is looked
at in ``test_listening.py``.
"""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from uploadfilter.config import Settings
from uploadfilter.decisions.files.room import Surveyor
from uploadfilter.decisions.records.lasting import Retention
from uploadfilter.inspection.spool import SpoolLimits, SpoolRoom
from uploadfilter.model import Mode
from uploadfilter.proxy.admin.watched import Watched
from uploadfilter.proxy.assembling.settings import StoreSettings
from uploadfilter.proxy.assembling.usage import StoreUsage
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader
from uploadfilter.scanners.pool.crew import Crew
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings, SilentLog
from uploadfilter.syncing.statuses import read_statuses
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.requests.draining import Drain
from uploadfilter.web.requests.live import InForce

NOON = 1_793_620_800.0
"""2026-11-02, 12:00 UTC."""

NOWHERE = "http://127.0.0.1:9"
"""The discard port, which is not served."""


def surveyor(directory: Path) -> Surveyor:
    """Return an object that measures the room for a log."""
    return Surveyor(directory, retention=Retention(), reserve_bytes=0)


@asynccontextmanager
async def watched(
    state: Path, *, origin: str = NOWHERE, mode: Mode = Mode.ENFORCE
) -> AsyncIterator[Watched]:
    """Make a proxy that takes no requests, for the length of the block."""
    settings = Settings(origin=OriginSettings(url=origin), state=state, mode=mode)
    scanner = ScannerSettings(workers=2)
    counts: Counter[str] = Counter()
    crew = Crew(scanner, counts=counts, log=SilentLog())
    async with InForce.opened(settings.live) as in_force:
        with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reference:
            yield Watched(
                instance="main",
                begun=NOON - 3600,
                metrics=Metrics(),
                in_force=in_force,
                drain=Drain(),
                open_uploads=lambda: 3,
                room=SpoolRoom(SpoolLimits()),
                store=StoreUsage(StoreSettings()),
                scanners=ScannerPool(crew, scanner, counts=counts, log=SilentLog()),
                scanner_settings=scanner,
                reference=reference,
                is_writable=lambda: True,
                signed=lambda: read_statuses(state),
                surveyor=surveyor(state),
                clock=lambda: NOON,
            )
