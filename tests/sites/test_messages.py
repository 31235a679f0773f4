"""Messages of a WebSocket in Chromium, which a chat shows to all of its members."""

import base64
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.e2e import pictures
from tests.sites.behind import Behind, behind
from tests.sites.chatroom import Chatroom, chatroom
from tests.sites.programs import installed, run
from tests.sites.visitor import visitor

pytestmark = pytest.mark.e2e

ROUTE = '[[routes]]\nname = "room"\npath = "/room"\nwebsockets = "pass"\n'

TALK = """
([address, parts, way]) => new Promise((done) => {
    const echoed = [];
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    const bytes = new Uint8Array(parts);
    const text = btoa(Array.from(bytes, (it) => String.fromCharCode(it)).join(""));
    const message = {
        binary: bytes,
        blob: new Blob([bytes], {type: "image/jpeg"}),
        text: "data:image/jpeg;base64," + text,
    }[way];
    socket.onopen = () => socket.send(message);
    socket.onmessage = ({data}) => {
        echoed.push(typeof data === "string" ? data
            : Array.from(new Uint8Array(data)));
        socket.close(1000);
    };
    socket.onclose = ({code, reason}) => done([code, reason, echoed]);
    setTimeout(() => done([0, "nothing", echoed]), 30000);
})
"""
"""A page that sends bytes in a message, and tells what came back, and how it ended."""

LONG = """
(address) => new Promise((done) => {
    const socket = new WebSocket(address);
    socket.onopen = () => socket.send("a lake ".repeat(200000));
    socket.onmessage = ({data}) => done(data.length);
    socket.onclose = ({code, reason}) => done(`${code} ${reason}`);
})
"""
"""A page that sends a message which is longer than any frame."""


@pytest.fixture(scope="module")
def room() -> Iterator[Chatroom]:
    """Return a chat."""
    with chatroom() as site:
        yield site


@pytest.fixture(scope="module")
def site(room: Chatroom, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """Return that chat behind the proxy."""
    folder = tmp_path_factory.mktemp("chat")
    (folder / "config.toml").write_text(ROUTE)
    options = ("--config", str(folder / "config.toml"))
    with behind(
        room.url, stored=folder / "none", folder=folder, options=options
    ) as stage:
        yield stage


@pytest.fixture(scope="module")
def page(site: Behind) -> Iterator[Page]:
    """Return a page of that site."""
    with visitor() as opened:
        opened.goto(site.url("/"))
        yield opened


def talked(
    site: Behind, page: Page, data: bytes, way: str
) -> tuple[int, str, list[str | list[int]]]:
    """Send bytes in one of the ways; return close code, its reason, and the echo."""
    address = site.url("/room").replace("http", "ws")
    code, reason, echoed = page.evaluate(TALK, [address, list(data), way])
    return code, reason, echoed


@pytest.mark.parametrize("way", ["binary", "blob", "text"])
def test_message_comes_back_as_it_was(
    room: Chatroom, site: Behind, page: Page, way: str
) -> None:
    """A page and its chat see no filter between them."""
    content = pictures.unlisted(6701)
    code, _, echoed = talked(site, page, content, way)
    text = "data:image/jpeg;base64," + base64.b64encode(content).decode()

    assert (code, echoed) == (1000, [text if way == "text" else list(content)])
    assert room.got[-1] == (text if way == "text" else content)


def test_long_message_of_anything_comes_back(
    room: Chatroom, site: Behind, page: Page
) -> None:
    """Chromium sends it in many frames."""
    address = site.url("/room").replace("http", "ws")
    length = page.evaluate(LONG, address)

    assert length == 7 * 200_000
    assert room.got[-1] == "a lake " * 200_000


GRPC = """
import sys
import grpc
channel = grpc.insecure_channel(sys.argv[1])
send = channel.unary_unary("/lakes.Lakes/Send", lambda it: it, lambda it: it)
try:
    send(b"a lake", timeout=20)
except grpc.RpcError as exc:
    print(exc.code().name, exc.details())
"""


def test_client_of_grpc_hears_that_this_is_http_1(room: Chatroom, site: Behind) -> None:
    """It ends at once, and not by its deadline."""
    room.heads.clear()
    host = site.proxy.url.removeprefix("http://")
    said = run(installed("python"), "-c", GRPC, host).stdout.decode()

    assert said.startswith("UNAVAILABLE ")
    assert "http1.x server" in said
    assert room.heads == []


def test_browser_s_grpc_is_refused(room: Chatroom, page: Page) -> None:
    """With a status that says so, and without a byte for the origin."""
    room.heads.clear()
    status = page.evaluate("""async () => (await fetch("/lakes.Lakes/Send", {
        method: "POST",
        headers: {"Content-Type": "application/grpc-web+proto"},
        body: new Uint8Array([0, 0, 0, 0, 1, 7]),
    })).status""")

    # Chromium may ask for the site's icon in that moment.
    with_body = [head for head in room.heads if "Content-Type" in head]
    assert (status, with_body) == (415, [])
