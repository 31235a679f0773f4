"""A client of tus that sends any bytes."""

from dataclasses import dataclass

from tests.proxy.site import Site
from tests.proxy.wire import status


@dataclass(slots=True)
class Client:
    """A client of tus that sends any bytes."""

    site: Site

    async def ask(
        self, method: str, target: str, *headers: str, body: bytes | None = None
    ) -> bytes:
        """Send one request; a body of ``None`` has no length either."""
        line = "Tus-Resumable: 1.0.0"
        return await self.site.ask(method, target, *headers, line, body=body)

    async def create(
        self,
        total: int | None,
        *headers: str,
        body: bytes = b"",
        path: str = "/tus",
    ) -> str:
        """Begin an upload; return its target."""
        length = f"Upload-Length: {total}"
        if total is None:
            length = "Upload-Defer-Length: 1"
        if body:
            headers = (*headers, f"Content-Type: {PIECE}")
        answer = await self.ask("POST", path, length, *headers, body=body)
        assert status(answer) == 201, answer
        return header(answer, b"location").removeprefix("http://site.example")

    async def patch(
        self, target: str, at: int, data: bytes, *headers: str, method: str = "PATCH"
    ) -> bytes:
        """Send one piece."""
        lines = (f"Upload-Offset: {at}", f"Content-Type: {PIECE}", *headers)
        return await self.ask(method, target, *lines, body=data)

    async def offset(self, target: str) -> int:
        """Ask how far an upload is."""
        answer = await self.ask("HEAD", target)
        assert status(answer) == 200, answer
        return int(header(answer, b"upload-offset"))


PIECE = "application/offset+octet-stream"


def header(answer: bytes, name: bytes) -> str:
    """Return a header of an answer; empty if it is not there."""
    for line in answer.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip().decode()
    return ""
