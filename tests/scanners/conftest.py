"""Run the tests of this room on the event loops that the package runs on."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def pytest_asyncio_loop_factories() -> Mapping[
    str, Callable[[], asyncio.AbstractEventLoop]
]:
    """Name the event loops: the command line uses the first, the service the second.

    Tests of what a scanner process does, rather than of how the pool waits for it, say
    that one is enough.
    """
    return LOOPS
