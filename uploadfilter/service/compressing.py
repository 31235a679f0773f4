"""Have closed segments of the decision log compressed, beside the uploads.

A failure does not stop uploads, and loses nothing: the plain file stays, and is tried
again later.
"""

import asyncio
import logging
import os
import sys
import sysconfig
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog

from uploadfilter.decisions.files.compressing import Compression, due
from uploadfilter.decisions.files.room import disk_of
from uploadfilter.decisions.files.segments import Segment
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.errors import LogError
from uploadfilter.ongoing import OngoingFaults

log: structlog.stdlib.BoundLogger = structlog.get_logger()

COMPRESSING_INTERVAL_S: Final = 60.0
"""Seconds between two looks: at 30 GB of records a day a segment is full after three
minutes."""

MOST_AT_ONCE: Final = 16
"""Most segments of one process, so that its results are told within a minute. After a
long pause the others follow in the next minutes."""

RETRY_S: Final = 600.0
"""Seconds until a segment is tried again after a failure."""

MOST_RUN_S: Final = 3600.0
"""Most seconds of one process: on a machine with five times more work than processors
its 16 segments take eight minutes. Without a limit a file that hangs would end all
compression unnoticed."""

_MODULE: Final = "uploadfilter.decisions.files.compressing"
_PACKAGE_ROOT: Final = Path(__file__).resolve().parents[2]


class Compressing:
    """Compresses the closed segments of one log, one after the other.

    Args:
        directory: The log's directory.
        settings: Whether and when they are compressed, and the reserve.
        newest: Returns the segment that is written; ``None`` before the first.
        tell: Is told of each segment: whether its compressed form is in its place.
        clock: Returns seconds since the epoch.
        sleep: Waits some seconds.
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
        self._failed: dict[str, float] = {}
        self._faults = OngoingFaults(log)

    async def keep(self) -> None:
        """Compress whatever is due, each minute, until cancelled."""
        if not self._settings.compress:
            return
        while True:
            try:
                names = await asyncio.to_thread(self._due)
                if names:
                    self._take(names, *await self._run(names))
            except (LogError, OSError) as exc:
                # The writer and retention tell the cause.
                self._faults.fail(
                    "segments_not_looked_at", level=logging.WARNING, error=str(exc)
                )
            else:
                self._faults.recover("segments_not_looked_at")
            await self._sleep(COMPRESSING_INTERVAL_S)

    def _due(self) -> list[str]:
        newest = self._newest()
        if newest is None:
            return []
        now = self._clock()
        disk = disk_of(self._directory, reserve_bytes=self._settings.reserve_bytes)
        found = due(
            self._directory,
            newest,
            now=now,
            after_s=self._settings.compress_after_s,
            is_short=not disk.has_plenty,
        )
        self._failed = {
            name: at for name, at in self._failed.items() if abs(now - at) < RETRY_S
        }
        names = [it.name for it in found if it.name not in self._failed]
        return names[:MOST_AT_ONCE]

    async def _run(self, names: list[str]) -> tuple[bytes, str]:
        """Run the process; return its output, and how it ended if it failed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-s", "-P", "-m", _MODULE),
            *(str(self._directory.absolute()), str(self._settings.reserve_bytes)),
            *names,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(MOST_RUN_S):
                output, errors = await process.communicate()
        except TimeoutError:
            return b"", f"its process did not end within {MOST_RUN_S:g} s"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode == 0:
            return output, ""
        last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return (
            output,
            f"its process ended with {process.returncode}: {last[:200]}".strip(": "),
        )

    def _take(self, names: list[str], output: bytes, ending: str) -> None:
        """Tell the results; a segment without one ended the process."""
        found = list(_told(output))
        left = names[len(found) :]
        if left and ending:
            found.append(Compression(segment=left[0], error=ending))
        settled = [it for it in found if it.is_settled]
        for it in found:
            if it.error:
                self._failed[it.segment] = self._clock()
                self._faults.fail(
                    "segment_not_compressed",
                    it.segment,
                    segment=it.segment,
                    error=it.error,
                    hint=it.hint,
                )
                self._tell(False)
        if settled:
            log.info(
                "segments_compressed",
                segments=[it.segment for it in settled],
                plain_bytes=sum(it.plain_bytes for it in settled),
                bytes=sum(it.bytes for it in settled),
            )
        for it in settled:
            self._faults.recover("segment_not_compressed", it.segment)
            self._tell(True)


def _told(output: bytes) -> Iterator[Compression]:
    """Yield the results; a process that is killed may leave half of a line."""
    for line in output.splitlines():
        with suppress(msgspec.MsgspecError):
            yield msgspec.json.decode(line, type=Compression)


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    if str(_PACKAGE_ROOT) != sysconfig.get_path("purelib"):
        environment["PYTHONPATH"] = str(_PACKAGE_ROOT)
    return environment
