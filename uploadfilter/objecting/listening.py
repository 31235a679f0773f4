"""Listen for the public forms, and for reviewers, each on an address of its own.

Rules this module keeps: connections are few, and when there are too many, one of the
address with the most of them is closed, so that nobody can shut others out.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from uploadfilter.proxy.admin.serving import serving
from uploadfilter.proxy.aiohttp_parts import Handle
from uploadfilter.proxy.clients.addresses import Address, TCPAddress, UnixAddress

MOST_PUBLIC_CONNECTIONS: Final = 256
"""Connections to the public forms: each takes 20 kB, and one that sends a form lasts
for a second. Uploads come in at another process, with connections of their own."""


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
    served = serving(
        handle,
        address,
        who="the forms",
        hint=f"Set {key} in [forms] to another port, or to a unix socket.",
        most=most,
    )
    async with served as bound:
        yield bound
