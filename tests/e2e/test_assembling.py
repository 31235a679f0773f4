"""Uploads in pieces over a kill -9 of the proxy: every byte in the end, or none."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.conftest import import_set, log, write_set
from tests.proxy.assembling.test_tus import Client
from tests.proxy.assembling.tusorigin import TusOrigin
from tests.proxy.site import Site
from tests.proxy.wire import WireOrigin, status, wire_origin

pytestmark = pytest.mark.e2e

ROUTE = '[[routes]]\nname = "files"\npath = "/files"\nprotocol = "tus"\n'
CUTS = (1, 2, 1000, 30_000)
"""Where each picture is cut; every offset is cut in tests without processes."""


@pytest_asyncio.fixture
async def server() -> AsyncIterator[WireOrigin]:
    """A server of tus."""
    async with wire_origin() as origin:
        yield origin


@contextmanager
def proxy(
    origin: WireOrigin, folder: Path, name: str
) -> Iterator[tuple[running.Proxy, Client]]:
    """Run the proxy before the server, and a client of it."""
    state, config = folder / "state", folder / "config.toml"
    config.write_text(ROUTE)
    options = ("--mode", "enforce", "--config", str(config))
    with running.proxy(
        origin.url, state=state, log=folder / f"{name}.log", options=options
    ) as proxy:
        port = int(proxy.url.rpartition(":")[2])
        yield proxy, Client(Site(port=port, origin=origin, state=state))


async def test_uploads_go_on_after_a_kill(server: WireOrigin, tmp_path: Path) -> None:
    """The listed ones are rejected, the others arrive, and no byte is sent twice."""
    origin = TusOrigin()
    server.answering = origin.answer
    state = tmp_path / "state"
    running.run_program("init", state=state)
    listed, unlisted = pictures.listed(), pictures.unlisted()
    entries = write_set(tmp_path / "set.jsonl", listed)
    import_set(state, entries, "--enforce-unsigned")
    begun: list[tuple[str, bytes, int]] = []
    with proxy(server, tmp_path, "first") as (first, client):
        for data in (listed, unlisted):
            for cut in CUTS:
                target = await client.create(len(data))
                assert status(await client.patch(target, 0, data[:cut])) == 204
                begun.append((target, data, cut))
        first.process.kill()
        first.process.wait()
    assert origin.retrievable() == []
    with proxy(server, tmp_path, "second") as (_, client):
        for target, data, cut in begun:
            assert await client.offset(target) == cut
            answer = await client.patch(target, cut, data[cut:])
            assert status(answer) == (403 if data == listed else 204)
    assert origin.retrievable() == [unlisted] * len(CUTS)
    records = log(state, "--records", "decision")
    verdicts = [record["verdict"] for record in records]
    assert verdicts == ["MATCH"] * len(CUTS) + ["NO_MATCH"] * len(CUTS)
    assert list((state / "uploads").glob("*.data")) == []
