"""Bodies of the origin's answers come whole, or not at all."""

from typing import cast

import aiohttp
import pytest

from uploadfilter.proxy.assembling.originbodies import MOST_REPLY_BYTES, whole
from uploadfilter.web.origins.asking import OriginAnswer


class Body:
    """An answer with a body in pieces; an exception is raised in its place."""

    def __init__(self, *pieces: bytes | Exception, is_lost: bool = False) -> None:
        self.content = self
        self.is_lost = is_lost
        self._pieces = list(pieces)

    async def readany(self) -> bytes:
        """Return the next piece."""
        piece = self._pieces.pop(0) if self._pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    def is_broken_off(self) -> bool:
        """Tell whether the connection broke at its end."""
        return self.is_lost


HALF = bytes(MOST_REPLY_BYTES // 2)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (Body(b"a", b"b"), b"ab"),
        (Body(b"a", aiohttp.ClientPayloadError()), None),
        (Body(b"a", OSError()), None),
        (Body(b"a", TimeoutError()), None),
        (Body(b"a", is_lost=True), None),
        (Body(HALF, HALF), HALF * 2),
        (Body(HALF, HALF, b"x"), None),
    ],
    ids=range(7),
)
async def test_body_comes_whole_or_not_at_all(
    body: Body, expected: bytes | None
) -> None:
    """It may break off, end with its connection, or be too long to hold."""
    assert await whole(cast("OriginAnswer", body)) == expected
