"""Run the tests of this room on the event loops that the package runs on."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
import uvloop

from uploadfilter.scanners.pool import launching, process

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def pytest_asyncio_loop_factories() -> Mapping[
    str, Callable[[], asyncio.AbstractEventLoop]
]:
    """Name the event loops: the command line uses the first, the service the second.

    Tests of a scanner process, unlike those of the pool's waiting, need only one.
    """
    return LOOPS


@pytest.fixture
def started_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start each template as the service does, by itself and from nothing."""
    monkeypatch.setattr(process, "spawn", launching.spawn)


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Leave the loop of the command line to the slow tests, where both are tried."""
    for item in items:
        ids = item.name.partition("[")[2].rstrip("]").split("-")
        if "asyncio" in ids and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
