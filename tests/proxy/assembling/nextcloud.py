"""A client that uploads to Nextcloud in chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from tests.proxy.assembling.nextcloudorigin import UPLOADS
from tests.proxy.site import CLOSE, Site
from tests.proxy.wire import status

FILE = "/remote.php/dav/files/me/Photos/a.png"
_IDS = count(1)


@dataclass(slots=True)
class Client:
    """A client of Nextcloud.

    Attributes:
        site: The filter.
        prefix: Path of the installation.
        folder: Path of the folder of its upload.
        file: Path of the file.
        total: Bytes of the whole file.
    """

    site: Site
    total: int
    prefix: str = ""
    folder: str = ""
    file: str = FILE

    async def ask(
        self, method: str, path: str, *headers: str, body: bytes = b""
    ) -> bytes:
        """Send one request."""
        lines = [f"Content-Length: {len(body)}", *headers]
        head = f"{method} {path} HTTP/1.1\r\n".encode() + CLOSE
        head += "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
        return await self.site.send(head + body)

    @property
    def of_file(self) -> tuple[str, ...]:
        """The headers that name the file."""
        return (
            f"Destination: https://site.example{self.file}",
            f"OC-Total-Length: {self.total}",
        )

    async def begin(self) -> None:
        """Make the folder."""
        self.folder = f"{self.prefix}{UPLOADS}me/web-file-upload-{next(_IDS)}"
        assert status(await self.ask("MKCOL", self.folder, *self.of_file)) == 201

    async def chunk(self, name: int | str, data: bytes, *headers: str) -> bytes:
        """Send one chunk."""
        path = f"{self.folder}/{name}"
        return await self.ask("PUT", path, *self.of_file, *headers, body=data)

    async def move(self) -> bytes:
        """Make the file."""
        return await self.ask("MOVE", f"{self.folder}/.file", *self.of_file)

    async def upload(self, pieces: Sequence[bytes], order: Sequence[int]) -> bytes:
        """Send pieces in an order, in which some may come again."""
        await self.begin()
        for index in order:
            answer = await self.chunk(f"{index + 1:05d}", pieces[index])
            assert status(answer) in {201, 204}, answer
        return await self.move()
