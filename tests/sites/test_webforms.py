"""Uploaders of web pages in Chromium, which cut files into slices."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.e2e import pictures
from tests.sites.behind import Behind, behind
from tests.sites.joining import SLICE_BYTES, UPLOADS, Joining, joining, sending
from tests.sites.visitor import visitor

pytestmark = pytest.mark.e2e


MOST_REQUESTS = 23
"""Requests of a file in three to seven slices: for each one a question and the slice;
Uppy and here resumable.js send a refused request three more times, and resumable.js may
have three on their way when the first one is refused."""


@pytest.fixture(scope="module")
def joined() -> Iterator[Joining]:
    """Return a site that joins slices."""
    with joining() as site:
        yield site


@pytest.fixture(scope="module")
def site(joined: Joining, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Return that site behind the proxy, on a route for chunked forms."""
    folder = tmp_path_factory.mktemp("webforms")
    config = folder / "uploadfilter.toml"
    config.write_text('[[routes]]\nname = "all"\nprotocol = "forms"\n', "ascii")
    options = ("--config", str(config))
    with behind(
        joined.url, stored=folder / "none", folder=folder, options=options
    ) as stage:
        yield stage


@pytest.fixture(scope="module")
def page(site: Behind) -> Iterator[Page]:
    """Return a page of a browser."""
    assert site.proxy.url
    with visitor() as opened:
        yield opened


@pytest.mark.parametrize("uploader", UPLOADS)
def test_file_arrives_unless_it_is_listed(
    joined: Joining, site: Behind, page: Page, uploader: str
) -> None:
    """In slices, each as the script of the site expects it; the page hears of a 403."""
    unlisted, listed = pictures.unlisted(6501), pictures.listed()
    slices = -(-len(unlisted) // SLICE_BYTES)
    assert slices > 2
    known = len(site.verdicts())
    outcomes = []
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    for content in (unlisted, listed):
        page.goto(site.url(f"/page/{uploader}"))
        sent.clear()
        outcomes.append(page.evaluate(sending(uploader), list(content)))
        assert len(sent) <= MOST_REQUESTS
        if content == unlisted:
            assert bytes(joined.files[uploader]) == unlisted

    assert outcomes == ["success", "error 403"]
    assert bytes(joined.files[uploader]) in {unlisted, b""}
    least = 1 if uploader == "uppy" else 2
    assert least <= joined.forms[uploader] <= slices
    verdicts = site.verdicts()[known:]
    assert (verdicts[0], verdicts[-1]) == ("NO_MATCH", "MATCH")
    if uploader != "uppy":
        assert verdicts.count("MATCH") == 1
