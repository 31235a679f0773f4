"""An origin of every protocol, which tells the files that it got by length and CRC-32.

``GET /@got`` returns the files since the last such request. A single body is never held
as a whole; parts and chunks are, until their file is complete.
"""

import asyncio
import json
import re
import sys
import time
import zlib
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import parse_qsl, urlsplit

import uvloop
from typing_extensions import override

_END: Final = b"\r\n\r\n"
_PHRASES: Final = {200: "OK", 201: "Created", 204: "No Content", 207: "Multi-Status"}
_PART: Final = re.compile(rb"<PartNumber>(\d+)</PartNumber>")
_BOUNDARY: Final = re.compile(rb'boundary="?([0-9A-Za-z-]+)')
_NAME: Final = re.compile(rb'[ ;]name="([^"]*)"')
_HELD: Final = ("multipart", "partNumber", "/dav/uploads/", "uploadId")
"""Words in a head or target whose body is held as a whole."""


@dataclass(slots=True)
class Stored:
    """The bytes of an upload so far, by the numbers of their pieces."""

    pieces: dict[int, bytes] = field(default_factory=dict)
    total: int = 0

    def joined(self) -> list[bytes]:
        """Return the pieces in order."""
        return [self.pieces[number] for number in sorted(self.pieces)]


@dataclass(slots=True)
class Site:
    """What the origin got.

    Attributes:
        files: Length and CRC-32 of each file that is complete, and the monotonic time
            at which the first byte of its (last) request was there.
        uploads: Uploads in pieces.
        numbers: How many uploads began.
    """

    files: list[tuple[int, int, float]] = field(default_factory=list)
    uploads: dict[str, Stored] = field(default_factory=dict)
    numbers: int = 0

    def begin(self, name: str, total: int = 0) -> str:
        """Begin an upload; return its name with a number."""
        self.numbers += 1
        self.uploads[f"{name}{self.numbers}"] = Stored(total=total)
        return f"{name}{self.numbers}"

    def finish(self, pieces: list[bytes], begun_s: float) -> None:
        """Note a file that is complete."""
        crc = 0
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
        self.files.append((sum(map(len, pieces)), crc, begun_s))


Reply = tuple[int, str, bytes]
"""A status, further header lines, and a body."""


class Origin(asyncio.Protocol):
    """One connection to the origin."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._head = b""
        self._left = 0
        self._held: list[bytes] | None = None
        self._length = 0
        self._crc = 0
        self._begun_s = 0.0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        while data:
            if not self._head:
                self._buffer += data
                end = self._buffer.find(_END)
                if end < 0:
                    return
                data = bytes(self._buffer[end + len(_END) :])
                self._begin(bytes(self._buffer[:end]))
                self._buffer.clear()
            piece, data = data[: self._left], data[self._left :]
            self._take(piece)
            if not self._left:
                self._answer()

    def _begin(self, head: bytes) -> None:
        self._head = head
        self._left = int(self._header("content-length") or 0)
        line = head.partition(b"\r\n")[0].decode()
        kind = self._header("content-type")
        is_held = any(word in line or word in kind for word in _HELD)
        self._held = [] if is_held else None
        self._length = self._crc = 0
        self._begun_s = time.monotonic()

    def _take(self, piece: bytes) -> None:
        self._left -= len(piece)
        self._length += len(piece)
        if self._held is None:
            self._crc = zlib.crc32(piece, self._crc)
        elif piece:
            self._held.append(piece)

    def _header(self, name: str) -> str:
        found = re.search(
            rb"\r\n%s: *([^\r]*)" % name.encode(), self._head, re.IGNORECASE
        )
        return found[1].decode() if found else ""

    def _answer(self) -> None:
        method, target, _ = self._head.partition(b"\r\n")[0].decode().split(" ")
        body = b"".join(self._held or ())
        status, lines, text = self._answered(
            method, urlsplit(target).path, target, body
        )
        self._head = b""
        length = "" if status == 204 else f"Content-Length: {len(text)}\r\n"  # noqa: PLR2004
        head = f"HTTP/1.1 {status} {_PHRASES.get(status, 'No')}\r\n{length}{lines}\r\n"
        if self._transport is not None:
            self._transport.write(head.encode() + (b"" if method == "HEAD" else text))

    def _answered(self, method: str, path: str, target: str, body: bytes) -> Reply:
        site = self._site
        if path == "/@got":
            got, site.files = site.files, []
            return 200, "", json.dumps(got).encode()
        if path.startswith("/tus"):
            return self._tus(method, path)
        if "uploads=" in target or "uploadId" in target:
            return self._s3(method, dict(parse_qsl(urlsplit(target).query)), body)
        if "/dav/" in path:
            return self._dav(method, path, body)
        if self._header("content-type").startswith("multipart/"):
            return self._form(body)
        site.files.append((self._length, self._crc, self._begun_s))
        return 201, "", b""

    def _tus(self, method: str, path: str) -> Reply:
        lines = "Tus-Resumable: 1.0.0\r\n"
        if method == "POST":
            total = int(self._header("upload-length"))
            name = self._site.begin("/tus/", total)
            return 201, f"{lines}Location: {name}\r\n", b""
        upload = self._site.uploads.get(path)
        if upload is None:
            return 404, lines, b""
        if method == "HEAD":
            return (
                200,
                f"{lines}Upload-Offset: 0\r\nUpload-Length: {upload.total}\r\n",
                b"",
            )
        del self._site.uploads[path]
        if method == "PATCH":  # the filter sends one, from offset 0
            self._site.files.append((self._length, self._crc, self._begun_s))
        return 204, f"{lines}Upload-Offset: {self._length}\r\n", b""

    def _s3(self, method: str, query: dict[str, str], body: bytes) -> Reply:
        if "uploadId" not in query:
            name = self._site.begin("s3-")
            return 200, "", f"<UploadId>{name}</UploadId>".encode()
        upload = self._site.uploads[query["uploadId"]]
        if method == "PUT":
            upload.pieces[int(query["partNumber"])] = body
            return 200, 'ETag: "0"\r\n', b""
        listed = [int(number) for number in _PART.findall(body)]
        self._site.finish([upload.pieces[number] for number in listed], self._begun_s)
        del self._site.uploads[query["uploadId"]]
        return 200, "", b"<CompleteMultipartUploadResult/>"

    def _dav(self, method: str, path: str, body: bytes) -> Reply:
        uploads = self._site.uploads
        folder, _, name = path.rpartition("/")
        if method == "MKCOL":
            uploads[path] = Stored()
            return 201, "", b""
        if method == "PROPFIND":
            return (207 if path in uploads else 404), "", b""
        if method == "PUT":
            uploads[folder].pieces[int(name)] = body
            return 201, "", b""
        found = uploads.pop(folder if method == "MOVE" else path, None)
        if found is None:
            return 404, "", b""
        if method == "MOVE":
            self._site.finish(found.joined(), self._begun_s)
            return 201, "", b""
        return 204, "", b""

    def _form(self, body: bytes) -> Reply:
        """Take the files of a form; slices of Dropzone are joined."""
        parts = parts_of(self._header("content-type").encode(), body)
        fields = {name: data for name, is_file, data in parts if not is_file}
        for _, is_file, data in parts:
            if not is_file:
                continue
            if b"dzuuid" not in fields:
                self._site.finish([data], self._begun_s)
                continue
            key = fields[b"dzuuid"].decode()
            upload = self._site.uploads.setdefault(key, Stored())
            upload.pieces[int(fields[b"dzchunkindex"])] = data
            if len(upload.pieces) == int(fields[b"dztotalchunkcount"]):
                self._site.finish(self._site.uploads.pop(key).joined(), self._begun_s)
        return 201, "", b""


def parts_of(content_type: bytes, body: bytes) -> list[tuple[bytes, bool, bytes]]:
    """Return the name of each part, whether it is a file, and its data.

    A part without a name (``multipart/related``) is a file.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        return []
    parts = []
    for part in body.split(b"--" + found[1])[1:-1]:
        head, _, data = part.partition(_END)
        name = _NAME.search(head)
        is_file = b"filename=" in head or name is None
        parts.append((name[1] if name else b"", is_file, data[:-2]))
    return parts


async def _serve() -> None:
    site = Site()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Origin(site), "127.0.0.1", 0, backlog=4096
    )
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    sys.exit(uvloop.run(_serve()))
