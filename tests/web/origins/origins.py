"""An origin that speaks TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.proxy.certificates import Certificates
from tests.proxy.wire import WireOrigin


@asynccontextmanager
async def tls_origin(
    files: Certificates, *, asks_for_certificate: bool = False
) -> AsyncIterator[WireOrigin]:
    """Run an origin under TLS for the length of the block."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.origin)
    if asks_for_certificate:
        context.load_verify_locations(files.authority)
        context.verify_mode = ssl.CERT_REQUIRED
    origin = WireOrigin()
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0, ssl=context)
    origin.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield origin
    finally:
        server.close()
        await origin.stop()
        await server.wait_closed()
