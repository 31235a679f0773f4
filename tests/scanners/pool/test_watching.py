"""One timer for an upload: the deadlines that fire, and their times."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

from tests.waiting import until
from uploadfilter.scanners.pool.channel import Channel, Closed
from uploadfilter.scanners.pool.watching import Watch


@contextmanager
def silent_channel() -> Iterator[Channel]:
    """Make a silent channel."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    near.setblocking(False)
    with far, closing(Channel(near, on_closed=lambda: None)) as channel:
        yield channel


def now_s() -> float:
    """Return the time of the event loop."""
    return asyncio.get_running_loop().time()


def over() -> float:
    """Say that a scan has used up its time."""
    return 0.0


async def test_scan_that_is_kept_waiting_is_not_slow() -> None:
    """Its CPU time counts, up to ten times as long by the clock."""
    looks: list[float] = []
    slow = asyncio.Event()
    began_s = now_s()

    def left_s() -> float:
        looks.append(now_s())
        return 0.01

    watch = Watch(
        slow_after_s=0.02, slow_at_last_s=0.2, left_s=left_s, on_slow=slow.set
    )
    await slow.wait()
    watch.close()

    assert now_s() >= began_s + 0.2
    assert 2 <= len(looks) <= 0.2 / 0.01 + 1


async def test_watch_says_once_that_a_scan_is_slow() -> None:
    """Whatever limits are set meanwhile."""
    slow: list[float] = []
    began_s = now_s()
    watch = Watch(
        slow_after_s=0.02,
        slow_at_last_s=0.2,
        left_s=over,
        on_slow=lambda: slow.append(now_s()),
    )
    with silent_channel() as channel:
        watch.limit(channel, end_s=began_s + 0.01)

        assert await channel.receive() is Closed.INTERRUPTED

    with silent_channel() as channel:
        watch.limit(channel, end_s=began_s + 0.03)

        assert await channel.receive() is Closed.INTERRUPTED

    watch.close()
    assert len(slow) == 1
    assert slow[0] >= began_s + 0.02


async def test_watch_interrupts_at_the_last_limit() -> None:
    """A later limit replaces an earlier one, for the next content has its own time."""
    began_s = now_s()
    watch = Watch(
        slow_after_s=1000, slow_at_last_s=1000, left_s=over, on_slow=lambda: None
    )
    with silent_channel() as channel:
        watch.limit(channel, end_s=began_s + 0.01)
        watch.limit(channel, end_s=began_s + 0.03)
        closed = await channel.receive()
        watch.close()

    assert closed is Closed.INTERRUPTED
    assert now_s() >= began_s + 0.03


async def test_watch_interrupts_nobody_whose_limit_was_lifted() -> None:
    """A process that went back to the crew does not belong to this upload any more."""
    slow: list[None] = []
    watch = Watch(
        slow_after_s=0.02,
        slow_at_last_s=0.2,
        left_s=over,
        on_slow=lambda: slow.append(None),
    )
    with silent_channel() as channel:
        watch.limit(channel, end_s=now_s() + 0.01)
        watch.lift()
        await until(lambda: bool(slow))
        watch.close()

        assert channel.is_quiet


async def test_watch_that_is_closed_does_nothing() -> None:
    """An upload that is over is neither slow nor late."""
    slow: list[None] = []
    closed = Watch(
        slow_after_s=0, slow_at_last_s=0, left_s=over, on_slow=lambda: slow.append(None)
    )
    closed.close()
    fired = asyncio.Event()
    Watch(slow_after_s=0, slow_at_last_s=0, left_s=over, on_slow=fired.set)
    await fired.wait()

    assert slow == []
