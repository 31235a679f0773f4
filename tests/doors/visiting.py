"""A filter with its doors open, and the visitors that knock at them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.proxy.site import Site, exact_entry, site
from tests.proxy.wire import TIMEOUT_S
from uploadfilter.doors.settings import APISettings
from uploadfilter.proxy.clients.addresses import TCPAddress

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

LISTED = b"a listed file of some bytes\n" * 4


@dataclass(slots=True, kw_only=True)
class Visit:
    """A filter, and the socket of its scan API.

    Attributes:
        site: The filter.
        api: Path of the socket.
    """

    site: Site
    api: Path

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
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
    async def talk(self, begin: bytes) -> AsyncIterator[Connection]:
        """Open a connection to the scan API, and send the beginning of a question."""
        reader, writer = await asyncio.open_unix_connection(str(self.api))
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


@asynccontextmanager
async def visit(
    folder: Path,
    **changes: Any,  # noqa: ANN401 - any field of the settings
) -> AsyncIterator[Visit]:
    """Run a filter that lists ``LISTED``, with its doors open, during the block."""
    api = folder / "api"
    changes = {"listed": [exact_entry(1, LISTED)], **changes}
    asked = APISettings(listen=f"unix:{api}")
    async with site(folder / "state", api=asked, **changes) as running:
        yield Visit(site=running, api=api)


def port_of(running: Site) -> int:
    """Return the TCP port of the scan API."""
    if running.service is None or not isinstance(running.service.api, TCPAddress):
        raise TypeError("the scan API listens on no port")
    return running.service.api.port
