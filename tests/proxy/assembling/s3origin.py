"""A store of S3 as an origin: it keeps parts, joins what a list names, and shows it."""

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl

from tests.proxy.wire import Got

_PART = re.compile(rb"<PartNumber>(\d+)</PartNumber><ETag>([^<]*)</ETag>")


@dataclass(slots=True)
class S3Origin:
    """A store; give ``answer`` to a ``WireOrigin``.

    Attributes:
        objects: What a visitor could fetch, by path.
        parts: Bytes by upload id and number; an upload id is known from the start.
        forbidden: A value of Authorization that is refused.
        fails: The status of every request from now on, if it is not 0.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    forbidden: bytes = b"bad"
    fails: int = 0

    async def answer(
        self, got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one request."""
        method, target = got.head.split(b"\r\n")[0].decode().split(" ")[:2]
        status, headers, body = self._answered(method, target, got)
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
        headers |= {"Content-Length": str(len(body))}
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()

    def _answered(
        self, method: str, target: str, got: Got
    ) -> tuple[int, dict[str, str], bytes]:
        if self.fails:
            return self.fails, {}, b""
        if got.header(b"authorization") == [self.forbidden]:
            return 403, {}, b"<Error/>"
        path, _, query = target.partition("?")
        asked = dict(parse_qsl(query, keep_blank_values=True))
        if "uploads" in asked:
            self.parts[f"id{len(self.parts)}"] = {}
            return 200, {}, f"<UploadId>id{len(self.parts) - 1}</UploadId>".encode()
        if asked.get("uploadId") not in self.parts:
            return 404, {}, b"<Error><Code>NoSuchUpload</Code></Error>"
        return self._step(method, path, asked, got)

    def _step(
        self, method: str, path: str, asked: dict[str, str], got: Got
    ) -> tuple[int, dict[str, str], bytes]:
        upload_id = asked["uploadId"]
        match method:
            case "PUT":
                is_framed = b"STREAMING-" in got.head
                body = unframed(got.body) if is_framed else got.body
                self.parts[upload_id][int(asked["partNumber"])] = body
                return 200, {"ETag": etag(body)}, b""
            case "DELETE":
                del self.parts[upload_id]
                return 204, {}, b""
            case _:
                return self._complete(path, upload_id, got.body)

    def _complete(
        self, path: str, upload_id: str, text: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        held = self.parts[upload_id]
        listed = [(int(number), tag.decode()) for number, tag in _PART.findall(text)]
        if any(
            number not in held or etag(held[number]) != tag for number, tag in listed
        ):
            return 400, {}, b"<Error><Code>InvalidPart</Code></Error>"
        self.objects[path] = b"".join(held[number] for number, _ in listed)
        del self.parts[upload_id]
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
