"""Bodies of the origin's answers come whole, or not at all."""

from typing import cast

import aiohttp
import pytest

from uploadfilter.proxy.assembling.originbodies import MOST_REPLY_BYTES, whole
from uploadfilter.web.origins.asking import OriginAnswer


class Body:
    """The body of an answer, in pieces; an exception is raised in its place."""

    def __init__(self, *pieces: bytes | Exception, status: int = 200) -> None:
        self.status = status
        self.content = self
        self.is_lost = False
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


def answer(*pieces: bytes | Exception, status: int = 200) -> OriginAnswer:
    """Return an answer with a body."""
    return cast("OriginAnswer", Body(*pieces, status=status))


FAULTS = [aiohttp.ClientPayloadError(), OSError(), TimeoutError()]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_body_that_breaks_off_is_none(fault: Exception) -> None:
    """A part of it is never taken for all of it."""
    assert await whole(answer(b"a", b"b")) == b"ab"
    assert await whole(answer(b"a", fault)) is None


async def test_body_without_a_length_ends_with_its_connection() -> None:
    """A connection that breaks is no end."""
    body = Body(b"a")
    body.is_lost = True
    assert await whole(cast("OriginAnswer", body)) is None


async def test_long_answer_is_not_held() -> None:
    """Protocols have short ones."""
    half = bytes(MOST_REPLY_BYTES // 2)
    assert await whole(answer(half, half)) == half * 2
    assert await whole(answer(half, half, b"x")) is None
