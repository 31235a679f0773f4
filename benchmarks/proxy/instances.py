"""One and two instances, each on a core of its own: throughput and CPU of an upload."""

import contextlib
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks import load, peers
from benchmarks.proxy.plan import Plan
from benchmarks.proxy.report import Aim, Part
from benchmarks.proxy.site import files_of, filter_before, list_random

AIM = 1.1
"""Most increase of the CPU of an upload over one instance, as a factor."""

SIZE_KB = 200
CORES = (0, 1)
EACH = 8
"""Connections to each instance."""


async def instances(folder: Path, plan: Plan) -> Part:
    """Drive one instance, then both, in turn.

    Client and origin share the cores with them, so that two instances do not reach
    twice the throughput of one on two cores.
    """
    state = folder / "instances"
    list_random(state, plan.listed)
    requests = [load.upload(body) for body in files_of(SIZE_KB)]
    per_second: dict[int, list[float]] = {1: [], 2: []}
    cpu_ms: dict[int, list[float]] = {1: [], 2: []}
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(peers.sink())
        running = [
            stack.enter_context(
                filter_before(
                    sink.port, state, instance=f"i{core}", core=core, sheds=False
                )
            )
            for core in CORES
        ]
        await _driven(running, requests, plan.seconds / 2)
        for _ in range(plan.rounds):
            for count in (1, 2):
                rate, cost = await _driven(running[:count], requests, 2 * plan.seconds)
                per_second[count].append(rate)
                cpu_ms[count].append(cost)
    rows = [
        {
            "instances": count,
            "per_second": round(statistics.median(per_second[count]), 1),
            "cpu_ms": round(statistics.median(cpu_ms[count]), 3),
        }
        for count in (1, 2)
    ]
    ratios = [two / one for one, two in zip(cpu_ms[1], cpu_ms[2], strict=True)]
    aim = Aim(
        text="CPU of an upload with two instances beside one",
        measured=statistics.median(ratios),
        most=AIM,
    )
    return Part(rows=rows, aims=[aim])


async def _driven(
    running: Sequence[load.Spawned], requests: Sequence[load.Request], seconds: float
) -> tuple[float, float]:
    """Return uploads a second, and CPU milliseconds of an upload."""
    before = sum(one.cpu_s() for one in running)
    result = await load.drive(
        [one.port for one in running],
        requests,
        connections=EACH * len(running),
        seconds=seconds,
    )
    result.checked(load.CREATED)
    spent = sum(one.cpu_s() for one in running) - before
    return result.per_second, spent * 1000 / len(result.answers)
