"""Ranges of files before Apache: its ``mod_dav`` writes them in place, unless filtered.

The origin is the worst for a filter: two ranges make a file that neither request held.
"""

from collections.abc import Iterator

import pytest

from tests.e2e import pictures
from tests.e2e.curl import curl
from tests.sites.apache import apache
from tests.sites.behind import Behind, behind

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Return Apache, with the proxy before it."""
    folder = tmp_path_factory.mktemp("ranges")
    with (
        apache() as (url, served),
        behind(url, stored=served, folder=folder) as site,
    ):
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
