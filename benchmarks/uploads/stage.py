"""The filter with a route for each protocol, before an origin that counts files."""

import contextlib
import itertools
import json
import sys
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.load import Connection, Request, Spawned, process
from benchmarks.proxy.site import files_of, list_random

ROUTES: Final = {
    "tus": "/tus",
    "s3": "/s3",
    "forms": "/forms",
    "nextcloud": "/remote.php",
}
"""The paths of the protocols."""

ENTRIES: Final = 10_000
LISTED_KB: Final = 200
_FORBIDDEN: Final = 403
_ADDRESSES: Final = itertools.count(1)


def address() -> str:
    """Return an address of a client that no other call returned."""
    number = next(_ADDRESSES)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def listed() -> bytes:
    """Return the picture that is listed: one that nothing else sends."""
    return files_of(LISTED_KB)[-1]


def told(*files: bytes) -> "Counter[tuple[int, int]]":
    """Return length and CRC-32 of files, as the origin tells them."""
    return Counter((len(file), zlib.crc32(file)) for file in files)


@dataclass(slots=True, kw_only=True)
class Stage:
    """The processes of a measurement.

    Attributes:
        proxy: The filter.
        origin: The origin.
        state: State directory of the filter.
        begun_s: Monotonic times at which the last files began at the origin.
    """

    proxy: Spawned
    origin: Spawned
    state: Path
    begun_s: list[float] = field(default_factory=list)

    async def got(self) -> "Counter[tuple[int, int]]":
        """Return the files that the origin got since the last call."""
        async with connected(self.origin.port) as connection:
            asked = Request(b"GET /@got HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = await connection.ask(asked, keep=True)
        files = json.loads(answer.body)
        self.begun_s = [begun_s for _, _, begun_s in files]
        return Counter((length, crc) for length, crc, _ in files)

    async def check(self, what: str, expected: "Counter[tuple[int, int]]") -> None:
        """Refuse a measurement in which other files arrived than were sent.

        Raises:
            RuntimeError: A file is missing, damaged, or there is another one.
        """
        got = await self.got()
        if got != expected:
            raise RuntimeError(f"{what}: the origin got {got}, not {expected}")

    async def check_refused(self, what: str, status: int) -> None:
        """Refuse a measurement in which a listed picture was not stopped.

        Raises:
            RuntimeError: It was answered otherwise than 403, or is at the origin.
        """
        if status != _FORBIDDEN:
            raise RuntimeError(f"{what}: a listed picture was answered {status}")
        await self.check(f"{what}, listed", Counter())


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    """Open a connection to a port of the loopback during a block."""
    connection = await Connection.opened(port)
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def staged(state: Path, *, lines: Sequence[str] = ()) -> Iterator[Stage]:
    """Run an origin, and the filter before it.

    Args:
        state: State directory, which is made.
        lines: Further lines of the table ``[proxy]``.
    """
    list_random(state, ENTRIES, listed=[listed()])
    text = ['trusted_proxies = ["127.0.0.1"]', "[proxy]", "longest_wait_s = 60", *lines]
    for name, path in ROUTES.items():
        text += ["[[routes]]", f'name = "{name}"', f'path = "{path}"']
        text.append(f'protocol = "{name}"')
    settings = state / "uploadfilter.toml"
    settings.write_text("\n".join(text) + "\n", encoding="ascii")
    program = (sys.executable, "-m", "benchmarks.uploads.origin")
    with process(*program) as origin:
        command = (
            *(sys.executable, "-m", "uploadfilter", "serve", "--mode", "enforce"),
            *("--origin", f"http://127.0.0.1:{origin.port}"),
            *("--config", str(settings), "--listen", "127.0.0.1:0"),
            *("--state", str(state)),
        )
        with process(*command) as proxy:
            yield Stage(proxy=proxy, origin=origin, state=state)


def request(
    method: str, target: str, *lines: str, body: bytes = b"", client: str = ""
) -> Request:
    """Return a request.

    Args:
        method: Its method.
        target: Its target.
        lines: Further header lines.
        body: Its body.
        client: Address that a front end names; empty for none.
    """
    named = (f"X-Forwarded-For: {client}",) if client else ()
    head = (
        f"{method} {target} HTTP/1.1",
        "Host: site.example",
        f"Content-Length: {len(body)}",
        *lines,
        *named,
    )
    return Request("\r\n".join((*head, "", "")).encode("ascii"), body)
