"""More is offered than two cores can do: who is served, and how long does it take?

First the capacity is measured, with a closed loop, and the latency at a quarter of it.
Then 0.9, 1.2 and 2 times the capacity are offered: requests come at random times,
whether earlier ones are answered or not, from many clients, and latency counts from the
time at which each was due, from the first second on. The capacity is measured again
after each, and each is compared with the mean of the two beside it: the speed of a
shared machine changes. The last part is closed loops, in which each connection sends
one upload after the other: none of these may be refused.
"""

import os
from pathlib import Path

from benchmarks.harness import Aim, Options, Report, percentile
from benchmarks.proxy import load, peers
from benchmarks.proxy.site import SEED, Plan, files_of, filter_before, list_random

SIZE_KB = 200
CLIENTS = 200
LONGEST_WAIT_MS = 2000.0
"""How long the proxy lets an upload wait for a scanner."""

ACCEPTED_AIM = 3.0
"""Most increase of the p99 without load, beyond that wait, for admitted uploads."""

SHED_AIM_MS = 50.0
"""Time within which all others must be refused."""

GOODPUT_AIM = 0.95
"""Least share of the capacity that is served, however much is offered."""

FACTORS = (0.9, 1.2, 2.0)
"""Multiples of the capacity that are offered."""

LOOPS = (4, 16, 64)
"""Connections of closed loops."""

LOOP_SIZES_KB = (20, 200, 1000)

UNLOADED = 0.25
"""Share of the capacity at which no upload waits for another."""

CLOSED_CONNECTIONS = 2 * (os.cpu_count() or 1)
"""Enough connections that a scanner never waits for an upload, too few to be shed."""

SHED = 503
LENGTH = 6
"""Duration of the load, in multiples of the plan's seconds."""


async def overload(options: Options, folder: Path) -> Report:
    """Measure capacity, latency without load, and latency under each load."""
    plan = Plan.of(options)
    list_random(folder, 1000)
    with (
        load.beside_the_filter() as note,
        peers.sink(core=load.LOAD_CORE) as sink,
        filter_before(sink.port, folder, core=load.FILTER_CORE) as proxy,
        load.unhindered(),
    ):
        parts = await _open_loops(proxy, plan.seconds * LENGTH)
        for size_kb in LOOP_SIZES_KB[: plan.sizes]:
            parts += [
                await _loop(proxy.port, size_kb, connections, plan.seconds)
                for connections in LOOPS
            ]
    return Report(
        rows=[row for part in parts for row in part.rows],
        aims=[aim for part in parts for aim in part.aims],
        notes=[note],
    )


async def _open_loops(proxy: load.Spawned, seconds: float) -> list[Report]:
    """Offer a quarter of the capacity, then each multiple of it."""
    requests = _requests(SIZE_KB)
    await load.drive(proxy.port, requests, connections=2, count=32)  # to warm up
    capacity, cpu_ms = await _capacity(proxy, requests, seconds)
    quiet = load.Offered(proxy.port, requests)
    unloaded = await quiet.run(rate=capacity * UNLOADED, seconds=seconds, seed=SEED)
    quiet_p99 = percentile(unloaded.latencies(), 99)
    parts = [_quiet_part(unloaded, capacity)]
    for number, factor in enumerate(FACTORS, start=1):
        busy = load.Offered(proxy.port, requests)
        rate = capacity * factor
        before_s = proxy.cpu_s()
        offered = await busy.run(rate=rate, seconds=seconds, seed=SEED + number)
        cpu_s = proxy.cpu_s() - before_s
        late_ms = percentile(sorted(busy.late_ms), 99)
        after, cpu_ms_after = await _capacity(proxy, requests, seconds)
        cpu_ms_of_capacity = (cpu_ms + cpu_ms_after) / 2
        cpu_ms_each = cpu_s * 1000 / len(offered.latencies(load.CREATED))
        extra = {
            "offered_per_second": round(rate, 1),
            "capacity_after": round(after, 1),
            "busy_cores": round(cpu_s / offered.seconds, 2),
            "cpu_ms_each": round(cpu_ms_each, 2),
            "goodput_by_cpu": round(cpu_ms_of_capacity / cpu_ms_each, 3),
            "client_late_p99_ms": round(late_ms, 2),
        }
        mean = (capacity + after) / 2
        parts.append(_part(mean, factor, quiet_p99, offered, extra=extra))
        capacity, cpu_ms = after, cpu_ms_after
    return parts


async def _capacity(
    proxy: load.Spawned, requests: list[load.Request], seconds: float
) -> tuple[float, float]:
    """Return the uploads a second of a closed loop, and the CPU ms of each."""
    before_s = proxy.cpu_s()
    closed = await load.drive(
        proxy.port,
        requests,
        connections=CLOSED_CONNECTIONS,
        seconds=max(seconds / 2, 1.0),
    )
    per_second = closed.checked(load.CREATED).per_second
    return per_second, (proxy.cpu_s() - before_s) * 1000 / len(closed.answers)


def _requests(size_kb: int) -> list[load.Request]:
    """Return uploads of many clients."""
    return [
        load.upload(body, client=f"10.0.0.{number}")
        for number, body in enumerate(files_of(size_kb) * (CLIENTS // 8))
    ]


async def _loop(port: int, size_kb: int, connections: int, seconds: float) -> Report:
    """Make connections send one upload after the other."""
    closed = await load.drive(
        port, _requests(size_kb), connections=connections, seconds=seconds
    )
    refused = len(closed.answers) - len(closed.latencies(load.CREATED))
    row = {
        "closed_loop_kb": size_kb,
        "connections": connections,
        "uploads_per_second": round(closed.per_second, 1),
        "p50_ms": round(percentile(closed.latencies(), 50), 2),
        "p99_ms": round(percentile(closed.latencies(), 99), 2),
        "refused": refused,
    }
    text = f"uploads of {size_kb} KB refused in a closed loop of {connections}"
    return Report(rows=[row], aims=[Aim(text=text, measured=refused, most=0)])


def _quiet_part(unloaded: load.Load, capacity: float) -> Report:
    refused = len(unloaded.answers) - len(unloaded.latencies(load.CREATED))
    row = {
        "capacity_per_second": round(capacity, 1),
        "offered": UNLOADED,
        "accepted_p50_ms": round(percentile(unloaded.latencies(), 50), 2),
        "accepted_p99_ms": round(percentile(unloaded.latencies(), 99), 2),
    }
    aim = Aim(
        text="uploads refused at a quarter of the capacity", measured=refused, most=0
    )
    return Report(rows=[row], aims=[aim])


def _part(
    capacity: float,
    factor: float,
    quiet_p99: float,
    offered: load.Load,
    *,
    extra: dict[str, float],
) -> Report:
    accepted = offered.latencies(load.CREATED)
    shed = offered.latencies(SHED)
    others = len(offered.answers) - len(accepted) - len(shed)
    goodput = len(accepted) / offered.seconds
    row = {
        "offered": factor,
        "answered_after_s": round(offered.seconds, 1),
        "accepted_per_second": round(goodput, 1),
        "accepted_p50_ms": round(percentile(accepted, 50), 2),
        "accepted_p99_ms": round(percentile(accepted, 99), 2),
        "shed": len(shed),
        "shed_p99_ms": round(percentile(shed, 99), 2) if shed else None,
        "statuses": offered.statuses,
        "goodput": round(goodput / capacity, 3),
    } | extra
    at = f"at {factor:g} times the capacity"
    aims = [
        Aim(
            text=f"p99 of accepted uploads in ms {at}",
            measured=percentile(accepted, 99),
            most=LONGEST_WAIT_MS + ACCEPTED_AIM * quiet_p99,
        ),
        Aim(
            text=f"p99 of 503 in ms {at}",
            measured=percentile(shed, 99) if shed else 0.0,
            most=SHED_AIM_MS,
        ),
        Aim(text=f"answers that are neither 201 nor 503 {at}", measured=others, most=0),
    ]
    if factor < 1:
        aims.append(Aim(text=f"503 {at}", measured=len(shed), most=0))
    else:
        aims.append(
            Aim(
                text=f"accepted uploads beside the capacity {at}",
                measured=goodput / capacity,
                least=GOODPUT_AIM,
            )
        )
    return Report(rows=[row], aims=aims)
