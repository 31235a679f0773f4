"""Clients of every protocol for uploads in pieces, behind one interface.

A further protocol is a further ``Sender``; ``SENDERS`` is what the tests run over.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from typing import ClassVar, Final

from typing_extensions import override

from tests.corpus import pictures
from tests.proxy.assembling.origins import UPLOADS, Origins, etag, serve
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
        total: Length of the file, as the client states it.
    """

    site: Site
    origins: Origins = field(default_factory=Origins)
    pieces: list[bytes] = field(default_factory=list)
    total: int = -1

    is_ordered: ClassVar = False
    """Whether each piece has to follow the one before."""

    join_ends: ClassVar = True
    """Whether a request of its own ends the upload, and not its last piece."""

    def __post_init__(self) -> None:
        """State the length of the file, unless it is given."""
        self.total = self.at(len(self.pieces)) if self.total < 0 else self.total

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


PIECE: Final = "Content-Type: application/offset+octet-stream"


@dataclass(slots=True, kw_only=True)
class TusSender(Sender):
    """One upload of tus, piece after piece."""

    is_ordered: ClassVar = True
    join_ends: ClassVar = False
    target: str = ""

    async def ask(
        self, method: str, target: str, *headers: str, body: bytes | None = None
    ) -> bytes:
        """Send one request; a body of ``None`` has no length either."""
        line = "Tus-Resumable: 1.0.0"
        return await self.site.ask(method, target, *headers, line, body=body)

    async def create(
        self, total: int | None, *headers: str, body: bytes = b"", path: str = "/tus"
    ) -> str:
        """Begin an upload; return its target."""
        length = (
            "Upload-Defer-Length: 1" if total is None else f"Upload-Length: {total}"
        )
        kind = [PIECE] if body else []
        answer = await self.ask("POST", path, length, *headers, *kind, body=body)
        assert status(answer) == 201, answer
        return header(answer, b"location").removeprefix("http://site.example")

    async def patch(self, target: str, at: int, data: bytes, *headers: str) -> bytes:
        """Send one piece."""
        lines = (f"Upload-Offset: {at}", PIECE, *headers)
        return await self.ask("PATCH", target, *lines, body=data)

    async def offset(self, target: str) -> int:
        """Ask how far an upload is."""
        answer = await self.ask("HEAD", target)
        assert status(answer) == 200, answer
        return int(header(answer, b"upload-offset"))

    @override
    async def begin(self) -> None:
        self.target = await self.create(self.total)

    @override
    async def step(self, index: int) -> bytes:
        at, end = self.at(index), self.at(index + 1)
        asked = await replace(self, site=whole(self.site)).ask("HEAD", self.target)
        offset = int(header(asked, b"upload-offset") or 0)
        start = offset if at < offset < end else at
        return await self.patch(self.target, start, self.pieces[index][start - at :])

    @override
    async def cancel(self) -> bytes:
        return await self.ask("DELETE", self.target)

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
        concat, one = "Upload-Concat: partial", TusSender(site=self.site)
        self.targets = [await one.create(len(it), concat) for it in self.pieces]

    @override
    async def step(self, index: int) -> bytes:
        target, pieces = self.targets[index], self.pieces[index:]
        return await TusSender(site=self.site, pieces=pieces, target=target).step(0)

    @override
    async def join(self) -> bytes:
        concat = f"Upload-Concat: final;{' '.join(self.targets)}"
        answer = await TusSender(site=self.site).ask("POST", "/tus", concat, body=b"")
        location = header(answer, b"location")
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

    async def ask(
        self, method: str, query: str, *headers: str, body: bytes | None = None
    ) -> bytes:
        """Send one request; a body of ``None`` has no length either."""
        return await self.site.ask(method, f"{self.path}?{query}", *headers, body=body)

    async def part(self, number: int, data: bytes, *headers: str) -> bytes:
        """Send one part."""
        query = f"partNumber={number}&uploadId={self.upload_id}"
        return await self.ask("PUT", query, *headers, body=data)

    async def complete(self, parts: Mapping[int, bytes]) -> bytes:
        """Complete the upload; ``parts`` in the order of the list."""
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag(data)}</ETag></Part>"
            for number, data in parts.items()
        )
        body = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>".encode()
        return await self.ask("POST", f"uploadId={self.upload_id}", body=body)

    @override
    async def begin(self) -> None:
        answer = await self.ask("POST", "uploads=", body=b"")
        self.upload_id = answer.partition(b"<UploadId>")[2].partition(b"<")[0].decode()

    @override
    async def step(self, index: int) -> bytes:
        return await self.part(index + 1, self.pieces[index])

    @override
    async def join(self) -> bytes:
        return await self.complete(dict(enumerate(self.pieces, 1)))

    @override
    async def cancel(self) -> bytes:
        return await self.ask("DELETE", f"uploadId={self.upload_id}")

    @override
    def arrived(self) -> list[bytes]:
        found = self.origins.s3.objects.get(self.path)
        return [] if found is None else [found]


@dataclass(slots=True, kw_only=True)
class NextcloudSender(Sender):
    """Chunks of Nextcloud."""

    folder: str = field(default_factory=lambda: f"{UPLOADS}me/{next(_NUMBERS)}")
    file: str = field(
        default_factory=lambda: f"/remote.php/dav/files/me/{next(_NUMBERS)}"
    )

    @property
    def of_file(self) -> tuple[str, ...]:
        """The headers that name the file."""
        return (
            f"Destination: https://site.example{self.file}",
            f"OC-Total-Length: {self.total}",
        )

    async def chunk(self, name: int | str, data: bytes, *headers: str) -> bytes:
        """Send one chunk."""
        path = f"{self.folder}/{name}"
        return await self.site.ask("PUT", path, *self.of_file, *headers, body=data)

    @override
    async def begin(self) -> None:
        answer = await self.site.ask("MKCOL", self.folder, *self.of_file, body=b"")
        assert status(answer) == 201, answer

    @override
    async def step(self, index: int) -> bytes:
        return await self.chunk(f"{index + 1:05d}", self.pieces[index])

    @override
    async def join(self) -> bytes:
        """Make the file."""
        return await self.site.ask("MOVE", f"{self.folder}/.file", *self.of_file)

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


def header(answer: bytes, name: bytes) -> str:
    """Return a header of an answer; empty if it is not there."""
    for line in answer.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip().decode()
    return ""
