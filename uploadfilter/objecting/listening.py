"""Listen for the public forms, and for reviewers, each on an address of its own.

Rules this module keeps: connections are few, and when there are too many, one of the
address with the most of them is closed, so that nobody can shut others out.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from uploadfilter.errors import ServiceError
from uploadfilter.proxy.admin.serving import runner_of
from uploadfilter.proxy.aiohttp_parts import Handle
from uploadfilter.proxy.clients.addresses import Address, TCPAddress, UnixAddress

MOST_PUBLIC_CONNECTIONS: Final = 256
"""Connections to the public forms: each takes 20 kB, and one that sends a form lasts
for a second. Uploads come in at another process, with connections of their own."""

_SOCKET_MODE: Final = 0o660


@asynccontextmanager
async def listening(
    handle: Handle, address: TCPAddress | UnixAddress, *, most: int, key: str
) -> AsyncIterator[Address]:
    """Serve a handler while the block runs; yield the address that was bound.

    Args:
        handle: Answers one request.
        address: The address.
        most: Most connections.
        key: The key of the settings that names the address, for the message.

    Raises:
        ServiceError: The address cannot be bound.
    """
    runner = runner_of(handle, most=most)
    await runner.setup()
    try:
        try:
            match address:
                case TCPAddress(host=host, port=port):
                    await web.TCPSite(runner, host, port).start()
                    name = runner.addresses[0]
                    yield TCPAddress(host=name[0], port=name[1])
                case UnixAddress(path=path):
                    await web.UnixSite(runner, path).start()
                    os.chmod(path, _SOCKET_MODE)  # noqa: PTH101 - a path as it was bound
                    yield address
        except OSError as exc:
            why = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else str(exc)
            raise ServiceError(
                f"the forms cannot listen on {address}: {why}",
                hint=f"Set {key} in [forms] to another port, or to a unix socket.",
            ) from exc
    finally:
        await runner.cleanup()
