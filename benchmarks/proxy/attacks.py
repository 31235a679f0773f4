"""One attacker, one innocent client: how is the innocent client affected?

The innocent client uploads photos over two connections with a pause after each, some
ten a second. Rounds without and with the attacker take turns, and the filter is started
anew for each attack. The attacker is a process of its own; if the filter does not serve
a client, that client sends no more than before.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from subprocess import Popen
from sys import executable
from typing import Final, NamedTuple

from benchmarks.harness import Aim, Options, Report, percentile
from benchmarks.proxy import load, peers
from benchmarks.proxy.site import Plan, files_of, filter_before, list_random
from tests.corpus import pictures
from tests.corpus.bombs.bombs import BOMBS

PHOTO_KB: Final = 200
INNOCENT: Final = "192.0.2.1"
CONNECTIONS: Final = 2
PAUSE_S: Final = 0.15
LENGTH: Final = 3
"""Length of each half of a round, in multiples of the plan's seconds."""

P99_AIM: Final = 2.0
"""Most increase of its p99, as a factor."""

ONSET_S: Final = 1.0
"""Start of an attack: all of its connections are opened then. The p99 counts it, and
the results state the p99 without it as well."""

LOOK_S: Final = 0.5
IDLE: Final = 0.2
MOST_LOOKS: Final = 20
"""A quiet round begins once the filter uses less than a fifth of a core, or after ten
seconds: uploads that were broken off may wait for their turn that long."""

PARTS: Final = 990
_BOUNDARY: Final = "e2b1"
_FORM: Final = f"multipart/form-data; boundary={_BOUNDARY}"

IPV4: Final = tuple(f"198.51.100.{number}" for number in range(1, 9))
IPV6: Final = tuple(f"2001:db8:0:{number:x}::1" for number in range(4))
"""Four networks of 64 bits within one of 56 bits: a single household."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """The behaviour of one attacker.

    Attributes:
        name: Name in the report.
        connections: Number of connections.
        clients: Its addresses, which its connections take in turn.
        way: The function of ``attacker.py`` for each connection.
        bodies: Makes the bodies to upload.
        media_type: Media type of the bodies.
    """

    name: str
    connections: int
    clients: Sequence[str] = IPV4[:1]
    way: str = "upload"
    bodies: Callable[[], Sequence[bytes]] = tuple
    media_type: str = "image/jpeg"


def _form(content: bytes) -> bytes:
    """Return a form with many files of one content."""
    part = (
        f"--{_BOUNDARY}\r\nContent-Disposition: form-data; "
        'name="f"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    ).encode("ascii")
    return (part + content + b"\r\n") * PARTS + f"--{_BOUNDARY}--\r\n".encode("ascii")


def _tiny_pictures() -> Sequence[bytes]:
    return (_form(pictures.jpeg(pictures.photograph(1, width=16, height=16))),)


def _empty_parts() -> Sequence[bytes]:
    return (_form(b""),)


def _tiny_gifs() -> Sequence[bytes]:
    """Return a picture that needs a process of its own."""
    return (pictures.gif(pictures.photograph(1, width=40, height=40)),)


@lru_cache
def _bombs() -> Sequence[bytes]:
    return tuple(bomb.make() for bomb in BOMBS)


@lru_cache
def _large_pictures() -> Sequence[bytes]:
    """Return PNGs of 12 megapixels, as from a drawing program."""
    photo = pictures.photograph(1, width=4000, height=3000)
    return (pictures.png(photo.quantize(64).convert("RGB")),)


ATTACKS: Final = (
    Attack(name="endless, 4 IPv4", connections=256, clients=IPV4[:4], way="endless"),
    Attack(name="endless, 4 /64", connections=256, clients=IPV6, way="endless"),
    Attack(name="chunks of a byte", connections=8, way="byte_chunks"),
    Attack(
        name="6 forms of tiny JPEGs",
        connections=6,
        bodies=_tiny_pictures,
        media_type=_FORM,
    ),
    Attack(
        name="12 forms of tiny JPEGs",
        connections=12,
        bodies=_tiny_pictures,
        media_type=_FORM,
    ),
    Attack(
        name="64 forms of empty parts",
        connections=64,
        bodies=_empty_parts,
        media_type=_FORM,
    ),
    Attack(name="bombs, 1 client", connections=8, bodies=_bombs),
    Attack(name="bombs, 8 clients", connections=8, clients=IPV4, bodies=_bombs),
    Attack(name="12 MP PNGs, 1 client", connections=8, bodies=_large_pictures),
    Attack(
        name="12 MP PNGs, 8 clients",
        connections=8,
        clients=IPV4,
        bodies=_large_pictures,
    ),
    Attack(
        name="broken off, 1 client",
        connections=16,
        way="breaks_off",
        bodies=lambda: files_of(PHOTO_KB),
    ),
    Attack(
        name="broken off, 8 clients",
        connections=16,
        clients=IPV4,
        way="breaks_off",
        bodies=lambda: files_of(PHOTO_KB),
    ),
    Attack(
        name="tiny GIFs, 8 clients",
        connections=64,
        clients=IPV4,
        bodies=_tiny_gifs,
        media_type="image/gif",
    ),
)


async def attacks(options: Options, folder: Path) -> Report:
    """Measure an innocent client without and with each attack."""
    plan = Plan.of(options)
    list_random(folder, 1000)
    parts = []
    with load.beside_the_filter() as note, peers.sink(core=load.LOAD_CORE) as sink:
        for attack in ATTACKS:
            with (
                filter_before(sink.port, folder, core=load.FILTER_CORE) as proxy,
                load.unhindered(),
            ):
                parts.append(await _attacked(attack, proxy, folder, plan))
    return Report(
        rows=[row for part in parts for row in part.rows],
        aims=[aim for part in parts for aim in part.aims],
        notes=[note],
    )


async def _attacked(
    attack: Attack, proxy: load.Spawned, folder: Path, plan: Plan
) -> Report:
    """Take turns without and with one attack."""
    paths = _kept(folder, attack.bodies())
    await _photos(proxy.port, seconds=1.0)  # to warm up
    quiet: list[Sent] = []
    noticed: list[Sent] = []
    answers: Counter[str] = Counter()
    cpu_s = wall_s = 0.0
    for _ in range(plan.rounds):
        quiet += await _photos(proxy.port, seconds=plan.seconds * LENGTH)
        with _attacking(attack, proxy.port, paths) as attacker:
            before_s, begun_s = proxy.cpu_s(), time.perf_counter()
            noticed += await _photos(proxy.port, seconds=plan.seconds * LENGTH)
            cpu_s += proxy.cpu_s() - before_s
            wall_s += time.perf_counter() - begun_s
            answers.update(await asyncio.to_thread(_ended, *attacker))
        await _idle(proxy)
    return _part(attack, quiet, noticed, answers=answers, busy_cores=cpu_s / wall_s)


async def _idle(proxy: load.Spawned) -> None:
    """Wait until the filter has processed the leftovers of an attack."""
    for _ in range(MOST_LOOKS):
        before_s = proxy.cpu_s()
        await asyncio.sleep(LOOK_S)
        if proxy.cpu_s() - before_s < IDLE * LOOK_S:
            return


def _kept(folder: Path, bodies: Sequence[bytes]) -> list[Path]:
    """Write bodies into files for the attacker."""
    paths = []
    for number, body in enumerate(bodies):
        paths.append(folder / f"body-{number}")
        paths[-1].write_bytes(body)
    return paths


@contextmanager
def _attacking(
    attack: Attack, port: int, bodies: Sequence[Path]
) -> Iterator[tuple[Popen[bytes], Path]]:
    """Run the attacker during the block."""
    command = (
        # A real attacker has a machine of its own.
        *load.yielding(),
        *(executable, "-m", "benchmarks.proxy.attacker", attack.way, str(port)),
        *("--connections", str(attack.connections), "--clients", *attack.clients),
        *("--media-type", attack.media_type, "--bodies", *map(str, bodies)),
    )
    with load.spawn(*command) as (child, output):
        load.port_of(child, output)
        yield child, output


def _ended(child: "Popen[bytes]", output: Path) -> dict[str, int]:
    """End the attacker, and return how often it got each answer."""
    child.terminate()
    child.wait(timeout=load.START_S)
    answers: dict[str, int] = json.loads(output.read_bytes().splitlines()[-1])
    return answers


class Sent(NamedTuple):
    """An upload of the innocent client.

    Attributes:
        status: Status of its answer.
        took_ms: Milliseconds until the end of the answer.
        after_s: Seconds after the start of the round.
    """

    status: int
    took_ms: float
    after_s: float


async def _photos(port: int, *, seconds: float) -> list[Sent]:
    """Upload photos at an easy pace; return the result of each."""
    files = files_of(PHOTO_KB)
    requests = [load.upload(file, client=INNOCENT) for file in files]
    answers: list[Sent] = []
    begun_s = time.perf_counter()
    end_s = begun_s + seconds

    async def client(number: int) -> None:
        connection = await load.Connection.opened(port)
        turn = number
        while time.perf_counter() < end_s:
            if not connection.is_open:
                connection = await load.Connection.opened(port)
            sent_s = time.perf_counter()
            answer = await connection.ask(requests[turn % len(requests)])
            took_ms = (time.perf_counter() - sent_s) * 1000
            answers.append(Sent(answer.status, took_ms, sent_s - begun_s))
            turn += 1
            await asyncio.sleep(PAUSE_S)
        connection.close()

    async with asyncio.TaskGroup() as group:
        for number in range(CONNECTIONS):
            group.create_task(client(number))
    return answers


def _served_ms(uploads: Sequence[Sent]) -> list[float]:
    """Return the milliseconds of the uploads that reached the origin."""
    return [sent.took_ms for sent in uploads if sent.status == load.CREATED]


def _part(
    attack: Attack,
    quiet: Sequence[Sent],
    noticed: Sequence[Sent],
    *,
    answers: Counter[str],
    busy_cores: float,
) -> Report:
    quiet_ms, served_ms = _served_ms(quiet), _served_ms(noticed)
    later_ms = _served_ms([sent for sent in noticed if sent.after_s >= ONSET_S])
    refused = len(noticed) - len(served_ms)
    ratio = percentile(served_ms, 99) / percentile(quiet_ms, 99)
    row = {
        "attack": attack.name,
        "uploads": len(noticed),
        "quiet_p50_ms": round(percentile(quiet_ms, 50), 1),
        "quiet_p99_ms": round(percentile(quiet_ms, 99), 1),
        "p50_ms": round(percentile(served_ms, 50), 1),
        "p99_ms": round(percentile(served_ms, 99), 1),
        "p99_ratio": round(ratio, 2),
        "later_p99_ms": round(percentile(later_ms, 99), 1),
        "refused": refused,
        "attacker": dict(answers),
        "busy_cores": round(busy_cores, 2),
    }
    aims = [
        Aim(text=f"innocent p99: {attack.name}", measured=ratio, most=P99_AIM),
        Aim(text=f"innocent refused: {attack.name}", measured=refused, most=0),
    ]
    return Report(rows=[row], aims=aims)
