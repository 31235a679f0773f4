"""Clients of each protocol: they send one file in pieces over one connection."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final, TypeAlias

from benchmarks.load import Answer, Connection
from benchmarks.uploads.stage import ROUTES, request

_BOUNDARY: Final = "bench-7d1f"
_NUMBERS: Final = count(1)
ANSWERED: Final = frozenset({200, 201, 204})
"""The answers to a piece that was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that is sent in pieces.

    Attributes:
        data: Its bytes.
        kind: Its media type.
        piece: Bytes of each piece except the last.
        client: Address of its client; empty for none.
        is_left: Whether nothing follows its first piece.
    """

    data: bytes
    kind: str
    piece: int
    client: str = ""
    is_left: bool = False

    @property
    def pieces(self) -> list[bytes]:
        """The pieces, in order."""
        size = self.piece
        return [self.data[at : at + size] for at in range(0, len(self.data), size)]


Sender: TypeAlias = Callable[[Connection, File], Awaitable[Answer]]
"""Sends a file, and returns the first answer that is no success, or the last one."""


async def raw(connection: Connection, file: File) -> Answer:
    """Send a file as one body."""
    line = f"Content-Type: {file.kind}"
    asked = request("PUT", "/upload", line, body=file.data, client=file.client)
    return await connection.ask(asked, keep=True)


async def begin_tus(connection: Connection, file: File) -> Answer:
    """Create an upload of tus, without a byte."""
    lines = ("Tus-Resumable: 1.0.0", f"Upload-Length: {len(file.data)}")
    asked = request("POST", ROUTES["tus"], *lines, client=file.client)
    return await connection.ask(asked, keep=True)


async def tus(connection: Connection, file: File) -> Answer:
    """Send a file as clients of tus 1.0 do."""
    answer = await begin_tus(connection, file)
    target, at = answer.header("location"), 0
    for piece in file.pieces:
        lines = (
            "Tus-Resumable: 1.0.0",
            f"Upload-Offset: {at}",
            "Content-Type: application/offset+octet-stream",
        )
        asked = request("PATCH", target, *lines, body=piece, client=file.client)
        answer = await connection.ask(asked, keep=True)
        if answer.status not in ANSWERED or file.is_left:
            return answer
        at += len(piece)
    return answer


async def s3(connection: Connection, file: File) -> Answer:
    """Send a file as a multipart upload of S3."""
    key = f"{ROUTES['s3']}/key{next(_NUMBERS)}"
    asked = request("POST", f"{key}?uploads=", client=file.client)
    answer = await connection.ask(asked, keep=True)
    name = answer.body.partition(b"<UploadId>")[2].partition(b"<")[0].decode()
    listed = []
    for number, piece in enumerate(file.pieces, start=1):
        target = f"{key}?partNumber={number}&uploadId={name}"
        asked = request("PUT", target, body=piece, client=file.client)
        answer = await connection.ask(asked, keep=True)
        if answer.status not in ANSWERED or file.is_left:
            return answer
        listed.append(f'<Part><PartNumber>{number}</PartNumber><ETag>"0"</ETag></Part>')
    body = f"<CompleteMultipartUpload>{''.join(listed)}</CompleteMultipartUpload>"
    target = f"{key}?uploadId={name}"
    asked = request("POST", target, body=body.encode(), client=file.client)
    return await connection.ask(asked, keep=True)


def form(file: bytes, kind: str, fields: Mapping[str, str]) -> bytes:
    """Return a form with fields and a file."""
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        f"{value}\r\n"
        for name, value in fields.items()
    ]
    parts.append(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; '
        f'filename="a.jpg"\r\nContent-Type: {kind}\r\n\r\n'
    )
    return "".join(parts).encode() + file + f"\r\n--{_BOUNDARY}--\r\n".encode()


async def forms(connection: Connection, file: File) -> Answer:
    """Send a file in slices, as Dropzone does."""
    pieces, at, answer = file.pieces, 0, Answer(0)
    uuid = f"2f1c9e9e-5a1c-4d8b-9a57-{next(_NUMBERS):012x}"
    for number, piece in enumerate(pieces):
        fields = {
            "dzuuid": uuid,
            "dzchunkindex": str(number),
            "dztotalfilesize": str(len(file.data)),
            "dzchunksize": str(file.piece),
            "dztotalchunkcount": str(len(pieces)),
            "dzchunkbyteoffset": str(at),
        }
        line = f"Content-Type: multipart/form-data; boundary={_BOUNDARY}"
        body = form(piece, file.kind, fields)
        asked = request("POST", ROUTES["forms"], line, body=body, client=file.client)
        answer = await connection.ask(asked, keep=True)
        if answer.status not in ANSWERED or file.is_left:
            return answer
        at += len(piece)
    return answer


async def nextcloud(connection: Connection, file: File) -> Answer:
    """Send a file in chunks, as clients of Nextcloud do."""
    number = next(_NUMBERS)
    dav = f"{ROUTES['nextcloud']}/dav"
    folder = f"{dav}/uploads/me/web-file-upload-{number}"
    lines = (
        f"Destination: http://site.example{dav}/files/me/a{number}.jpg",
        f"OC-Total-Length: {len(file.data)}",
    )

    async def ask(method: str, target: str, body: bytes = b"") -> Answer:
        asked = request(method, target, *lines, body=body, client=file.client)
        return await connection.ask(asked, keep=True)

    answer = await ask("MKCOL", folder)
    for name, piece in enumerate(file.pieces, start=1):
        answer = await ask("PUT", f"{folder}/{name:05d}", piece)
        if answer.status not in ANSWERED or file.is_left:
            return answer
    return await ask("MOVE", f"{folder}/.file")


PROTOCOLS: Final[Mapping[str, Sender]] = {
    "tus": tus,
    "s3": s3,
    "forms": forms,
    "nextcloud": nextcloud,
}
"""The clients by the names of their routes."""
