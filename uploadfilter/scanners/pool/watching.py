"""Watch one upload with one timer: for a slow scan, and for the end of its time.

A timeout around each wait would cost as much as checking the reply. An ordinary upload
ends before any limit, so that a single timer is set and cancelled. A later limit does
not change the timer: if it fires too early, it is set again.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

from uploadfilter.scanners.pool.channel import Channel

PUT_OFF: Final = 10
"""Multiple of the time after which a scan is slow in any case: a scan that waits for
something uses no CPU time, but holds a place."""

_PAUSE_S: Final = 0.002
"""Least seconds between two looks."""


class Watch:
    """Watches over the scan of one upload until ``close``.

    Args:
        slow_after_s: Seconds after which the scan is slow, unless ``left_s`` puts it
            off.
        slow_at_last_s: Seconds until which it may be put off.
        left_s: Returns the number of seconds by which it is put off at least.
        on_slow: Called once when the scan is slow, if the watch is still open.
    """

    def __init__(
        self,
        *,
        slow_after_s: float,
        slow_at_last_s: float,
        left_s: Callable[[], float],
        on_slow: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        now_s = self._loop.time()
        self._slow_at_s = slow_at_s = now_s + slow_after_s
        self._slow_at_last_s = now_s + slow_at_last_s
        self._left_s = left_s
        self._on_slow = on_slow
        self._channel: Channel | None = None
        self._end_s = math.inf
        self._set_at_s = slow_at_s
        self._timer = self._loop.call_at(slow_at_s, self._fire)

    def limit(self, channel: Channel, *, end_s: float) -> None:
        """Interrupt a channel at a time of the loop; replaces an earlier limit."""
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
            self._look(now_s)
        if self._channel is not None and now_s >= self._end_s:
            self._channel.interrupt()
            self.lift()
        next_s = min(self._slow_at_s, self._end_s)
        self._set_at_s = next_s
        if next_s < math.inf:
            self._set(next_s)

    def _look(self, now_s: float) -> None:
        """Report that the scan is slow, or look again at the time when it may be."""
        left_s = self._left_s()
        if left_s > 0 and now_s < self._slow_at_last_s:
            self._slow_at_s = min(now_s + max(left_s, _PAUSE_S), self._slow_at_last_s)
            return
        self._slow_at_s = math.inf
        self._on_slow()

    def _set(self, at_s: float) -> None:
        self._timer.cancel()
        self._set_at_s = at_s
        self._timer = self._loop.call_at(at_s, self._fire)
