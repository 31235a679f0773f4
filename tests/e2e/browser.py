"""Open files in headless Chromium, as a visitor of the site would.

The files are served by a small server on this machine, each under its own media type.
Pictures are shown in an ``img`` element, on white and on black; pages and SVG by
themselves; a frame of a video in a ``video`` element.
"""

import base64
import contextlib
import io
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright
from typing_extensions import override

from tests.sites.programs import debian

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""It opens only files of the tests, and no network; root may not use its sandbox."""

_SIDE = 960
"""Pixels that the longer side of a picture is shown with at most."""

_LOOKS = 30
_BETWEEN_LOOKS_MS = 150
"""How often, and after how many milliseconds, a moving picture is looked at, on each
colour in turn: browsers show no frame of a GIF for less than a tenth of a second."""

_STAGE = f"""<!doctype html>
<style>
* {{ margin: 0 }}
img, video {{ display: block; max-width: {_SIDE}px; max-height: {_SIDE}px }}
</style>
"""

_SHOW = """
async (url) => {
    document.body.replaceChildren();
    const image = document.createElement("img");
    document.body.append(image);
    const ended = new Promise((done) => { image.onload = image.onerror = done; });
    image.src = url;
    await ended;
    await image.decode().catch(() => null);
    await new Promise((painted) => requestAnimationFrame(
        () => requestAnimationFrame(painted)));
    return image.naturalWidth * image.naturalHeight > 0;
}
"""
"""Load a picture into the stage, and say whether there is one. A damaged picture may be
shown in part: decoding then fails, but it has a size. On a busy machine it is painted
some frames later, and a screenshot would show half of it."""

_SEEK = """
async ([url, time_s]) => {
    document.body.replaceChildren();
    const video = document.createElement("video");
    document.body.append(video);
    video.muted = true;
    const happens = (name) => new Promise((done) => {
        video.addEventListener(name, done, {once: true});
        video.addEventListener("error", done, {once: true});
    });
    const loaded = happens("loadeddata");
    // In memory it can be wound to any time; the site answers no ranges.
    video.src = URL.createObjectURL(await (await fetch(url)).blob());
    await loaded;
    if (video.error) return false;
    const sought = happens("seeked");
    video.currentTime = time_s;
    await sought;
    await new Promise((painted) => requestAnimationFrame(
        () => requestAnimationFrame(painted)));
    return !video.error && video.videoWidth > 0;
}
"""
"""Load a video into the stage, wind it to a time, and say whether it is shown."""

_AT_ONCE = 16 << 20
"""Bytes that the site gathers of an answer, head and content, before it sends them:
more than any file has, so that each is sent at once, as a file of a cache is."""

_PAINT = "(colour) => { document.body.style.background = colour; }"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A file to open.

    Attributes:
        content: Its bytes.
        media_type: As the site declares it.
        is_document: If true, it is opened by itself, not in an ``img`` element.
        moves: If true, it is looked at several times.
        pages: Colours of the page on which a picture is shown, beside white and black.
    """

    content: bytes
    media_type: str
    is_document: bool = False
    moves: bool = False
    pages: tuple[str, ...] = ()


class Browser:
    """A page of a running Chromium, and the site that it visits."""

    def __init__(self, page: Page, site: str, files: Mapping[str, Served]) -> None:
        self._page = page
        self._devtools = page.context.new_cdp_session(page)
        self._site = site
        self._files = files
        self._opened = 0

    def pictures(self, name: str) -> Iterator[Image.Image]:
        """Yield what can be seen of a file: nothing if it is not shown at all.

        Each time the file has a new URL. Chromium caches a picture by its URL, together
        with its reading of the first bytes: an icon whose directory has a wrong length
        stays broken if it arrived in two parts.
        """
        file = self._files[name]
        place = self._place(name)
        if file.is_document:
            self._page.goto(self._site + place)
            yield self._take_screenshot()
            return
        self._go_to_stage()
        if not self._page.evaluate(_SHOW, place):
            return
        box = self._page.locator("img").bounding_box()
        colours = ("white", "black", *file.pages)
        for look in range(_LOOKS if file.moves else len(colours)):
            if file.moves and look:
                self._page.wait_for_timeout(_BETWEEN_LOOKS_MS)
            self._page.evaluate(_PAINT, colours[look % len(colours)])
            yield self._take_screenshot(box)

    def frame(self, name: str, *, time_s: float) -> Image.Image | None:
        """Return what a video shows at a time; ``None`` if it is not played."""
        self._go_to_stage()
        if not self._page.evaluate(_SEEK, [self._place(name), time_s]):
            return None
        return self._take_screenshot(self._page.locator("video").bounding_box())

    def _place(self, name: str) -> str:
        self._opened += 1
        return f"/{name}?{self._opened}"

    def _go_to_stage(self) -> None:
        if self._page.url != f"{self._site}/":
            self._page.goto(f"{self._site}/")

    def _take_screenshot(self, box: FloatRect | None = None) -> Image.Image:
        """Return what the window, or a box of the page, shows.

        Playwright's own screenshots take four times as long: Chromium packs them well.
        """
        clip = {"clip": {**box, "scale": 1}} if box else {}
        answer = self._devtools.send(
            "Page.captureScreenshot",
            {"optimizeForSpeed": True, "captureBeyondViewport": bool(box), **clip},
        )
        screenshot = base64.b64decode(answer["data"])
        return Image.open(io.BytesIO(screenshot)).convert("RGB")


def chromium() -> str:
    """Return the path of Chromium; without it the test ends here."""
    return debian("chromium", package="chromium")


@contextlib.contextmanager
def browser(
    files: Mapping[str, Served], *, size: tuple[int, int], folder: Path
) -> Iterator[Browser]:
    """Run Chromium, and a site with these files, for the length of the block.

    Args:
        files: What the site holds, by name.
        size: Width and height of the window, the visible part of a document.
        folder: For Chromium's profile.
    """
    width, height = size
    with _site(files) as site, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=chromium(),
            args=list(ARGUMENTS),
            chromium_sandbox=False,
            viewport={"width": width, "height": height},
        )
        with contextlib.closing(context):
            yield Browser(context.pages[0], site, files)


@contextlib.contextmanager
def _site(files: Mapping[str, Served]) -> Iterator[str]:
    """Serve files on this machine for the length of the block; yield the site's URL."""

    class Handler(BaseHTTPRequestHandler):
        wbufsize = _AT_ONCE

        def do_GET(self) -> None:
            name = urlsplit(self.path).path.removeprefix("/")
            stage = Served(content=_STAGE.encode(), media_type="text/html")
            file = files.get(name, stage)
            self.send_response(200)
            self.send_header("Content-Type", file.media_type)
            self.send_header("Content-Length", str(len(file.content)))
            self.end_headers()
            self.wfile.write(file.content)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
