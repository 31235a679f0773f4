"""What do hostile files cost, and which uploads do they delay?

- **bombs**: CPU seconds and peak memory of the scanner processes, and the verdict, for
  every bomb of ``tests/corpus/bombs/bombs.py``, each a few kilobytes to a few
  megabytes.
- **flood**: latency of ordinary uploads through the whole filter, with and without
  other clients that send bombs as fast as they are answered.

Rounds with and without the flood take turns in one run; compare ratios. Each ordinary
upload must reach the origin, and no bomb may crash a scanner: a filter that drops work
would seem fast.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop
from rich.progress import track

from benchmarks import load, machine, peers
from benchmarks.proxy.site import files_of, list_random
from tests.corpus.bombs.bombs import BOMBS, Bomb
from uploadfilter.decisions.policy import Policy, decide
from uploadfilter.model import Mode, Reason, Scan
from uploadfilter.proxy.inspecting.scanning import ALWAYS_SCANNED
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.wire.messages import ContentSpan

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("aiohttp", "uvloop", "numpy", "pillow", "pillow-heif", "pypdfium2")

CPU_AIM_S = 0.3
"""Decoders alone take half of it and more: 0.15 CPU seconds for a HEIC of 24 million
pixels, 0.16 for a WebP of 16 million, and 0.5 for a PNG of 49 million, which therefore
is an exception. The rest makes planes of luma of so many pixels."""

MEMORY_AIM_MIB = 300
FLOOD_AIM = 1.5
EXCEPTIONS = 3
"""Number of kinds of bombs that may cost up to the budget of a content."""

PHOTO_KB = 200
PHOTO_CONNECTIONS = 2
"""Ordinary clients that upload one photo after another; each pauses for as long as an
upload takes, so that they leave more than half of the machine idle."""

BOMB_CONNECTIONS = 8
SAMPLING_S = 0.002
"""How often the memory of the scanners is read: a bomb that ends sooner has not touched
much memory."""


@dataclass(slots=True)
class Peak:
    """The highest memory of any process during the measurement."""

    bytes: int = 0


@contextmanager
def watched(pool: ScannerPool) -> Iterator[Peak]:
    """Watch the resident memory of all scanners during the block."""
    peak, is_over = Peak(), threading.Event()

    def watch() -> None:
        while not is_over.wait(SAMPLING_S):
            peak.bytes = max([peak.bytes, *map(_resident, pool.pids)])

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join()


def _resident(pid: int) -> int:
    """Return the highest resident memory of a process so far, in bytes."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = status.partition("VmHWM:")[2].split(None, 1)
    return int(found[0]) * 1024 if found else 0


async def explode(bomb: Bomb, *, settings: ScannerSettings) -> dict[str, object]:
    """Scan one bomb in a pool of its own; return its cost and its result."""
    data = bomb.make()
    fd = os.memfd_create("upload")
    os.write(fd, data)
    span = ContentSpan(
        path="0", offset=0, length=len(data), declared_type=bomb.media_type
    )
    try:
        async with ScannerPool.open(settings) as pool:
            before_s, begun = pool.cpu_s, time.perf_counter()
            with watched(pool) as peak:
                (scan,) = await pool.scan(fd, [span], types=ALWAYS_SCANNED)
            wall_s = time.perf_counter() - begun
            # Measured before the template ends; its start would count as well.
            cpu_s = pool.cpu_s - before_s
    finally:
        os.close(fd)
    judged = decide([scan], (), mode=Mode.ENFORCE, policy=Policy())
    return {
        "bomb": bomb.name,
        "bytes": len(data),
        "cpu_s": round(cpu_s, 3),
        "wall_s": round(wall_s, 3),
        "peak_mib": round(peak.bytes / 2**20),
        "verdict": judged.verdict.value,
        "reasons": sorted(_reasons(scan)),
        "contents": sum(1 for _ in scan.walk()),
    }


def _reasons(scan: Scan) -> set[str]:
    return {each.reason.value for each in scan.walk() if each.reason is not None}


async def bombs(names: Sequence[str]) -> list[dict[str, object]]:
    """Measure every bomb."""
    settings = ScannerSettings(workers=1)
    chosen = [bomb for bomb in BOMBS if not names or bomb.name in names]
    rows = []
    for bomb in track(chosen, description="bombs"):
        row = await explode(bomb, settings=settings)
        if Reason.CRASHED.value in row["reasons"]:  # type: ignore[operator]
            raise RuntimeError(f"{bomb.name} crashed a scanner")
        rows.append(row)
    return rows


def print_bombs(rows: Sequence[dict[str, object]]) -> None:
    """Print a table, the most expensive bombs first, and whether the aims are met."""
    for row in sorted(rows, key=lambda row: -float(str(row["cpu_s"]))):
        reasons = ", ".join(map(str, row["reasons"])) or "-"  # type: ignore[call-overload]
        print(
            f"{row['bomb']:28} {row['bytes']:>10} B {row['cpu_s']:>7} CPU s "
            f"{row['peak_mib']:>5} MiB  {row['verdict']:12} {reasons}"
        )
    dear = [row["bomb"] for row in rows if float(str(row["cpu_s"])) > CPU_AIM_S]
    large = [row["bomb"] for row in rows if int(str(row["peak_mib"])) > MEMORY_AIM_MIB]
    print(f"over {CPU_AIM_S} CPU s: {dear} (at most {EXCEPTIONS} may be)")
    print(f"over {MEMORY_AIM_MIB} MiB: {large}")


def filter_before(origin: int, state: Path) -> AbstractContextManager[load.Spawned]:
    """Run the filter in ``ENFORCE``, behind a front end that names its clients."""
    settings = state / "flood.toml"
    settings.write_text(
        f'origin = "http://127.0.0.1:{origin}"\nmode = "enforce"\n'
        f'listen = "127.0.0.1:0"\nstate = "{state}"\n'
        'trusted_proxies = ["127.0.0.1"]\n',
        encoding="utf-8",
    )
    return load.process(
        *(sys.executable, "-m", "uploadfilter", "serve", "--config", str(settings))
    )


async def photos(port: int, bodies: Sequence[bytes], *, uploads: int) -> list[float]:
    """Upload photos at an easy pace; return the latency of each in milliseconds."""
    latencies: list[float] = []
    todo = iter(range(uploads))

    async def client(number: int) -> None:
        connection = await load.Connection.opened(port)
        for turn in todo:
            body = bodies[turn % len(bodies)]
            request = load.upload(body, client=f"192.0.2.{number}")
            begun = time.perf_counter()
            answer = await connection.ask(request)
            took = time.perf_counter() - begun
            if answer.status != load.CREATED:
                raise RuntimeError(f"an ordinary upload was answered {answer.status}")
            latencies.append(took * 1000)
            await asyncio.sleep(took)
        connection.close()

    async with asyncio.TaskGroup() as group:
        for number in range(PHOTO_CONNECTIONS):
            group.create_task(client(number))
    return latencies


async def flood(
    port: int, bodies: Sequence[tuple[str, bytes]], *, clients: int, stop: asyncio.Event
) -> dict[int, int]:
    """Upload bombs as fast as they are answered; count the answers."""
    statuses: dict[int, int] = {}

    async def attacker(number: int) -> None:
        turn = number
        while not stop.is_set():
            connection = await load.Connection.opened(port)
            media_type, body = bodies[turn % len(bodies)]
            turn += 1
            address = f"198.51.100.{number % clients}"
            answer = await connection.ask(
                load.upload(body, client=address, media_type=media_type)
            )
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            connection.close()

    async with asyncio.TaskGroup() as group:
        for number in range(BOMB_CONNECTIONS):
            group.create_task(attacker(number))
    return statuses


async def flood_rounds(
    state: Path, *, uploads: int, rounds: int, clients: int
) -> dict[str, object]:
    """Measure ordinary uploads without and with a flood, in turn."""
    bodies = files_of(PHOTO_KB)
    hostile = [(bomb.media_type, bomb.make()) for bomb in BOMBS]
    quiet: list[float] = []
    flooded: list[float] = []
    answers: dict[int, int] = {}
    with peers.sink() as sink, filter_before(sink.port, state) as proxy:
        await photos(proxy.port, bodies, uploads=len(bodies) * 4)
        for _ in range(rounds):
            quiet += await photos(proxy.port, bodies, uploads=uploads)
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                attack = group.create_task(
                    flood(proxy.port, hostile, clients=clients, stop=stop)
                )
                flooded += await photos(proxy.port, bodies, uploads=uploads)
                stop.set()
            for status, count in attack.result().items():
                answers[status] = answers.get(status, 0) + count
    return {
        "attackers": clients,
        "connections": BOMB_CONNECTIONS,
        "quiet": _summary(quiet),
        "flooded": _summary(flooded),
        "p99_ratio": round(_p99(flooded) / _p99(quiet), 2),
        "p50_ratio": round(statistics.median(flooded) / statistics.median(quiet), 2),
        "bombs_answered": answers,
    }


def _p99(latencies: Sequence[float]) -> float:
    return statistics.quantiles(latencies, n=100)[98]


def _summary(latencies: Sequence[float]) -> dict[str, float]:
    return {
        "uploads": len(latencies),
        "p50_ms": round(statistics.median(latencies), 2),
        "p99_ms": round(_p99(latencies), 2),
    }


async def measure(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    """Run every part, and return the results."""
    found: dict[str, object] = {"machine": machine.describe(*PACKAGES)}
    if not options.only or options.only == "bombs":
        rows = await bombs(options.bomb)
        print_bombs(rows)
        found["bombs"] = rows
    if not options.only or options.only == "flood":
        list_random(folder, 1000)
        found["flood"] = []
        for clients in (1, BOMB_CONNECTIONS):
            row = await flood_rounds(
                folder,
                uploads=40 if options.quick else 400,
                rounds=1 if options.quick else 5,
                clients=clients,
            )
            print(row, flush=True)
            found["flood"] = [*found["flood"], row]  # type: ignore[misc]
    return found


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and keep the results unless the run is a partial one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks hostile")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--only", choices=("bombs", "flood"), help="one part")
    parser.add_argument("--bomb", action="append", default=[], help="only this bomb")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        found = uvloop.run(measure(Path(folder), options))
    if not (options.quick or options.only or options.bomb):
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / "hostile.json"
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0
