"""A server with the addresses and answers of Nextcloud, as far as its client asks.

Nextcloud itself is no package of Debian. What the client of the desktop asks for, and
reads in the answers, is in ``src/libsync`` of its source.
"""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import rmtree
from types import MappingProxyType
from urllib.parse import quote, unquote, urlsplit

from typing_extensions import override

USER = "me"
FILES, UPLOADS = f"/remote.php/dav/files/{USER}", f"/remote.php/dav/uploads/{USER}"

_META = {"status": "ok", "statuscode": 200, "message": "OK"}
_VERSION = {"major": 30, "minor": 0, "micro": 0, "string": "30.0.0"}
_PAGES = {
    "/status.php": {
        "installed": True,
        "maintenance": False,
        "needsDbUpgrade": False,
        "version": "30.0.0.14",
        "versionstring": "30.0.0",
        "productname": "Nextcloud",
    },
    "/ocs/v1.php/cloud/capabilities": {
        "ocs": {
            "meta": _META,
            "data": {
                "version": _VERSION,
                "capabilities": {"dav": {"chunking": "1.0"}},
            },
        }
    },
    "/ocs/v1.php/cloud/user": {
        "ocs": {"meta": _META, "data": {"id": USER, "display-name": USER}}
    },
}

_OF_ONE = """<d:response><d:href>{path}</d:href><d:propstat><d:prop>
<d:resourcetype>{kind}</d:resourcetype><d:getetag>"{etag}"</d:getetag>
<d:getlastmodified>Sat, 28 Nov 2026 10:00:00 GMT</d:getlastmodified>
<d:getcontentlength>{size}</d:getcontentlength><oc:size>{size}</oc:size>
<oc:id>{id}</oc:id><oc:fileid>{id}</oc:fileid>
<oc:permissions>RDNVCKW</oc:permissions></d:prop>
<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"""
_OF_ALL = """<?xml version="1.0"?><d:multistatus xmlns:d="DAV:"
xmlns:oc="http://owncloud.org/ns">{}</d:multistatus>"""


class _Handler(BaseHTTPRequestHandler):
    """The requests of a client.

    Attributes:
        served: Folder of the files and of the uploads.
    """

    protocol_version = "HTTP/1.1"
    served: Path

    def do_GET(self) -> None:
        """Return a page of the server, or a file."""
        page = _PAGES.get(urlsplit(self.path).path)
        if page is not None:
            self._answer(200, json.dumps(page).encode(), "application/json")
        elif self._place.is_file():
            self._answer(200, self._place.read_bytes())
        else:
            self._answer(404)

    def do_PROPFIND(self) -> None:
        """Describe a folder and everything in it."""
        self._take_body()
        place = self._place
        if not place.exists():
            self._answer(404)
            return
        found = [place, *(sorted(place.iterdir()) if place.is_dir() else ())]
        if self.headers["Depth"] == "0":
            found = [place]
        body = _OF_ALL.format("".join(map(self._described, found)))
        self._answer(207, body.encode(), "application/xml; charset=utf-8")

    def do_MKCOL(self) -> None:
        """Make a folder."""
        self._place.mkdir()
        self._answer(201)

    def do_PUT(self) -> None:
        """Take a file, or a chunk."""
        body = self._take_body()
        if not self._place.parent.is_dir():
            self._answer(404)
            return
        self._place.write_bytes(body)
        self._made(self._place)

    def do_MOVE(self) -> None:
        """Make a file out of chunks."""
        chunks, target = self._place.parent, self._at(self.headers["Destination"])
        parts = sorted(chunks.iterdir(), key=lambda path: int(path.name))
        target.write_bytes(b"".join(part.read_bytes() for part in parts))
        rmtree(chunks)
        self._made(target)

    def do_DELETE(self) -> None:
        """Delete a file or a folder."""
        place = self._place
        if not place.exists():
            self._answer(404)
            return
        if place.is_dir():
            rmtree(place)
        else:
            place.unlink()
        self._answer(204)

    @property
    def _place(self) -> Path:
        return self._at(self.path)

    def _at(self, address: str) -> Path:
        path = unquote(urlsplit(address).path)
        return self.served / path.removeprefix("/remote.php/dav/").strip("/")

    def _take_body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def _described(self, place: Path) -> str:
        path = f"/remote.php/dav/{place.relative_to(self.served)}"
        is_folder = place.is_dir()
        return _OF_ONE.format(
            path=quote(path) + "/" * is_folder,
            kind="<d:collection/>" if is_folder else "",
            etag=_etag(place),
            size=0 if is_folder else place.stat().st_size,
            id=f"{place.stat().st_ino:08d}ocabc",
        )

    def _made(self, place: Path) -> None:
        etag = f'"{_etag(place)}"'
        told = {"OC-FileId": f"{place.stat().st_ino:08d}ocabc", "ETag": etag}
        self._answer(201, told=told | {"OC-ETag": etag, "X-OC-MTime": "accepted"})

    def _answer(
        self,
        status: int,
        body: bytes = b"",
        kind: str = "text/plain",
        *,
        told: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.send_response(status)
        for name, value in told.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


def _etag(place: Path) -> str:
    """Return another text for other files."""
    paths = [place, *sorted(place.rglob("*"))] if place.is_dir() else [place]
    told = "".join(f"{path} {path.stat().st_mtime_ns}" for path in paths)
    return sha1(told.encode(), usedforsecurity=False).hexdigest()


@contextlib.contextmanager
def nextcloud(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run the server for the length of the block.

    Args:
        folder: For everything.

    Yields:
        Its URL, and the folder with the user's files.
    """
    served = folder / "served"
    files = served / f"files/{USER}"
    for place in (files, served / f"uploads/{USER}"):
        place.mkdir(parents=True)

    class Handler(_Handler):
        """The requests of this server."""

    Handler.served = served
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", files
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
