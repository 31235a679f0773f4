"""A small upload site: the origin behind the proxy in the demo and the e2e tests.

    python deploy/demo/origin.py --listen 127.0.0.1:8081 --folder uploads

It stores uploads and shows them: a page with a form (name and picture), a gallery, raw
``PUT /files/NAME``, and ``GET /files`` as JSON with the SHA-256 of each file, so that a
test can prove what did and did not arrive. It knows nothing about the filter. It trusts
its uploaders as little as a real site should (names are reduced to a few characters,
files are served with ``nosniff``) but has no log-in.
"""

import argparse
import asyncio
import contextlib
import hashlib
import html
import itertools
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from aiohttp import BodyPartReader, web

MAX_FORM_FIELD_BYTES = 4096
"""A title is a line of text."""

MAX_NAME_LENGTH = 100
"""File systems allow 255 bytes; the prefix of a stored name needs some of them."""

MAX_BODY_BYTES = 1 << 40
"""More than any upload: a smaller limit would hide the behaviour of the filter."""

DECISION_HEADER = "Uploadfilter-Decision"
"""Header that the filter adds to each forwarded request: the id of its decision."""

FOLDER = web.AppKey("folder", Path)
DECISIONS = web.AppKey("decisions", dict[str, str])
"""The decision that let each stored file pass, as a real site would keep it."""

STYLE = """
:root { color-scheme: light dark; --line: #8886; --accent: #067a4b; }
* { box-sizing: border-box; }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 62rem; margin: 0 auto;
       padding: 1.5rem; }
nav a { margin-right: 1rem; }
form { display: grid; gap: 1rem; max-width: 28rem; padding: 1.25rem;
       border: 1px solid var(--line); border-radius: .75rem; }
label { display: grid; gap: .25rem; font-weight: 600; }
input, button { font: inherit; padding: .5rem .75rem; border-radius: .4rem;
                border: 1px solid var(--line); }
button { background: var(--accent); color: #fff; border: 0; cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
ul.gallery { list-style: none; padding: 0; display: grid; gap: 1rem;
             grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); }
figure { margin: 0; border: 1px solid var(--line); border-radius: .75rem;
         overflow: hidden; }
figure img { width: 100%; aspect-ratio: 4 / 3; object-fit: cover; display: block; }
figcaption { padding: .5rem .75rem; overflow-wrap: anywhere; }
small { opacity: .75; }
"""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} - Holiday pictures</title>
<link rel="icon" href="data:,">
<style>{style}</style>
<header>
<nav aria-label="Site"><a href="/">Upload</a><a href="/gallery">Gallery</a></nav>
<h1>{title}</h1></header>
<main>{body}</main>
</html>
"""

FORM = """
<p>A small site where people publish their holiday pictures.</p>
<form action="/upload" method="post" enctype="multipart/form-data">
  <label>Your name
    <input name="name" required maxlength="80" autocomplete="name"></label>
  <label>Title <input name="title" maxlength="80"></label>
  <label>Picture <input type="file" name="picture" accept="image/*" required></label>
  <button>Publish</button>
</form>
"""


def page(title: str, body: str) -> web.Response:
    """Return a page of the site.

    Args:
        title: Plain text.
        body: HTML.
    """
    text = PAGE.format(title=html.escape(title), body=body, style=STYLE)
    return web.Response(text=text, content_type="text/html")


def safe_name(name: str) -> str:
    """Return a file name without characters that have a meaning in a path or a page."""
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")
    return cleaned[-MAX_NAME_LENGTH:] or "unnamed"


def free_path(folder: Path, name: str) -> Path:
    """Return a path in the folder that no file has yet."""
    if not (folder / name).exists():
        return folder / name
    stem, suffix = Path(name).stem, Path(name).suffix
    numbered = (folder / f"{stem}-{number}{suffix}" for number in itertools.count(2))
    return next(path for path in numbered if not path.exists())


@contextlib.contextmanager
def incoming_file(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Open a file with a hidden name, which is gone after the block unless renamed."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".incoming-")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


async def store(
    folder: Path, name: str, read: Callable[[], Awaitable[bytes]], *, replace: bool
) -> Path:
    """Write a file as it arrives; it gets its name when it is complete.

    Args:
        folder: Folder of the files.
        name: A safe name.
        read: Returns the next piece, empty at the end.
        replace: Whether a file of that name is replaced, or another name is found.

    Returns:
        The path of the file now.
    """
    with incoming_file(folder) as (file, incoming):
        while piece := await read():
            file.write(piece)
        file.flush()
        return publish(incoming, folder, name, replace=replace)


def publish(incoming: Path, folder: Path, name: str, *, replace: bool) -> Path:
    """Give a complete file its name, in one step, and return its path."""
    path = folder / name if replace else free_path(folder, name)
    incoming.chmod(0o644)
    incoming.rename(path)
    return path


def stored(folder: Path) -> list[Path]:
    """Return the files that the site shows, newest first."""
    files = [p for p in folder.iterdir() if p.is_file() and p.name[0] != "."]
    return sorted(files, key=lambda p: (-p.stat().st_mtime_ns, p.name))


def described(path: Path) -> dict[str, object]:
    """Return the entry of a file in the JSON list."""
    data = path.read_bytes()
    return {
        "name": path.name,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


async def show_form(_request: web.Request) -> web.Response:
    """``GET /``: the page to upload a picture."""
    return page("Upload a picture", FORM)


async def show_gallery(request: web.Request) -> web.Response:
    """``GET /gallery``: every stored picture, newest first."""
    items = [
        f'<li><figure><img src="/files/{path.name}" alt="{path.name}" loading="lazy">'
        f"<figcaption>{path.name}<br><small>{path.stat().st_size:,} bytes</small>"
        "</figcaption></figure></li>"
        for path in stored(request.app[FOLDER])
    ]
    nothing = "<p>Nothing has been published yet.</p>"
    body = f'<ul class="gallery">{"".join(items)}</ul>' if items else nothing
    return page("Gallery", body)


async def list_files(request: web.Request) -> web.Response:
    """``GET /files``: the stored files, each with its decision, as JSON."""
    files = await asyncio.to_thread(
        lambda: [described(path) for path in stored(request.app[FOLDER])]
    )
    decisions = request.app[DECISIONS]
    return web.json_response(
        [{**file, "decision": decisions.get(str(file["name"]))} for file in files]
    )


def note_decision(request: web.Request, paths: list[Path]) -> None:
    """Note the decision on the files, if there is a filter in front of this site."""
    decision = request.headers.get(DECISION_HEADER)
    if decision is not None:
        request.app[DECISIONS].update({path.name: decision for path in paths})


async def show_file(request: web.Request) -> web.StreamResponse:
    """``GET /files/NAME``: the file itself."""
    path = request.app[FOLDER] / safe_name(request.match_info["name"])
    if not path.is_file():
        raise web.HTTPNotFound
    return web.FileResponse(path, headers={"X-Content-Type-Options": "nosniff"})


async def put_file(request: web.Request) -> web.Response:
    """``PUT /files/NAME``: store the body under that name."""
    name = safe_name(request.match_info["name"])
    path = await store(request.app[FOLDER], name, request.content.readany, replace=True)
    note_decision(request, [path])
    return web.json_response(described(path), status=201)


async def receive_form(request: web.Request) -> web.Response:
    """``POST /upload``: a form with fields and files; answers with a page."""
    if request.content_type != "multipart/form-data":
        raise web.HTTPUnsupportedMediaType
    fields: dict[str, str] = {}
    paths: list[Path] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise web.HTTPBadRequest
        if part.filename is None:
            value = await part.read()
            fields[part.name or ""] = value[:MAX_FORM_FIELD_BYTES].decode(
                "utf-8", "replace"
            )
        else:
            paths.append(await store_part(request.app[FOLDER], part))
    note_decision(request, paths)
    return published(fields, paths, as_json="json" in request.headers.get("Accept", ""))


async def store_part(folder: Path, part: BodyPartReader) -> Path:
    """Store one file of a form under a name that is still free."""

    async def read() -> bytes:
        return bytes(await part.read_chunk(1 << 16))

    return await store(folder, safe_name(part.filename or ""), read, replace=False)


def published(
    fields: dict[str, str], paths: list[Path], *, as_json: bool
) -> web.Response:
    """Return the answer to a form, as a page or as JSON."""
    files = [described(path) for path in paths]
    if as_json:
        return web.json_response({"fields": fields, "files": files}, status=201)
    links = "".join(f'<li><a href="/files/{p.name}">{p.name}</a></li>' for p in paths)
    name = html.escape(fields.get("name", "").strip())
    thanks = f"Thank you, {name}." if name else "Thank you."
    answer = page(
        "Published",
        f'<p role="status">{thanks}</p><ul>{links}</ul>'
        '<p><a href="/gallery">To the gallery</a></p>',
    )
    answer.set_status(201)
    return answer


@web.middleware
async def quiet_abort(
    request: web.Request,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Treat a client that disconnects in the middle of an upload as normal."""
    try:
        return await handler(request)
    except ConnectionResetError as exc:
        raise web.HTTPBadRequest from exc


def make_app(folder: Path) -> web.Application:
    """Return the site over one folder, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[quiet_abort])
    app[FOLDER] = folder
    app[DECISIONS] = {}
    app.router.add_get("/", show_form)
    app.router.add_get("/gallery", show_gallery)
    app.router.add_get("/files", list_files)
    app.router.add_get("/files/{name}", show_file)
    app.router.add_put("/files/{name}", put_file)
    app.router.add_put("/avatars/{name}", put_file)
    app.router.add_post("/upload", receive_form)
    return app


@contextlib.asynccontextmanager
async def serving(folder: Path, *, host: str, port: int) -> AsyncIterator[str]:
    """Serve the site during the block.

    Args:
        folder: Folder of the stored files.
        host: Address to bind.
        port: Port to bind; 0 picks a free one.

    Yields:
        The URL of the site.
    """
    runner = web.AppRunner(make_app(folder), access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def serve_until_stopped(folder: Path, *, host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; print the address on stdout, as JSON."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(folder, host=host, port=port) as url:
        print(json.dumps({"url": url}), flush=True)
        await stopped.wait()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description="A small upload site.")
    parser.add_argument("--listen", default="127.0.0.1:8081", metavar="HOST:PORT")
    parser.add_argument("--folder", default="uploads", type=Path, metavar="DIR")
    args = parser.parse_args()
    host, _, port = args.listen.rpartition(":")
    try:
        asyncio.run(serve_until_stopped(args.folder, host=host, port=int(port)))
    except (OSError, ValueError) as exc:
        sys.exit(f"origin: cannot serve at {args.listen}: {exc}")


if __name__ == "__main__":
    main()
