"""Twice the capacity is offered: how long do those wait that are let in, and others?

Capacity is measured first, with a closed loop; so is the latency at a quarter of it.
Requests then come at random times, whether earlier ones are answered or not, from many
clients, and latency counts from the moment at which each was due. A burst is waited
for (``queue_burst_s``); so what is due in the first seconds is kept apart.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks import load, peers
from benchmarks.proxy.plan import Plan
from benchmarks.proxy.report import Aim, Part
from benchmarks.proxy.site import SEED, files_of, filter_before, list_random

SIZE_KB = 200
CLIENTS = 200
ACCEPTED_AIM = 3.0
"""Times the p99 without load, at most, for those that are let in."""

SHED_AIM_MS = 100.0
"""Within which all others are told to come back."""

UNLOADED = 0.25
"""Share of the capacity at which nobody waits for another."""

CLOSED_CONNECTIONS = 2 * (os.cpu_count() or 1)
"""Enough that a scanner never waits for an upload, and too few to be shed."""

NICE = -10
"""The client is not to be kept waiting by those that it measures."""

SETTLING_S = 2.5
"""Seconds that it takes to tell an overload from a burst, and to clear the queue."""

SHED = 503
LENGTH = 6
"""Times the seconds of the plan that load is offered."""


async def overload(folder: Path, plan: Plan) -> Part:
    """Measure capacity, latency without load, and under twice the capacity."""
    state = folder / "overload"
    list_random(state, 1000)
    requests = [
        load.upload(body, client=f"10.0.0.{number}")
        for number, body in enumerate(files_of(SIZE_KB) * (CLIENTS // 8))
    ]
    seconds = plan.seconds * LENGTH
    with (
        peers.sink() as sink,
        filter_before(sink.port, state) as proxy,
        _unhindered(),
    ):
        await load.drive(proxy.port, requests, connections=2, count=32)  # to warm up
        closed = await load.drive(
            proxy.port,
            requests,
            connections=CLOSED_CONNECTIONS,
            seconds=max(seconds / 2, 1.0),
        )
        capacity = closed.checked(load.CREATED).per_second
        quiet = load.Offered(proxy.port, requests)
        unloaded = await quiet.run(rate=capacity * UNLOADED, seconds=seconds, seed=SEED)
        busy = load.Offered(proxy.port, requests)
        offered = await busy.run(
            rate=capacity * 2,
            seconds=seconds + SETTLING_S,
            seed=SEED + 1,
            settling_s=SETTLING_S,
        )
        after = await load.drive(proxy.port, requests, connections=1, count=8)
        after.checked(load.CREATED)
    first = load.Load(seconds=SETTLING_S, answers=busy.early)
    return _part(
        capacity,
        unloaded,
        offered,
        late_ms=load.percentile(sorted(busy.late_ms), 99),
        first_ms=load.percentile(first.latencies(load.CREATED), 99),
    )


@contextlib.contextmanager
def _unhindered() -> Iterator[None]:
    """Run ourselves before the others, if we may."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, before)


def _part(
    capacity: float,
    unloaded: load.Load,
    offered: load.Load,
    *,
    late_ms: float,
    first_ms: float,
) -> Part:
    statuses = offered.statuses
    quiet_p99 = load.percentile(unloaded.latencies(), 99)
    accepted = offered.latencies(load.CREATED)
    shed = offered.latencies(SHED)
    others = sum(
        count
        for status, count in statuses.items()
        if status not in {load.CREATED, SHED}
    )
    row = {
        "capacity_per_second": round(capacity, 1),
        "unloaded_p50_ms": round(load.percentile(unloaded.latencies(), 50), 2),
        "unloaded_p99_ms": round(quiet_p99, 2),
        "offered_per_second": round(2 * capacity, 1),
        "offered": len(offered.answers),
        "answered_after_s": round(offered.seconds, 1),
        "accepted_per_second": round(len(accepted) / offered.seconds, 1),
        "accepted_p50_ms": round(load.percentile(accepted, 50), 2),
        "accepted_p99_ms": round(load.percentile(accepted, 99), 2),
        "first_seconds_accepted_p99_ms": round(first_ms, 2),
        "shed": len(shed),
        "shed_p99_ms": round(load.percentile(shed, 99), 2) if shed else None,
        "shed_most_ms": round(max(shed, default=0.0), 2),
        "statuses": statuses,
        "client_late_p99_ms": round(late_ms, 2),
    }
    aims = [
        Aim(
            text="p99 of accepted uploads at twice the capacity, beside no load",
            measured=load.percentile(accepted, 99) / quiet_p99,
            most=ACCEPTED_AIM,
        ),
        Aim(
            text="p99 of 503 in ms",
            measured=load.percentile(shed, 99) if shed else 0.0,
            most=SHED_AIM_MS,
        ),
        Aim(text="answers that are neither 201 nor 503", measured=others, most=0),
        Aim(
            text="uploads that were turned away at a quarter of the capacity",
            measured=len(unloaded.answers) - len(unloaded.latencies(load.CREATED)),
            most=0,
        ),
    ]
    return Part(rows=[row], aims=aims)
