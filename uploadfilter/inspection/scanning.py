"""Have the contents of an upload scanned, in processes of their own.

Rules this module keeps: an upload that still waits for a scanner when its client's
connection is lost ends as one that was broken off before its end. It costs no scan. If
its client has only ended its side, it is scanned after all others. In ``MONITOR`` both
go on, as they would without the filter.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from uploadfilter.inspection.commands import Command, Content, StartScan
from uploadfilter.inspection.spool import closed
from uploadfilter.inspection.upload import Upload
from uploadfilter.model import Mode, Reason, Scan, SignalType
from uploadfilter.scanners.wire.messages import ContentSpan, Handed
from uploadfilter.web.clients.leaving import Departure

ALWAYS_SCANNED = frozenset({SignalType.PDQ, SignalType.PHASH})
"""Types that every scan computes; others are computed only if a set holds them."""


class Scanners(Protocol):
    """An object that scans contents in processes of their own."""

    async def scan(
        self,
        upload: Handed,
        spans: Sequence[ContentSpan],
        *,
        types: frozenset[SignalType],
        client: str,
        on_cost: Callable[[float], None],
        departure: Departure | None,
    ) -> tuple[Scan, ...]:
        """Scan parts of an upload for a client; a failure is the reason of a scan."""


class Scanning:
    """The step that computes signals."""

    def __init__(self, scanners: Scanners) -> None:
        self._scanners = scanners

    async def scan(self, upload: Upload, command: StartScan) -> list[Command]:
        """Scan contents, for the types that the generation of the look-up holds."""
        generation = upload.searched_generation
        shared = await upload.spools[command.where].share()
        if shared is None:
            return upload.inspection.failed(Reason.SPOOL_FULL)
        is_monitored = upload.arrival.route.mode is Mode.MONITOR
        departure = upload.sender.departure()
        with closed(shared):
            scans = await self._scanners.scan(
                shared,
                [_span(content) for content in command.contents],
                types=ALWAYS_SCANNED | generation.signal_types,
                client=upload.arrival.client_key,
                on_cost=upload.costs_s.append,
                departure=None if is_monitored else departure,
            )
        upload.meter.charge_scans(sum(1 for scan in scans for _ in scan.walk()))
        if departure.lost.done():
            upload.meter.broken_off()
        if any(scan.reason is Reason.ABORTED for scan in scans):
            return upload.inspection.failed(Reason.ABORTED)
        return upload.inspection.scanned(scans)


def _span(content: Content) -> ContentSpan:
    return ContentSpan(
        path=content.path,
        offset=content.offset,
        length=content.length,
        declared_type=content.declared_type,
        coding=content.coding,
    )
