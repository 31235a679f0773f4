"""Read the bodies of the origin's answers: short ones whole, files into a spool.

Rule this module keeps: a body that breaks off, or is longer than allowed, is ``None``,
never a shorter body.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, TypeAlias

import aiohttp

from uploadfilter.proxy.inspecting.spool import Spool
from uploadfilter.proxy.origins.asking import OriginAnswer

MOST_REPLY_BYTES: Final = 1024 * 1024
"""Longest answer of an origin that is held: those of protocols are short, and a page
for an error is some kilobytes."""

ReadsBody: TypeAlias = Callable[[OriginAnswer], Awaitable[bytes | None]]
"""Reads the body of an answer; ``None`` if there is no whole body."""


async def whole(answer: OriginAnswer) -> bytes | None:
    """Return a whole body; ``None`` if it breaks off or is too long."""
    found = bytearray()

    async def take(data: bytes) -> bool:
        found.extend(data)
        return len(found) <= MOST_REPLY_BYTES

    return bytes(found) if await _read(answer, take) else None


def into(spool: Spool, *, most_bytes: int) -> ReadsBody:
    """Return what reads the content of a file into a spool.

    An answer with another status than 200 is read by ``whole``.

    Args:
        spool: Takes the bytes.
        most_bytes: Longest file that is taken.
    """

    async def read(answer: OriginAnswer) -> bytes | None:
        if answer.status != HTTPStatus.OK:
            return await whole(answer)

        async def take(data: bytes) -> bool:
            return spool.size + len(data) <= most_bytes and await spool.write(data)

        return b"" if await _read(answer, take) else None

    return read


async def _read(answer: OriginAnswer, take: Callable[[bytes], Awaitable[bool]]) -> bool:
    """Read a body to its end; false if it breaks off or is not taken."""
    try:
        while data := await answer.content.readany():
            if not await take(data):
                return False
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False
    return not answer.is_broken_off()
