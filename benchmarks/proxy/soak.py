"""Memory and descriptors over a long time under mixed traffic.

Traffic: photos of two sizes, listed pictures, bombs, downloads, and clients that break
    off, send garbage, or send nothing. Every answer is checked.

The test of *flat*: the first third of the samples is left out, because caches fill; the
slope of the others is Theil and Sen's, with its interval at 95 %. The growth by the
upper end of that interval over the measured time must be below a bound.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scipy import stats

from benchmarks import load, peers
from benchmarks.proxy.plan import Plan
from benchmarks.proxy.report import Aim, Part
from benchmarks.proxy.site import files_of, filter_before, list_random
from tests.corpus.bombs.bombs import BOMBS

SAMPLES = 60
LEAST_PAUSE_S = 0.25
WARM_UP = 3
"""The share of the samples that is left out, as one in this number."""

CONFIDENCE = 0.95
MOST_GROWTH = 0.03
"""Share of the median memory; two scanners at work or at rest differ by as much."""

MOST_DESCRIPTORS = 3.0
"""More descriptors at the end; an upload holds four, so that one leak is seen."""

# Two of them end within their budgets: they are inspected to the end, and accepted.
BOMBS_SENT = ("png-169-megapixels", "gif-frames", "zip-zeros", "jpeg-96-scans")
REJECTED = 403
OK = 200
TOLD_TO_WAIT = frozenset({429, 503})
"""A client whose bombs were rejected twenty times in an hour; an overload, if the
machine has other work. They are counted separately."""

DOWNLOAD_BYTES = 1_000_000
IDLE_S = 1.0

LEAST_JUDGED_S = 600.0
"""Bombs come and go, and with them processes, which looks like a slope in a minute."""


@dataclass(slots=True)
class Traffic:
    """The traffic of all clients.

    Attributes:
        port: Port of the filter.
        counts: Number of answers, by sort of client.
        stopped: Set when it has to end.
    """

    port: int
    counts: dict[str, int] = field(default_factory=dict)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, what: str) -> None:
        """Count one more."""
        self.counts[what] = self.counts.get(what, 0) + 1

    async def asks(
        self, what: str, requests: Sequence[load.Request], *allowed: int
    ) -> None:
        """Send over one kept connection, and rest for as long as each answer took."""
        connection = await load.Connection.opened(self.port)
        number = 0
        while not self.stopped.is_set():
            begun = time.perf_counter()
            answer = await connection.ask(requests[number % len(requests)])
            if answer.status not in {*allowed, *TOLD_TO_WAIT}:
                raise RuntimeError(f"{what}: {answer.status} is none of {allowed}")
            told_to_wait = answer.status in TOLD_TO_WAIT
            self.count(f"{what} answered {answer.status}" if told_to_wait else what)
            number += 1
            if not connection.is_open:
                connection = await load.Connection.opened(self.port)
            await asyncio.sleep(time.perf_counter() - begun)
        connection.close()

    async def breaks(self, body: bytes) -> None:
        """Act as one broken client after another."""
        request = load.upload(body)
        beginnings = (
            request.head + body[: len(body) // 2],
            request.head[:40],
            b"GET / HTTP/1.1\r\nHost site.example\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"",
        )
        number = 0
        while not self.stopped.is_set():
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(beginnings[number % len(beginnings)])
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            await asyncio.sleep(IDLE_S / 10)
            writer.transport.abort()
            self.count("broken clients")
            number += 1


@contextlib.asynccontextmanager
async def flowing(port: int, listed: Sequence[bytes]) -> AsyncIterator[Traffic]:
    """Keep traffic up during the block."""
    traffic = Traffic(port)
    photos = [load.upload(body) for size in (20, 200) for body in files_of(size)]
    bombs = [bomb for bomb in BOMBS if bomb.name in BOMBS_SENT]
    known = [load.upload(body) for body in listed]
    hostile = [
        load.upload(bomb.make(), media_type=bomb.media_type, client=f"198.51.100.{at}")
        for at, bomb in enumerate(bombs)
    ]
    clients: list[Callable[[], Coroutine[Any, Any, None]]] = [
        lambda: traffic.asks("photos", photos, load.CREATED),
        lambda: traffic.asks("photos", photos[::-1], load.CREATED),
        lambda: traffic.asks("listed", known, REJECTED),
        lambda: traffic.asks("bombs", hostile, REJECTED, load.CREATED),
        lambda: traffic.asks("downloads", [load.download(DOWNLOAD_BYTES)], OK),
        lambda: traffic.breaks(photos[0].body),
    ]
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client())
        try:
            yield traffic
        finally:
            traffic.stopped.set()


async def soak(folder: Path, plan: Plan) -> Part:
    """Watch memory and descriptors of all processes."""
    state = folder / "soak"
    listed = files_of(30)
    list_random(state, 10_000, listed=listed)
    pause_s = max(plan.soak_s / SAMPLES, LEAST_PAUSE_S)
    seen: list[dict[str, Any]] = []
    with peers.sink() as sink, filter_before(sink.port, state) as proxy:
        async with flowing(proxy.port, listed) as traffic:
            begun = time.perf_counter()
            while time.perf_counter() - begun < plan.soak_s:
                await asyncio.sleep(pause_s)
                seen.append(_sample(proxy, time.perf_counter() - begun))
    kept = seen[len(seen) // WARM_UP :]
    rows = [_trend(kept, "memory_mib"), _trend(kept, "descriptors")]
    memory, descriptors = rows
    rest: list[dict[str, Any]] = [{"traffic": traffic.counts}, {"samples": seen}]
    if plan.soak_s < LEAST_JUDGED_S:
        note = f"{plan.soak_s:g} s are too few to tell a slope: --hours 1 judges it"
        return Part(rows=[*rows, *rest], notes=[note])
    aims = [
        Aim(
            text=f"growth of memory in {plan.soak_s:g} s, of its median, at most",
            measured=memory["growth_at_most"] / memory["median"],
            most=MOST_GROWTH,
        ),
        Aim(
            text=f"growth of descriptors in {plan.soak_s:g} s, at most",
            measured=descriptors["growth_at_most"],
            most=MOST_DESCRIPTORS,
        ),
    ]
    return Part(rows=[*rows, *rest], aims=aims)


def _sample(proxy: load.Spawned, at_s: float) -> dict[str, Any]:
    return {
        "at_s": round(at_s, 1),
        "memory_mib": round(proxy.memory_bytes() / 2**20, 2),
        "descriptors": proxy.descriptors(),
        "processes": len(proxy.tree()),
    }


def _trend(samples: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the median, and the growth over the samples' time with its interval."""
    times = [sample["at_s"] for sample in samples]
    values = [sample[name] for sample in samples]
    found = stats.theilslopes(values, times, CONFIDENCE)
    slope, low, high = float(found[0]), float(found[2]), float(found[3])
    watched_s = times[-1] - times[0]
    return {
        "what": name,
        "median": sorted(values)[len(values) // 2],
        "lowest": min(values),
        "highest": max(values),
        "growth": round(slope * watched_s, 3),
        "growth_at_least": round(low * watched_s, 3),
        "growth_at_most": round(high * watched_s, 3),
    }
