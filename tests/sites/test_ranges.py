"""Ranges of files before Apache: its ``mod_dav`` writes them in place, unless filtered.

The origin is the worst for a filter: two ranges make a file that neither request held.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import pictures
from tests.e2e.curl import curl
from tests.sites.apache import apache
from tests.sites.behind import Behind, behind
from tests.sites.formreaders import NODE_PACKAGES, node
from tests.sites.programs import run

pytestmark = pytest.mark.e2e

ROUTE = '[[routes]]\nname = "ranges"\npath = "/ranges"\nprotocol = "webdav"\n'
CLIENT = Path(__file__).parent / "ranges" / "webdav.mjs"
PATCH_TYPE = "Content-Type: application/x-sabredav-partialupdate"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Return Apache, with the proxy before it, and a folder whose ranges are taken."""
    folder = tmp_path_factory.mktemp("ranges")
    config = folder / "config.toml"
    config.write_text(ROUTE)
    with apache() as (url, served):
        curl(f"{url}/ranges", "-X", "MKCOL")
        options = ("--config", str(config))
        with behind(url, stored=served, folder=folder, options=options) as site:
            yield site


def put(site: Behind, path: str, content: bytes, *headers: str) -> int:
    """Put bytes through the proxy; return the status."""
    lines = [word for line in headers for word in ("-H", line)]
    options = ("-X", "PUT", "--data-binary", "@-", "-H", "Content-Type:", *lines)
    return curl(site.url(path), *options, data=content).status


def ranged(at: int, content: bytes, total: int | str) -> str:
    """Return the header of a range."""
    return f"Content-Range: bytes {at}-{at + len(content) - 1}/{total}"


def keep(site: Behind, path: str, content: bytes) -> None:
    """Put a file at the origin itself: it was there before the filter."""
    curl(f"{site.origin}{path}", "-T", "-", data=content)


def stored(site: Behind, path: str) -> bytes:
    """Return the file that the origin has."""
    return (site.stored / path.lstrip("/")).read_bytes()


def test_apache_joins_ranges_by_itself(site: Behind) -> None:
    """Without the filter, two requests make the listed picture that neither held."""
    listed, half = pictures.listed(), len(pictures.listed()) // 2
    keep(site, "/lake.jpg", bytes(half) + listed[half:])
    options = ("-X", "PUT", "--data-binary", "@-")
    first = ranged(0, listed[:half], half)
    curl(f"{site.origin}/lake.jpg", *options, "-H", first, data=listed[:half])
    assert stored(site, "/lake.jpg") == listed
    curl(f"{site.origin}/lake.jpg", "-X", "DELETE")


def test_range_never_goes_on(site: Behind) -> None:
    """Where no route names ranges: not as a piece, and not as the whole file."""
    listed, half = pictures.listed(), len(pictures.listed()) // 2
    keep(site, "/lake.jpg", bytes(half) + listed[half:])
    first, second = listed[:half], listed[half:]
    assert put(site, "/lake.jpg", first, ranged(0, first, len(listed))) == 400
    assert put(site, "/lake.jpg", second, ranged(half, second, len(listed))) == 400
    put(site, "/lake.jpg", first, ranged(0, first, half))
    assert stored(site, "/lake.jpg") != listed
    assert put(site, "/notes.txt", b"a longer text") == 201
    assert put(site, "/notes.txt", b"text", ranged(0, b"text", 4)) == 204
    assert stored(site, "/notes.txt") == b"text"
    curl(f"{site.origin}/lake.jpg", "-X", "DELETE")


@pytest.mark.parametrize("cut", [1, 20_000, 50_000])
def test_interrupted_upload_is_resumed_by_curl(
    site: Behind, tmp_path: Path, cut: int
) -> None:
    """``curl -C`` sends the end of a file whose beginning the origin has."""
    for content in (pictures.unlisted(), pictures.listed()):
        assert cut < len(content)
        file = tmp_path / "lake.jpg"
        file.write_bytes(content)
        keep(site, "/ranges/lake.jpg", content[:cut])
        options = ("-C", str(cut), "-T", str(file), "--retry", "3")
        answer = curl(site.url("/ranges/lake.jpg"), *options)
        if content == pictures.unlisted():
            assert answer.status == 204
            assert stored(site, "/ranges/lake.jpg") == content
        else:
            assert answer.status == 403
            assert stored(site, "/ranges/lake.jpg") == content[:cut]
        curl(f"{site.origin}/ranges/lake.jpg", "-X", "DELETE")


def test_new_file_is_made_of_ranges(site: Behind) -> None:
    """Nothing of it is at the origin before the last one; a listed one is not."""
    for content in (pictures.unlisted(), pictures.listed()):
        is_listed, total, path = content == pictures.listed(), len(content), "/ranges/a"
        cuts = [0, 10_000, 20_000, 40_000, total]
        statuses = []
        for index in (3, 0, 2, 1):
            assert not (site.stored / "ranges/a").exists()
            at, piece = cuts[index], content[cuts[index] : cuts[index + 1]]
            statuses.append(put(site, path, piece, ranged(at, piece, total)))
        assert statuses == [202, 202, 202, 403 if is_listed else 201]
        assert (site.stored / "ranges/a").exists() is not is_listed
        if not is_listed:
            assert stored(site, path) == content
        curl(f"{site.origin}{path}", "-X", "DELETE")
    assert not site.holds(pictures.listed())


def test_patch_needs_no_support_of_the_origin(site: Behind) -> None:
    """Apache knows no PATCH; each change of the file is inspected as a whole."""
    keep(site, "/ranges/notes.txt", b"0123456789")
    url = site.url("/ranges/notes.txt")
    for update, data in (("append", b"ab"), ("bytes=0-1", b"xy"), ("bytes=-2", b"cd")):
        lines = ("-H", PATCH_TYPE, "-H", f"X-Update-Range: {update}")
        options = ("-X", "PATCH", "--data-binary", "@-", *lines)
        assert curl(url, *options, data=data).status == 204
    assert stored(site, "/ranges/notes.txt") == b"xy23456789cd"
    listed = pictures.listed()
    keep(site, "/ranges/lake.jpg", listed[:-1])
    lines = ("-H", PATCH_TYPE, "-H", "X-Update-Range: append")
    options = ("-X", "PATCH", "--data-binary", "@-", *lines)
    assert curl(site.url("/ranges/lake.jpg"), *options, data=listed[-1:]).status == 403
    assert stored(site, "/ranges/lake.jpg") == listed[:-1]
    curl(f"{site.origin}/ranges/lake.jpg", "-X", "DELETE")


def test_client_of_npm_changes_a_file(site: Behind, tmp_path: Path) -> None:
    """It asks what the server can do, and sends Apache a range without a length."""
    packages = {"NODE_PACKAGES": str(NODE_PACKAGES)}
    file, path = tmp_path / "piece", "/ranges/lake.jpg"
    for content in (pictures.unlisted(), pictures.listed()):
        keep(site, path, bytes(20_000) + content[20_000:])
        file.write_bytes(content[:20_000])
        command = (node(), CLIENT, site.proxy.url, path, "0", file)
        told = json.loads(run(*command, env=packages).stdout)
        if content == pictures.unlisted():
            assert told == {"done": True}
            assert stored(site, path) == content
        else:
            assert told == {"status": 403}
            assert stored(site, path) != content
        curl(f"{site.origin}{path}", "-X", "DELETE")
