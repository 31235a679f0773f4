"""Send forms with the clients and libraries that people use, each as it is shipped.

A client posts to a URL that ends in its own name. Those that cannot be run here are in
``captured.py``.
"""

import http.client
import json
from base64 import b64decode
from pathlib import Path
from urllib.parse import urlsplit

from tests.sites.captured import captured
from tests.sites.formreaders import NODE_PACKAGES, PROGRAMS, node
from tests.sites.programs import debian, installed, run
from tests.sites.visitor import visitor

Statuses = dict[str, int]
"""The status that each client got."""

FIELDS = (
    ("title", "Een meer & bomen"),
    ("tags[]", "a"),
    ("tags[]", "b"),
    ('naïve "x"', "é漢"),
    ("empty", ""),
)

_PAGE = """<!doctype html>
<form method="post" enctype="multipart/form-data" accept-charset="{charset}"
action="/{name}">
<input name="title" value="Een meer &amp; bomen"><input name="tags[]" value="a">
<input name="tags[]" value="b"><input name='na&iuml;ve "x"' value="&eacute;">
<textarea name="text">
two
lines</textarea><input name="empty"><input type="file" name="photo" multiple>
<input type="file" name="none"><button name="go" value="1">Go</button></form>
"""

_FETCH = """async ([url, fields, bytes]) => {
    const form = new FormData();
    for (const [name, value] of fields) form.append(name, value);
    const photo = new Uint8Array(bytes);
    form.append("photo",
        new File([photo], 'a "q" \\\\ é.jpg', { type: "image/jpeg" }));
    form.append("blob", new Blob(["some bytes"]), "b\\r\\n.bin");
    return (await fetch(url, { method: "POST", body: form })).status;
}"""


def post(url: str, content_type: str, body: bytes, **headers: str) -> int:
    """Send a body as it is, and return the status."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.netloc, timeout=60)
    try:
        told = {"Content-Type": content_type, **headers}
        connection.request("POST", where.path, body, told)
        return connection.getresponse().status
    finally:
        connection.close()


def send_all(url: str, photo: Path, go: Path) -> Statuses:
    """Send a form by every client, except those of a browser's pages.

    Args:
        url: Where to, without the client's name.
        photo: The file that every form holds.
        go: The program of Go, built.
    """
    found = _go(url, photo, go)
    for one in (_captured, _curl, _httpie, _programs, _chromium):
        found |= one(url, photo)
    return found


def browse(url: str, photo: Path) -> None:
    """Send forms with Chromium, of pages in two charsets."""
    with visitor() as page:
        page.goto(f"{url}/page")
        for charset in ("utf-8", "iso-8859-1"):
            page.set_content(_PAGE.format(charset=charset, name=f"chromium-{charset}"))
            page.set_input_files("[name=photo]", [photo, photo])
            with page.expect_navigation():
                page.click("[name=go]")


def _chromium(url: str, photo: Path) -> Statuses:
    """Send a form that a script of a page makes."""
    with visitor() as page:
        page.goto(f"{url}/page")
        given = [f"{url}/chromium-fetch", FIELDS, list(photo.read_bytes())]
        return {"chromium-fetch": page.evaluate(_FETCH, given)}


def _captured(url: str, photo: Path) -> Statuses:
    return {
        name: post(
            f"{url}/{name}",
            form.content_type,
            form.body(photo.read_bytes()),
            **form.headers,
        )
        for name, form in captured().items()
    }


def _curl(url: str, photo: Path) -> Statuses:
    fields = [word for name, value in FIELDS for word in ("-F", f"{name}={value}")]
    quoted = f'photo=@{photo};type=image/jpeg;filename="lake \\"q\\" é.jpg"'
    ways = {
        "curl": [*fields, "-F", quoted, "-F", f"again=@{photo}"],
        "curl-backslashes": ["--form-escape", *fields, "-F", quoted],
        "curl-two-in-one": ["-F", f"photos=@{photo},{photo}"],
        "curl-text-of-file": [*fields, "-F", f"text=<{photo}", "-F", f"photo=@{photo}"],
        "curl-chunked": [
            *fields,
            "-F",
            f"photo=@{photo}",
            "-HTransfer-Encoding: chunked",
        ],
    }
    program = debian("curl", package="curl")
    shape = ("-q", "-sS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}")
    return {
        name: int(run(program, *shape, *words, f"{url}/{name}").stdout)
        for name, words in ways.items()
    }


def _httpie(url: str, photo: Path) -> Statuses:
    program = debian("http", package="httpie")
    words = ("--ignore-stdin", "--multipart", "--print=h", "POST", f"{url}/httpie")
    said = run(
        program, *words, "title=Een meer é", "tags=a", "tags=b", f"photo@{photo}"
    )
    return {"httpie": int(said.stdout.split()[1])}


def _go(url: str, photo: Path, program: Path) -> Statuses:
    """Send a form that Go's ``mime/multipart`` wrote."""
    written = json.loads(run(program, photo).stdout)
    return {"go": post(f"{url}/go", written["Type"], b64decode(written["Body"]))}


def _programs(url: str, photo: Path) -> Statuses:
    """Send by libraries of five languages."""
    commands: tuple[list[str | Path], ...] = (
        [installed("python"), Path(__file__).with_name("formclients.py")],
        [node(), PROGRAMS / "clients.mjs"],
        [debian("ruby", package="ruby"), PROGRAMS / "clients.rb"],
        [debian("php", package="php-cli"), PROGRAMS / "clients.php"],
        [debian("perl", package="libwww-perl"), PROGRAMS / "clients.pl"],
    )
    env = {"NODE_PACKAGES": str(NODE_PACKAGES)}
    found: Statuses = {}
    for command in commands:
        found |= json.loads(run(*command, url, photo, env=env).stdout)
    return found
