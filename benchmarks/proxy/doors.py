"""CPU of an upload that a program asks about, beside one through the proxy.

One client of twenty lines sends the same pictures by each way, one after another, on a
new connection each, as a form of a site and a client of clamd do. The upload through
the proxy is forwarded to an origin, which is no part of the figures.
"""

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import Aim, Options, Report, Turns
from benchmarks.proxy import load, peers
from benchmarks.proxy.site import Plan, files_of, list_random, serving

MOST_RATIO = 1.1
"""Most multiple of the proxy's CPU: a door has no work of its own."""

SIZES_KB = (20, 200, 2000)
_CHUNK_BYTES = 64 * 1024
_FEWER = 4
"""One part in how many of the usual uploads: connections are not kept."""

_Say = Callable[[bytes], bytes]


async def doors(options: Options, folder: Path) -> Report:
    """Measure CPU for one upload by each way, in turn."""
    plan, state = Plan.of(options), folder / "doors"
    list_random(state, plan.listed)
    rows = []
    with peers.sink() as sink:
        command = serving(sink.port, state)
        sockets = {name: folder / name for name in ("api", "clamd")}
        opened = [f"--{name}=unix:{path}" for name, path in sockets.items()]
        with load.process(*command, *opened) as filter_:
            for size_kb in SIZES_KB[: plan.sizes]:
                rows += await _rounds(filter_, sockets, size_kb, plan)
    aims = [
        Aim(
            text=f"CPU of an upload of {row['kb']} KB by {row['way']}, beside proxy",
            measured=row["ratio"],
            most=MOST_RATIO,
        )
        for row in rows
        if row["way"] != "proxy"
    ]
    return Report(rows=rows, aims=aims)


async def _rounds(
    filter_: load.Spawned, sockets: Mapping[str, Path], size_kb: int, plan: Plan
) -> list[dict[str, Any]]:
    ways = {
        "proxy": (str(filter_.port), _request("/upload"), b" 201 "),
        "check": (str(sockets["api"]), _request("/v1/check/upload"), b" 200 "),
        "scan": (str(sockets["api"]), _request("/v1/scan"), b'"ACCEPT"'),
        "clamd": (str(sockets["clamd"]), _stream, b"stream: OK"),
    }
    bodies, spent = files_of(size_kb), Turns()
    count = max(plan.uploads(size_kb) // _FEWER, len(bodies))
    for is_measured in (False, *[True] * plan.rounds):
        for name, (place, say, wanted) in ways.items():
            said = [say(body) for body in bodies]
            begun = filter_.cpu_s()
            await _ask(place, said, wanted, count)
            if is_measured:
                spent.add(name, (filter_.cpu_s() - begun) / count * 1000)
    return [
        {
            "kb": size_kb,
            "way": name,
            "cpu_ms": spent.median(name),
            "ratio": spent.ratio(name, "proxy"),
            "ratio_min_max": spent.range(name, "proxy"),
        }
        for name in ways
    ]


async def _ask(place: str, said: Sequence[bytes], wanted: bytes, count: int) -> None:
    """Ask about so many uploads, and check each answer."""
    for number in range(count):
        if place.isdigit():
            reader, writer = await asyncio.open_connection("127.0.0.1", int(place))
        else:
            reader, writer = await asyncio.open_unix_connection(place)
        writer.write(said[number % len(said)])
        answer = await reader.read()
        writer.close()
        if wanted not in answer:
            raise AssertionError(f"{place}: {answer[:200]!r}")


def _request(path: str) -> _Say:
    def say(body: bytes) -> bytes:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: site.example\r\nConnection: close\r\n"
            f"Content-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body

    return say


def _stream(body: bytes) -> bytes:
    chunks = [
        struct.pack(">I", len(chunk)) + chunk
        for at in range(0, len(body), _CHUNK_BYTES)
        for chunk in [body[at : at + _CHUNK_BYTES]]
    ]
    return b"zINSTREAM\0" + b"".join([*chunks, bytes(4)])
