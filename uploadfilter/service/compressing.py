"""Compress the closed segments of the decision log, beside the uploads.

It happens in a thread beside the writer's, which would make no decision durable for the
second or two that a segment takes; zlib holds no lock of Python's meanwhile. A failure
does not stop uploads, and loses nothing: the plain file stays, and is tried again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog

from uploadfilter.decisions.files.compressing import (
    Compression,
    compress,
    due,
    remove_unfinished,
)
from uploadfilter.decisions.files.room import disk_of
from uploadfilter.decisions.files.segments import Segment
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.errors import LogBusyError, LogError
from uploadfilter.ongoing import OngoingFaults

log: structlog.stdlib.BoundLogger = structlog.get_logger()

COMPRESSING_INTERVAL_S: Final = 60.0
"""Seconds between two looks: at 30 GB of records a day a segment is full after three
minutes."""

RETRY_S: Final = 600.0
"""Seconds until a segment is tried again after a failure."""


class Compressing:
    """Compresses the closed segments of one log, one after the other.

    Args:
        newest: Returns the segment that is written; ``None`` before the first.
        tell: Is told of each segment: whether its compressed form is in its place.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        directory: Path,
        settings: LogSettings,
        *,
        newest: Callable[[], Segment | None],
        tell: Callable[[bool], None],
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._directory = directory
        self._settings = settings
        self._newest = newest
        self._tell = tell
        self._clock = clock
        self._sleep = sleep
        self._failed: dict[Segment, float] = {}
        self._faults = OngoingFaults(log)

    async def keep(self) -> None:
        """Compress whatever is due, each minute, until cancelled."""
        while True:
            try:
                segments = await asyncio.to_thread(self._due)
            except (LogError, OSError) as exc:
                # The writer and retention tell the cause.
                self._faults.fail(
                    "segments_not_looked_at", level=logging.WARNING, error=str(exc)
                )
            else:
                self._faults.recover("segments_not_looked_at")
                done = {it.name: await self._compress(it) for it in segments}
                _say_compressed({name: it for name, it in done.items() if it})
            await self._sleep(COMPRESSING_INTERVAL_S)

    def _due(self) -> list[Segment]:
        newest = self._newest()
        if newest is None:
            return []
        remove_unfinished(self._directory)
        now = self._clock()
        disk = disk_of(self._directory, reserve_bytes=self._settings.reserve_bytes)
        after_s = self._settings.compress_after_s if disk.has_plenty else 0.0
        found = due(self._directory, newest, now=now, after_s=after_s)
        self._failed = {
            it: at for it, at in self._failed.items() if abs(now - at) < RETRY_S
        }
        return [it for it in found if it not in self._failed]

    async def _compress(self, segment: Segment) -> Compression | None:
        reserve_bytes = self._settings.reserve_bytes
        try:
            done = await asyncio.to_thread(
                compress, self._directory, segment, reserve_bytes=reserve_bytes
            )
        except LogBusyError:
            return None  # the proxy before this one ends its last segment
        except LogError as exc:
            self._failed[segment] = self._clock()
            self._faults.fail(
                "segment_not_compressed",
                segment.name,
                segment=segment.name,
                error=str(exc),
                hint=exc.hint,
            )
            self._tell(False)
            return None
        self._faults.recover("segment_not_compressed", segment.name)
        if done is not None:
            self._tell(True)
        return done


def _say_compressed(done: dict[str, Compression]) -> None:
    if done:
        log.info(
            "segments_compressed",
            segments=[*done],
            plain_bytes=sum(it.plain_bytes for it in done.values()),
            bytes=sum(it.bytes for it in done.values()),
        )
