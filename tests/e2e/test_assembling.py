"""Uploads in pieces over a kill -9 of the proxy: every byte in the end, or none."""

import asyncio
import shutil
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

ROUTES = '[[routes]]\nname = "tus"\npath = "/files"\nprotocol = "tus"\n'
CUTS = (1, 2, 1000, 30_000)
"""Where each picture is cut; every offset is cut in tests without processes."""


@pytest_asyncio.fixture
async def server() -> AsyncIterator[WireOrigin]:
    """A server of tus."""
    async with wire_origin() as origin:
        yield origin


@contextmanager
def proxy(
    origin: WireOrigin, folder: Path, name: str, *, store: Path | None = None
) -> Iterator[tuple[running.Proxy, Client]]:
    """Run the proxy before the server, and a client of it.

    Args:
        origin: The server.
        folder: Folder of its state and settings.
        name: Name of its log.
        store: Folder of the upload store, if it is not in the state directory.
    """
    state, config = folder / "state", folder / "config.toml"
    table = f'[upload_store]\ndirectory = "{store}"\n' if store else ""
    config.write_text(table + ROUTES)
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
    import_set(state, entries, enforced=True)
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


async def test_one_upload_over_two_proxies(server: WireOrigin, tmp_path: Path) -> None:
    """Two machines share only the folder of the store, and one of them is killed."""
    origin, store = TusOrigin(), tmp_path / "store"
    server.answering = origin.answer
    listed, unlisted = pictures.listed(), pictures.unlisted()
    entries = write_set(tmp_path / "set.jsonl", listed)
    folders = [tmp_path / "one", tmp_path / "other"]
    running.run_program("init", state=folders[0] / "state")
    import_set(folders[0] / "state", entries, enforced=True)
    shutil.copytree(folders[0], folders[1])
    with (
        proxy(server, folders[0], "one", store=store) as (killed, one),
        proxy(server, folders[1], "other", store=store) as (_, other),
    ):
        for data in (listed, unlisted):
            target = await one.create(len(data))
            assert status(await other.patch(target, 0, data[:1000])) == 204
            assert await one.offset(target) == 1000
            answers = await asyncio.gather(
                *(each.patch(target, 1000, data[1000:2000]) for each in (one, other))
            )
            # One of them waits for nothing, and learns that it came too late.
            assert sorted(map(status, answers)) in ([204, 409], [204, 423])
            assert await other.offset(target) == 2000
            answer = await one.patch(target, 2000, data[2000:])
            assert status(answer) == (403 if data == listed else 204)
        target = await one.create(len(listed))
        assert status(await one.patch(target, 0, listed[:2000])) == 204
        killed.process.kill()
        killed.process.wait()
        assert status(await other.patch(target, 2000, listed[2000:])) == 403
    assert origin.retrievable() == [unlisted]
    assert list(store.glob("*.data")) == []
