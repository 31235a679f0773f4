"""Scan on many machines, by a cluster of Dask; an extra installs ``distributed``.

Each worker keeps a pool of confined processes. It gets files in batches, reads them
from the source itself, and returns their scans; no worker gets the secret. A scan has
digests and perceptual values, so the cluster's connections must be encrypted.

Rules this module keeps: few batches are under way, so that memory is bounded; a batch
whose worker was killed is scanned again by another one, and a batch that kills several
ends the command, with all finished parts kept.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from distributed import Client, Future, WorkerPlugin, as_completed, get_worker
from typing_extensions import override

from uploadfilter.errors import LookBackError, ScannerError
from uploadfilter.lookback.rows import decode, encode
from uploadfilter.lookback.scanning import (
    OneByOne,
    Pace,
    Report,
    ScannedFile,
    settings_of,
)
from uploadfilter.lookback.sources import FileSource, Item, Trouble
from uploadfilter.model import Reason, SignalType
from uploadfilter.scanners.pool.pool import ScannerPool

BATCH_FILES: Final = 32
"""Files in a batch: a fifth of a second of one CPU, against a millisecond of Dask."""

BATCHES_PER_WORKER: Final = 2
"""Batches under way for each worker: one that it scans, and the next one."""

_CONNECT_S: Final = 30.0
"""Seconds within which a scheduler must answer."""

_PLUGIN: Final = "uploadfilter-lookback"

_Result = tuple[Trouble | None, Reason | None, bytes]
"""What a worker returns of one file: trouble, reason, and the encoded scan."""


class ScannerPlugin(WorkerPlugin):  # type: ignore[misc] # distributed has no types
    """Keeps a pool of scanners in a worker, in an event loop of its own.

    Args:
        jobs: Processes for each worker; ``None`` for one for each of its threads.
    """

    name = _PLUGIN

    def __init__(self, jobs: int | None) -> None:
        self._jobs = jobs

    @override
    def setup(self, worker: Any) -> None:
        """Start the pool."""
        self._workers = self._jobs or worker.state.nthreads
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        opening = self._stack.enter_async_context(
            ScannerPool.open(settings_of(self._workers))
        )
        future = asyncio.run_coroutine_threadsafe(opening, self._loop)
        self._pool = future.result()

    @override
    def teardown(self, worker: Any) -> None:
        """End the pool."""
        asyncio.run_coroutine_threadsafe(self._stack.aclose(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def scan(
        self, source: FileSource, items: list[Item], types: tuple[SignalType, ...]
    ) -> list[_Result]:
        """Scan a batch."""
        one = OneByOne(source, self._pool, workers=self._workers, types=types)

        async def scan_all() -> list[ScannedFile]:
            return await asyncio.gather(*map(one.scan, items))

        done = asyncio.run_coroutine_threadsafe(scan_all(), self._loop).result()
        return [
            (it.trouble, it.reason, b"" if it.content is None else encode(it.content))
            for it in done
        ]


def scan_batch(
    source: FileSource, items: list[Item], types: tuple[SignalType, ...]
) -> list[_Result]:
    """Scan a batch in a worker, whose plugin has the pool."""
    plugin: ScannerPlugin = get_worker().plugins[_PLUGIN]
    return plugin.scan(source, items, types)


@dataclass(slots=True)
class _UnderWay:
    """The batches that workers have, by their futures."""

    batches: dict[Future, list[Item]] = field(default_factory=dict)


class DaskEngine:
    """Scans on the workers of a cluster.

    Args:
        source: Opens the files; every worker must reach it by the same path.
        jobs: Processes for each worker; ``None`` for one for each of its threads.
        pace: Bounds how fast files are handed out.
    """

    def __init__(
        self,
        source: FileSource,
        *,
        scheduler: str,
        jobs: int | None,
        types: tuple[SignalType, ...],
        pace: Pace,
    ) -> None:
        self._source = source
        self._scheduler = scheduler
        self._jobs = jobs
        self._types = types
        self._pace = pace

    def run(self, items: Iterator[Item], report: Report) -> None:
        """Scan files, and report them as their batches are done.

        Raises:
            LookBackError: The cluster cannot be reached, has no worker, or lost a
                batch with several workers.
        """
        try:
            client = Client(self._scheduler, timeout=_CONNECT_S)
        except (OSError, ValueError) as exc:
            raise LookBackError(
                f"no scheduler of Dask answers at {self._scheduler!r}: {exc}",
                hint="Start one with 'dask scheduler', and workers with 'dask worker'.",
            ) from exc
        with client:
            client.register_plugin(ScannerPlugin(self._jobs))
            workers = len(client.scheduler_info(n_workers=-1)["workers"])
            if not workers:
                raise LookBackError(
                    f"the scheduler at {self._scheduler!r} has no worker",
                    hint="Start some with 'dask worker'.",
                )
            self._run(client, items, report, most=workers * BATCHES_PER_WORKER)

    def _run(
        self, client: Client, items: Iterator[Item], report: Report, *, most: int
    ) -> None:
        under_way = _UnderWay()
        done = as_completed()
        for _ in range(most):
            self._hand_out(client, items, under_way, done)
        for future in done:
            batch = under_way.batches.pop(future)
            for item, (trouble, reason, data) in zip(
                batch, self._results(future), strict=True
            ):
                content = decode(data) if data else None
                report(ScannedFile(item, trouble, reason, content))
            future.release()
            self._hand_out(client, items, under_way, done)

    def _hand_out(
        self,
        client: Client,
        items: Iterator[Item],
        under_way: _UnderWay,
        done: as_completed,
    ) -> None:
        batch = list(islice(items, BATCH_FILES))
        if not batch:
            return
        time.sleep(max(0.0, *(self._pace.delay_s(item.size) for item in batch)))
        future = client.submit(
            scan_batch, self._source, batch, self._types, pure=False, retries=1
        )
        under_way.batches[future] = batch
        done.add(future)

    def _results(self, future: Future) -> list[_Result]:
        try:
            found: list[_Result] = future.result()
        except (OSError, RuntimeError, KeyError, ScannerError) as exc:
            raise LookBackError(
                f"a batch of files could not be scanned by the cluster: {exc!r}",
                hint="Look at the workers' logs. Finished parts are kept: the same "
                "command goes on.",
            ) from exc
        return found
