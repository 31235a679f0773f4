"""A server of tus behind the proxy, and the clients that people use.

Each client sends a picture in every way that it has. An unlisted one arrives byte for
byte; a listed one is refused with a clear error, and the client gives up.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Response

from tests.e2e import pictures
from tests.ports import free_port
from tests.sites.behind import Behind, behind
from tests.sites.formreaders import NODE_PACKAGES, node
from tests.sites.joining import UPPY, evaluated, joining
from tests.sites.programs import installed, run, server
from tests.sites.visitor import visitor

pytestmark = pytest.mark.e2e

PROGRAMS = Path(__file__).parent / "tus"
ROUTE = '[[routes]]\nname = "files"\npath = "/files"\nprotocol = "tus"\n'

WAYS: dict[str, dict[str, Any]] = {
    "one request": {},
    "chunks": {"chunkSize": 20_000},
    "chunks from the creation on": {
        "chunkSize": 20_000,
        "uploadDataDuringCreation": True,
    },
    "all in the creation": {"uploadDataDuringCreation": True},
    "length at the end": {"chunkSize": 20_000, "uploadLengthDeferred": True},
    "POST for PATCH": {"chunkSize": 20_000, "overridePatchMethod": True},
}
"""Options of tus-js-client."""

MOST_REQUESTS = 12
"""Requests of an upload of 60 to 90 KB, with everything that a client repeats."""

TUSPY = """
import sys
from tusclient import client, exceptions
uploader = client.TusClient(sys.argv[1]).uploader(
    sys.argv[2], chunk_size=20_000, metadata={"filename": "holiday.jpg"}
)
try:
    uploader.upload()
except exceptions.TusCommunicationError as exc:
    print(exc.status_code)
else:
    print(uploader.url)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Return the server of ``@tus/server``, with the proxy before it."""
    folder, port = tmp_path_factory.mktemp("tus"), free_port()
    stored, config = folder / "stored", folder / "config.toml"
    stored.mkdir()
    config.write_text(ROUTE)
    command: list[str | Path] = [node(), PROGRAMS / "server.mjs", stored, str(port)]
    packages = {"NODE_PACKAGES": str(NODE_PACKAGES)}
    with (
        server(command, log=folder / "server.log", ready=port, env=packages),
        behind(
            f"http://127.0.0.1:{port}",
            stored=stored,
            folder=folder,
            options=("--config", str(config)),
        ) as site,
    ):
        yield site


def by_node(site: Behind, file: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Upload a file by tus-js-client; return what it tells its page."""
    endpoint = site.url("/files")
    done = run(
        *(node(), PROGRAMS / "client.mjs", endpoint, file, json.dumps(options)),
        env={"NODE_PACKAGES": str(NODE_PACKAGES)},
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def arrived(site: Behind, url: str) -> bytes:
    """Return the file that the server keeps for an address."""
    return (site.stored / url.rpartition("/")[2]).read_bytes()


@pytest.mark.parametrize("way", WAYS)
def test_tus_js_client(site: Behind, tmp_path: Path, way: str) -> None:
    """The address stays the server's, and a refusal is final."""
    file = tmp_path / "holiday.jpg"
    file.write_bytes(pictures.unlisted())
    told = by_node(site, file, WAYS[way])
    assert arrived(site, told["url"]) == pictures.unlisted()
    assert len(told["requests"]) <= MOST_REQUESTS
    file.write_bytes(pictures.listed())
    told = by_node(site, file, WAYS[way])
    assert told["status"] == 403
    assert [line for line in told["requests"] if line.endswith("403")] == [
        told["requests"][-1]
    ]
    assert not site.holds(pictures.listed())


def test_tuspy(site: Behind, tmp_path: Path) -> None:
    """The same by the client of Python."""
    python = installed("python")
    file = tmp_path / "holiday.jpg"
    file.write_bytes(pictures.unlisted())
    done = run(python, "-c", TUSPY, site.url("/files"), file)
    assert arrived(site, done.stdout.decode().strip()) == pictures.unlisted()
    file.write_bytes(pictures.listed())
    done = run(python, "-c", TUSPY, site.url("/files"), file)
    assert done.stdout.strip() == b"403"
    assert not site.holds(pictures.listed())


UPPY_WAYS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "chunks": {"chunkSize": 20_000},
    "all in the creation": {"uploadDataDuringCreation": True},
}
"""Options of Uppy's plugin for tus."""


@pytest.fixture(scope="module")
def page(site: Behind) -> Iterator[Page]:
    """Return a page of another site, whose script sends to this one (CORS)."""
    assert site.proxy.url
    with joining() as elsewhere, visitor() as opened:
        opened.goto(f"{elsewhere.url}/page/uppy")
        yield opened


@pytest.mark.parametrize("way", UPPY_WAYS)
def test_uppy_in_chromium(site: Behind, page: Page, way: str) -> None:
    """A page of another site reads the refusal, too, and a person may try again."""
    options = json.dumps(UPPY_WAYS[way] | {"endpoint": site.url("/files")})
    script = evaluated(UPPY.replace("PLUGIN", "Tus").replace("OPTIONS", options))
    seen: list[str] = []

    def note(response: Response) -> None:
        seen.append(f"{response.request.method} {response.status}")

    page.on("response", note)
    told = page.evaluate(script, list(pictures.unlisted(6502)))
    assert arrived(site, told.removeprefix("success ")) == pictures.unlisted(6502)
    for _ in range(2):
        seen.clear()
        told = page.evaluate(script, list(pictures.listed()))
        assert told == "error 403"
        assert [line for line in seen if line.endswith("403")] == [seen[-1]]
        assert len(seen) <= MOST_REQUESTS
    page.remove_listener("response", note)
    assert not site.holds(pictures.listed())
