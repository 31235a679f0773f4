"""A filter with its doors open, and the visitors that knock at them."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp

from tests.proxy.site import Site, exact_entry, site
from tests.proxy.wire import TIMEOUT_S
from uploadfilter.doors.settings import APISettings, ClamdSettings
from uploadfilter.web.clients.addresses import TCPAddress

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

LISTED = b"a listed file of some bytes\n" * 4


@dataclass(slots=True, kw_only=True)
class Visit:
    """A filter, and the sockets of its doors.

    Attributes:
        site: The filter.
        api: Path of the scan API's socket.
        clamd: Path of the clamd door's socket.
    """

    site: Site
    api: Path
    clamd: Path

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | BytesIO | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Ask the scan API once; return status, headers and body."""
        connector = aiohttp.UnixConnector(str(self.api))
        async with (
            aiohttp.ClientSession(connector=connector) as client,
            client.request(
                method,
                f"http://filter{path}",
                data=body,
                headers=headers,
                skip_auto_headers=["Content-Type"],
            ) as answer,
        ):
            return answer.status, answer.headers, await answer.read()

    @asynccontextmanager
    async def talk(
        self, begin: bytes, *, at: Path | None = None
    ) -> AsyncIterator[Connection]:
        """Open a connection to the scan API or another door, and send some bytes."""
        reader, writer = await asyncio.open_unix_connection(str(at or self.api))
        try:
            writer.write(begin)
            yield reader, writer
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def send(self, data: bytes) -> bytes:
        """Send bytes to the scan API, and return the whole answer."""
        async with self.talk(data) as (reader, _), asyncio.timeout(TIMEOUT_S):
            return await reader.read()

    async def say(self, *pieces: bytes) -> bytes:
        """Send bytes to the clamd door, and return all that it answers."""
        data = b"".join(pieces)
        talk = self.talk(data, at=self.clamd)
        async with talk as (reader, _), asyncio.timeout(TIMEOUT_S):
            return await reader.read()

    async def stream(self, content: bytes) -> bytes:
        """Ask the clamd door about a content, and return the answer."""
        return await self.say(b"zINSTREAM\0", *chunks(content))


@asynccontextmanager
async def visit(
    folder: Path,
    **changes: Any,  # noqa: ANN401 - any field of the settings
) -> AsyncIterator[Visit]:
    """Run a filter that lists ``LISTED``, with its doors open, during the block."""
    api, clamd = folder / "api", folder / "clamd"
    changes = {
        "listed": [exact_entry(1, LISTED)],
        "api": APISettings(listen=f"unix:{api}"),
        "clamd": ClamdSettings(listen=f"unix:{clamd}"),
        **changes,
    }
    async with site(folder / "state", **changes) as running:
        yield Visit(site=running, api=api, clamd=clamd)


def chunks(content: bytes, size: int = 64 * 1024) -> list[bytes]:
    """Return the chunks in which clients of ClamAV send a content."""
    pieces = [content[begin : begin + size] for begin in range(0, len(content), size)]
    return [struct.pack(">I", len(piece)) + piece for piece in [*pieces, b""]]


def pass_files(door: Path, files: list[int], sent: bytes) -> bytes:
    """Pass open files to the clamd door after a command; return the whole answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT_S)
        client.connect(str(door))
        client.sendall(sent)
        socket.send_fds(client, [b"\0"], files)
        answer = b""
        while data := client.recv(4096):
            answer += data
        return answer


def port_of(running: Site) -> int:
    """Return the TCP port of the scan API."""
    if running.service is None or not isinstance(running.service.api, TCPAddress):
        raise TypeError("the scan API listens on no port")
    return running.service.api.port
