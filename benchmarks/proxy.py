"""What does the proxy cost beside the work that it is there for?

- **cpu**: CPU seconds of *all* processes of the proxy (it and its scanners) for one
  upload, over those of the bare pipeline: digests, three exact look-ups, decode, every
  signal, the same search of the same reference set, in one process without HTTP. JPEG
  files of 20 KB, 200 KB and 2 MB; reference sets of 0 and 100,000 entries.
- **load**: uploads a second and latency at 1, 16 and 128 connections beside a plain
  aiohttp forwarder, which reads a body and sends it on and looks at nothing.
- **soak**: memory and descriptors over many uploads.

Contenders run in turn, several rounds, in one run; compare ratios. Every upload must be
answered 201 by the origin, else the run fails: a proxy that drops work is fast.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import uvloop

from benchmarks import load, machine, plots
from hashsets.demo import pictures
from uploadfilter.decisions.policy import Policy, decide
from uploadfilter.model import (
    Entry,
    EntrySignal,
    Mode,
    Signal,
    SignalType,
    Verdict,
)
from uploadfilter.proxy.upload import ALWAYS_SCANNED
from uploadfilter.reference.matching import (
    Generation,
    Thresholds,
    match_exact,
    match_scans,
)
from uploadfilter.reference.sets import SetInfo
from uploadfilter.reference.store import (
    REFERENCE_DIRECTORY,
    ReferenceDirectory,
    ReferenceReader,
)
from uploadfilter.scanners.messages import Budgets, ContentSpan
from uploadfilter.scanners.scanning import scan_content
from uploadfilter.signals import decoding, pdq
from uploadfilter.signals.exact import Digests

RESULTS = Path(__file__).parent / "results"
SEED = 20_112
PACKAGES = ("aiohttp", "uvloop", "numpy", "pillow", "lmdb")

SIZES_KB = (20, 200, 2000)
ENTRIES = (0, 100_000)
CONNECTIONS = (1, 16, 128)
AIM = 1.25
"""Times the bare pipeline at most, at 200 KB and 2 MB."""

CREATED = 201
DIFFERENT = 8
"""Pictures of each size, sent in turn, so that no cache of one picture helps."""


def files_of(size_kb: int) -> list[bytes]:
    """Return JPEG files of about that size, by trying pixels until it fits."""
    pixels = size_kb * 1000 * 6
    for _ in range(6):
        side = max(int((pixels / 12) ** 0.5), 8)
        sample = pictures.jpeg(pictures.photograph(1, width=4 * side, height=3 * side))
        if abs(len(sample) / (size_kb * 1000) - 1) < 0.05:  # noqa: PLR2004 - 5 %
            break
        pixels = int(pixels * size_kb * 1000 / len(sample))
    return [
        pictures.jpeg(pictures.photograph(seed, width=4 * side, height=3 * side))
        for seed in range(DIFFERENT)
    ]


def list_random(state: Path, count: int) -> None:
    """Make a reference set of random entries, each with SHA-256, PDQ and pHash."""
    rng = np.random.Generator(np.random.PCG64(SEED))
    types = (SignalType.SHA256, SignalType.PDQ, SignalType.PHASH)
    with ReferenceDirectory(state / REFERENCE_DIRECTORY).writer() as writer:
        collected = writer.collect()
        for number in range(count):
            signals = tuple(
                EntrySignal(signal=Signal(type=kind, value=rng.bytes(kind.width_bytes)))
                for kind in types
            )
            collected.add(Entry(id=str(number), category="random", signals=signals))
        info = SetInfo(
            name="random",
            issuer="local",
            categories=("random",),
            enforced=True,
            imported_at=0,
        )
        writer.replace_set(collected, info)


def bare(generation: Generation, bodies: Sequence[bytes], uploads: int) -> float:
    """Return the CPU seconds of the bare pipeline for one upload."""
    files = [_in_memory(body) for body in bodies]
    begun = time.process_time()
    for number in range(uploads):
        place = number % len(bodies)
        _inspect(generation, bodies[place], files[place])
    spent = time.process_time() - begun
    for fd in files:
        os.close(fd)
    return spent / uploads


def _in_memory(body: bytes) -> int:
    """Return the descriptor of a memory file, which a scan reads from."""
    fd = os.memfd_create("body")
    os.write(fd, body)
    return fd


def _inspect(generation: Generation, body: bytes, fd: int) -> None:
    digests = Digests()
    digests.update(body)
    exact = digests.signals()
    match_exact(generation, "0", exact)
    span = ContentSpan(path="0", offset=0, length=len(body), declared_type="image/jpeg")
    (part,) = scan_content(fd, span, types=ALWAYS_SCANNED, budgets=Budgets())
    known = replace(part.scan, exact=exact)
    matches = match_scans(
        generation, [known], thresholds=Thresholds(), quality_of=pdq.quality
    )
    judged = decide([known], matches, mode=Mode.ENFORCE, policy=Policy())
    if judged.verdict is not Verdict.NO_MATCH:
        raise RuntimeError(f"an unlisted picture was judged {judged.verdict}")


def checked(result: load.Load, uploads: int) -> load.Load:
    """Refuse a measurement in which not every upload reached the origin."""
    if result.statuses != {CREATED: uploads}:
        raise RuntimeError(f"not every upload was accepted: {result.statuses}")
    return result


def filter_before(origin: int, state: Path) -> AbstractContextManager[load.Spawned]:
    """Run the filter in ``ENFORCE``."""
    return load.process(
        *(sys.executable, "-m", "uploadfilter", "serve", "--mode", "enforce"),
        *("--origin", f"http://127.0.0.1:{origin}", "--listen", "127.0.0.1:0"),
        *("--state", str(state)),
    )


async def cpu_rounds(
    state: Path, bodies: Sequence[bytes], *, uploads: int, rounds: int
) -> dict[str, object]:
    """Measure CPU for one upload: bare and through the filter, in turn."""
    spent: dict[str, list[float]] = {"bare": [], "filter": [], "ratio": []}
    with (
        ReferenceReader.open(state / REFERENCE_DIRECTORY) as reference,
        load.sink() as sink,
        filter_before(sink.port, state) as proxy,
    ):
        generation = reference.current()
        bare(generation, bodies, len(bodies))
        await _filtered(proxy, bodies, len(bodies) * 4)
        for _ in range(rounds):
            alone = bare(generation, bodies, uploads)
            through = await _filtered(proxy, bodies, uploads)
            spent["bare"].append(alone * 1000)
            spent["filter"].append(through * 1000)
            spent["ratio"].append(through / alone)
    return {
        "entries": generation.entry_count,
        "bytes": round(statistics.mean(len(body) for body in bodies)),
        "bare_ms": round(statistics.median(spent["bare"]), 3),
        "filter_ms": round(statistics.median(spent["filter"]), 3),
        "ratio": round(statistics.median(spent["ratio"]), 3),
        "ratio_min_max": [round(min(spent["ratio"]), 3), round(max(spent["ratio"]), 3)],
    }


async def _filtered(
    proxy: load.Spawned, bodies: Sequence[bytes], uploads: int
) -> float:
    """Return the CPU seconds of all processes of the filter for one upload."""
    begun = proxy.cpu_s()
    checked(await load.put(proxy.port, bodies, uploads=uploads, connections=4), uploads)
    return (proxy.cpu_s() - begun) / uploads


async def load_rounds(
    state: Path, bodies: Sequence[bytes], *, uploads: int, rounds: int
) -> list[dict[str, object]]:
    """Measure uploads a second and latency, filter and forwarder in turn."""
    found = []
    with (
        load.sink() as sink,
        filter_before(sink.port, state) as proxy,
        load.forwarder(sink.port) as plain,
    ):
        for connections in CONNECTIONS:
            for name, process in (("filter", proxy), ("forwarder", plain)):
                best = max(
                    [
                        checked(
                            await load.put(
                                process.port,
                                bodies,
                                uploads=uploads,
                                connections=connections,
                            ),
                            uploads,
                        )
                        for _ in range(rounds)
                    ],
                    key=lambda result: result.uploads / result.seconds,
                )
                summary = {"contender": name, "connections": connections}
                found.append(summary | best.summary())
    return found


async def soak(
    state: Path, bodies: Sequence[bytes], *, uploads: int, steps: int = 10
) -> list[dict[str, object]]:
    """Watch memory and descriptors over many uploads."""
    seen = []
    with load.sink() as sink, filter_before(sink.port, state) as proxy:
        for step in range(steps + 1):
            if step:
                count = uploads // steps
                checked(
                    await load.put(proxy.port, bodies, uploads=count, connections=16),
                    count,
                )
            seen.append(
                {
                    "uploads": step * (uploads // steps),
                    "memory_mib": round(proxy.memory_bytes() / 2**20, 1),
                    "descriptors": proxy.descriptors(),
                }
            )
    return seen


async def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Run every part, and return what was found."""
    quick = arguments.quick
    found: dict[str, object] = {"seed": SEED, "machine": machine.describe(*PACKAGES)}
    states = {count: folder / str(count) for count in ENTRIES}
    for count, state in states.items():
        list_random(state, count)
    cpu = []
    sizes = SIZES_KB[:2] if quick else SIZES_KB
    for size_kb in sizes:
        bodies = files_of(size_kb)
        for state in states.values():
            uploads = 40 if quick else min(max(100, 60_000 // size_kb), 600)
            row = await cpu_rounds(
                state, bodies, uploads=uploads, rounds=1 if quick else 5
            )
            print(row, flush=True)
            cpu.append(row)
    found["cpu"] = cpu
    bodies = files_of(SIZES_KB[0])
    found["load"] = await load_rounds(
        states[0], bodies, uploads=200 if quick else 3000, rounds=1 if quick else 3
    )
    print(*found["load"], sep="\n", flush=True)
    found["soak"] = await soak(states[0], bodies, uploads=arguments.soak)
    print(*found["soak"], sep="\n", flush=True)
    return found


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and keep the results unless the run is a quick one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks proxy")
    parser.add_argument("--quick", action="store_true", help="a smoke run")
    parser.add_argument("--soak", type=int, default=None, help="uploads of the soak")
    options = parser.parse_args(arguments)
    if options.soak is None:
        options.soak = 400 if options.quick else 100_000
    decoding.prepare_process()
    with tempfile.TemporaryDirectory() as folder:
        found = uvloop.run(measure(Path(folder), options))
    if not options.quick:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / "proxy.json"
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        plots.proxy(found, RESULTS / "proxy.svg")
    return 0
