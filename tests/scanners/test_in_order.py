"""Many pieces of work, side by side and in order."""

import asyncio
from collections.abc import Iterator

import pytest

from uploadfilter.scanners.in_order import in_order


def test_results_come_in_order_whatever_is_ready_first() -> None:
    """A slow first item holds back the lines of the others, not their work."""
    released = asyncio.Event()

    async def slow() -> str:
        await released.wait()
        return "slow"

    async def quick() -> str:
        released.set()
        return "quick"

    reported: list[str] = []
    asyncio.run(in_order([slow(), quick()], reported.append, window=2))

    assert reported == ["slow", "quick"]


def test_no_more_is_begun_than_the_window_holds() -> None:
    """However many there are, only a few are in work: memory stays bounded."""
    begun = reported = most = 0

    async def item() -> None:
        await asyncio.sleep(0)

    def items() -> Iterator[object]:
        nonlocal begun, most
        for _ in range(50):
            begun += 1
            most = max(most, begun - reported)
            yield item()

    def report(_: object) -> None:
        nonlocal reported
        reported += 1

    asyncio.run(in_order(items(), report, window=4))  # type: ignore[arg-type]

    assert (reported, most) == (50, 4)


def test_error_of_one_item_comes_by_itself() -> None:
    """An exception reaches the caller unchanged, and not in a group."""

    async def broken() -> None:
        raise LookupError("store")

    async def endless() -> None:
        await asyncio.Event().wait()

    with pytest.raises(LookupError, match="store"):
        asyncio.run(in_order([endless(), broken()], print, window=2))


def test_error_of_the_report_comes_by_itself() -> None:
    """A reader that has gone away ends the scan, and not as a group of errors."""

    async def item() -> None:
        return None

    def report(_: None) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        asyncio.run(in_order((item() for _ in range(2)), report, window=1))
