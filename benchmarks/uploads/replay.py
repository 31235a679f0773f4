"""How fast a long upload in pieces is sent on, and when its first byte is there.

The file goes through the filter in pieces of 8 MB, and the time from its last byte to
the answer is split: the inspection, until the first byte is at the origin, and the
replay, until the answer. A direct copy sends the same bytes to the same origin out of a
file, as the filter does; both take turns.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from benchmarks.load import Answer, Connection, Request
from benchmarks.proxy.report import Aim, Part
from benchmarks.uploads.plan import Plan
from benchmarks.uploads.sending import PROTOCOLS, File, raw
from benchmarks.uploads.stage import Stage, connected, request, staged, told

PIECE_BYTES: Final = 8 * 10**6
SAMPLE_S: Final = 0.02
"""Seconds between two looks at the CPU time of the filter."""

BLOCK_BYTES: Final = 256 * 1024
LEAST: Final = 0.8
"""Least throughput of the replay, beside a direct copy."""

WAYS: Final = ("raw", "tus")
"""The ways whose origin gets one body: S3 has its parts before the verdict."""


async def replay(folder: Path, plan: Plan) -> Part:
    """Measure every way, in turn with a direct copy."""
    data = _file(plan.replay_bytes)
    spent: dict[str, list[dict[str, float]]] = {way: [] for way in ("direct", *WAYS)}
    with staged(folder / "replay") as stage:
        for _ in range(max(plan.rounds - 1, 1)):
            for way, found in spent.items():
                if way == "direct":
                    found.append(await _direct(stage, data))
                else:
                    found.append(await _through(stage, way, data))
    rows: list[dict[str, Any]] = []
    for way, found in spent.items():
        ratios = [
            direct["replay_s"] / each["replay_s"]
            for direct, each in zip(spent["direct"], found, strict=True)
        ]
        rows.append(
            {
                "way": way,
                "mb": len(data) // 10**6,
                "replay_mb_s": round(
                    len(data) / 10**6 / statistics.median(f["replay_s"] for f in found)
                ),
                "of_direct": round(statistics.median(ratios), 2),
                "first_byte_s": round(
                    statistics.median(f["first_byte_s"] for f in found), 2
                ),
                "cpu_s": round(statistics.median(f["cpu_s"] for f in found), 2),
                "replay_cpu_s": round(
                    statistics.median(f["replay_cpu_s"] for f in found), 2
                ),
            }
        )
    aims = [
        Aim(
            text=f"replay of {row['mb']} MB beside a direct copy: {row['way']}",
            measured=row["of_direct"],
            least=LEAST,
        )
        for row in rows
        if row["way"] != "direct"
    ]
    return Part(rows=rows, aims=aims)


def _file(size: int) -> bytes:
    """Return bytes that hold nothing: random ones, repeated."""
    block = os.urandom(10**6)
    return (block * (size // len(block) + 1))[:size]


async def _through(stage: Stage, way: str, data: bytes) -> dict[str, float]:
    """Send a file through the filter; return its times."""
    send = raw if way == "raw" else PROTOCOLS[way]
    begun_cpu_s = stage.proxy.cpu_s()
    samples: list[tuple[float, float]] = []
    async with (
        connected(stage.proxy.port) as connection,
        asyncio.TaskGroup() as tasks,
    ):
        sampling = tasks.create_task(_sample(stage, samples))
        watched = _Watched(connection)
        file = File(data=data, kind="video/mp4", piece=PIECE_BYTES)
        answer = await send(watched, file)
        ended_s = time.monotonic()
        sampling.cancel()
    if answer.status not in {200, 201, 204}:
        raise RuntimeError(f"{way}: {answer}")
    await stage.check(way, told(data))
    (begun_s,) = stage.begun_s
    before = max((cpu for at_s, cpu in samples if at_s <= begun_s), default=0.0)
    ended_cpu_s = stage.proxy.cpu_s()
    return {
        "replay_s": ended_s - begun_s,
        "first_byte_s": begun_s - watched.sent_s,
        "cpu_s": ended_cpu_s - begun_cpu_s,
        "replay_cpu_s": ended_cpu_s - before,
    }


async def _sample(stage: Stage, samples: list[tuple[float, float]]) -> None:
    """Note the CPU time of the filter again and again, with the time."""
    while True:
        samples.append((time.monotonic(), stage.proxy.cpu_s()))
        await asyncio.sleep(SAMPLE_S)


class _Watched(Connection):
    """A connection that notes when its last request was begun.

    Args:
        connection: The connection that sends.

    Attributes:
        sent_s: Monotonic time at which the last request was given to it.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._sends = connection
        self.sent_s = 0.0

    @override
    async def ask(self, request: Request, *, keep: bool = False) -> Answer:
        """Send a request and wait for the whole answer."""
        self.sent_s = time.monotonic()
        return await self._sends.ask(request, keep=keep)


async def _direct(stage: Stage, data: bytes) -> dict[str, float]:
    """Send a file that lies on disk to the origin, block by block."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        file.seek(0)
        head = request("PUT", "/upload", body=data).head
        begun_cpu_s = time.process_time()
        begun_s = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.origin.port)
        writer.write(head)
        while block := file.read(BLOCK_BYTES):
            writer.write(block)
            await writer.drain()
        await reader.readuntil(b"\r\n\r\n")
        ended_s = time.monotonic()
        writer.close()
    await stage.check("direct", told(data))
    return {
        "replay_s": ended_s - begun_s,
        "first_byte_s": stage.begun_s[0] - begun_s,
        "cpu_s": 0.0,
        "replay_cpu_s": time.process_time() - begun_cpu_s,
    }
