"""Measure from the start of the process to the first accepted upload.

*Cold* means that the files of the interpreter, the packages and the reference set were
dropped from the page cache before, unless another process has them mapped.
"""

import asyncio
import os
import socket
import statistics
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import load, peers
from benchmarks.matching.filling import fill
from benchmarks.proxy.plan import Plan
from benchmarks.proxy.report import Part
from benchmarks.proxy.site import SEED, files_of, serving
from uploadfilter.reference.store import REFERENCE_DIRECTORY

PDQ_BYTES = 32
NOTIFIED = b"READY=1"
_POLL_S = 0.002


async def starting(folder: Path, plan: Plan) -> Part:
    """Time starts with reference sets of several sizes."""
    rows = []
    request = load.upload(files_of(20)[0])
    with peers.sink() as sink:
        for count in plan.entries:
            state = folder / f"start{count}"
            await asyncio.to_thread(_filled, state, count)
            await _started(sink.port, state, request)  # makes shared files
            _drop_cached(_files(state))
            cold, cold_told = await _started(sink.port, state, request)
            warm = [
                await _started(sink.port, state, request) for _ in range(plan.starts)
            ]
            rows.append(
                {
                    "entries": count,
                    "cold_s": round(cold, 3),
                    "warm_s": round(statistics.median(took for took, _ in warm), 3),
                    "cold_notified_s": cold_told,
                    "warm_notified_s": warm[-1][1],
                }
            )
    return Part(rows=rows)


def _filled(state: Path, count: int) -> None:
    state.mkdir()
    rng = np.random.default_rng(SEED)
    values = rng.integers(0, 256, (count, PDQ_BYTES), np.uint8)
    digests = rng.integers(0, 256, (min(count, 1), PDQ_BYTES), np.uint8)
    fill(state / REFERENCE_DIRECTORY, values, digests=digests)


async def _started(
    origin: int, state: Path, request: load.Request
) -> tuple[float, float | None]:
    """Return seconds to the first accepted upload, and to the manager's notice."""
    port = peers.free_port()
    told = state / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        told.unlink(missing_ok=True)
        manager.bind(str(told))
        manager.setblocking(False)
        begun = time.perf_counter()
        until = begun + load.START_S
        with load.spawned(
            *serving(origin, state, port=port), env={"NOTIFY_SOCKET": str(told)}
        ) as (child, output):
            notified = None
            while not await _is_accepted(port, request):
                notified = notified or _heard(manager, begun)
                if child.poll() is not None or time.perf_counter() > until:
                    raise RuntimeError(output.read_text("utf-8"))
                await asyncio.sleep(_POLL_S)
            took = time.perf_counter() - begun
            notified = notified or _heard(manager, begun)
    return took, notified


async def _is_accepted(port: int, request: load.Request) -> bool:
    try:
        connection = await load.Connection.opened(port)
    except OSError:
        return False
    answer = await connection.ask(request)
    connection.close()
    return answer.status == load.CREATED


def _heard(manager: socket.socket, begun: float) -> float | None:
    """Return the seconds until now if the manager has been told that we are ready."""
    while True:
        try:
            message = manager.recv(4096)
        except BlockingIOError:
            return None
        if NOTIFIED in message:
            return round(time.perf_counter() - begun, 3)


def _files(state: Path) -> Iterator[Path]:
    """Yield every file that a start reads, if it is known."""
    folders = (
        state,
        Path(sysconfig.get_path("purelib")),
        Path(sysconfig.get_path("stdlib")),
        Path(__file__).parents[2] / "uploadfilter",
    )
    for folder in folders:
        yield from (file for file in folder.rglob("*") if file.is_file())


def _drop_cached(files: Iterator[Path]) -> None:
    os.sync()
    for file in files:
        fd = os.open(file, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
