"""A server of every protocol as one origin: strict, and it shows its bytes."""

import asyncio
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import accumulate
from typing import TypeAlias
from urllib.parse import parse_qsl, urlsplit

from tests.proxy.assembling.webforms import file_in
from tests.proxy.wire import Answering, Got

Reply: TypeAlias = tuple[int, dict[str, str], bytes]
"""A status, headers and a body."""

BAD = [b"bad"]
"""The Authorization of a client that has no right to anything."""

UPLOADS = "/remote.php/dav/uploads/"

_PART = re.compile(rb"<PartNumber>(\d+)</PartNumber><ETag>([^<]*)</ETag>")


def serve(reply: Callable[[str, str, Got], Reply]) -> Answering:
    """Return the function that answers the requests of a ``WireOrigin``.

    Args:
        reply: Returns the answer to a method, a target and a request.
    """

    async def answer(
        got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        method, target = got.head.split(b"\r\n")[0].decode().split(" ")[:2]
        status, headers, body = reply(method, target, got)
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        if status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    return answer


@dataclass(slots=True)
class TusUpload:
    """One upload at the server of tus."""

    total: int | None
    data: bytes = b""


@dataclass(slots=True)
class TusOrigin:
    """A server of tus.

    Attributes:
        uploads: By target; none has the address of an earlier one.
        begun: How many uploads it has begun.
    """

    uploads: dict[str, TusUpload] = field(default_factory=dict)
    begun: int = 0

    def retrievable(self) -> list[bytes]:
        """Return all bytes that a visitor of the site could fetch: unfinished, too."""
        return [each.data for each in self.uploads.values() if each.data]

    def reply(self, method: str, target: str, got: Got) -> Reply:
        """Answer one request."""
        status, headers = self._answered(method, target, got)
        headers["Tus-Resumable"] = "1.0.0"
        return status, headers, b""

    def _answered(
        self, method: str, target: str, got: Got
    ) -> tuple[int, dict[str, str]]:
        upload = self.uploads.get(target)
        if got.header(b"authorization") == BAD:
            return 401, {}
        if method == "POST":
            return self._create(target, got)
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
        upload = TusUpload(total=int(length) if length else None)
        if concat.startswith(b"final;"):
            parts = [self.uploads[each.decode()] for each in concat[6:].split()]
            if any(part.total != len(part.data) for part in parts):
                return 400, {}
            upload.data = b"".join(part.data for part in parts)
            upload.total = len(upload.data)
        name = f"{target}/{self.begun}"
        self.begun += 1
        self.uploads[name] = upload
        return 201, {"Location": f"http://site.example{name}"}

    def _patch(self, upload: TusUpload, got: Got) -> tuple[int, dict[str, str]]:
        if got.header(b"content-type") != [b"application/offset+octet-stream"]:
            return 415, {}
        if got.header(b"upload-offset") != [b"%d" % len(upload.data)]:
            return 409, {}
        if upload.total is None:
            upload.total = int(got.header(b"upload-length")[0])
        upload.data += got.body
        assert len(upload.data) <= upload.total
        return 204, {"Upload-Offset": str(len(upload.data))}


@dataclass(slots=True)
class S3Origin:
    """A store of S3: it keeps parts, joins what a list names, and shows it.

    Attributes:
        objects: What a visitor could fetch, by path.
        parts: Bytes by upload id and number; an upload id is known from the start.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def reply(self, method: str, target: str, got: Got) -> Reply:
        """Answer one request."""
        if got.header(b"authorization") == BAD:
            return 403, {}, b"<Error/>"
        path, _, query = target.partition("?")
        asked = dict(parse_qsl(query, keep_blank_values=True))
        if "uploads" in asked:
            self.parts[f"id{len(self.parts)}"] = {}
            return 200, {}, f"<UploadId>id{len(self.parts) - 1}</UploadId>".encode()
        upload_id = asked.get("uploadId", "")
        if upload_id not in self.parts:
            return 404, {}, b"<Error><Code>NoSuchUpload</Code></Error>"
        if method == "DELETE":
            self.parts[upload_id] = {}
            return 204, {}, b""
        if method == "PUT":
            body = unframed(got.body) if b"STREAMING-" in got.head else got.body
            self.parts[upload_id][int(asked["partNumber"])] = body
            return 200, {"ETag": etag(body)}, b""
        return self._complete(path, self.parts[upload_id], got.body)

    def _complete(self, path: str, held: dict[int, bytes], text: bytes) -> Reply:
        listed = [(int(number), tag.decode()) for number, tag in _PART.findall(text)]
        if any(
            number not in held or etag(held[number]) != tag for number, tag in listed
        ):
            return 400, {}, b"<Error><Code>InvalidPart</Code></Error>"
        self.objects[path] = b"".join(held[number] for number, _ in listed)
        held.clear()
        return 200, {}, b"<CompleteMultipartUploadResult/>"


def etag(data: bytes) -> str:
    """Return the tag of a part."""
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def unframed(body: bytes) -> bytes:
    """Undo aws-chunked, without a look at what follows the last chunk."""
    found = b""
    while body:
        line, _, body = body.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        if not size:
            break
        found, body = found + body[:size], body[size + 2 :]
    return found


@dataclass(slots=True)
class NextcloudOrigin:
    """A Nextcloud: folders of chunks, and the files that are made of them.

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

    def reply(self, method: str, target: str, got: Got) -> Reply:
        """Answer one request."""
        status = self.fails.get(method) or self._answered(method, target, got)
        for chunks in self.folders.values():
            self.seen |= {*chunks.values(), joined(chunks)}
        self.seen |= {*self.files.values()}
        return status, {"OC-FileId": "7"}, b""

    def _answered(self, method: str, target: str, got: Got) -> int:
        if got.header(b"authorization") == BAD:
            return 401
        if method == "MKCOL":
            self.folders[target] = {}
            return 201
        if method == "PROPFIND":
            return 207 if target in self.folders else 404
        if method == "DELETE":
            return 404 if self.folders.pop(target, None) is None else 204
        folder, _, name = target.rpartition("/")
        return self._write(folder, name, got) if folder in self.folders else 404

    def _write(self, folder: str, name: str, got: Got) -> int:
        if name == ".file":
            return self._move(folder, got)
        self.folders[folder][name] = got.body
        return 201

    def _move(self, folder: str, got: Got) -> int:
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


@dataclass(slots=True)
class Origins:
    """A server of every protocol.

    Attributes:
        tus: Below ``/tus``.
        s3: Below ``/s3``.
        nextcloud: At every other path.
        forms: The slices that came to ``/forms``, by target.
        refuses: The status of every request with bytes that were inspected; 0 for none.
    """

    tus: TusOrigin = field(default_factory=TusOrigin)
    s3: S3Origin = field(default_factory=S3Origin)
    nextcloud: NextcloudOrigin = field(default_factory=NextcloudOrigin)
    forms: dict[str, list[bytes]] = field(default_factory=dict)
    refuses: int = 0

    def reply(self, method: str, target: str, got: Got) -> Reply:
        """Answer one request."""
        if self.refuses and got.header(b"uploadfilter-decision"):
            return self.refuses, {}, b""
        if target.startswith("/forms"):
            self.forms.setdefault(target, []).append(file_in(got))
            return 200, {}, b""
        for prefix, server in (("/tus", self.tus), ("/s3", self.s3)):
            if target.startswith(prefix):
                return server.reply(method, target, got)
        return self.nextcloud.reply(method, target, got)

    def shown(self) -> set[bytes]:
        """Return everything that somebody can fetch by itself, or could at any time."""
        found = {*self.tus.retrievable(), *self.s3.objects.values()}
        found |= self.nextcloud.seen
        for slices in self.forms.values():
            found |= {*slices, *accumulate(slices)}
        return found - {b""}
