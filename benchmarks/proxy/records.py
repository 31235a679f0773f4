"""How fast can somebody who sends uploads that end in nothing make the log grow?

Uploads are begun and broken off, or refused, as fast as possible: from one client, from
a few, and from many networks of one customer (IPv6 /64s within one /48). The growth of
the decision log in a second is extrapolated to a day. The growth by records that are
written once a minute is measured at the end of the run, when the filter writes them at
once. Uploads that are accepted have a record each, which is compressed later: the
compressed size counts, and the plain one is shown beside it.
"""

import asyncio
import contextlib
import json
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers
from benchmarks.proxy.plan import Plan
from benchmarks.proxy.report import Aim, Part
from benchmarks.proxy.site import files_of, filter_before, list_random
from uploadfilter.decisions.files.members import compressed

DAY_S = 86_400
MINUTES_OF_A_DAY = 1440

LOG_AIM_GB = 1.0
"""Most gigabytes a day that one client may write: a disk of 100 GB lasts for months."""

CONNECTIONS = 8
"""Number of connections that keep the filter fully busy."""

WARM_S = 2.0
WARM_UPLOADS = 80
"""After both, the first records of a client have been written one by one."""

LENGTH = 5
"""Duration of each attack, in multiples of the plan's seconds: records that are written
once a second must be written several times."""

_LISTED = 2_000
"""Entries of the reference set, without which nothing is accepted."""

PARTS = 990
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that ends a connection with a reset, so that no port of ours waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """The uploads of one attack.

    Attributes:
        name: Name in the results.
        clients: Addresses that they come from, in turn.
        body: The part of the body that is sent.
        headers: Headers in addition to those of every upload.
        is_broken_off: Whether a byte of the body never comes.
        is_waited_for: Whether the connection ends after the answer, and not before.
        is_expected: Whether the client first asks whether the body may come, so that
            the connection ends when the filter reads it, and not before.
        is_accepted: Whether the uploads reach the origin.
    """

    name: str
    clients: Sequence[str]
    body: bytes
    headers: str = ""
    is_broken_off: bool = True
    is_waited_for: bool = False
    is_expected: bool = False
    is_accepted: bool = False

    def messages(self) -> list[bytes]:
        """Return the message of each client."""
        return [
            f"POST /upload HTTP/1.1\r\nHost: site.example\r\nX-Forwarded-For: {client}"
            f"\r\nContent-Length: {len(self.body) + self.is_broken_off}\r\n"
            f"{self.headers}{_EXPECT * self.is_expected}\r\n".encode()
            + self.body
            for client in self.clients
        ]


ONE = ("192.0.2.7",)
FEW = tuple(f"192.0.2.{number}" for number in range(4))
NETWORKS = tuple(f"2001:db8:7:{number:x}::1" for number in range(256))
"""Networks of one customer, who has a /48."""

_PART = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n\r\n'
_FORM = "Content-Type: multipart/form-data; boundary=b\r\n"
_EXPECT = "Expect: 100-continue\r\n"
_UNKNOWN = "Content-Encoding: unheard-of\r\n"

ATTACKS = (
    Attack(name="broken off at once, one client", clients=ONE, body=b"holiday"),
    *(
        Attack(name=f"broken off, {name}", clients=who, body=b"hol", is_expected=True)
        for name, who in (
            ("one client", ONE),
            ("4 clients", FEW),
            ("256 /64s of a /48", NETWORKS),
        )
    ),
    Attack(
        name=f"forms of {PARTS} parts broken off, one client",
        clients=ONE,
        body=PARTS * _PART,
        headers=_FORM,
        is_waited_for=True,
    ),
    Attack(
        name="refused at the head, one client",
        clients=ONE,
        body=b"holiday",
        headers=_UNKNOWN,
        is_broken_off=False,
        is_waited_for=True,
    ),
)


def accepted() -> Iterator[Attack]:
    """Yield uploads that reach the origin, which are never summarised."""
    for name, body in (("texts", b"holiday"), ("photos", files_of(20)[0])):
        yield Attack(
            name=f"accepted {name}, one client",
            clients=ONE,
            body=body,
            is_broken_off=False,
            is_waited_for=True,
            is_accepted=True,
        )


async def records(folder: Path, plan: Plan) -> Part:
    """Measure the growth of the log under each attack."""
    attacks = (*ATTACKS, *accepted())
    rows = [await _attacked(folder, plan, attack) for attack in attacks]
    aims = [
        Aim(
            text=f"{row['attack']}: GB of log a day",
            measured=float(str(row["gb_a_day"])),
            most=LOG_AIM_GB * (len(attack.clients) if attack.clients is FEW else 1),
        )
        for attack, row in zip(attacks, rows, strict=True)
    ]
    return Part(rows=rows, aims=aims)


async def _attacked(folder: Path, plan: Plan, attack: Attack) -> Mapping[str, object]:
    state = folder / attack.name.replace(" ", "-").replace("/", "")
    state.mkdir(parents=True)
    if attack.is_accepted:
        list_random(state, _LISTED)
    directory = state / "instances" / "main" / "log"
    with peers.sink() as origin:
        with filter_before(origin.port, state) as proxy:
            least = WARM_UPLOADS * len(attack.clients[:4])
            await _sent(proxy.port, attack, seconds=WARM_S, least=least)
            before, cpu_s, begun = _size(directory), proxy.cpu_s(), time.perf_counter()
            uploads = await _sent(proxy.port, attack, seconds=LENGTH * plan.seconds)
            seconds = time.perf_counter() - begun
            cpu_s = proxy.cpu_s() - cpu_s
            grown, after = _size(directory) - before, _size(directory)
        by_the_minute = _size(directory) - after
    plain = grown / seconds * DAY_S + by_the_minute * MINUTES_OF_A_DAY
    share = _compressed_share(directory) if attack.is_accepted else 1.0
    return {
        "attack": attack.name,
        "uploads_per_s": round(uploads / seconds),
        "cpu_ms": round(1000 * cpu_s / max(uploads, 1), 2),
        "bytes_per_s": round(grown / seconds),
        "bytes_per_minute": by_the_minute,
        "plain_gb_a_day": round(plain / 1e9, 3),
        "gb_a_day": round(share * plain / 1e9, 3),
        "times_smaller": round(1 / share, 2),
        "records": _kinds(directory),
    }


async def _sent(port: int, attack: Attack, *, seconds: float, least: int = 0) -> int:
    """Send as fast as possible, at least a number; return how many were begun."""
    until = time.perf_counter() + seconds
    messages = attack.messages()
    count = 0

    async def client(first: int) -> None:
        nonlocal count
        number = first
        while time.perf_counter() < until or count < least:
            message = messages[number % len(messages)]
            await _begun(port, message, attack)
            number += CONNECTIONS
            count += 1

    async with asyncio.TaskGroup() as clients:
        for first in range(CONNECTIONS):
            clients.create_task(client(first))
    return count


async def _begun(port: int, message: bytes, attack: Attack) -> None:
    loop = asyncio.get_running_loop()
    with _socket() as sock, contextlib.suppress(OSError):
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, message)
        if attack.is_waited_for:
            sock.shutdown(socket.SHUT_WR)
        if attack.is_waited_for or attack.is_expected:
            await loop.sock_recv(sock, 4096)


@contextlib.contextmanager
def _socket() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        yield sock


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.glob("*.jsonl"))


def _compressed_share(directory: Path) -> float:
    """Return the size of the log's largest file once it is compressed, of its size."""
    path = max(directory.glob("*.jsonl"), key=lambda it: it.stat().st_size)
    size = path.stat().st_size
    with path.open("rb") as file:
        return sum(map(len, compressed(file, size))) / size


def _kinds(directory: Path) -> dict[str, int]:
    """Count the records by their kinds."""
    found: dict[str, int] = {}
    for path in sorted(directory.glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            kind = json.loads(line)["record"]
            found[kind] = found.get(kind, 0) + 1
    return found
