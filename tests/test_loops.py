"""The event loop of the tests leaves no connection open that a test has closed."""

import asyncio
import gc
import warnings

import pytest
from typing_extensions import override

from tests.loops import TestLoop

UNSENT = bytes(64 << 20)
"""More bytes than the sockets of a connection take up while neither end reads."""


class Deaf(asyncio.Protocol):
    """One end of a connection that reads nothing.

    Attributes:
        transport: Of the connection.
    """

    def __init__(self) -> None:
        self.transport: asyncio.Future[asyncio.Transport] = asyncio.Future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and read nothing."""
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        self.transport.set_result(transport)


async def connected() -> list[asyncio.Transport]:
    """Return both ends of a connection; neither end reads anything."""
    loop = asyncio.get_running_loop()
    served = Deaf()
    server = await loop.create_server(lambda: served, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    _, client = await loop.create_connection(Deaf, *address)
    ends = [await end.transport for end in (served, client)]
    server.close()
    return ends


def left_open(loop: asyncio.AbstractEventLoop, *, closes: bool) -> int:
    """Return how many transports are warned of after a loop has ended.

    Args:
        loop: It is run and closed.
        closes: Whether the two ends are closed before it ends, with bytes unsent.
    """

    async def leave() -> list[asyncio.Transport]:
        ends = await connected()
        for end in ends:
            end.write(UNSENT)
            if closes:
                end.close()
        return ends

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ends = loop.run_until_complete(leave())
        loop.close()
        ends.clear()
        gc.collect()
    return sum("unclosed transport" in str(warning.message) for warning in caught)


@pytest.mark.parametrize(
    ("factory", "closes", "warned"),
    [
        (TestLoop, True, 0),
        (TestLoop, False, 2),
        (asyncio.SelectorEventLoop, True, 2),
    ],
)
def test_what_is_closed_with_bytes_unsent_is_gone_with_its_loop(
    factory: type[asyncio.SelectorEventLoop], closes: bool, warned: int
) -> None:
    """The loop warns only of connections that were not closed; asyncio warns of all."""
    assert left_open(factory(), closes=closes) == warned


async def test_tests_run_in_this_loop() -> None:
    """The loop of the tests is this one, without a test's doing."""
    assert type(asyncio.get_running_loop()) is TestLoop
