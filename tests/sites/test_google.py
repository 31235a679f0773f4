"""A server of Google Cloud Storage behind the proxy, and Google's own client.

The client sends a picture in every way that it has. An unlisted one arrives byte for
byte; a listed one is refused with a clear error, and the client gives up.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.corpus import pictures
from tests.ports import free_port
from tests.sites.behind import Behind, behind
from tests.sites.firebase import Bucket, firebase
from tests.sites.formreaders import NODE_PACKAGES, node
from tests.sites.programs import installed, run, server

pytestmark = pytest.mark.e2e

FIREBASE = Path(__file__).parent / "ranges" / "firebase.mjs"
ROUTES = """
[[routes]]
name = "photos"
path = "/upload"
protocol = "google"
[[routes]]
name = "files"
path = "/v0"
protocol = "google"
origin = "{}"
"""

WAYS = {
    "chunks": "blob.upload_from_filename(path)",
    "length at the end": "blob.upload_from_file(Stream(path))",
    "as a file": "f = blob.open('wb'); f.write(data); f.close()",
    "one chunk": "blob.chunk_size = 2**24; blob.upload_from_filename(path)",
    "parts": "blob.chunk_size = None; blob.upload_from_string(data)",
}
"""Statements of a program, by the way in which they send a file."""

MOST_S = 20
"""Longest that a client goes on after refusals; it repeats some errors for minutes."""

PROGRAM = """
import io, json, sys
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.cloud.storage.exceptions import InvalidResponse
url, path, ways = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
data = open(path, "rb").read()

class Stream(io.RawIOBase):
    def __init__(self, path):
        self.file = open(path, "rb")
    def read(self, size=-1):
        return self.file.read(size)
    def tell(self):
        return self.file.tell()

client = storage.Client(
    project="p",
    credentials=AnonymousCredentials(),
    client_options={"api_endpoint": url},
)
told = {}
for way, lines in ways.items():
    blob = client.bucket("photos").blob(way + ".png", chunk_size=2**18)
    try:
        exec(lines)
        told[way] = blob.download_as_bytes() == data
    except GoogleAPICallError as exc:
        told[way] = exc.code
    except InvalidResponse as exc:
        told[way] = exc.response.status_code
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def files() -> Iterator[tuple[str, Bucket]]:
    """Return the URL of a server with the addresses of Firebase, and its files."""
    with firebase() as made:
        yield made


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, files: tuple[str, Bucket]
) -> Iterator[Behind]:
    """Return the emulator of Cloud Storage, and the proxy before it and the other."""
    folder, port = tmp_path_factory.mktemp("google"), free_port()
    stored, config = folder / "stored", folder / "config.toml"
    stored.mkdir()
    config.write_text(ROUTES.format(files[0]))
    command = [
        *(installed("gcp-storage-emulator"), "start", "--quiet"),
        *("--host", "127.0.0.1", "--port", str(port), "--default-bucket", "photos"),
    ]
    env = {"STORAGE_BASE": str(stored), "STORAGE_DIR": "objects"}
    with (
        server(command, log=folder / "server.log", ready=port, env=env),
        behind(
            f"http://127.0.0.1:{port}",
            stored=stored,
            folder=folder,
            options=("--config", str(config)),
        ) as site,
    ):
        yield site


def picture(seed: int) -> bytes:
    """Return a picture of more than a megabyte: 5001 is listed."""
    return pictures.png(pictures.photograph(seed))


def sent(site: Behind, file: Path) -> dict[str, bool | int]:
    """Send a file in every way; return whether it is there, or the error's status."""
    command = (installed("python"), "-c", PROGRAM, site.proxy.url, file)
    told: dict[str, bool | int] = json.loads(run(*command, json.dumps(WAYS)).stdout)
    return told


def test_client_of_google(site: Behind, tmp_path: Path) -> None:
    """The file is there as it was sent; or it is not, and the client says why."""
    file = tmp_path / "holiday.png"
    file.write_bytes(picture(5002))
    known = len(site.verdicts())
    assert sent(site, file) == dict.fromkeys(WAYS, True)
    assert set(site.verdicts()[known:]) == {"NO_MATCH"}
    file.write_bytes(picture(5001))
    begun_s = time.monotonic()
    assert sent(site, file) == dict.fromkeys(WAYS, 403)
    assert time.monotonic() - begun_s < MOST_S
    assert site.verdicts()[known:].count("MATCH") == len(WAYS)
    assert not site.holds(picture(5001))


def test_client_of_firebase(
    site: Behind, files: tuple[str, Bucket], tmp_path: Path
) -> None:
    """It sends commands; a refusal is its error, and it does not go on."""
    file, told = tmp_path / "holiday.png", {}
    packages = {"NODE_PACKAGES": str(NODE_PACKAGES)}
    for seed in (5002, 5001):
        file.write_bytes(picture(seed))
        command = (node(), FIREBASE, str(site.ports[1]), file)
        told[seed] = json.loads(run(*command, env=packages).stdout)
    assert told[5002]["size"] == len(picture(5002))
    assert len(told[5002]["requests"]) > 3
    assert told[5001]["code"] == "storage/unauthorized"
    assert [it for it in told[5001]["requests"] if it.endswith("403")] == [
        told[5001]["requests"][-1]
    ]
    assert files[1].seen == {picture(5002)}
