"""An uploader objects, a reviewer decides, a visitor reports abuse: in a browser."""

import json
import subprocess
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
from tests.e2e.test_admin import LEAST_CONTRAST, colours_of, is_wider
from tests.e2e.test_pages import contrast, publish
from tests.ports import free_port
from tests.repository import ROOT

pytestmark = pytest.mark.e2e

DESK = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=320, height=640)
PICTURES = ROOT / "build" / "forms"
"""Pictures of the pages in the last run."""

PASSWORD = b"correct horse battery"


class Hotline(BaseHTTPRequestHandler):
    """Takes notices, and has a page with the form in a frame."""

    got: ClassVar[list[dict[str, Any]]] = []
    framed: ClassVar[str] = ""

    def do_POST(self) -> None:
        """Take a notice."""
        length = int(self.headers["Content-Length"])
        self.got.append(json.loads(self.rfile.read(length)))
        self.send_response(204)
        self.end_headers()

    def do_GET(self) -> None:
        """Show the form in a frame, as a page of the host's does."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f'<iframe src="{self.framed}" title="f"></iframe>'.encode())

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
        hotline: URL of the hotline, which is also a site of the host's.
    """

    site: Stage
    forms: str
    review: str
    hotline: str


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
    subprocess.run(  # noqa: S603 - our own program
        [running.program(), "objection", "add-reviewer", "anna"],
        env=running.environment(state),
        input=PASSWORD + b"\n",
        check=True,
        timeout=60,
    )
    (folder / "holiday.jpg").write_bytes(pictures.listed())
    config = folder / "proxy.toml"
    with answered() as hotline:
        config.write_text(
            f"""
mode = "enforce"
origin = "http://127.0.0.1:1"

[forms]
listen = "{forms}"
review = "{review}"

[objections]
enabled = true
public_url = "http://{forms}/objection"

[notices]
enabled = true
public_url = "http://{forms}/notice"
hotline_url = "{hotline}/notices"
embed_on = ["{hotline}"]
"""
        )
        Hotline.framed = f"http://{forms}/notice/embedded?lang=nl"
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
                hotline=hotline,
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
    uploader, office = browser.new_page(locale="en-GB"), browser.new_page()
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
    look(office, "login")
    office.fill("#name", "anna")
    office.fill("#password", PASSWORD.decode())
    office.click("text=Log in >> nth=-1")
    look(office, "waiting")
    office.click(f"text={decision}")
    waited(office, "#s-suppressed")
    look(office, "case")
    shown = office.inner_text("main")
    office.check("#s-suppressed")
    office.fill("#answer", "Sorry, a stock picture was listed.")
    office.click("text=Decide >> nth=-1")

    uploader.click("text=Back to the form")
    uploader.fill("#id", decision)
    uploader.fill("#code", "0" * 32)
    uploader.click("text=Look up the outcome")
    wrong = uploader.inner_text("[role=alert]")
    uploader.fill("#code", code)
    uploader.click("text=Look up the outcome")
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
    assert "switched off for now" in told
    assert "stock picture was listed" in told
    assert len(place.site.published()) == 1


def test_button_comes_first_and_the_other_one_keeps_the_text(
    place: Place, browser: Browser
) -> None:
    """The page needs no script; its second button sends nothing and loses nothing."""
    with browser.new_context(locale="en-GB", java_script_enabled=False) as context:
        uploader = context.new_page()
        publish(uploader, place.site)
        button = uploader.locator("button").bounding_box()
        number = uploader.locator("code >> nth=0").bounding_box()
        uploader.click("text=Object to this decision")
        decision = uploader.input_value("#id")
        uploader.fill("#text", "Not sent yet.")
        uploader.click("text=Look up the outcome")
        told = uploader.inner_text("[role=alert]")
        kept = uploader.input_value("#text"), uploader.input_value("#id")

    assert button is not None
    assert number is not None
    assert button["y"] < number["y"]
    assert "it is not sent yet" in told
    assert kept == ("Not sent yet.", decision)


def test_visitor_reports_abuse(place: Place, browser: Browser) -> None:
    """In Dutch, by the plain form and in a frame of a page of the host's."""
    visitor = browser.new_page(locale="nl-NL")
    visitor.goto(f"{place.forms}/notice")
    look(visitor, "notice")
    visitor.fill("#where", "https://forum.example/topic/7")
    visitor.click("text=Melding versturen")
    look(visitor, "thanks")
    got(lambda: len(Hotline.got) == 1)
    visitor.goto(place.hotline)
    frame = visitor.frame_locator("iframe")
    frame.locator("#where").fill("https://forum.example/topic/8")
    frame.locator("text=Melding versturen").click()
    frame.locator("text=Dank u wel").wait_for()
    got(lambda: len(Hotline.got) == 2)

    assert [it["where"][-1] for it in Hotline.got] == ["7", "8"]
    assert {it["language"] for it in Hotline.got} == {"nl"}
