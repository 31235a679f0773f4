"""A piece is exactly the bytes that its head states, or as many as have come."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest

from tests.proxy.assembling.held import DATA, begun, stored, whole
from uploadfilter.model import Reason
from uploadfilter.proxy.assembling.bench import Failure, Workbench
from uploadfilter.proxy.assembling.ranges import receive_range
from uploadfilter.proxy.requests.arrival import Arrival
from uploadfilter.uploads.assembly.assembly import Fault

END = len(DATA)


class Bench:
    """Receives a body that is known already."""

    def __init__(self, body: bytes, ended_by: Reason | None) -> None:
        self._body = body
        self._ended_by = ended_by

    async def receive(
        self, _arrival: Arrival, take: Callable[[bytes], Awaitable[Failure | None]]
    ) -> Failure | None:
        """Hand over the body in pieces of three bytes."""
        for at in range(0, len(self._body), 3):
            failed = await take(self._body[at : at + 3])
            if failed is not None:
                return failed
        return self._ended_by


@pytest.mark.parametrize(
    ("at", "length", "total", "body", "ended_by", "failure", "held"),
    [
        (0, 5, END, DATA[:5], None, None, 5),
        (0, None, END, DATA[:5], None, None, 5),
        (0, END, END, DATA, None, None, END),
        (0, 5, END, DATA[:4], None, Fault.OTHER_TOTAL, 0),
        (0, 5, END, DATA[:6], None, Fault.BEYOND_TOTAL, 0),
        (0, 5, END, DATA[:4], Reason.ABORTED, Reason.ABORTED, 4),
        (0, 5, END, DATA[:4], Reason.TOO_SLOW, Reason.TOO_SLOW, 4),
        (0, 5, END, b"", Reason.ABORTED, Reason.ABORTED, 0),
        (1, 5, END, DATA[1:6], None, Fault.WRONG_OFFSET, 0),
        (0, 5, END + 1, DATA[:5], None, Fault.OTHER_TOTAL, 0),
        (0, None, None, DATA + b"x", None, Fault.BEYOND_TOTAL, 0),
    ],
)
async def test_piece_is_what_its_head_states(
    tmp_path: Path,
    at: int,
    length: int | None,
    total: int | None,
    body: bytes,
    ended_by: Reason | None,
    failure: Failure | None,
    held: int,
) -> None:
    """A body that ends properly and has other bytes than stated is not taken."""
    upload = await begun(stored(tmp_path), "a")
    bench = cast("Workbench", Bench(body, ended_by))
    arrival = cast("Arrival", None)
    found = await receive_range(
        bench, arrival, upload, at=at, length=length, total=total
    )
    assert found == failure
    assert await whole(upload) == DATA[:held]
    await upload.close()
