"""Clients of S3 with the settings that people have, through TLS, before two stores.

Each client sends the same files straight to the store and through the filter: what
the store then knows of them must be the same, except that it never has a listed one.
"""

import array
import io
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import pictures
from tests.sites.behind import Behind, behind
from tests.sites.s3ceph import ceph
from tests.sites.s3clients import BUCKET, CLIENTS, Errand
from tests.sites.s3front import Front, Seen, s3front
from tests.sites.s3store import Store, s3store

pytestmark = pytest.mark.e2e

ROUTE = '[[routes]]\nname = "store"\npath = "/"\nprotocol = "s3"\n'

MOST_TRIES = 3
"""Requests for one refused file: rclone copies a tree three times if a file fails, and
all others send it once."""

OF_A_TRY = {"LastModified", "ResponseMetadata", "VersionId"}
"""Keys that differ for each object."""

OF_AWS: Sequence[str] = ("awscli", "boto3", "javascript")
"""The clients before moto, which keeps checksums: only these send any."""

CLEAR = dict.fromkeys(CLIENTS, "AccessDenied") | {"minio": "Insufficient permissions"}
"""What clients tell of a refused file; minio has words of its own for it."""

AN_HOUR_NS = 3600 * 10**9
CUT_AT = 5 << 20
"""Bytes of the parts of rclone and JavaScript; others have larger ones."""


def archive(content: bytes, size: int, seed: int) -> bytes:
    """Return an archive of which the first cut of some clients is in a picture."""
    numbers = array.array("Q", range(seed << 32, (seed << 32) + size // 8)).tobytes()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a.bin", numbers[: CUT_AT - len(content) // 2])
        made.writestr("b.jpg", content)
        made.writestr("c.bin", numbers[CUT_AT:])
    return file.getvalue()


UNLISTED: Mapping[str, bytes] = {
    "a-text.txt": b"Where the water ends.\n" * 50,
    "boat.jpg": pictures.unlisted(7001),
    "six.zip": archive(pictures.unlisted(7002), 6_000_000, 1),
    "seventeen.zip": archive(pictures.unlisted(7003), 17_000_000, 2),
}
LISTED: Mapping[str, bytes] = {
    "lake.jpg": pictures.listed(),
    "lake.zip": archive(pictures.listed(), 17_000_000, 3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A store, with the filter and without.

    Attributes:
        store: The store.
        site: The filter before it.
        straight: A front end before the store.
        through: A front end before the filter.
        home: A folder for settings of clients.
    """

    store: Store
    site: Behind
    straight: Front
    through: Front
    home: Path

    def heads(self, prefix: str) -> dict[str, Any]:
        """Return what the store knows of each file, as HEAD tells it."""
        more = {"Bucket": BUCKET, "ChecksumMode": "ENABLED"}
        names = [*UNLISTED, *LISTED]
        calls = [("head_object", {**more, "Key": prefix + name}) for name in names]
        told = self.store.call(self.store.origin, *calls)
        return {
            name: {k: v for k, v in head.items() if k not in OF_A_TRY}
            for name, head in zip(names, told, strict=True)
        }


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a folder with the unlisted files, and one with all."""
    folder = tmp_path_factory.mktemp("files")
    made = {"all": {**UNLISTED, **LISTED}, "unlisted": UNLISTED}
    for name in made:
        (folder / name).mkdir()
    for file, content in made["all"].items():
        (folder / "all" / file).write_bytes(content)
    for file in made["unlisted"]:
        (folder / "unlisted" / file).hardlink_to(folder / "all" / file)
        # Some clients send the times of a file; reading it must not change them.
        written = (folder / "all" / file).stat().st_mtime_ns
        read = written + AN_HOUR_NS
        os.utime(folder / "all" / file, ns=(read, written))
    return {name: folder / name for name in made}


@contextmanager
def staged(store: Store, folder: Path) -> Iterator[Stage]:
    """Run the filter, and both front ends, before a store."""
    config = folder / "config.toml"
    config.write_text(ROUTE)
    store.call(store.origin, ("create_bucket", {"Bucket": BUCKET}))
    options = ("--config", str(config))
    with behind(store.origin, stored=folder, folder=folder, options=options) as site:
        straight, through = site.ports
        with (
            s3front(folder / "straight", to=straight) as before_store,
            s3front(folder / "through", to=through) as before_filter,
        ):
            yield Stage(
                store=store,
                site=site,
                straight=before_store,
                through=before_filter,
                home=folder,
            )


@pytest.fixture(scope="module")
def before_ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return the gateway of Ceph, which checks every signature."""
    folder = tmp_path_factory.mktemp("ceph")
    with ceph(folder) as store, staged(store, folder) as stage:
        yield stage


@pytest.fixture(scope="module")
def before_moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return moto, which does not know the signatures of all of these clients."""
    folder = tmp_path_factory.mktemp("moto")
    with (
        s3store(folder) as store,
        store.open_to_all(),
        staged(store, folder) as stage,
    ):
        yield stage


@pytest.mark.parametrize("client", CLIENTS)
def test_client_before_ceph(
    before_ceph: Stage, folders: dict[str, Path], client: str
) -> None:
    """Unlisted files are stored as ever, listed ones never, and the client says so."""
    check(before_ceph, folders, client)


@pytest.mark.parametrize("client", OF_AWS)
def test_client_before_moto(
    before_moto: Stage, folders: dict[str, Path], client: str
) -> None:
    """The same, with checksums."""
    check(before_moto, folders, client)


def check(stage: Stage, folders: dict[str, Path], client: str) -> None:
    """Send by a client on both ways, and compare."""
    told = {
        way: CLIENTS[client](
            Errand(
                store=stage.store,
                front=front,
                files=folders[files],
                prefix=f"{client}/{way}/",
                home=stage.home,
            )
        )
        for way, front, files in (
            ("straight", stage.straight, "unlisted"),
            ("through", stage.through, "all"),
        )
    }
    straight = stage.heads(f"{client}/straight/")
    through = stage.heads(f"{client}/through/")
    refused = {
        name: [seen for seen in stage.through.seen() if is_refused(seen, client, name)]
        for name in LISTED
    }

    assert {name: straight[name] for name in UNLISTED} == {
        name: through[name] for name in UNLISTED
    }, told
    assert all("ETag" in straight[name] for name in UNLISTED), told
    assert all(through[name] == {"refused": 404} for name in LISTED)
    assert CLEAR[client] in told["through"], told
    for tries in refused.values():
        assert 1 <= len(tries) <= (MOST_TRIES if client == "rclone" else 1), tries


def is_refused(seen: Seen, client: str, name: str) -> bool:
    """Tell whether a request was to make an object, and was refused."""
    is_of_file = f"/{client}/through/{name}" in seen.target
    return is_of_file and seen.status == 403 and seen.method in {"PUT", "POST"}
