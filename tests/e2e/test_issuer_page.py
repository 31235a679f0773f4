"""Two officers who have no shell make a hash set in a browser, and withdraw from it."""

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from deploy.demo import running
from tests.cli.issuer.holders import PASSPHRASE, init_words, make_keys
from tests.corpus import pictures
from tests.e2e import pictures as slow
from tests.e2e.browser import ARGUMENTS, chromium
from tests.e2e.contrasts import LEAST_CONTRAST, NARROW, colours_of, contrast, is_wider
from tests.repository import ROOT

pytestmark = pytest.mark.e2e

PICTURE, PREVIEW = (
    ROOT / "build" / "issuers-page.png",
    ROOT / "build" / "issuers-preview.png",
)
"""Pictures of it in the last run; ``docs/pictures`` holds the first one."""

WIDE = ViewportSize(width=900, height=800)
NAME = "name-that-nobody-sees"
SECONDS = 60
MANY = 400
"""Files: minutes of work for one scanner. The page without scripts shows how far the
work is only every two seconds, and must not be too late for the signal."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one Chromium for all tests of the file."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium(), args=list(ARGUMENTS), chromium_sandbox=False
        )
        yield started
        started.close()


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Return a folder with keys, an issuer's folder, and pictures."""
    make_keys(tmp_path)
    done = running.run_program(*init_words(tmp_path), state=tmp_path / "state")
    assert done.returncode == 0, done.stderr
    for category, seeds in (("1", (1, 2, 3)), ("2", (4,))):
        folder = tmp_path / "pictures" / category
        folder.mkdir(parents=True)
        for seed in seeds:
            photo = pictures.photograph(seed, width=160, height=120)
            (folder / f"{NAME}-{seed}.png").write_bytes(pictures.png(photo))
    (tmp_path / "pictures" / "1" / f"{NAME}.jpg").write_bytes(b"\xff\xd8\xff\xe0broken")
    return tmp_path


@contextmanager
def paged(desk: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the page for the length of the block; yield its process, and its link."""
    words = [running.program(), "issuer", "page", "--folder", str(desk / "o")]
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*words, "--jobs", "1"],
        env={**running.environment(desk / "state"), "HOME": str(desk)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> str:
    """Wait for the end of a page; return what it said besides the link."""
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    return out + err


def give_key(page: Page, desk: Path, field: str, name: str) -> None:
    """Choose the file of a key, and type its passphrase."""
    page.set_input_files(f"[name={field}]", desk / f"{name}.key")
    page.fill(f"[name={field}_passphrase]", PASSPHRASE)


def sign(page: Page, desk: Path, name: str) -> str:
    """Sign the shown proposal; return the note."""
    give_key(page, desk, "key", name)
    page.click("text=Sign the proposal")
    page.wait_for_selector(f".note:has-text('{name}')")
    return page.inner_text(".note")


def look_right(page: Page, scheme: str) -> None:
    """Check that everybody can read the page, on a narrow screen as well."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size(NARROW)
    weak = [c for c in colours_of(page) if contrast(c[1], c[2]) < LEAST_CONTRAST]

    assert weak == []
    assert not is_wider(page)
    assert page.locator("h1").count() == 1
    for field in page.locator("input:not([type=hidden]), textarea").all():
        assert field.evaluate("(it) => it.labels.length") >= 1
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")


def build(page: Page) -> None:
    """Choose the folder of pictures, and have it read."""
    page.click("text=Choose a folder")
    look_right(page, "dark")
    page.click("button:has-text('pictures')")
    page.click("text=Choose this folder")
    page.keyboard.press("Tab")
    page.check("[name=leave_out]")
    page.click("text=Read the pictures")
    page.wait_for_selector("#preview")
    look_right(page, "light")
    page.screenshot(path=PREVIEW, full_page=True)


def withdraw(page: Page, desk: Path, entry: str) -> None:
    """Withdraw an entry, from its id to two keys."""
    page.click("nav >> text=Withdraw")
    page.fill("[name=ids]", entry)
    page.click("text=Look them up")
    page.wait_for_selector("text=1 entry is of category")
    look_right(page, "dark")
    give_key(page, desk, "key", "fay")
    give_key(page, desk, "machine", "machine")
    page.click("text=Withdraw 1 entry for good")
    page.wait_for_selector(".note.good")


def entries(desk: Path) -> list[str]:
    """Return the ids that are published."""
    place = desk / "all.jsonl"
    words = ("issuer", "export", str(place), "--lines", "--folder", str(desk / "o"))
    running.run_program(*words, state=desk / "state")
    return re.findall(r'"id":"([^"]+)"', place.read_text())


def test_two_officers_make_a_set_and_one_withdraws(
    desk: Path, browser: Browser
) -> None:
    """From a folder of pictures to a publication, a stick and a withdrawal."""
    complaints: list[str] = []
    with paged(desk) as (process, link):
        page = browser.new_page(viewport=WIDE)
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(link)
        page.wait_for_selector("#pictures")
        build(page)
        preview = page.inner_text("main")
        page.click("text=Propose them")
        page.wait_for_selector("text=Who has signed, and who is missing")
        for name in ("ann", "bob", "fay"):
            sign(page, desk, name)
        first = sign(page, desk, "dora")
        PICTURE.parent.mkdir(exist_ok=True)
        page.screenshot(path=PICTURE, full_page=True)
        twice = sign(page, desk, "dora")
        buttons = page.locator("button").all_text_contents()
        look_right(page, "light")
        second = sign(page, desk, "eve")
        give_key(page, desk, "machine", "machine")
        page.click("button:has-text('Publish')")
        page.wait_for_selector("text=Number 1 is published")
        before = entries(desk)
        withdraw(page, desk, before[0])
        page.click("nav >> text=Status")
        look_right(page, "dark")
        status = page.inner_text("main")
        page.click("text=Close this page")
        page.wait_for_selector("text=The page is closed")
        said = ended(process)
        page.close()

    assert "Entries\n4" in preview
    assert "Left out\n1" in preview
    assert "left out: a picture that is damaged, or could not be decoded" in preview
    assert "somebody else has to sign" in first
    assert "somebody else has to sign" in twice
    assert "Publish" not in buttons
    assert "It can go out now" in second
    assert len(before) == 4
    assert "Withdrawn\n1" in status
    assert complaints == []
    assert NAME not in said
    assert PASSPHRASE not in said


def test_page_works_without_scripts_and_is_for_one_browser(
    desk: Path, browser: Browser
) -> None:
    """The second browser is turned away; a signal ends it, and work is kept."""
    slow.fill_slowly(desk / "pictures" / "2", MANY)
    with paged(desk) as (process, link):
        first = browser.new_context(java_script_enabled=False)
        second = browser.new_context()
        page, other = first.new_page(), second.new_page()
        page.goto(link)
        page.wait_for_selector("#pictures")
        other.goto(link)
        refused = other.inner_text("main")
        other.goto(link.partition("/enter/")[0])
        stranger = other.inner_text("main")
        page.click("text=Choose a folder")
        page.click("button:has-text('pictures')")
        page.click("text=Choose this folder")
        page.click("text=Read the pictures")
        page.wait_for_selector("#work")
        page.wait_for_selector("#done:not(:text-is('0'))")
        process.send_signal(signal.SIGTERM)
        said = ended(process)
        first.close()
        second.close()
    (part,) = (desk / "o" / "builds").glob("*.done")

    assert "was used already" in refused
    assert "did not open the link" in stranger
    assert NAME not in said
    assert 0 < len(part.read_text().splitlines()) < MANY
