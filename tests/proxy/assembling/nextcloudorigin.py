"""A Nextcloud as an origin: folders of chunks, and the files that are made of them."""

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

from tests.proxy.wire import Got

UPLOADS = "/remote.php/dav/uploads/"


@dataclass(slots=True)
class NextcloudOrigin:
    """A server; give ``answer`` to a ``WireOrigin``.

    Attributes:
        files: What a visitor could fetch, by path.
        folders: Chunks by name, by the path of their folder.
        seen: Every content that a user could have fetched at any time: of a file, of a
            chunk, and of the chunks of a folder joined.
        fails: The status of the requests with a method, from now on.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    folders: dict[str, dict[str, bytes]] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    fails: dict[str, int] = field(default_factory=dict)

    async def answer(
        self, got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one request."""
        method, target = got.head.split(b"\r\n")[0].decode().split(" ")[:2]
        status = self.fails.get(method) or self._answered(method, target, got)
        for chunks in self.folders.values():
            self.seen |= {*chunks.values(), joined(chunks)}
        self.seen |= {*self.files.values()}
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        if status != HTTPStatus.NO_CONTENT:
            lines.append("Content-Length: 0")
        writer.write("\r\n".join([*lines, "OC-FileId: 7", "", ""]).encode())
        await writer.drain()

    def _answered(self, method: str, target: str, got: Got) -> int:
        if got.header(b"authorization") == [b"bad"]:
            return 401
        match method:
            case "MKCOL":
                self.folders[target] = {}
                return 201
            case "DELETE":
                return 404 if self.folders.pop(target, None) is None else 204
            case "PROPFIND":
                return 207 if target in self.folders else 404
            case _:
                return self._written(method, target, got)

    def _written(self, method: str, target: str, got: Got) -> int:
        folder, _, name = target.rpartition("/")
        if folder not in self.folders:
            return 404
        if method == "MOVE":
            return self._moved(folder, got)
        self.folders[folder][name] = got.body
        return 201

    def _moved(self, folder: str, got: Got) -> int:
        (destination,) = got.header(b"destination")
        whole = joined(self.folders[folder])
        if [str(len(whole)).encode()] != got.header(b"oc-total-length"):
            return 400
        self.files[urlsplit(destination.decode()).path] = whole
        del self.folders[folder]
        return 201


def joined(chunks: dict[str, bytes]) -> bytes:
    """Return chunks in the order of their numbers."""
    return b"".join(chunks[name] for name in sorted(chunks, key=int))
