"""Clients of every protocol for uploads in pieces, behind one interface.

A further protocol is a further ``Sender``; ``SENDERS`` is what the tests run over.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import ClassVar, Final

from typing_extensions import override

from tests.corpus import pictures
from tests.proxy.assembling.nextcloud import Client as NextcloudClient
from tests.proxy.assembling.origins import Origins, serve
from tests.proxy.assembling.s3 import Client as S3Client
from tests.proxy.assembling.tus import Client as TusClient
from tests.proxy.assembling.tus import header as tus_header
from tests.proxy.assembling.webforms import Page
from tests.proxy.site import Site
from tests.proxy.wire import OK, status
from uploadfilter.model import Mode
from uploadfilter.web.routing.routes import Route, UploadProtocol

LISTED: Final = pictures.png(pictures.photograph(1, width=16, height=12))
UNLISTED: Final = pictures.png(pictures.photograph(2, width=16, height=12))
LISTED_WORDS: Final = b"words that a test lists by their digest alone, in no picture"

PATHS: Final = {
    UploadProtocol.TUS: "/tus",
    UploadProtocol.S3: "/s3",
    UploadProtocol.FORMS: "/forms",
    UploadProtocol.NEXTCLOUD: "/remote.php",
}
"""Where each protocol has its addresses."""


def routes(mode: Mode) -> tuple[Route, ...]:
    """Return a route for each protocol."""
    return tuple(
        Route(name=each.value, origin="default", path=path, mode=mode, protocol=each)
        for each, path in PATHS.items()
    )


_PASSING: Final = frozenset({409, 423, 503})
"""Answers after which clients try again: the upload is locked, or has no room."""

_NUMBERS: Final = count()


def renewed(made: Site) -> Origins:
    """Put servers without any upload behind a filter, which then holds none."""
    for file in (made.state / "uploads").glob("*.*"):
        file.unlink()
    origins = Origins()
    made.origin.got.clear()
    made.origin.answers, made.origin.breaks = [OK], None
    made.origin.answering = serve(origins.reply)
    return origins


def count_held(made: Site) -> int:
    """Return how many uploads and parts a filter holds."""
    return len(list((made.state / "uploads").glob("*.journal")))


class BrokenSite(Site):
    """The same filter, to which every request breaks off in the middle of its body."""

    @override
    async def send(self, *pieces: bytes) -> bytes:
        data = b"".join(pieces)
        body = data.index(b"\r\n\r\n") + 4
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data[: body + (len(data) - body) // 2])
        with suppress(OSError):
            writer.write_eof()
            await reader.read()  # until the filter has seen the end
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return b""


@dataclass(slots=True, kw_only=True)
class Sender:
    """A client that sends one file in pieces.

    Attributes:
        site: The filter.
        origins: What is behind it.
        pieces: The file.
    """

    site: Site
    origins: Origins
    pieces: list[bytes]

    is_ordered: ClassVar = False
    """Whether each piece has to follow the one before."""

    join_ends: ClassVar = True
    """Whether a request of its own ends the upload, and not its last piece."""

    @property
    def total(self) -> int:
        """Length of the file."""
        return sum(map(len, self.pieces))

    def at(self, index: int) -> int:
        """Return the offset of a piece."""
        return sum(map(len, self.pieces[:index]))

    async def begin(self) -> None:
        """Begin the upload."""

    async def step(self, index: int) -> bytes:
        """Send one piece; return the answer."""
        raise NotImplementedError

    async def join(self) -> bytes | None:
        """End the upload; ``None`` if its last piece does."""
        return None

    async def cancel(self) -> bytes | None:
        """Give the upload up; ``None`` if a client cannot."""
        return None

    def arrived(self) -> list[bytes]:
        """Return the whole files of this upload at the origin."""
        raise NotImplementedError

    async def upload(self, order: Iterable[int] | None = None) -> bytes:
        """Send the whole file; return the last answer."""
        await self.begin()
        answer = b""
        for index in range(len(self.pieces)) if order is None else order:
            answer = await self.step(index)
        return await self.join() or answer

    async def again(self, index: int) -> bytes:
        """Send a piece until it is not in the way of another request any more."""
        answer = await self.step(index)
        for _ in range(1000):
            if answer and status(answer) not in _PASSING:
                return answer
            answer = await self.step(index)
        raise AssertionError(answer)


@dataclass(slots=True, kw_only=True)
class TusSender(Sender):
    """One upload of tus, piece after piece."""

    is_ordered: ClassVar = True
    join_ends: ClassVar = False
    target: str = ""

    @property
    def client(self) -> TusClient:
        """The client."""
        return TusClient(self.site)

    @override
    async def begin(self) -> None:
        self.target = await self.client.create(self.total, path="/tus")

    @override
    async def step(self, index: int) -> bytes:
        at, end = self.at(index), self.at(index + 1)
        asked = await TusClient(whole(self.site)).ask("HEAD", self.target)
        offset = int(tus_header(asked, b"upload-offset") or 0)
        start = offset if at < offset < end else at
        data = self.pieces[index][start - at :]
        return await self.client.patch(self.target, start, data)

    @override
    async def cancel(self) -> bytes:
        return await self.client.ask("DELETE", self.target)

    @override
    def arrived(self) -> list[bytes]:
        stored = self.origins.tus.uploads.get(self.target)
        return [stored.data] if stored and stored.data else []


@dataclass(slots=True, kw_only=True)
class TusPartsSender(Sender):
    """Partial uploads of tus, which a final one joins."""

    targets: list[str] = field(default_factory=list)
    final: str = ""

    @override
    async def begin(self) -> None:
        concat = "Upload-Concat: partial"
        client = TusClient(self.site)
        self.targets = [
            await client.create(len(piece), concat, path="/tus")
            for piece in self.pieces
        ]

    @override
    async def step(self, index: int) -> bytes:
        one = replace(
            TusSender(site=self.site, origins=self.origins, pieces=self.pieces[index:]),
            target=self.targets[index],
        )
        return await one.step(0)

    @override
    async def join(self) -> bytes:
        concat = f"Upload-Concat: final;{' '.join(self.targets)}"
        answer = await TusClient(self.site).ask("POST", "/tus", concat, body=b"")
        location = tus_header(answer, b"location")
        self.final = location.removeprefix("http://site.example") or self.final
        return answer

    @override
    def arrived(self) -> list[bytes]:
        stored = self.origins.tus.uploads.get(self.final)
        return [stored.data] if stored else []


@dataclass(slots=True, kw_only=True)
class S3Sender(Sender):
    """A multipart upload of S3."""

    path: str = field(default_factory=lambda: f"/s3/key{next(_NUMBERS)}")
    upload_id: str = ""

    @property
    def client(self) -> S3Client:
        """The client."""
        return S3Client(self.site, path=self.path)

    @override
    async def begin(self) -> None:
        self.upload_id = await self.client.begin()

    @override
    async def step(self, index: int) -> bytes:
        return await self.client.part(self.upload_id, index + 1, self.pieces[index])

    @override
    async def join(self) -> bytes:
        parts = dict(enumerate(self.pieces, 1))
        return await self.client.complete(self.upload_id, parts)

    @override
    async def cancel(self) -> bytes:
        return await self.client.ask("DELETE", f"uploadId={self.upload_id}")

    @override
    def arrived(self) -> list[bytes]:
        found = self.origins.s3.objects.get(self.path)
        return [] if found is None else [found]


@dataclass(slots=True, kw_only=True)
class NextcloudSender(Sender):
    """Chunks of Nextcloud."""

    folder: str = ""
    file: str = field(
        default_factory=lambda: f"/remote.php/dav/files/me/{next(_NUMBERS)}"
    )

    @property
    def client(self) -> NextcloudClient:
        """The client."""
        return NextcloudClient(
            self.site, total=self.total, folder=self.folder, file=self.file
        )

    @override
    async def begin(self) -> None:
        client = self.client
        await client.begin()
        self.folder = client.folder

    @override
    async def step(self, index: int) -> bytes:
        return await self.client.chunk(f"{index + 1:05d}", self.pieces[index])

    @override
    async def join(self) -> bytes:
        return await self.client.move()

    @override
    async def cancel(self) -> bytes:
        return await self.site.ask("DELETE", self.folder)

    @override
    def arrived(self) -> list[bytes]:
        found = self.origins.nextcloud.files.get(self.file)
        return [] if found is None else [found]


@dataclass(slots=True, kw_only=True)
class FormsSender(Sender):
    """Slices of Dropzone."""

    join_ends: ClassVar = False
    path: str = field(default_factory=lambda: f"/forms?{next(_NUMBERS)}")

    @override
    async def step(self, index: int) -> bytes:
        page = Page(
            self.site, "dropzone", path=self.path, more=(("dzuuid", self.path),)
        )
        piece, at = self.pieces[index], self.at(index)
        return await page.post(piece, index, len(self.pieces), at, self.total)

    @override
    def arrived(self) -> list[bytes]:
        slices = self.origins.forms.get(self.path, [])
        return [b"".join(slices)] if len(slices) == len(self.pieces) else []


SENDERS: Final[Sequence[type[Sender]]] = (
    TusSender,
    TusPartsSender,
    S3Sender,
    NextcloudSender,
    FormsSender,
)


def whole(site: Site) -> Site:
    """Return a filter to which requests do not break off."""
    return Site(port=site.port, origin=site.origin, state=site.state)


def broken(site: Site) -> Site:
    """Return a filter to which every request breaks off."""
    return BrokenSite(port=site.port, origin=site.origin, state=site.state)
