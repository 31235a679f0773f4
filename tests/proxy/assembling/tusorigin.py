"""A server of tus as an origin: strict, with the extensions, and it shows its bytes."""

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.proxy.wire import Got


@dataclass(slots=True)
class Stored:
    """One upload at the origin."""

    total: int | None
    data: bytes = b""
    concat: bytes = b""


@dataclass(slots=True)
class TusOrigin:
    """The uploads of a server; give ``answer`` to a ``WireOrigin``.

    Attributes:
        uploads: By target.
        forbidden: A value of Authorization that is refused.
        breaks_off: Whether the connection ends in the middle of a PATCH.
        begun: How many uploads it has begun; none has the address of an earlier one.
        refuses_patches: The status of every PATCH, if it is not 0.
    """

    uploads: dict[str, Stored] = field(default_factory=dict)
    forbidden: bytes = b"bad"
    breaks_off: bool = False
    refuses_patches: int = 0
    begun: int = 0

    def retrievable(self) -> list[bytes]:
        """Return all bytes that a visitor of the site could fetch: unfinished, too."""
        return [each.data for each in self.uploads.values() if each.data]

    async def answer(
        self, got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one request."""
        line = got.head.split(b"\r\n")[0].decode().split(" ")
        method, target = line[0], line[1]
        if self.breaks_off and method == "PATCH":
            self.uploads[target].data += got.body[:3]
            writer.transport.abort()
            return
        status, headers = self._answered(method, target, got)
        headers |= {
            "Tus-Resumable": "1.0.0",
            "Access-Control-Allow-Origin": "https://site.example",
            "Content-Length": "0",
        }
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        await writer.drain()

    def _answered(
        self, method: str, target: str, got: Got
    ) -> tuple[int, dict[str, str]]:
        if got.header(b"authorization") == [self.forbidden]:
            return 401, {}
        if method == "POST":
            return self._create(target, got)
        upload = self.uploads.get(target)
        if upload is None:
            return 404, {}
        if method == "DELETE":
            del self.uploads[target]
            return 204, {}
        if method == "HEAD":
            length = {"Upload-Defer-Length": "1"}
            if upload.total is not None:
                length = {"Upload-Length": str(upload.total)}
            return 200, {"Upload-Offset": str(len(upload.data)), **length}
        return self._patch(upload, got)

    def _create(self, target: str, got: Got) -> tuple[int, dict[str, str]]:
        assert not got.body
        concat = (got.header(b"upload-concat") or [b""])[0]
        length = (got.header(b"upload-length") or [b""])[0]
        stored = Stored(total=int(length) if length else None, concat=concat)
        if concat.startswith(b"final;"):
            parts = [self.uploads[t.decode()] for t in concat[6:].split()]
            if any(part.total != len(part.data) for part in parts):
                return 400, {}
            stored.data = b"".join(part.data for part in parts)
            stored.total = len(stored.data)
        name = f"{target}/{self.begun}"
        self.begun += 1
        self.uploads[name] = stored
        return 201, {"Location": f"http://site.example{name}"}

    def _patch(self, upload: Stored, got: Got) -> tuple[int, dict[str, str]]:
        if self.refuses_patches:
            return self.refuses_patches, {}
        if got.header(b"content-type") != [b"application/offset+octet-stream"]:
            return 415, {}
        if got.header(b"upload-offset") != [b"%d" % len(upload.data)]:
            return 409, {}
        if upload.total is None:
            upload.total = int(got.header(b"upload-length")[0])
        upload.data += got.body
        assert len(upload.data) <= upload.total
        return 204, {"Upload-Offset": str(len(upload.data))}
