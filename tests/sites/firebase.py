"""A small server with the addresses of Firebase: ours, for want of a slim one.

It takes files by Google's commands only, and shows unfinished ones.
"""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

_COMMAND = "X-Goog-Upload-Command"


@dataclass(slots=True)
class Bucket:
    """The files of the server.

    Attributes:
        sessions: Bytes of unfinished files, by the number of their session.
        seen: Every content that a visitor could have fetched at any time.
    """

    sessions: dict[str, bytes] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def do_POST(self) -> None:
        """Take a command."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        command, sessions = self.headers[_COMMAND], self.bucket.sessions
        if command == "start":
            number = str(len(sessions))
            sessions[number] = b""
            url = f"http://{self.headers['Host']}{self.path}&upload_id={number}"
            self._tell({"X-Goog-Upload-URL": url}, {})
            return
        (number,) = parse_qs(urlsplit(self.path).query)["upload_id"]
        held = sessions[number]
        if body:
            assert self.headers["X-Goog-Upload-Offset"] == str(len(held))
            sessions[number] = held = held + body
            self.bucket.seen.add(held)
        state = "final" if "finalize" in command else "active"
        told = {"X-Goog-Upload-Size-Received": str(len(held))}
        file = {"name": "holiday.png", "bucket": "photos", "size": len(held)}
        self._tell(told, file, state)

    def _tell(
        self, headers: dict[str, str], body: dict[str, Any], state: str = "active"
    ) -> None:
        text = json.dumps(body).encode()
        self.send_response(HTTPStatus.OK)
        for name, value in {**headers, "X-Goog-Upload-Status": state}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    @override
    def log_message(self, *args: object) -> None:
        """Print nothing."""


@contextlib.contextmanager
def firebase() -> Iterator[tuple[str, Bucket]]:
    """Run the server for the length of the block.

    Yields:
        Its URL, and its files.
    """
    bucket = Bucket()
    handler = type("BucketHandler", (Handler,), {"bucket": bucket})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", bucket
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
