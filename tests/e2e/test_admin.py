"""An operator looks at a running proxy in a browser, with scripts and without."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.browser import ARGUMENTS, chromium
from tests.e2e.conftest import Stage, import_set, stage, write_set
from tests.e2e.contrasts import LEAST_CONTRAST, colours_of, contrast, is_wider
from tests.e2e.curl import put
from tests.repository import ROOT
from uploadfilter.signedsets.freshness import Status
from uploadfilter.syncing.trusting import Trusted

pytestmark = pytest.mark.e2e

CONFIG = """
mode = "enforce"

[admin]
listen = "127.0.0.1:0"
"""

PICTURE = ROOT / "build" / "operators-page.png"
"""Pictures of the page in the last run; ``docs/pictures`` holds one of them."""

WIDE = {"width": 1280, "height": 1000}
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 568}
"""The narrowest window without scrolling sideways (WCAG 2.2, criterion 1.4.10)."""


@dataclass(slots=True)
class Look:
    """A page in a browser, and what the browser had to complain of.

    Attributes:
        page: The page.
        complaints: What its console says, violations of its policy included.
        hosts: Every host that it asked.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one Chromium for all tests of the file."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium(), args=list(ARGUMENTS), chromium_sandbox=False
        )
        yield started
        started.close()


@contextmanager
def operated(folder: Path, *options: str) -> Iterator[tuple[Stage, str]]:
    """Run a proxy with an admin listener; yield both."""
    config = folder / "proxy.toml"
    config.write_text(CONFIG)
    with stage(folder, "--config", str(config), *options) as site:
        (event,) = site.proxy.events("admin_listening")
        yield site, f"http://{event['address']}/"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, str]]:
    """Run one proxy with one listed picture for all tests of the file, until ready."""
    folder = tmp_path_factory.mktemp("admin")
    running.run_program("init", state=folder / "state")
    hash_set = write_set(folder / "demo.jsonl", pictures.listed())
    import_set(folder / "state", hash_set, enforced=True)
    known = Status(set="unit7", source="stick", root="", held_back=3)
    Trusted.of(folder / "state", "unit7").put_status(known)
    with operated(folder) as (proxy, url):
        running.wait_for(
            lambda: running.request(f"{url}readyz").status == 200 or None,
            what="readiness",
        )
        yield proxy, url


@contextmanager
def looking(browser: Browser, url: str, **options: Any) -> Iterator[Look]:  # noqa: ANN401 - any option of a browser's context
    """Open a page, and write down what the browser complains of."""
    context = browser.new_context(**{"viewport": WIDE, **options})
    look = Look(context.new_page())
    look.page.on("console", lambda message: look.complaints.append(message.text))
    look.page.on("pageerror", lambda error: look.complaints.append(str(error)))
    look.page.on(
        "request", lambda request: look.hosts.add(urlsplit(request.url).netloc)
    )
    look.page.goto(url)
    yield look
    context.close()


def decided(page: Page) -> int:
    """Return how many uploads the page says were decided."""
    return int(page.inner_text("[data-value=uploads]"))


def test_page_keeps_itself_up_to_date(
    site: tuple[Stage, str], browser: Browser
) -> None:
    """An upload moves figures, charts and decisions of a page that is open."""
    proxy, url = site
    with looking(browser, url) as look:
        look.page.wait_for_selector("#live button[aria-pressed=true]")
        before = decided(look.page)
        rejected = put(proxy.url("/files/a.jpg"), pictures.listed())
        accepted = put(proxy.url("/files/b.jpg"), pictures.unlisted())
        look.page.wait_for_selector(f"[data-value=uploads]:text-is('{before + 2}')")
        look.page.wait_for_selector("[data-line=match]:not([d=''])", state="attached")
        rows = look.page.locator("#rows tr").all_text_contents()
        (signed,) = look.page.locator(
            "section[aria-labelledby=signed] tbody tr"
        ).all_inner_texts()
        heading = look.page.text_content("#state")
        PICTURE.parent.mkdir(exist_ok=True)
        look.page.screenshot(path=PICTURE, full_page=True)

    assert (rejected.status, accepted.status) == (403, 201)
    assert heading == "Ready"
    assert signed.split()[0] == "unit7"
    assert "never synced" in signed
    assert "NO_MATCH" in rows[0]
    assert "MATCHREJECTREJECTREJECTdemo" in rows[1]
    assert look.complaints == []
    assert look.hosts == {urlsplit(url).netloc}


def test_page_can_be_read_without_scripts(
    site: tuple[Stage, str], browser: Browser
) -> None:
    """State, figures, sets, routes and decisions are there, and a way to look again."""
    proxy, url = site
    with looking(browser, url, java_script_enabled=False) as look:
        put(proxy.url("/files/a.jpg"), pictures.listed())
        look.page.click("text=Load again")
        text = look.page.inner_text("body")

    for shown in ("Ready", "ENFORCE", "demo", "default", "MATCH", "Last decisions"):
        assert shown in text
    assert look.complaints == []


def test_page_says_what_is_wrong_and_what_to_do(
    tmp_path: Path, browser: Browser
) -> None:
    """A proxy without a reference set says so, and so does a page that is open."""
    with operated(tmp_path) as (proxy, url), looking(browser, url) as look:
        look.page.wait_for_selector(".checks .bad:has-text('Reference set')")
        wrong = look.page.inner_text(".state")
        running.run_program("init", state=proxy.state)
        look.page.wait_for_selector(".state.good")

    assert "Not ready" in wrong
    assert "uploadfilter init" in wrong
    assert [text for text in look.complaints if "503" not in text] == []


def test_page_says_that_the_proxy_is_gone(tmp_path: Path, browser: Browser) -> None:
    """Old figures are not taken for new ones."""
    with operated(tmp_path) as (proxy, url), looking(browser, url) as look:
        running.stop(proxy.proxy.process)
        look.page.wait_for_selector("#live .lost")
        said = look.page.inner_text("#live")

    assert "does not answer" in said


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_can_be_read_by_everybody(
    site: tuple[Stage, str], browser: Browser, scheme: str
) -> None:
    """Every text stands out from its ground, on narrow screens as well."""
    proxy, url = site
    put(proxy.url("/files/a.jpg"), pictures.listed())
    with looking(browser, url, viewport=NARROW, color_scheme=scheme) as look:
        colours = colours_of(look.page)
        scrolls = is_wider(look.page)

    assert len(colours) > 50
    assert [c for c in colours if contrast(c[1], c[2]) < LEAST_CONTRAST] == []
    assert not scrolls


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
def test_rejections_are_found_among_other_uploads(
    site: tuple[Stage, str], browser: Browser, scripts: bool
) -> None:
    """One field of the form, and a decision as its uploader writes it down."""
    proxy, url = site
    rejected = put(proxy.url("/files/a.jpg"), pictures.listed())
    for _ in range(3):
        put(proxy.url("/files/b.jpg"), pictures.unlisted())
    decision = str(rejected.json()["decision"])
    with looking(browser, url, java_script_enabled=scripts) as look:
        look.page.select_option("[name=action]", "REJECT")
        look.page.click(".choose button")
        look.page.wait_for_url("**action=REJECT**")
        actions = look.page.locator("#rows td:nth-child(3)").all_text_contents()
        look.page.click("text=Show all")
        look.page.fill("[name=id]", " ".join(decision.upper()).replace("0", "O"))
        look.page.click(".choose button")
        look.page.wait_for_url("**id=**")
        ids = look.page.locator("#rows td:last-child").all_text_contents()
        median = look.page.inner_text("[data-value=latency]")

    assert set(actions) == {"REJECT"}
    assert ids == [decision]
    assert median.split()[-1] in {"µs", "ms", "s"}
    assert look.complaints == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
def test_table_that_is_cut_off_says_so(
    site: tuple[Stage, str], browser: Browser, scripts: bool
) -> None:
    """On a telephone; on a screen where it is all there, nothing is said."""
    proxy, url = site
    put(proxy.url("/files/a.jpg"), pictures.listed())
    hints = "section[aria-labelledby=presets] .more"
    with looking(browser, url, viewport=PHONE, java_script_enabled=scripts) as look:
        look.page.wait_for_selector(
            "section[aria-labelledby=decisions] .more", state="visible"
        )
        scrolls = is_wider(look.page)
        look.page.screenshot(path=PICTURE.with_name("on-a-phone.png"), full_page=True)
    with looking(browser, url, java_script_enabled=scripts) as look:
        look.page.wait_for_selector(hints, state="hidden")

    assert not scrolls


def test_updates_can_be_paused(site: tuple[Stage, str], browser: Browser) -> None:
    """A reader of a row can keep it from moving."""
    _, url = site
    with looking(browser, url) as look:
        look.page.click("#live button")
        pressed = look.page.get_attribute("#live button", "aria-pressed")
        label = look.page.inner_text("#live button")

    assert (pressed, label) == ("false", "Paused")
