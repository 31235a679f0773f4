"""A client of multipart uploads of S3."""

from dataclasses import dataclass

from tests.proxy.assembling.s3origin import etag
from tests.proxy.site import CLOSE, Site
from tests.proxy.wire import status


@dataclass(slots=True)
class Client:
    """A client of S3 that sends any bytes."""

    site: Site
    path: str = "/lakes/key"

    async def ask(
        self, method: str, query: str, *headers: str, body: bytes | None = None
    ) -> bytes:
        """Send one request; a body of ``None`` has no length either."""
        lines = [*headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        head = f"{method} {self.path}?{query} HTTP/1.1\r\n".encode() + CLOSE
        head += "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
        return await self.site.send(head + (body or b""))

    async def begin(self) -> str:
        """Begin an upload; return its id."""
        answer = await self.ask("POST", "uploads=", body=b"")
        return answer.partition(b"<UploadId>")[2].partition(b"<")[0].decode()

    async def part(
        self, upload_id: str, number: int, data: bytes, *headers: str
    ) -> bytes:
        """Send one part."""
        query = f"partNumber={number}&uploadId={upload_id}"
        return await self.ask("PUT", query, *headers, body=data)

    async def complete(
        self, upload_id: str, parts: dict[int, bytes], *headers: str
    ) -> bytes:
        """Complete an upload; ``parts`` in the order of the list."""
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag(data)}</ETag></Part>"
            for number, data in parts.items()
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        query = f"uploadId={upload_id}"
        return await self.ask("POST", query, *headers, body=body)

    async def upload(self, data: bytes, cut: int) -> bytes:
        """Send an upload in two parts, the second one first."""
        upload_id = await self.begin()
        parts = {1: data[:cut], 2: data[cut:]}
        for number in (2, 1):
            answer = await self.part(upload_id, number, parts[number])
            assert status(answer) == 200, answer
        return await self.complete(upload_id, parts)
