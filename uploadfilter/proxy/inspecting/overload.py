"""Tell a burst, which passes, from an overload, which does not.

Somebody who uploads fifty photos at once fills the queue for some tenths of a second,
and is best served by waiting. Under a lasting overload the queue only grows, and
everybody waits for as long as it may; then it is better to turn the newest away at
once. The difference is whether the wait comes down again by itself.

Source:
    Nichols and Jacobson, "Controlling Queue Delay" (CoDel), RFC 8289: a standing queue
    is one whose delay was above a target for a whole interval.
"""


class Overload:
    """Whether uploads are turned away, by the wait that they would have."""

    def __init__(self) -> None:
        self._above_since_s: float | None = None
        self._below_since_s: float | None = None
        self._lasts = False

    def look(
        self, wait_s: float, *, target_s: float, interval_s: float, now_s: float
    ) -> bool:
        """Note the wait of somebody who comes now; tell whether there is an overload.

        Args:
            wait_s: Seconds that an upload would wait to be scanned.
            target_s: Seconds that everybody may have to wait.
            interval_s: For how long it may be more; and for how long it must have been
                less before it may be more again.
            now_s: Monotonic seconds.
        """
        if wait_s > target_s:
            self._below_since_s = None
            if self._above_since_s is None:
                self._above_since_s = now_s
            self._lasts |= now_s - self._above_since_s >= interval_s
        else:
            self._above_since_s = None
            if self._below_since_s is None:
                self._below_since_s = now_s
            self._lasts &= now_s - self._below_since_s < interval_s
        return self._lasts
