"""One timer for one upload: when its scan is slow, and when its time is up.

A timeout around each wait would cost as much as checking the reply that is waited for.
An ordinary upload is over before anything of this happens, so that a single timer is
set for it, and cancelled. A later limit does not touch the timer: when it fires too
early, it is set anew.
"""

import asyncio
import math
from collections.abc import Callable

from uploadfilter.scanners.channel import Channel


class Watch:
    """Watches over the scan of one upload until ``close``.

    Args:
        slow_at_s: Time of the event loop at which the scan is slow.
        on_slow: Called once at that time, if the watch is still open.
    """

    def __init__(self, *, slow_at_s: float, on_slow: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._slow_at_s = slow_at_s
        self._on_slow = on_slow
        self._channel: Channel | None = None
        self._end_s = math.inf
        self._set_at_s = slow_at_s
        self._timer = self._loop.call_at(slow_at_s, self._fire)

    def limit(self, channel: Channel, *, end_s: float) -> None:
        """Interrupt a channel at a time of the event loop, instead of any other."""
        self._channel = channel
        self._end_s = end_s
        if end_s < self._set_at_s:
            self._set(end_s)

    def lift(self) -> None:
        """Interrupt nothing until the next limit."""
        self._channel = None
        self._end_s = math.inf

    def close(self) -> None:
        """Stop watching."""
        self._timer.cancel()

    def _fire(self) -> None:
        now_s = self._loop.time()
        if now_s >= self._slow_at_s:
            self._slow_at_s = math.inf
            self._on_slow()
        if self._channel is not None and now_s >= self._end_s:
            self._channel.interrupt()
            self.lift()
        next_s = min(self._slow_at_s, self._end_s)
        self._set_at_s = next_s
        if next_s < math.inf:
            self._set(next_s)

    def _set(self, at_s: float) -> None:
        self._timer.cancel()
        self._set_at_s = at_s
        self._timer = self._loop.call_at(at_s, self._fire)
