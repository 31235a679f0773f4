"""pypiserver behind the proxy: an index of packages."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.e2e import pictures
from tests.ports import free_port
from tests.sites.behind import Behind, behind
from tests.sites.differential import Ask, differences
from tests.sites.packages import wheel
from tests.sites.programs import installed, run, server

pytestmark = pytest.mark.e2e

PACKAGE = "/packages/lakes-1.0-py3-none-any.whl"

ASKS: Mapping[str, Ask] = {
    "front page": Ask(target="/"),
    "index": Ask(target="/simple/"),
    "index without its slash": Ask(target="/simple"),
    "project": Ask(target="/simple/lakes/"),
    "project by another name": Ask(target="/simple/LAKES/"),
    "no such project": Ask(target="/simple/none/"),
    "list of packages": Ask(target="/packages/"),
    "facts of a project": Ask(target="/lakes/json"),
    "package": Ask(target=PACKAGE),
    "head of a package": Ask(target=PACKAGE, method="HEAD"),
    "range of a package": Ask(target=PACKAGE, headers={"Range": "bytes=10-99"}),
    "range behind the end": Ask(target=PACKAGE, headers={"Range": "bytes=9999999-"}),
    "not changed since": Ask(
        target=PACKAGE, headers={"If-Modified-Since": "Wed, 01 Jan 2099 00:00:00 GMT"}
    ),
    "no such package": Ask(target="/packages/none.whl"),
    "upload without an action": Ask(
        target="/",
        method="POST",
        headers={"Content-Type": "multipart/form-data; boundary=x"},
        body=b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
    ),
    "method that is not allowed": Ask(target="/simple/", method="DELETE"),
}
"""Requests, by their subject. None of them changes the site."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Return pypiserver behind the proxy, with one package."""
    folder = tmp_path_factory.mktemp("pypiserver")
    program, port = installed("pypi-server"), free_port()
    stored = folder / "packages"
    stored.mkdir()
    wheel(stored, "lakes", {"lake.jpg": pictures.unlisted(6301)})
    options = ("--interface", "127.0.0.1", "--port", str(port), "--disable-fallback")
    anybody = ("--passwords", ".", "--authenticate", ".")
    with (
        server(
            [program, "run", *options, *anybody, stored],
            log=folder / "pypiserver.log",
            ready=port,
        ),
        behind(f"http://127.0.0.1:{port}", stored=stored, folder=folder) as stage,
    ):
        yield stage


@pytest.mark.parametrize("name", ASKS)
def test_answers_are_the_same_straight_and_through(site: Behind, name: str) -> None:
    """Status, headers and body of an answer do not tell that the proxy is there."""
    found = differences(site, ASKS[name])

    assert not found, "\n".join(found)


def upload(site: Behind, package: Path) -> str:
    """Publish a package with twine, and return its output."""
    done = run(
        *(installed("twine"), "upload", "--non-interactive", "--verbose"),
        *("--disable-progress-bar", "--repository-url", f"{site.proxy.url}/", package),
        env={"TWINE_USERNAME": "keeper", "TWINE_PASSWORD": "-", "NO_COLOR": "1"},
        may_fail=True,
    )
    return (done.stdout + done.stderr).decode()


def test_package_is_published_and_installed(site: Behind, tmp_path: Path) -> None:
    """Twine publishes a package, which pip finds and installs, all by the proxy."""
    content = pictures.unlisted(6302)
    upload(site, wheel(tmp_path, "boats", {"boat.jpg": content}))
    run(
        *(sys.executable, "-m", "pip", "--isolated", "install", "--no-deps"),
        *("--index-url", f"{site.proxy.url}/simple/", "--no-cache-dir"),
        *("--target", tmp_path / "there", "boats"),
    )

    assert (tmp_path / "there" / "boats" / "boat.jpg").read_bytes() == content
    assert 200 in site.outcomes()


def test_package_with_a_listed_picture_is_rejected(
    site: Behind, tmp_path: Path
) -> None:
    """The files of a package are inspected, and the index does not get a listed one."""
    package = wheel(tmp_path, "ponds", {"lake.jpg": pictures.listed()})
    said = upload(site, package)

    assert "403" in said
    assert not (site.stored / package.name).exists()
    assert not site.holds(package.read_bytes())
    assert "MATCH" in site.verdicts()
