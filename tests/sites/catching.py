"""An origin that keeps the forms that it gets."""

import contextlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from typing_extensions import override

from tests.sites.formreaders import Form

_ANSWER = b"<!doctype html><title>caught</title>"


class Catcher:
    """The forms that an origin got, by the path of their request."""

    def __init__(self) -> None:
        self.got: dict[str, Form] = {}
        self.url = ""

    def take(self) -> dict[str, Form]:
        """Return what came since the last call."""
        taken, self.got = self.got, {}
        return taken


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer an empty page, from which a browser may send."""
        self._answer()

    def do_POST(self) -> None:
        """Keep a form."""
        body = self._body()
        content_type = self.headers.get("Content-Type", "")
        assert isinstance(self.server, _Server)
        self.server.catcher.got[self.path] = Form(content_type=content_type, body=body)
        self._answer()

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(_ANSWER)))
        self.end_headers()
        self.wfile.write(_ANSWER)

    def _body(self) -> bytes:
        """Return the body, whether it has a length or comes in chunks."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, catcher: Catcher) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.catcher = catcher


@contextlib.contextmanager
def catching() -> Iterator[Catcher]:
    """Run the origin for the length of the block."""
    catcher = Catcher()
    with _Server(catcher) as running:
        catcher.url = f"http://127.0.0.1:{running.server_port}"
        thread = Thread(target=running.serve_forever, name="catcher")
        thread.start()
        try:
            yield catcher
        finally:
            running.shutdown()
            thread.join()
