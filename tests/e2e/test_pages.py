"""A person whose upload is rejected reads why not, in their language, in a browser.

Chromium publishes a listed picture through the proxy, and shows what it is answered.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, ViewportSize, sync_playwright

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.browser import ARGUMENTS, chromium
from tests.e2e.conftest import Stage, import_set, stage, write_set
from tests.e2e.contrasts import NARROW, contrast, publish

pytestmark = pytest.mark.e2e

OBJECTION = "https://objections.example/a-rather-long-path/that-does-not-break?form=1"
REPORT = "https://hotline.example/report"
CONFIG = f"""
mode = "enforce"
objection = "{OBJECTION}"
report = "{REPORT}"
"""

LEAST_CONTRAST = 7.0
"""WCAG 2.2, success criterion 1.4.6 (level AAA), for text of any size."""


HALF = ViewportSize(width=640, height=512)
#: 640, "height": 512}
"""A window of 1,280 pixels at a zoom of 200 %."""

_COLOURS = """
() => [...document.querySelectorAll("h1, h2, p, a, code")].map((element) => {
    let behind = element;
    while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)")
        behind = behind.parentElement;
    return [element.tagName, getComputedStyle(element).color,
            getComputedStyle(behind).backgroundColor];
})
"""
"""The colour of every text, and that of its background."""

_IS_WIDER = "() => document.documentElement.scrollWidth > window.innerWidth"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Run one proxy in ENFORCE, with one listed picture, for all tests of the file."""
    folder = tmp_path_factory.mktemp("pages")
    running.run_program("init", state=folder / "state")
    hash_set = write_set(folder / "demo.jsonl", pictures.listed())
    import_set(folder / "state", hash_set, enforced=True)
    (folder / "proxy.toml").write_text(CONFIG)
    (folder / "holiday.jpg").write_bytes(pictures.listed())
    with stage(folder, "--config", str(folder / "proxy.toml")) as on:
        yield on


@contextlib.contextmanager
def visitor(
    folder: Path, *, locale: str, dark: bool = False
) -> Iterator[BrowserContext]:
    """Run Chromium as somebody's who reads a language."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=chromium(),
            args=list(ARGUMENTS),
            chromium_sandbox=False,
            viewport=NARROW,
            locale=locale,
            color_scheme="dark" if dark else "light",
        )
        with contextlib.closing(context):
            yield context


@pytest.mark.parametrize(
    ("locale", "dark", "language", "heading", "regions"),
    [
        pytest.param(
            "en-GB",
            False,
            "en",
            "Upload not accepted",
            ["Number of this decision", "Where to object", "Reporting what you come"],
            id="english-light",
        ),
        pytest.param(
            "nl-NL",
            True,
            "nl",
            "Upload niet geaccepteerd",
            ["Nummer van deze beslissing", "Waar u bezwaar kunt", "Melden wat u"],
            id="dutch-dark",
        ),
    ],
)
def test_rejection_can_be_read_by_everybody(
    site: Stage,
    tmp_path: Path,
    locale: str,
    dark: bool,
    language: str,
    heading: str,
    regions: list[str],
) -> None:
    """In their language, by ear, in the dark, on a small screen and in large type."""
    complaints: list[str] = []
    with visitor(tmp_path, locale=locale, dark=dark) as context:
        page = context.pages[0]
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        publish(page, site)
        spoken = page.locator("body").aria_snapshot()
        colours = page.evaluate(_COLOURS)
        decision = page.locator("code").inner_text()
        links = [item.get_attribute("href") for item in page.locator("a").all()]
        said = page.evaluate("document.documentElement.lang"), page.title()
        is_wider = [page.evaluate(_IS_WIDER)]
        page.set_viewport_size(HALF)
        is_wider.append(page.evaluate(_IS_WIDER))
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        is_wider.append(page.evaluate(_IS_WIDER))

    assert said == (language, heading)
    assert f'heading "{heading}" [level=1]' in spoken
    assert spoken.count("- main") == 1
    assert spoken.count("[level=2]") == len(regions)
    for region in regions:
        assert f'region "{region}' in spoken
    assert links == [OBJECTION, REPORT]
    assert [item["id"] for item in site.log("--id", decision, "--limit", "1")] == [
        decision
    ]
    assert min(contrast(front, back) for _, front, back in colours) >= LEAST_CONTRAST
    assert {tag for tag, *_ in colours} == {"H1", "H2", "P", "A", "CODE"}
    assert is_wider == [False, False, False]
    # The status itself is one, says Chromium.
    assert [text for text in complaints if "status of 403" not in text] == []


def test_number_of_a_decision_is_copied_whole(site: Stage, tmp_path: Path) -> None:
    """One click selects it, without the gaps that it is read out by."""
    with visitor(tmp_path, locale="en-GB") as context:
        page = context.pages[0]
        publish(page, site)
        page.click("code")
        selected = page.evaluate("getSelection().toString()")
        shown = page.locator("code").inner_text()

    assert selected.strip() == shown
    assert re.fullmatch(r"\d{8}-[0-9a-f]{20}", shown)
