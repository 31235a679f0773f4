"""Pass-through: small requests and downloads, beside nginx and a plain forwarder.

Each contender has a core of its own; client and origin share the other one, so that a
contender that is faster than they are (nginx) is measured by CPU alone. ``straight`` is
the client at the origin, with nothing between them.
"""

import contextlib
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import Aim, Options, Report, Turns, percentile
from benchmarks.proxy import load, peers
from benchmarks.proxy.load import FILTER_CORE, LOAD_CORE
from benchmarks.proxy.site import Plan, filter_before, list_random

AIM = 0.9
"""Least share of a plain aiohttp forwarder's throughput."""

OK = 200


@dataclass(frozen=True, slots=True)
class Work:
    """The kind of request.

    Attributes:
        name: Name for people.
        size: Bytes of each answer.
        connections: Number of connections.
    """

    name: str
    size: int
    connections: int


WORK = (
    Work("nothing", 0, 1),
    Work("nothing", 0, 16),
    Work("1 KB", 1000, 1),
    Work("1 KB", 1000, 16),
    Work("1 KB", 1000, 128),
    Work("10 KB", 10_000, 16),
    Work("100 KB", 100_000, 16),
    Work("1 MB", 1_000_000, 1),
    Work("1 MB", 1_000_000, 16),
    Work("10 MB", 10_000_000, 4),
    Work("200 MB", 200_000_000, 1),
)

Contenders = Mapping[str, load.Spawned]


async def passing(options: Options, folder: Path) -> Report:
    """Measure requests a second, latency and CPU of each contender, in turn."""
    plan = Plan.of(options)
    state = folder / "passing"
    list_random(state, 0)
    with (
        load.beside_the_filter() as note,
        peers.sink(core=LOAD_CORE) as sink,
        filter_before(sink.port, state, core=FILTER_CORE) as proxy,
        peers.forwarder(sink.port, core=FILTER_CORE) as plain,
        _nginx_if_any(sink.port) as others,
    ):
        contenders = {"filter": proxy, "forwarder": plain, **others, "straight": sink}
        for contender in contenders.values():
            await _check(contender.port)
        rows: list[Mapping[str, Any]] = []
        for work in WORK:
            rows += await _rows(contenders, work, plan)
    notes = [note, *([] if "nginx" in contenders else ["nginx is not installed"])]
    return Report(rows=rows, aims=_aims(rows), notes=notes)


@contextlib.contextmanager
def _nginx_if_any(origin: int) -> Iterator[Contenders]:
    if not peers.has_nginx():
        yield {}
        return
    with peers.nginx([origin], core=FILTER_CORE) as server:
        yield {"nginx": server}


async def _check(port: int) -> None:
    """Check that every byte comes through."""
    connection = await load.Connection.opened(port)
    for work in WORK[:-1]:
        answer = await connection.ask(load.download(work.size), keep=True)
        whole = (peers.BLOCK * (work.size // len(peers.BLOCK) + 1))[: work.size]
        if answer.status != OK or answer.body != whole:
            raise RuntimeError(f"a download of {work.name} was changed: {answer!r:.80}")
    connection.close()


async def _rows(
    contenders: Contenders, work: Work, plan: Plan
) -> list[Mapping[str, Any]]:
    rates, costs = Turns(), Turns()
    answers: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(plan.rounds):
        for name, contender in contenders.items():
            before = contender.cpu_s()
            result = await load.drive(
                contender.port,
                [load.download(work.size)],
                connections=work.connections,
                seconds=plan.seconds,
            )
            result.checked(OK)
            spent = contender.cpu_s() - before
            rates.add(name, result.per_second)
            costs.add(name, spent * 1000 / len(result.answers))
            answers[name] += result.latencies()
    return [
        {
            "what": work.name,
            "connections": work.connections,
            "contender": name,
            "per_second": rates.median(name, 1),
            "p50_ms": round(statistics.median(answers[name]), 2),
            "p99_ms": round(percentile(answers[name], 99), 2),
            "cpu_ms": costs.median(name, 4),
            "of_forwarder": rates.ratio(name, "forwarder"),
            "cpu_of_forwarder": costs.ratio(name, "forwarder"),
        }
        for name in contenders
    ]


def _aims(rows: Sequence[Mapping[str, Any]]) -> list[Aim]:
    return [
        Aim(
            text=f"{row['what']} over {row['connections']} connections, "
            "beside a plain forwarder",
            measured=row["of_forwarder"],
            least=AIM,
        )
        for row in rows
        if row["contender"] == "filter"
    ]
