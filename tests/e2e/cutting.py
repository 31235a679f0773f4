"""Uploads that are cut anywhere, sent in any order, broken off, and gone on with.

An upload does one step at a time and survives everything: a step whose answer is lost
is done again, as its client would. What a listed picture's bytes may never do is reach
the origin, whatever the order of steps, ends of the proxy and new beginnings.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from typing_extensions import override

from tests.proxy.assembling.tus import header
from tests.proxy.assembling.tusorigin import TusOrigin
from tests.proxy.assembling.webforms import UPLOADERS, file_in, form
from tests.proxy.site import CLOSE
from tests.proxy.wire import Got, exchange, status

MOST_STEPS = 60
"""Steps after which an upload counts as one that never ends."""

_PIECE = "application/offset+octet-stream"
_ODDS_OF_BREAKING_OFF = 0.15
_ODDS_OF_LYING = 0.2


@dataclass(slots=True)
class Wire:
    """The way to the proxy, whose port changes when it is started again.

    Attributes:
        port: Where it listens.
        requests: How many were sent.
    """

    port: int = 0
    requests: int = 0

    async def ask(
        self, line: str, *headers: str, body: bytes = b"", most: int | None = None
    ) -> bytes:
        """Send a request, or the first ``most`` bytes of its body, and break off.

        Returns:
            The answer; empty without one.
        """
        self.requests += 1
        lines = [f"{line} HTTP/1.1", *headers, f"Content-Length: {len(body)}", ""]
        head = "\r\n".join(lines).encode() + CLOSE + b"\r\n"
        try:
            if most is None:
                return await exchange(self.port, head + body)
            await self._broken_off(head + body[:most])
        except (OSError, EOFError):
            pass
        return b""

    async def _broken_off(self, data: bytes) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@dataclass(slots=True)
class Origins:
    """Two servers in one; give ``answer`` to a ``WireOrigin``.

    Attributes:
        tus: Below ``/files``.
        forms: The slices that came to ``/forms``, by the id of their file.
    """

    tus: TusOrigin = field(default_factory=TusOrigin)
    forms: dict[bytes, list[bytes]] = field(default_factory=dict)

    async def answer(
        self, got: Got, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer one request."""
        target = got.head.split(b" ")[1]
        if target.startswith(b"/forms"):
            slices = self.forms.setdefault(target, [])
            slices.append(file_in(got))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        else:
            await self.tus.answer(got, reader, writer)

    def shown(self) -> list[bytes]:
        """Return everything that can be fetched, unfinished files as well."""
        slices = [part for parts in self.forms.values() for part in parts]
        return [*self.tus.retrievable(), *slices]


@dataclass(slots=True, kw_only=True)
class Cut:
    """One upload, and what became of it.

    Attributes:
        wire: The way to the proxy.
        data: The file.
        edges: Where it is cut, from 0 to its length.
        chance: Decides what its client does.
        number: Tells it from all others.
        ended: The status that ended it; 0 while it goes on.
        steps: Steps so far.
    """

    wire: Wire
    data: bytes
    edges: Sequence[int]
    chance: Random
    number: int
    ended: int = 0
    steps: int = 0

    async def step(self) -> None:
        """Do the next step; a lost answer is no answer."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise AssertionError(f"upload {self.number} never ends: {self.edges}")
        await self._step()

    async def _step(self) -> None:
        raise NotImplementedError

    def _most(self, size: int) -> int | None:
        """Return how much of a body is sent, at times less than all."""
        is_whole = self.chance.random() > _ODDS_OF_BREAKING_OFF
        return None if is_whole else self.chance.randrange(size)


@dataclass(slots=True, kw_only=True)
class TusCut(Cut):
    """An upload by tus, whose client asks for the offset before each piece."""

    target: str = ""

    @override
    async def _step(self) -> None:
        if not self.target:
            length = f"Upload-Length: {len(self.data)}"
            answer = await self.wire.ask("POST /files", "Tus-Resumable: 1.0.0", length)
            location = header(answer, b"location")
            self.target = location.removeprefix("http://site.example")
            return
        answer = await self.wire.ask(f"HEAD {self.target}", "Tus-Resumable: 1.0.0")
        code = status(answer)
        if code in {403, 404, 410}:
            self.ended = code
            return
        text = header(answer, b"upload-offset")
        if code // 100 != 2 or not text:
            return
        at = int(text)
        if at == len(self.data):
            self.ended = 200
            return
        if self.chance.random() < _ODDS_OF_LYING:
            lie = self.chance.randrange(len(self.data))
            await self._patch(lie, self.data[lie:], is_whole=True)
            return
        end = next(edge for edge in self.edges if edge > at)
        code = await self._patch(at, self.data[at:end], is_whole=False)
        if end == len(self.data) and code in {204, 403}:
            self.ended = code

    async def _patch(self, at: int, data: bytes, *, is_whole: bool) -> int:
        lines = ("Tus-Resumable: 1.0.0", f"Upload-Offset: {at}")
        most = None if is_whole else self._most(len(data))
        kind = f"Content-Type: {_PIECE}"
        answer = await self.wire.ask(
            f"PATCH {self.target}", *lines, kind, body=data, most=most
        )
        if is_whole and at == 0 and status(answer) in {204, 403}:
            self.ended = status(answer)  # the lie was the whole file
        return status(answer)


@dataclass(slots=True, kw_only=True)
class SlicesCut(Cut):
    """A file in pieces that are sent in any order, some of them twice."""

    waiting: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Choose an order."""
        indexes = range(len(self.edges) - 1)
        self.waiting = [*indexes, *self.chance.choices(indexes, k=2)]
        self.chance.shuffle(self.waiting)

    @override
    async def _step(self) -> None:
        if not self.waiting:
            # All were answered: a client that lost the end sends some piece again.
            self.waiting = list(range(len(self.edges) - 1))
        index = self.waiting[0]
        at, end = self.edges[index : index + 2]
        data = self.data[at:end]
        code = status(await self._send(index, data, self._most(len(data))))
        if code == 403:
            self.ended = code
        elif code // 100 == 2:
            self.waiting.pop(0)

    async def _send(self, index: int, data: bytes, most: int | None) -> bytes:
        raise NotImplementedError


@dataclass(slots=True, kw_only=True)
class FormsCut(SlicesCut):
    """A file in slices of Dropzone."""

    @override
    async def _send(self, index: int, data: bytes, most: int | None) -> bytes:
        total, count = len(self.data), len(self.edges) - 1
        fields = UPLOADERS["dropzone"](index, count, self.edges[index], total)
        fields["dzuuid"] = f"id-{self.number}"
        body = form(fields, data)
        kind = "Content-Type: multipart/form-data; boundary=bou"
        most = None if most is None else most + len(body) - len(data)
        return await self.wire.ask(
            f"POST /forms?{self.number}", kind, body=body, most=most
        )


KINDS = (TusCut, FormsCut)


def cuts(
    wire: Wire,
    data: bytes,
    *,
    every: int,
    chance: Random,
    kinds: Sequence[type[Cut]] = KINDS,
) -> list[Cut]:
    """Return uploads that cut a file at every so many bytes, by each protocol.

    Args:
        wire: The way to the proxy.
        data: The file.
        every: Bytes between two cuts; 1 for a cut at each.
        chance: Chooses further cuts.
        kinds: The protocols.
    """
    made: list[Cut] = []
    for at in range(1 + chance.randrange(every), len(data), every):
        for kind in kinds:
            more = chance.sample(range(1, len(data)), k=chance.randrange(3))
            edges = sorted({0, at, *more, len(data)})
            made.append(
                kind(
                    wire=wire,
                    data=data,
                    edges=edges,
                    chance=Random(chance.random()),  # noqa: S311 - no secret
                    number=len(made),
                )
            )
    return made


async def together(uploads: Sequence[Cut]) -> None:
    """Do one step of each upload that has not ended."""
    await asyncio.gather(*(each.step() for each in uploads if not each.ended))
