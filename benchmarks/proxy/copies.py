"""What does the search for altered copies cost uploads: never, spare, and always?

Three filters run, of which one at a time gets uploads, in turn. First a closed loop
measures the capacity; then a half and a tenth of the best capacity are offered
at random times. The uploads of each row come from many clients and match nothing, so
that each of them would be searched.
"""

import contextlib
import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import load, peers
from benchmarks.proxy.plan import Plan
from benchmarks.proxy.report import Aim, Part
from benchmarks.proxy.site import SEED, files_of, filter_before, list_random
from uploadfilter.evidence.settings import Copies

SIZES_KB = (20, 200)
ENTRIES = 1000
CLIENTS = 64
CONNECTIONS = 4
SHARES = (0.5, 0.1)
"""Shares of the capacity that are offered at random times."""

LENGTH = 4
"""Duration of each turn, in multiples of the plan's seconds: its first uploads find a
quiet filter, whatever comes after them."""

LEAST_KEPT = 0.95
"""Least share of the uploads a second of ``never`` that ``spare`` keeps under load."""

MOST_P95 = 1.2
"""Most multiple of the 95th percentile of ``never`` that ``spare`` has then."""

LEAST_SEARCHED = 0.9
"""Least share of uploads that ``spare`` searches at a tenth of the capacity."""

_Figures = dict[str, list[float]]


async def copies(folder: Path, plan: Plan, *, entries: int = ENTRIES) -> Part:
    """Measure uploads a second, latency and searches of all three, in turn."""
    state = folder / "copies"
    list_random(state, entries)
    rows: list[dict[str, Any]] = []
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(peers.sink())
        running = {
            choice: stack.enter_context(
                filter_before(
                    sink.port,
                    state,
                    instance=choice,
                    sheds=False,
                    more=f'[evidence]\ncopies = "{choice}"\n',
                )
            )
            for choice in Copies
        }
        for size_kb in SIZES_KB[: plan.sizes]:
            rows += await _of_size(state, running, size_kb, plan)
    return Part(rows=rows, aims=_aims(rows))


async def _of_size(
    state: Path, running: Mapping[Copies, load.Spawned], size_kb: int, plan: Plan
) -> list[dict[str, Any]]:
    requests = [
        load.upload(body, client=f"10.{number}.0.1")
        for number, body in enumerate(files_of(size_kb) * (CLIENTS // 8))
    ]
    for proxy in running.values():
        await load.drive(proxy.port, requests, connections=2, seconds=plan.seconds)
    found: dict[tuple[str, Copies], _Figures] = {}
    for number in range(plan.rounds):
        capacity = 0.0
        for share in (None, *SHARES):
            for choice in _in_turn(number):
                proxy, before = running[choice], _searches(state, choice)
                spent_s = proxy.cpu_s()
                if share is None:
                    result = await load.drive(
                        proxy.port,
                        requests,
                        connections=CONNECTIONS,
                        seconds=plan.seconds * LENGTH,
                    )
                    capacity = max(capacity, result.per_second)
                else:
                    result = await load.Offered(proxy.port, requests).run(
                        rate=capacity * share,
                        seconds=plan.seconds * LENGTH,
                        seed=SEED + number,
                    )
                spent_s = proxy.cpu_s() - spent_s
                searches = _searches(state, choice) - before
                figures = found.setdefault((_named(share), choice), {})
                if share is None:
                    result.checked(load.CREATED)
                _note(figures, result, spent_s, searches)
    return [
        {"kb": size_kb, "load": name, "copies": choice, **_summary(figures)}
        for (name, choice), figures in found.items()
    ]


def _in_turn(number: int) -> list[Copies]:
    """Return the choices in an order that is another one in each round."""
    order = [Copies.NEVER, Copies.SPARE, Copies.ALWAYS]
    order = order[number % 3 :] + order[: number % 3]
    return order if number % 2 else order[::-1]


def _named(share: float | None) -> str:
    return "closed" if share is None else str(share)


def _note(
    figures: _Figures, result: load.Load, spent_s: float, searches: Counter[str]
) -> None:
    latencies = result.latencies(load.CREATED)
    refused = len(result.answers) - len(latencies)
    for name, value in {
        "per_second": result.per_second,
        "p50_ms": load.percentile(latencies, 50),
        "p95_ms": load.percentile(latencies, 95),
        "cpu_ms": spent_s * 1000 / len(latencies),
        "searched": searches["searched"] / len(latencies),
        "late": searches["late"] / len(latencies),
        "refused": refused / len(result.answers),
    }.items():
        figures.setdefault(name, []).append(value)


def _summary(figures: _Figures) -> dict[str, float]:
    return {
        name: round(statistics.median(values), 3) for name, values in figures.items()
    }


def _searches(state: Path, choice: Copies) -> Counter[str]:
    """Count the decisions of an instance by whether copies were looked for."""
    found: Counter[str] = Counter()
    for file in (state / "instances" / choice / "log").glob("*.jsonl"):
        for line in file.read_bytes().splitlines():
            record = json.loads(line)
            if record["record"] == "decision":
                found[str(record.get("copies"))] += 1
    return found


def _aims(rows: Sequence[Mapping[str, Any]]) -> list[Aim]:
    by = {(row["kb"], row["load"], row["copies"]): row for row in rows}
    aims = []
    for size_kb in dict.fromkeys(row["kb"] for row in rows):
        never = by[size_kb, "closed", Copies.NEVER]
        spare = by[size_kb, "closed", Copies.SPARE]
        aims += [
            Aim(
                text=f"uploads of {size_kb} KB a second under full load without "
                "searches, beside those with spare searches",
                measured=never["per_second"] / spare["per_second"],
                most=1 / LEAST_KEPT,
            ),
            Aim(
                text=f"95th percentile of uploads of {size_kb} KB under full load with "
                "spare searches, beside that without",
                measured=spare["p95_ms"] / never["p95_ms"],
                most=MOST_P95,
            ),
            Aim(
                text=f"share of uploads of {size_kb} KB that are not searched at a "
                "tenth of the capacity",
                measured=1 - by[size_kb, str(min(SHARES)), Copies.SPARE]["searched"],
                most=1 - LEAST_SEARCHED,
            ),
        ]
    return aims
