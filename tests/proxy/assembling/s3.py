"""A client of multipart uploads of S3."""

from dataclasses import dataclass

from tests.proxy.assembling.origins import etag
from tests.proxy.site import Site


@dataclass(slots=True)
class Client:
    """A client of S3 that sends any bytes."""

    site: Site
    path: str = "/s3/key"

    async def ask(
        self, method: str, query: str, *headers: str, body: bytes | None = None
    ) -> bytes:
        """Send one request; a body of ``None`` has no length either."""
        return await self.site.ask(method, f"{self.path}?{query}", *headers, body=body)

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
