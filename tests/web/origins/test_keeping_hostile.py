"""Connections to an origin that breaks every rule at random."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

from tests.proxy.wire import TIMEOUT_S, Got, wire_origin
from tests.waiting import until
from uploadfilter.web.origins.asking import OriginAnswer
from uploadfilter.web.origins.origin import Origin
from uploadfilter.web.origins.settings import OriginSettings

REQUESTS = 400
AT_ONCE = 20
UNSAFE = ("POST", "PUT")

EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


class Hostile:
    """An origin that answers each request in another way, and often wrongly.

    Attributes:
        asked: How often it got each target.
    """

    def __init__(self, seed: int) -> None:
        self.asked: Counter[bytes] = Counter()
        self._random = Random(seed)  # noqa: S311 - a test that repeats itself

    async def answer(
        self, got: Got, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer, and read the body before, after or not at all."""
        target = got.head.split(b" ")[1]
        self.asked[target] += 1
        is_early = self._random.random() < 0.2
        if not is_early:
            await body_of(got, reader)
        ok = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(target), target)
        for piece in self._pieces(ok, target):
            if piece is None:
                writer.transport.abort()
                raise ConnectionError
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(self._random.choice([0, 0.001]))
        if is_early:
            await body_of(got, reader)

    def _pieces(self, ok: bytes, target: bytes) -> list[bytes | None]:
        """Return the pieces of an answer; ``None`` ends the connection."""
        wrong: list[list[bytes | None]] = [
            [None],
            [ok, None],
            [ok[:-1], None],
            [b"HTTP/1.1 200 OK\r\n\r\n" + target, None],
            [b"HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\n" + ok[17:]],
            [b"HTTP/1.1 103 Early\r\n\r\n", ok[:20], ok[20:]],
            [b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n"],
            [b"HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", EVIL],
            [b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", EVIL],
            [ok + EVIL],
            [ok + b"HTTP/1.1 200 OK\r\nX: ", EVIL],
        ]
        right: list[list[bytes | None]] = [[ok]] * len(wrong)
        return self._random.choice(wrong + right)


def open_descriptors() -> int:
    """Return how many descriptors this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def body_of(got: Got, reader: asyncio.StreamReader) -> None:
    """Read a body, which consists of ``B`` only."""
    if lengths := got.header(b"content-length"):
        length = int(lengths[0])
        assert await reader.readexactly(length) == b"B" * length


class Crowd:
    """Clients, some of which break their uploads off or leave.

    Attributes:
        answered: How many requests got a whole answer.
        foreign: The answers to other requests, and those that nobody asked for.
        methods: The method of each target.
    """

    def __init__(self, origin: Origin, seed: int) -> None:
        self.answered = 0
        self.foreign: list[bytes] = []
        self.methods: dict[bytes, str] = {}
        self._origin = origin
        self._random = Random(seed)  # noqa: S311 - a test that repeats itself

    async def run(self) -> None:
        """Send all requests, some at once."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._client())

    async def _client(self) -> None:
        while len(self.methods) < REQUESTS:
            method = self._random.choice(["GET", "HEAD", *UNSAFE])
            target = f"/{len(self.methods)}"
            self.methods[target.encode()] = method
            try:
                async with asyncio.timeout(
                    0.002 if self._random.random() < 0.1 else TIMEOUT_S
                ):
                    await self._one(method, target)
            except (TimeoutError, aiohttp.ClientError):
                continue

    async def _one(self, method: str, target: str) -> None:
        headers, body = [(b"Host", b"x")], None
        if method in UNSAFE:
            length = self._random.choice([10, 200_000])
            headers.append((b"Content-Length", b"%d" % length))
            body = self._body(length)
        async with self._origin.asked(method, target, headers, body) as answer:
            if not isinstance(answer, OriginAnswer) or self._random.random() < 0.1:
                return
            data = await answer.content.read()
            if answer.status == 200 and not answer.is_broken_off():
                self.answered += 1
                if method != "HEAD" and data != target.encode():
                    self.foreign.append(data)

    async def _body(self, length: int) -> AsyncIterator[bytes]:
        is_whole = self._random.random() < 0.7
        for at in range(0, length, 20_000):
            if at >= length // 2 and not is_whole:
                raise ConnectionResetError
            yield b"B" * min(20_000, length - at)
            await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(3))
async def test_no_request_gets_the_answer_to_another_one(seed: int) -> None:
    """Nor is an unsafe one sent twice, and nothing is left open or unsaid."""
    failures: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, failure: failures.append(failure))
    hostile = Hostile(seed)
    async with wire_origin() as wire:
        wire.answering, wire.reads_bodies = hostile.answer, False
        settings = OriginSettings(url=wire.url, answer_timeout_s=float(TIMEOUT_S))
        open_before = open_descriptors()
        async with Origin.opened(settings) as origin:
            crowd = Crowd(origin, seed)
            await crowd.run()
        await until(lambda: open_descriptors() <= open_before)

    assert crowd.foreign == []
    assert crowd.answered > REQUESTS // 5
    assert [
        target
        for target, count in hostile.asked.items()
        if count > 1 and crowd.methods[target] in UNSAFE
    ] == []
    assert failures == []
