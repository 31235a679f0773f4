"""An uploader objects, a reviewer decides, a visitor reports abuse: in a browser."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from typing_extensions import override

from deploy.demo import running
from tests.e2e import pictures
from tests.e2e.browser import ARGUMENTS, chromium
from tests.e2e.conftest import Stage, import_set, stage, write_set
from tests.e2e.contrasts import LEAST_CONTRAST, colours_of, contrast, is_wider, publish
from tests.ports import free_port
from tests.repository import ROOT

pytestmark = pytest.mark.e2e

DESK = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=320, height=640)
PICTURES = ROOT / "build" / "forms"
"""Pictures of the pages in the last run."""


class Hotline(BaseHTTPRequestHandler):
    """Takes notices."""

    got: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        """Take a notice."""
        length = int(self.headers["Content-Length"])
        self.got.append(json.loads(self.rfile.read(length)))
        self.send_response(204)
        self.end_headers()

    @override
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A site with the filter before it, its forms, and a hotline.

    Attributes:
        site: The proxy before an origin.
        forms: URL of the public forms.
        review: URL of the page of reviewers.
    """

    site: Stage
    forms: str
    review: str


def is_listening(line: Any) -> object:  # noqa: ANN401 - a line of a log
    """Return something once the forms listen."""
    return line.get("public") if line.get("event") == "forms_listening" else None


@contextmanager
def answered() -> Iterator[str]:
    """Run the hotline; yield its URL."""
    server = HTTPServer(("127.0.0.1", 0), Hotline)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# For each test: a granted objection takes the entry off.
@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Run everything once for all tests of the file."""
    folder = tmp_path_factory.mktemp("forms")
    state = folder / "state"
    forms, review = (f"127.0.0.1:{free_port()}" for _ in range(2))
    running.run_program("init", state=state)
    hash_set = write_set(folder / "demo.jsonl", pictures.listed())
    import_set(state, hash_set, enforced=True)
    (folder / "holiday.jpg").write_bytes(pictures.listed())
    config = folder / "proxy.toml"
    with answered() as hotline:
        config.write_text(
            f"""
mode = "enforce"
origin = "http://127.0.0.1:1"
trusted_proxies = ["127.0.0.1"]

[forms]
listen = "{forms}"
review = "{review}"
reviewer_header = "X-Remote-User"

[objections]
public_url = "http://{forms}/objection"

[notices]
public_url = "http://{forms}/notice"
hotline = "{hotline}/notices"
"""
        )
        log = folder / "forms.log"
        command = [running.program(), "forms", "--config", str(config)]
        with (
            stage(folder, "--config", str(config)) as site,
            running.process(command, log=log, env=running.environment(state)) as it,
        ):
            running.said(it, log, is_listening)
            yield Place(
                site=site,
                forms=f"http://{forms}",
                review=f"http://{review}",
            )


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run one Chromium for all tests of the file."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium(), args=list(ARGUMENTS), chromium_sandbox=False
        )
        yield started
        started.close()


def look(page: Page, name: str) -> None:
    """Look at a page on a desk and on a phone: it fits, and everybody can read it."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for size, view in (("desk", DESK), ("phone", PHONE)):
        page.set_viewport_size(view)
        page.screenshot(path=PICTURES / f"{name}-{size}.png", full_page=True)

        assert not is_wider(page), (name, size)
    for text, ink, ground in colours_of(page):
        assert contrast(ink, ground) >= LEAST_CONTRAST, (name, text)
    assert page.locator("script").count() == 0
    assert page.locator("h1").count() == 1
    fields = page.locator("input:not([type=hidden]), textarea, select")
    for at in range(fields.count()):
        assert fields.nth(at).evaluate("(it) => it.labels.length") == 1, name


def waited(page: Page, selector: str) -> None:
    """Load a page again until it has an element."""

    def there() -> bool | None:
        page.reload()
        return True if page.locator(selector).count() else None

    running.wait_for(there, what=selector)


def got(are_there: Callable[[], bool]) -> None:
    """Wait until something is there."""
    running.wait_for(lambda: are_there() or None, what="a notice")


def test_uploader_objects_and_gets_an_answer(place: Place, browser: Browser) -> None:
    """From the rejection over the reviewer to the upload that is accepted."""
    uploader = browser.new_page(locale="en-GB")
    # As the operator's front end does after its login.
    office = browser.new_page(extra_http_headers={"X-Remote-User": "anna"})
    publish(uploader, place.site)
    look(uploader, "rejection")
    uploader.click("text=Object to this decision")
    decision = uploader.input_value("#id")
    look(uploader, "objection")
    uploader.fill("#text", "This is our cat.\nIt was taken in our garden.")
    uploader.click("text=Send the objection")
    look(uploader, "received")
    code = uploader.inner_text("dd >> nth=1")

    office.goto(place.review)
    look(office, "waiting")
    office.click(f"text={decision}")
    waited(office, "#s-reversed")
    look(office, "case")
    shown = office.inner_text("main")
    office.check("#s-reversed")
    office.select_option("#entry", label="demo / entry-0")
    office.fill("#answer", "Sorry, a stock picture was listed.")
    office.click("text=Decide >> nth=-1")
    office.wait_for_load_state()

    uploader.click("text=Back to the form")
    uploader.fill("#id", decision)
    uploader.fill("#code", "0" * 32)
    uploader.click("text=Go on")
    wrong = uploader.inner_text("[role=alert]")
    uploader.fill("#code", code)
    uploader.click("text=Go on")
    told = uploader.inner_text("main")
    look(uploader, "outcome")
    uploader.goto(place.site.url("/"))
    uploader.fill("[name=name]", "Anna")
    uploader.set_input_files("[name=picture]", place.site.folder / "holiday.jpg")
    uploader.click("button")
    uploader.wait_for_load_state()

    assert "demo / entry-0" in shown
    assert "our garden" in shown
    assert "do not belong together" in wrong
    assert "The decision is reversed" in told
    assert "treats as illegal" not in told
    assert "stock picture was listed" in told
    assert len(place.site.published()) == 1


def test_button_comes_first_and_each_page_has_one(
    place: Place, browser: Browser
) -> None:
    """The page needs no script, and a text cannot be lost by a second button."""
    with browser.new_context(locale="en-GB", java_script_enabled=False) as context:
        uploader = context.new_page()
        publish(uploader, place.site)
        button = uploader.locator("button").bounding_box()
        number = uploader.locator("code >> nth=0").bounding_box()
        uploader.click("text=Object to this decision")
        buttons = uploader.locator("button").count()
        uploader.fill("#text", "Not sent yet.")
        uploader.fill("#code", "0" * 32)
        uploader.click("text=Send the objection")
        kept = uploader.input_value("#text")

    assert button is not None
    assert number is not None
    assert button["y"] < number["y"]
    assert buttons == 1
    assert kept == "Not sent yet."


def test_visitor_reports_abuse(place: Place, browser: Browser) -> None:
    """In Dutch; the hotline gets it."""
    visitor = browser.new_page(locale="nl-NL")
    visitor.goto(f"{place.forms}/notice")
    look(visitor, "notice")
    visitor.fill("#where", "https://forum.example/topic/7")
    visitor.click("text=Melding versturen")
    look(visitor, "thanks")
    got(lambda: len(Hotline.got) == 1)
    assert [it["where"][-1] for it in Hotline.got] == ["7"]
    assert {it["language"] for it in Hotline.got} == {"nl"}
