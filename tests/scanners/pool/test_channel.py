"""Frames from the other side of a socket, however they arrive."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

import pytest

from uploadfilter.scanners.pool.channel import Channel, Closed
from uploadfilter.scanners.wire.messages import FRAME_HEADER, MAX_REPLY_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A channel, the other end of its socket, and how often it was closed."""

    channel: Channel
    far: socket.socket
    closed: asyncio.Event
    closings: list[None]


@asynccontextmanager
async def connected() -> AsyncIterator[Line]:
    """Connect a channel with a socket that the test speaks on."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    near.setblocking(False)
    far.setblocking(False)
    closed = asyncio.Event()
    closings: list[None] = []

    def note_closing() -> None:
        closings.append(None)
        closed.set()

    channel = Channel(near, on_closed=note_closing)
    with far, closing(channel):
        yield Line(channel=channel, far=far, closed=closed, closings=closings)


def frame(body: bytes) -> bytes:
    """Put the length before a body."""
    return FRAME_HEADER.pack(len(body)) + body


async def say(line: Line, data: bytes) -> None:
    """Send from the far end."""
    await asyncio.get_running_loop().sock_sendall(line.far, data)


async def test_channel_cuts_frames_apart() -> None:
    """Frames that arrive together are received one by one, empty ones too."""
    async with connected() as line:
        await say(line, frame(b"one") + frame(b"") + frame(b"three"))

        assert [await line.channel.receive() for _ in range(3)] == [
            b"one",
            b"",
            b"three",
        ]


async def test_channel_puts_frames_together() -> None:
    """A frame that arrives byte by byte is received whole."""
    async with connected() as line, asyncio.TaskGroup() as group:
        received = group.create_task(line.channel.receive())
        for byte in frame(b"slowly"):
            await say(line, bytes([byte]))
            await asyncio.sleep(0)

        assert await received == b"slowly"


async def test_channel_receives_the_longest_frame() -> None:
    """A frame of exactly the limit is taken."""
    async with connected() as line, asyncio.TaskGroup() as group:
        group.create_task(say(line, frame(bytes(MAX_REPLY_BYTES))))
        body = await line.channel.receive()

        assert body == bytes(MAX_REPLY_BYTES)


async def test_channel_stops_at_a_frame_that_is_too_long() -> None:
    """The length alone ends the channel; no byte of the frame is waited for."""
    async with connected() as line:
        await say(line, FRAME_HEADER.pack(MAX_REPLY_BYTES + 1))

        assert await line.channel.receive() is Closed.OVERSIZED
        assert len(line.closings) == 1


async def test_channel_hoards_no_frames() -> None:
    """Unread frames do not add up to more than the longest one."""
    async with connected() as line:
        half = frame(bytes(MAX_REPLY_BYTES // 2))
        await say(line, half + half)
        await say(line, frame(b"x"))
        await line.closed.wait()

        assert [type(await line.channel.receive()) for _ in range(2)] == [bytes] * 2
        assert await line.channel.receive() is Closed.OVERSIZED


async def test_channel_loses_no_frame_to_a_cancelled_caller() -> None:
    """A caller that is cancelled as its frame arrives leaves it to the next one."""
    async with connected() as line:
        loop = asyncio.get_running_loop()
        for number in range(20):
            caller = loop.create_task(line.channel.receive())
            await asyncio.sleep(0)
            await say(line, frame(b"%d" % number))
            caller.cancel()
            await asyncio.wait([caller])
            body = None if caller.cancelled() else caller.result()

            assert (body or await line.channel.receive()) == b"%d" % number


async def test_channel_delivers_what_came_before_the_end() -> None:
    """The last frames of a scanner that dies are still read."""
    async with connected() as line:
        await say(line, frame(b"last words") + b"\0\0")
        line.far.close()

        assert await line.channel.receive() == b"last words"
        assert await line.channel.receive() is Closed.ENDED
        assert await line.channel.receive() is Closed.ENDED
        assert len(line.closings) == 1


async def test_channel_is_quiet_until_something_is_said() -> None:
    """Half a frame breaks the quiet, and so does the end."""
    async with connected() as line:
        quiet = [line.channel.is_quiet]
        await say(line, frame(b"one") + frame(b"two")[:5])
        await line.channel.receive()
        quiet.append(line.channel.is_quiet)
        await say(line, frame(b"two")[5:])
        await line.channel.receive()
        quiet.append(line.channel.is_quiet)
        line.far.close()
        await line.channel.receive()
        quiet.append(line.channel.is_quiet)

        assert quiet == [True, False, True, False]


async def test_channel_sends_a_descriptor_with_a_long_frame() -> None:
    """A frame longer than the socket's buffer arrives whole, with its descriptor."""
    body = os.urandom(3_000_000)
    async with connected() as line, asyncio.TaskGroup() as group:
        with os.fdopen(os.memfd_create("content"), "w+b") as file:
            sent = group.create_task(line.channel.send(frame(body), file.fileno()))
            await asyncio.sleep(0)
            data, fds, _, _ = socket.recv_fds(line.far, 65536, 1)
            received = bytearray(data)
            loop = asyncio.get_running_loop()
            while len(received) < FRAME_HEADER.size + len(body):
                received += await loop.sock_recv(line.far, 65536)
            is_same = os.fstat(fds[0]).st_ino == os.fstat(file.fileno()).st_ino
            os.close(fds[0])

        assert await sent
        assert bytes(received) == frame(body)
        assert is_same


@pytest.mark.parametrize("length", [0, 20_000, 3_000_000])
async def test_channel_sends_an_upload_behind_a_frame(length: int) -> None:
    """An upload longer than the socket's buffer arrives whole, after its frame."""
    upload = os.urandom(length)
    async with connected() as line, asyncio.TaskGroup() as group:
        sent = group.create_task(line.channel.send(frame(b"x" * 100_000), upload))
        received = bytearray()
        loop = asyncio.get_running_loop()
        while len(received) < FRAME_HEADER.size + 100_000 + length:
            received += await loop.sock_recv(line.far, 65536)

        assert await sent
        assert bytes(received) == frame(b"x" * 100_000) + upload


async def test_channel_says_when_nobody_listens() -> None:
    """Sending to a scanner that is gone fails without an exception."""
    async with connected() as line:
        line.far.close()

        assert not await line.channel.send(frame(b"hello"), 0)
        assert not await line.channel.send(frame(b"hello"), b"world")
