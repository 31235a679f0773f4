"""A rolling restart of two instances under load: how many requests are lost?

The restart is done twice: behind nginx, which knows both; and on one listening socket
that both inherit. Uploads are sent with ``POST``, which must not be sent a second time.
*Fresh* clients open a connection for each request. *Kept* ones keep theirs for as long
as it is open: their requests can cross its end on the way, which HTTP/1.1 cannot
prevent.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks.harness import Aim, Options, Report
from benchmarks.proxy import load, peers
from benchmarks.proxy.site import Plan, files_of, list_random, serving

INSTANCES: Final = ("left", "right")
CLIENTS = 3
"""Number of clients of each sort."""

PAUSE_S = 0.3
"""Pause between two restarts, so that both get traffic."""

EXPECTED: Final = frozenset({load.CREATED, 200})
DOWNLOAD_BYTES = 200_000

FIRST_INHERITED: Final = 3
"""``SD_LISTEN_FDS_START`` of ``sd_listen_fds(3)``."""

Start = Callable[[str], contextlib.AbstractContextManager[load.Spawned]]


class _Instances:
    """Two instances, each of which can be restarted.

    Args:
        start: A context manager that runs an instance, and is entered when it is ready.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._running = {name: contextlib.ExitStack() for name in INSTANCES}

    def begin(self, name: str) -> None:
        """Start an instance and wait until it accepts requests."""
        self._running[name].enter_context(self._start(name))

    def end(self, name: str) -> None:
        """Stop an instance with SIGTERM and wait until it has ended."""
        self._running[name].close()

    async def roll(self) -> None:
        """Restart the instances one after the other."""
        for name in INSTANCES:
            await asyncio.to_thread(self.end, name)
            await asyncio.to_thread(self.begin, name)
            await asyncio.sleep(PAUSE_S)


async def restarting(options: Options, folder: Path) -> Report:
    """Restart both, under load, several times."""
    plan = Plan.of(options)
    state = folder / "restart"
    list_random(state, 1000)
    rows: list[dict[str, object]] = []
    notes: list[str] = []
    with peers.sink() as sink:
        if peers.has_nginx():
            rows += await _behind_nginx(sink.port, state, plan)
        else:
            notes.append("nginx is not installed")
        try:
            rows += await _inherited(sink.port, state, plan)
        except RuntimeError as exc:
            notes.append(f"sockets are not inherited: {str(exc).splitlines()[-1]:.200}")
    aims = [
        Aim(
            text=f"lost in {plan.rolls} rolling restarts, {row['by']}, "
            f"{row['clients']} connections",
            measured=float(str(row["lost"])),
            most=0,
        )
        for row in rows
    ]
    return Report(rows=rows, aims=aims, notes=notes)


async def _behind_nginx(
    origin: int, state: Path, plan: Plan
) -> list[dict[str, object]]:
    ports = {name: peers.free_port() for name in INSTANCES}

    def start(name: str) -> contextlib.AbstractContextManager[load.Spawned]:
        return load.process(*serving(origin, state, instance=name, port=ports[name]))

    async with _both(start) as instances:
        with peers.nginx(list(ports.values()), kept=0) as front:
            return await _rolled(instances, front.port, "behind nginx", plan)


async def _inherited(origin: int, state: Path, plan: Plan) -> list[dict[str, object]]:
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:

        def start(name: str) -> contextlib.AbstractContextManager[load.Spawned]:
            command = serving(origin, state, instance=name, listen="inherited")
            return load.process(
                *(sys.executable, "-m", "benchmarks.proxy.restarting"),
                *(str(listener.fileno()), *command),
                descriptors=[listener.fileno()],
            )

        async with _both(start) as instances:
            port = listener.getsockname()[1]
            return await _rolled(instances, port, "on one inherited socket", plan)


@contextlib.asynccontextmanager
async def _both(start: Start) -> AsyncIterator[_Instances]:
    instances = _Instances(start)
    try:
        for name in INSTANCES:
            instances.begin(name)
        yield instances
    finally:
        for name in INSTANCES:
            instances.end(name)


async def _rolled(
    instances: _Instances, port: int, by: str, plan: Plan
) -> list[dict[str, object]]:
    """Restart both under load, and count the answers."""
    uploads = [load.upload(body, method="POST") for body in files_of(20)]
    requests = [*uploads, load.download(DOWNLOAD_BYTES)]
    stop = asyncio.Event()
    counts: dict[str, Counter[int]] = {"fresh": Counter(), "kept": Counter()}
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(_fresh(port, requests, counts["fresh"], stop))
            group.create_task(_kept(port, requests, counts["kept"], stop))
        try:
            for _ in range(plan.rolls):
                await asyncio.sleep(PAUSE_S)
                await instances.roll()
        finally:
            stop.set()
    return [
        {
            "by": by,
            "clients": name,
            "requests": count.total(),
            "lost": sum(n for status, n in count.items() if status not in EXPECTED),
            "statuses": dict(count),
        }
        for name, count in counts.items()
    ]


async def _fresh(
    port: int,
    requests: Sequence[load.Request],
    counts: Counter[int],
    stop: asyncio.Event,
) -> None:
    while not stop.is_set():
        for request in requests:
            try:
                connection = await load.Connection.opened(port)
            except OSError:
                counts[load.BROKEN] += 1
                continue
            counts[(await connection.ask(request)).status] += 1
            connection.close()


async def _kept(
    port: int,
    requests: Sequence[load.Request],
    counts: Counter[int],
    stop: asyncio.Event,
) -> None:
    connection = await load.Connection.opened(port)
    while not stop.is_set():
        for request in requests:
            if not connection.is_open:
                connection = await load.Connection.opened(port)
            counts[(await connection.ask(request)).status] += 1
    connection.close()


def _hand_on(descriptor: int, command: Sequence[str]) -> None:
    """Become a program that inherits a listening socket, as systemd would start it."""
    os.dup2(descriptor, FIRST_INHERITED, inheritable=True)
    environment = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
    os.execve(command[0], list(command), {**os.environ, **environment})  # noqa: S606


if __name__ == "__main__":
    _hand_on(int(sys.argv[1]), sys.argv[2:])
