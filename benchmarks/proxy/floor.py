"""What does an upload cost at least, in a proxy with aiohttp that does the same work?

Each *rung* does a little more than the one before (``rungs.py``). The difference of two
rungs is the price of a step, and the last difference is the filter's own excess: what
its limits, its fairness, its counts and the whole record cost. CPU of all processes.
"""

import contextlib
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import load, peers
from benchmarks.proxy.cost import AIMS, SIZES_KB, bare, filtered
from benchmarks.proxy.plan import Plan
from benchmarks.proxy.report import Part
from benchmarks.proxy.rungs import RUNGS
from benchmarks.proxy.site import files_of, filter_before, list_random
from uploadfilter.reference.search.matching import Generation
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader

BARE, FORWARDER, FILTER = "bare", "forwarder", "filter"

_WARM_UP = 4
"""How often each file is uploaded before a measurement."""


async def floor(folder: Path, plan: Plan) -> Part:
    """Measure CPU for one upload on each rung, in turn."""
    list_random(folder, 0)
    reference = folder / REFERENCE_DIRECTORY
    rows: list[Mapping[str, Any]] = []
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(peers.sink())
        servers = {FORWARDER: stack.enter_context(peers.forwarder(sink.port))}
        for rung in RUNGS:
            program = (sys.executable, "-m", "benchmarks.proxy.rungs", rung)
            running = load.process(*program, str(sink.port), str(reference))
            servers[rung] = stack.enter_context(running)
        running = filter_before(sink.port, folder, sheds=False)
        servers[FILTER] = stack.enter_context(running)
        generation = stack.enter_context(ReferenceReader.open(reference)).current()
        for size_kb in SIZES_KB[: plan.sizes]:
            rows += await _of_size(generation, servers, size_kb, plan)
    return Part(rows=rows, notes=_notes(rows))


async def _of_size(
    generation: Generation, servers: Mapping[str, load.Spawned], kb: int, plan: Plan
) -> list[dict[str, Any]]:
    bodies, uploads = files_of(kb), plan.uploads(kb)
    spent: dict[str, list[float]] = {name: [] for name in (BARE, *servers)}
    bare(generation, bodies, len(bodies))
    for process in servers.values():
        await filtered(process, bodies, len(bodies) * _WARM_UP)
    for _ in range(plan.rounds):
        spent[BARE].append(bare(generation, bodies, uploads) * 1000)
        for name, process in servers.items():
            spent[name].append(await filtered(process, bodies, uploads) * 1000)
    rows: list[dict[str, Any]] = []
    for name, took in spent.items():
        cpu_ms = round(statistics.median(took), 3)
        step_ms = cpu_ms - rows[-1]["cpu_ms"] if len(rows) > 1 else cpu_ms
        rows.append(
            {
                "kb": kb,
                "rung": name,
                "cpu_ms": cpu_ms,
                "step_ms": round(step_ms, 3),
                "of_bare": _of_pairs(took, spent[BARE]),
            }
        )
    return rows


def _of_pairs(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median over rounds of one contender's figure over another's."""
    pairs = zip(ours, theirs, strict=True)
    return round(statistics.median(a / b for a, b in pairs), 3)


def _notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say which aims even the dearest forwarder misses."""
    return [
        f"at {row['kb']} KB the aim is {AIMS[row['kb']]}, and a forwarder that scans "
        f"in the sandbox and writes one record needs {row['of_bare']}"
        for row in rows
        if row["rung"] == RUNGS[-1]
    ]
