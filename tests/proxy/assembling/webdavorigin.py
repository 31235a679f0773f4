"""A server of WebDAV as an origin, which writes ranges in place as ``mod_dav`` does."""

import asyncio
import re
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus

from tests.proxy.wire import Got

_RANGE = re.compile(rb"bytes ([0-9]+)-([0-9]+)/([0-9]+|\*)")


@dataclass(slots=True)
class WebDAVOrigin:
    """The files of a server; give ``answer`` to a ``WireOrigin``.

    Attributes:
        files: By path.
        seen: Every content that a visitor could have fetched at any time.
        changes_after_get: What another client writes after each GET, if anything.
        headers: Headers of every answer with a file, besides its own.
        ranges: How many ranges it was sent.
        has_tags: Whether it states tags of versions.
        breaks_off: Whether the connection ends after each PUT, unanswered.
        puts: How many PUT came.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    changes_after_get: bytes = b""
    headers: list[str] = field(default_factory=list)
    ranges: int = 0
    has_tags: bool = True
    breaks_off: bool = False
    puts: int = 0

    async def answer(
        self, got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one request."""
        method, target = got.head.split(b"\r\n")[0].decode().split(" ")[:2]
        self.puts += method == "PUT"
        if method == "PUT" and self.breaks_off:
            writer.transport.abort()
            return
        status, lines, body = self._answered(method, target, got)
        self.seen |= set(self.files.values())
        head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *lines, "", ""]
        sent = b"" if method == "HEAD" else body
        writer.write("\r\n".join(head).encode() + sent)
        await writer.drain()

    def _answered(
        self, method: str, target: str, got: Got
    ) -> tuple[int, list[str], bytes]:
        nothing = ["Content-Length: 0"]
        if got.header(b"authorization") == [b"bad"]:
            return 401, [*nothing, 'WWW-Authenticate: Basic realm="a"'], b""
        if method in {"GET", "HEAD"}:
            return self._fetched(method, target)
        if method != "PUT":
            return 405, nothing, b""
        if got.header(b"if-match") not in ([], [self._tag(target).encode()]):
            return 412, nothing, b""
        status = 204 if target in self.files else 201
        self.files[target] = self._written(target, got)
        return status, nothing if status == HTTPStatus.CREATED else [], b""

    def _fetched(self, method: str, target: str) -> tuple[int, list[str], bytes]:
        if target not in self.files:
            return 404, ["Content-Length: 0"], b""
        data = self.files[target]
        lines = [f"Content-Length: {len(data)}", *self.headers]
        if self.has_tags:
            lines.append(f"ETag: {self._tag(target)}")
        if method == "GET" and self.changes_after_get:
            self.files[target] = self.changes_after_get
        return 200, lines, data

    def _tag(self, target: str) -> str:
        return f'"{sha256(self.files.get(target, b"")).hexdigest()[:8]}"'

    def _written(self, target: str, got: Got) -> bytes:
        ranged = got.header(b"content-range")
        if not ranged:
            return got.body
        self.ranges += 1
        found = _RANGE.fullmatch(ranged[0])
        assert found, ranged
        at, old = int(found[1]), self.files.get(target, b"")
        return old[:at].ljust(at, b"\0") + got.body + old[at + len(got.body) :]
