"""The latency of ordinary uploads beside a thousand slow ones.

Ordinary clients upload photos of 200 KB at an easy pace, in rounds without and with the
slow uploads in turn: bodies that bring a kilobyte a second, and uploads of tus that
bring a piece of 4 KiB now and then. Every slow upload has a client of its own.
"""

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import load
from benchmarks.load import Connection
from benchmarks.proxy.overload import unhindered
from benchmarks.proxy.report import Aim, Part
from benchmarks.proxy.site import SEED, files_of
from benchmarks.uploads.plan import Plan
from benchmarks.uploads.sending import File, begin_tus
from benchmarks.uploads.stage import Stage, address, connected, request, staged, told

SIZE_KB: Final = 200
RATE: Final = 8.0
"""Ordinary uploads a second: a quarter of what two cores can do."""

PIECE_BYTES: Final = 1024
PIECE_EVERY_S: Final = 1.0
TUS_PIECE_BYTES: Final = 4096
TUS_EVERY_S: Final = 20.0
"""A piece of each upload of tus: 50 pieces a second of a thousand uploads."""

SLOW_BYTES: Final = 10**6
ALONE_S: Final = 2.0
"""Seconds in which the slow uploads are alone, to count their CPU."""

AIM: Final = 1.5
"""Most p99 of ordinary uploads, beside that without slow ones."""


async def slow(folder: Path, plan: Plan) -> Part:
    """Measure ordinary uploads without and with slow ones, in turn."""
    lines = (f"open_uploads = {plan.slow + 256}",)
    kinds: dict[str, _Slow] = {"bodies": _bodies, "tus": _tus}
    found: dict[str, list[dict[str, Any]]] = {
        "none": [],
        **{kind: [] for kind in kinds},
    }
    with staged(folder / "slow", lines=lines) as stage, unhindered():
        await _ordinary(stage, seconds=1.0, seed=0)
        for number in range(plan.rounds):
            for kind, begun in kinds.items():
                seed = SEED + number
                quiet = await _ordinary(stage, seconds=plan.seconds, seed=seed)
                async with begun(stage, plan.slow):
                    share = await _cpu_share(stage)
                    row = await _ordinary(stage, seconds=plan.seconds, seed=seed)
                # The quiet round right before it had a machine as busy.
                row["times_quiet"] = row["p99_ms"] / quiet["p99_ms"]
                row["cpu_share"] = share
                found["none"].append(quiet)
                found[kind].append(row)
    return _part(found, plan)


def _part(found: dict[str, list[dict[str, Any]]], plan: Plan) -> Part:
    rows = []
    aims = []
    for kind, values in found.items():
        p99 = statistics.median(row["p99_ms"] for row in values)
        ratio = statistics.median(row.get("times_quiet", 1.0) for row in values)
        rows.append(
            {
                "slow": kind,
                "uploads": 0 if kind == "none" else plan.slow,
                "p50_ms": round(statistics.median(r["p50_ms"] for r in values), 1),
                "p99_ms": round(p99, 1),
                "times_quiet": round(ratio, 2),
                "cpu_share": round(
                    statistics.median(r.get("cpu_share", 0.0) for r in values), 2
                ),
                "load": round(os.getloadavg()[0], 1),
            }
        )
        if kind != "none":
            text = f"p99 of ordinary uploads beside {plan.slow} slow ones ({kind})"
            aims.append(Aim(text=text, measured=ratio, most=AIM))
    return Part(rows=rows, aims=aims)


async def _cpu_share(stage: Stage) -> float:
    """Return the share of a core that the filter takes for the slow uploads alone."""
    begun, begun_s = stage.proxy.cpu_s(), time.monotonic()
    await asyncio.sleep(ALONE_S)
    return (stage.proxy.cpu_s() - begun) / (time.monotonic() - begun_s)


async def _ordinary(stage: Stage, *, seconds: float, seed: int) -> dict[str, Any]:
    """Upload photos at random times; return their latency."""
    photos = files_of(SIZE_KB)[:-1]
    client = load.Offered(
        stage.proxy.port,
        [load.upload(photo, client=address()) for photo in photos],
    )
    found = (await client.run(rate=RATE, seconds=seconds, seed=seed)).checked(
        load.CREATED
    )
    sent = [photos[number % len(photos)] for number in range(len(found.answers))]
    await stage.check("ordinary uploads", told(*sent))
    return found.summary()


_Slow = Callable[[Stage, int], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _bodies(stage: Stage, count: int) -> AsyncIterator[None]:
    """Hold bodies open that bring a kilobyte a second."""
    async with AsyncExitStack() as stack:
        connections = []
        for _ in range(count):
            connection = await stack.enter_async_context(connected(stage.proxy.port))
            body = bytes(SLOW_BYTES)
            asked = request("PUT", "/upload", body=body, client=address())
            connection.send(asked.head + body[:PIECE_BYTES])
            connections.append(connection)
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(_trickle(connections))
            await asyncio.sleep(PIECE_EVERY_S)
            yield
            sending.cancel()
        if not all(connection.is_open for connection in connections):
            raise RuntimeError("a slow body was ended")


async def _trickle(connections: list[Connection]) -> None:
    """Send a piece of each body, one after the other, over and over."""
    piece = bytes(PIECE_BYTES)
    while True:
        for connection in connections:
            connection.send(piece)
            await asyncio.sleep(PIECE_EVERY_S / len(connections))


@asynccontextmanager
async def _tus(stage: Stage, count: int) -> AsyncIterator[None]:
    """Hold uploads of tus open that bring a piece now and then."""
    targets = []
    async with connected(stage.proxy.port) as connection:
        for _ in range(count):
            client = address()
            file = File(
                data=bytes(SLOW_BYTES), kind="", piece=TUS_PIECE_BYTES, client=client
            )
            answer = await begin_tus(connection, file)
            targets.append((answer.header("location"), client))
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(_pieces(connection, targets))
            yield
            sending.cancel()


async def _pieces(connection: Connection, targets: list[tuple[str, str]]) -> None:
    """Send a piece of each upload, one after the other, over and over."""
    at, due_s = 0, time.monotonic()
    while True:
        for target, client in targets:
            lines = (
                "Tus-Resumable: 1.0.0",
                f"Upload-Offset: {at}",
                "Content-Type: application/offset+octet-stream",
            )
            piece = bytes(TUS_PIECE_BYTES)
            asked = request("PATCH", target, *lines, body=piece, client=client)
            due_s += TUS_EVERY_S / len(targets)
            answer = await connection.ask(asked)
            if answer.status != 204:  # noqa: PLR2004 - No Content
                raise RuntimeError(f"a slow piece was answered {answer}")
            await asyncio.sleep(max(due_s - time.monotonic(), 0.0))
        at += TUS_PIECE_BYTES
