"""Slices as web forms send them."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.proxy.site import CLOSE, Site
from tests.proxy.wire import Got, status

UUID = "2f1c9e9e-5a1c-4d8b-9a57-0a2b3c4d5e6f"
Fields = Callable[[int, int, int, int], dict[str, str]]
"""The fields for a slice: its index, the count, its offset, the length of the file."""


def _words_of(prefix: str) -> Fields:
    """Return the fields of scripts that are descended from resumable.js."""

    def fields(index: int, count: int, at: int, total: int) -> dict[str, str]:
        words = {
            "Identifier": f"{total}-ajpg",
            "ChunkNumber": str(index + 1),
            "TotalChunks": str(count),
            "ChunkSize": str(at // index if index else 60),
            "TotalSize": str(total),
        }
        return {
            prefix + word if prefix else word[0].lower() + word[1:]: value
            for word, value in words.items()
        }

    return fields


UPLOADERS: dict[str, Fields] = {
    "dropzone": lambda index, count, at, total: {
        "dzuuid": UUID,
        "dzchunkindex": str(index),
        "dztotalchunkcount": str(count),
        "dzchunkbyteoffset": str(at),
        "dztotalfilesize": str(total),
    },
    "fineuploader": lambda index, count, at, total: {
        "qquuid": UUID,
        "qqpartindex": str(index),
        "qqtotalparts": str(count),
        "qqpartbyteoffset": str(at),
        "qqtotalfilesize": str(total),
    },
    "resumable": _words_of("resumable"),
    "flow": _words_of("flow"),
    "simple": _words_of(""),
    "plupload": lambda index, count, _at, _total: {
        "name": "a.jpg",
        "chunk": str(index),
        "chunks": str(count),
    },
    "range": lambda _index, _count, _at, _total: {"title": "a lake"},
}


def form(fields: dict[str, str], data: bytes, name: str = "blob") -> bytes:
    """Return a form with a file of a name."""
    parts = [
        f'--bou\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--bou\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    return "".join(parts).encode() + data + b"\r\n--bou--\r\n"


def file_in(got: Got) -> bytes:
    """Return the bytes of the file in a form that the origin got."""
    (kind,) = got.header(b"content-type")
    boundary = kind.partition(b"boundary=")[2]
    for part in got.body.split(b"--" + boundary)[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        if b"filename=" in head:
            return data[:-2]
    raise AssertionError(got.body)


@dataclass(slots=True)
class Page:
    """A web page that sends a file in slices."""

    site: Site
    uploader: str
    path: str = "/forms"
    name: str = "blob"
    more: tuple[tuple[str, str], ...] = ()

    async def send(self, data: bytes, index: int, size: int = 60) -> bytes:
        """Send one slice of a file."""
        count = -(-len(data) // size)
        at = index * size
        piece = data[at : at + size]
        return await self.post(piece, index, count, at, len(data))

    async def post(
        self, piece: bytes, index: int, count: int, at: int, total: int
    ) -> bytes:
        """Send a slice that says anything."""
        fields = UPLOADERS[self.uploader](index, count, at, total) | dict(self.more)
        body = form(fields, piece, self.name)
        lines = f"Content-Length: {len(body)}\r\n"
        if self.uploader == "range":
            lines += f"Content-Range: bytes {at}-{at + len(piece) - 1}/{total}\r\n"
        head = (
            f"POST {self.path} HTTP/1.1\r\n{lines}"
            "Content-Type: multipart/form-data; boundary=bou\r\nCookie: a=b\r\n"
        ).encode()
        return await self.site.send(head + CLOSE + b"\r\n" + body)

    async def send_all(self, data: bytes, *, backwards: bool = False) -> bytes:
        """Send all slices of a file, and return the last answer."""
        indexes = list(range(-(-len(data) // 60)))
        answer = b""
        for index in reversed(indexes) if backwards else indexes:
            answer = await self.send(data, index)
            if index != (indexes[0] if backwards else indexes[-1]):
                assert status(answer) == 200, answer
                assert answer.endswith(b'{"success": true}')
        return answer
