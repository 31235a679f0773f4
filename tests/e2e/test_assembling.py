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
from tests.e2e.conftest import import_set, write_set
from tests.proxy.assembling.origins import Origins, TusOrigin, serve
from tests.proxy.assembling.senders import PATHS, SENDERS, TusSender
from tests.proxy.site import Site
from tests.proxy.wire import WireOrigin, status, wire_origin

pytestmark = pytest.mark.e2e

ROUTES = "".join(
    f'[[routes]]\nname = "{protocol}"\npath = "{path}"\nprotocol = "{protocol}"\n'
    for protocol, path in PATHS.items()
)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[WireOrigin]:
    """A server of tus."""
    async with wire_origin() as origin:
        yield origin


@contextmanager
def proxy(
    origin: WireOrigin, folder: Path, name: str, *, store: Path | None = None
) -> Iterator[tuple[running.Proxy, TusSender]]:
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
        yield proxy, TusSender(site=Site(port=port, origin=origin, state=state))


async def test_uploads_go_on_after_a_kill_at_each_step(
    server: WireOrigin, tmp_path: Path
) -> None:
    """By every protocol: the listed ones are rejected, the others arrive once."""
    origins = Origins()
    server.answering = serve(origins.reply)
    state = tmp_path / "state"
    running.run_program("init", state=state)
    listed, unlisted = pictures.listed(), pictures.unlisted()
    entries = write_set(tmp_path / "set.jsonl", listed)
    import_set(state, entries, enforced=True)
    site = Site(port=0, origin=server, state=state)
    files = {
        data: [data[:1], data[1:30_000], data[30_000:]] for data in (listed, unlisted)
    }
    senders = [
        kind(site=site, origins=origins, pieces=pieces)
        for kind in SENDERS
        for pieces in files.values()
    ]
    last: dict[int, bytes] = {}
    for number in range(5):
        with proxy(server, tmp_path, f"run{number}") as (running_proxy, client):
            site.port = client.site.port
            for index, sender in enumerate(senders):
                if number == 0:
                    await sender.begin()
                elif number < 4:
                    last[index] = await sender.step(number - 1)
                else:
                    last[index] = await sender.join() or last[index]
            running_proxy.process.kill()
            running_proxy.process.wait()
        if number < 3:
            assert origins.shown() == set()
    for index, sender in enumerate(senders):
        is_listed = b"".join(sender.pieces) == listed
        assert (status(last[index]) == 403) is is_listed
        assert sender.arrived() == ([] if is_listed else [unlisted])
    assert origins.shown().isdisjoint({listed, *files[listed][1:]})
    held = (state / "uploads").glob("*.data")
    assert sum(file.stat().st_size for file in held) == 0


async def test_one_upload_over_two_proxies(server: WireOrigin, tmp_path: Path) -> None:
    """Two machines share only the folder of the store, and one of them is killed."""
    origin, store = TusOrigin(), tmp_path / "store"
    server.answering = serve(origin.reply)
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
