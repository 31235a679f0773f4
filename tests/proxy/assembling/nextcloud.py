"""A client that uploads to Nextcloud in chunks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from tests.proxy.assembling.origins import UPLOADS
from tests.proxy.site import Site
from tests.proxy.wire import status

FILE = "/remote.php/dav/files/me/Photos/a.png"
_IDS = count(1)


@dataclass(slots=True)
class Client:
    """A client of Nextcloud.

    Attributes:
        site: The filter.
        folder: Path of the folder of its upload.
        file: Path of the file.
        total: Bytes of the whole file.
    """

    site: Site
    total: int
    folder: str = ""
    file: str = FILE

    @property
    def of_file(self) -> tuple[str, ...]:
        """The headers that name the file."""
        return (
            f"Destination: https://site.example{self.file}",
            f"OC-Total-Length: {self.total}",
        )

    async def begin(self) -> None:
        """Make the folder."""
        self.folder = f"{UPLOADS}me/web-file-upload-{next(_IDS)}"
        assert status(await self.site.ask("MKCOL", self.folder, *self.of_file)) == 201

    async def chunk(self, name: int | str, data: bytes, *headers: str) -> bytes:
        """Send one chunk."""
        path = f"{self.folder}/{name}"
        return await self.site.ask("PUT", path, *self.of_file, *headers, body=data)

    async def move(self) -> bytes:
        """Make the file."""
        return await self.site.ask("MOVE", f"{self.folder}/.file", *self.of_file)

    async def upload(self, pieces: Sequence[bytes], order: Sequence[int]) -> bytes:
        """Send pieces in an order, in which some may come again."""
        await self.begin()
        for index in order:
            answer = await self.chunk(f"{index + 1:05d}", pieces[index])
            assert status(answer) in {201, 204}, answer
        return await self.move()
