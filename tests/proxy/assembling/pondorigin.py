"""A back end of FilePond: it joins what it has so far, where anybody can fetch it."""

import asyncio
from dataclasses import dataclass, field

from tests.proxy.wire import Got


@dataclass(slots=True)
class PondOrigin:
    """The back end; give ``answer`` to a ``WireOrigin``.

    Attributes:
        files: What can be fetched, by id.
        refused: Offset of a chunk that is answered with 500.
        says_offset: Whether it answers ``HEAD``.
        offsets: The offsets of the chunks that came.
    """

    files: dict[str, bytearray] = field(default_factory=dict)
    refused: int = -1
    says_offset: bool = True
    offsets: list[int] = field(default_factory=list)

    async def answer(
        self, got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one request."""
        method, target, _ = got.head.split(b"\r\n")[0].decode().split(" ")
        status, headers, body = self._answered(method, target, got)
        length = 0 if method == "HEAD" else len(body)
        lines = [
            f"HTTP/1.1 {status} x",
            f"Content-Length: {length}",
            *headers,
            "",
            body,
        ]
        writer.write("\r\n".join(lines).encode())
        await writer.drain()

    def _answered(
        self, method: str, target: str, got: Got
    ) -> tuple[int, list[str], str]:
        if method == "POST":
            name = f"pond{len(self.files) + 1}"
            self.files[name] = bytearray()
            return 201, [], name
        file = self.files.get(target.rpartition("?patch=")[2])
        if file is None:
            return 404, [], ""
        if method == "HEAD":
            told = [f"Upload-Offset: {len(file)}"] if self.says_offset else []
            return 200, told, ""
        at = int(got.header(b"upload-offset")[0])
        self.offsets.append(at)
        if at == self.refused:
            return 500, [], ""
        file[at : at + len(got.body)] = got.body
        return 204, [], ""
