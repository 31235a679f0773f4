"""CPU of an upload beside the bare pipeline; uploads a second beside a forwarder.

The bare pipeline (``bare.py``) searches the same reference set, in one process
without HTTP.
"""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import Aim, Options, Report, Turns
from benchmarks.proxy import load, peers
from benchmarks.proxy.bare import judge, look_up, scan
from benchmarks.proxy.site import Plan, files_of, filter_before, list_random
from uploadfilter.pictures import decoding
from uploadfilter.reference.search.matching import Generation
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader

AIMS: Mapping[int, float] = {20: 1.6, 200: 1.25, 2000: 1.1}
"""Most multiple of the bare pipeline's CPU, by KB. HTTP, the log and two processes cost
the same for each upload, which is a smaller share if there is more to decode."""

SIZES_KB = tuple(AIMS)

CONNECTIONS = (1, 16, 128)


async def cpu(options: Options, folder: Path) -> Report:
    """Measure CPU for one upload: bare and through the filter, in turn."""
    decoding.prepare_process()
    plan = Plan.of(options)
    states = [folder / f"cpu{count}" for count in (0, plan.listed)]
    for state, count in zip(states, (0, plan.listed), strict=True):
        list_random(state, count)
    rows = []
    for size_kb in SIZES_KB[: plan.sizes]:
        bodies = files_of(size_kb)
        rows += [await _cpu_rounds(state, bodies, size_kb, plan) for state in states]
    aims = [
        Aim(
            text=f"CPU of an upload of {row['kb']} KB beside the bare pipeline, "
            f"{row['entries']:,} entries",
            measured=row["ratio"],
            most=AIMS[row["kb"]],
        )
        for row in rows
    ]
    return Report(rows=rows, aims=aims)


async def _cpu_rounds(
    state: Path, bodies: Sequence[bytes], size_kb: int, plan: Plan
) -> dict[str, Any]:
    spent = Turns()
    uploads = plan.uploads(size_kb)
    with (
        ReferenceReader.open(state / REFERENCE_DIRECTORY) as reference,
        peers.sink() as sink,
        filter_before(sink.port, state) as proxy,
    ):
        generation = reference.current()
        bare(generation, bodies, len(bodies))
        await spend_filter(proxy, bodies, len(bodies) * 4)
        for _ in range(plan.rounds):
            spent.add("bare", bare(generation, bodies, uploads) * 1000)
            spent.add("filter", await spend_filter(proxy, bodies, uploads) * 1000)
    return {
        "kb": size_kb,
        "entries": generation.entry_count,
        "bare_ms": spent.median("bare"),
        "filter_ms": spent.median("filter"),
        "ratio": spent.ratio("filter", "bare"),
        "ratio_min_max": spent.range("filter", "bare"),
    }


def bare(generation: Generation, bodies: Sequence[bytes], uploads: int) -> float:
    """Return the CPU seconds of the bare pipeline for one upload."""
    files = [_in_memory(body) for body in bodies]
    begun = time.process_time()
    for number in range(uploads):
        place = number % len(bodies)
        body = bodies[place]
        judge(generation, look_up(generation, body), scan(files[place], len(body)))
    spent = time.process_time() - begun
    for fd in files:
        os.close(fd)
    return spent / uploads


def _in_memory(body: bytes) -> int:
    """Return the descriptor of a memory file that a scan can read."""
    fd = os.memfd_create("body")
    os.write(fd, body)
    return fd


async def spend_filter(
    proxy: load.Spawned, bodies: Sequence[bytes], uploads: int
) -> float:
    """Return the CPU seconds of all processes of the filter for one upload."""
    begun = proxy.cpu_s()
    result = await load.put(proxy.port, bodies, uploads=uploads, connections=4)
    result.checked(load.CREATED)
    return (proxy.cpu_s() - begun) / uploads


async def uploads(options: Options, folder: Path) -> Report:
    """Measure uploads of 20 KB a second and latency, filter and forwarder in turn."""
    plan = Plan.of(options)
    state = folder / "uploads"
    list_random(state, 0)
    requests = [load.upload(body) for body in files_of(SIZES_KB[0])]
    rows = []
    with (
        peers.sink() as sink,
        filter_before(sink.port, state) as proxy,
        peers.forwarder(sink.port) as plain,
    ):
        for connections in CONNECTIONS:
            for name, process in (("filter", proxy), ("forwarder", plain)):
                result = await load.drive(
                    process.port,
                    requests,
                    connections=connections,
                    seconds=plan.seconds,
                )
                summary = {"contender": name, "connections": connections}
                rows.append(summary | result.checked(load.CREATED).summary())
    return Report(rows=rows)
