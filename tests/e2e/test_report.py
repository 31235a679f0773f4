"""The report of a site, as people look at it: on a desk, on a phone and on paper."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from deploy.demo import running
from tests.e2e.browser import ARGUMENTS, chromium
from tests.e2e.contrasts import LEAST_CONTRAST, colours_of, contrast, is_wider
from tests.reporting.site import write_site

pytestmark = pytest.mark.e2e

DESK, PHONE = ViewportSize(width=1200, height=800), ViewportSize(width=360, height=700)
TIME = ("--from", "2026-11-25", "--to", "2026-12-01")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one Chromium for all tests of the file."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium(), args=list(ARGUMENTS), chromium_sandbox=False
        )
        yield started
        started.close()


def look(browser: Browser, file: Path) -> list[str]:
    """Look at a page on a desk, a phone and paper; return all that it asked for."""
    asked: list[str] = []
    context = browser.new_context(viewport=DESK)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: asked.append(message.text))
    page.goto(file.as_uri())
    for viewport in (DESK, PHONE):
        page.set_viewport_size(viewport)
        assert not is_wider(page), viewport
    for what, colour, background in colours_of(page):
        assert contrast(colour, background) >= LEAST_CONTRAST, what
    page.pdf(path=file.with_suffix(".pdf"), prefer_css_page_size=True)
    context.close()
    return asked


def test_quarter_is_reported_verified_and_looked_at(
    tmp_path: Path, browser: Browser
) -> None:
    """The installed program makes the page of two logs, and verifies it.

    In both languages nothing lies beside the page, all of it can be read, nothing is
    loaded and no script runs.
    """
    logs = [str(it) for it in write_site(tmp_path, days=7, uploads=30)]
    state = tmp_path / "state"
    files = [tmp_path / f"{language}.html" for language in ("en", "nl")]
    for file in files:
        options = (*TIME, "--by", "day", "--language", file.stem, "-o", str(file))
        running.run_program("report", *options, *logs, state=state)

        assert look(browser, file) == [file.as_uri()]
    verify = ("verify", "--json", str(files[1]), *logs)
    checked = running.run_program(*verify, state=state)

    assert json.loads(checked.stdout)["ok"] is True
