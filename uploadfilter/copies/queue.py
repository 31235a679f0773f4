"""Hold accepted uploads until they are searched for altered copies.

Rules this module keeps:

- It never waits and never refuses an upload: what it cannot hold is counted.
- It is bounded in uploads, in bytes, and in uploads of one client, so that no client
  keeps the uploads of all others from being searched. Clients that cannot be told apart
  have no bound of their own.
- At the end, what is held is searched for some seconds; the rest is counted.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import structlog

from uploadfilter.copies.process import SearchProcess
from uploadfilter.copies.wire import Reply, Request
from uploadfilter.errors import CopySearchError
from uploadfilter.evidence.weighing import EvidenceResult, result_of
from uploadfilter.inspection.afterwards import CopyJob
from uploadfilter.inspection.recorder import Recorder
from uploadfilter.inspection.tripwire import Tripwire
from uploadfilter.ongoing import OngoingFaults
from uploadfilter.web.counting.metrics import Metrics

log: structlog.stdlib.BoundLogger = structlog.get_logger()

MOST_WAITING: Final = 256
"""Most uploads that wait: some five seconds of work at a million entries."""

MOST_BYTES: Final = 16 * 1024 * 1024
"""Most bytes of planes that wait: a thousand views."""

MOST_OF_CLIENT: Final = 64
"""Most uploads of one client that wait: a page of photographs."""

DRAIN_S: Final = 5.0
"""Seconds of searches at a stop: on an idle machine, enough for a full queue."""

AGAIN_S: Final = 1.0
LONGEST_AGAIN_S: Final = 60.0
"""The first and the longest wait before a process that ended is started again."""

Start = Callable[[], AbstractAsyncContextManager[SearchProcess]]


class CopyQueue:
    """The uploads that wait for a search.

    Args:
        start: Starts the process that searches.
        recorder: Puts on record what is found, and how many were not searched.
        tripwire: Softens matches with entries that were demoted.
        metrics: Counts the results.
    """

    def __init__(
        self, start: Start, *, recorder: Recorder, tripwire: Tripwire, metrics: Metrics
    ) -> None:
        self._start = start
        self._recorder = recorder
        self._tripwire = tripwire
        self._metrics = metrics
        self._faults = OngoingFaults(log)
        self._jobs: deque[CopyJob] = deque()
        self._of_client: Counter[str] = Counter()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def offer(self, job: CopyJob) -> None:
        """Hold an upload, or count that it is not searched."""
        is_full = (
            len(self._jobs) >= MOST_WAITING
            or self._bytes + job.size > MOST_BYTES
            or (bool(job.client) and self._of_client[job.client] >= MOST_OF_CLIENT)
        )
        if is_full:
            self._drop(1)
            return
        self._jobs.append(job)
        self._of_client[job.client] += 1
        self._bytes += job.size
        self._emptied.clear()
        self._arrived.set()

    def _drop(self, count: int) -> None:
        for _ in range(count):
            self._metrics.judged(EvidenceResult.DROPPED)
        self._recorder.count_unsearched(count)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Search what is offered while the block runs, and some seconds longer."""
        task = asyncio.get_running_loop().create_task(self._keep(), name="copies")
        try:
            yield
            await asyncio.wait(
                (task, asyncio.ensure_future(self._emptied.wait())),
                timeout=DRAIN_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            task.cancel()
            await asyncio.wait([task])
            if self._jobs:
                log.warning("copies_unsearched", uploads=len(self._jobs))
                self._drop(len(self._jobs))
                self._jobs.clear()

    async def _keep(self) -> None:
        """Search, and start the process again if it ends."""
        again_s = AGAIN_S
        while True:
            await self._arrived.wait()
            try:
                async with self._start() as process:
                    while True:
                        await self._arrived.wait()
                        await self._search_first(process)
                        again_s = AGAIN_S
            except CopySearchError as exc:
                self._faults.fail("copy_search_failed", error=str(exc), hint=exc.hint)
                self._fail_first()
            await asyncio.sleep(again_s)
            again_s = min(2 * again_s, LONGEST_AGAIN_S)

    async def _search_first(self, process: SearchProcess) -> None:
        """Search the upload that waits longest; it is held until that is done."""
        job = self._jobs[0]
        reply = await process.search(Request(views=job.views))
        if reply.error:
            self._faults.fail(
                "copy_search_impossible", error=reply.error, hint=reply.hint
            )
            self._fail_first()
            return
        self._faults.recover("copy_search_impossible")
        self._faults.recover("copy_search_failed")
        self._take_first()
        self._note(job, reply)

    def _note(self, job: CopyJob, reply: Reply) -> None:
        matches = self._tripwire.soften(reply.matches)
        is_finished = job.is_whole and reply.is_finished
        self._metrics.judged(result_of(matches, is_finished=is_finished))
        if matches:
            self._recorder.record_copies(
                job.decision, matches, generation=reply.generation
            )

    def _fail_first(self) -> None:
        """Count the upload that waits longest as not searched."""
        self._take_first()
        self._metrics.judged(EvidenceResult.FAILED)
        self._recorder.count_unsearched(1)

    def _take_first(self) -> None:
        job = self._jobs.popleft()
        self._bytes -= job.size
        self._of_client[job.client] -= 1
        if not self._of_client[job.client]:
            del self._of_client[job.client]
        if not self._jobs:
            self._arrived.clear()
            self._emptied.set()
