"""The bodies that are arriving, and which of them yields when there is no more room.

Plain bookkeeping without sockets or clocks. Rules this module keeps:

- The network with the most bodies yields first, its slowest body before the others: a
  person with many addresses must not keep everybody else out by bodies that never end.
- Where no network has more than the one that asks, a body yields only if it is slow by
  itself: many people with one upload each do not end each other's.
- A body that has yielded counts no more, and only so many of them may be on their way
  out at a time.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SLOW_BYTES_S: Final = 8192.0
"""Below this average a body is slow by itself: 2G has 5 KB/s, 3G 50 KB/s and more."""

SLOW_AFTER_S: Final = 5.0
"""Age from which an average tells something: a connection needs some round trips."""

MOST_YIELDING: Final = 64
"""Bodies that may be on their way out at a time, each with its place and its memory."""


@dataclass(slots=True, kw_only=True, eq=False)
class Body:
    """A body that is arriving.

    Attributes:
        network: Whose it is; ``""`` is nobody's in particular.
        begun_s: When its head had come, in monotonic seconds.
        received_bytes: What has come of it.
        has_yielded: Whether it is to end, so that another one has its place.
        on_yield: Called at most once, when it is to end while it is waited for.
    """

    network: str
    begun_s: float
    received_bytes: int = 0
    has_yielded: bool = False
    on_yield: Callable[[], None] | None = None

    def rate(self, *, now_s: float) -> float:
        """Return its average in bytes a second."""
        return self.received_bytes / max(now_s - self.begun_s, 1e-3)

    def is_slow(self, *, now_s: float) -> bool:
        """Tell whether it is slow by itself."""
        age_s = now_s - self.begun_s
        return age_s >= SLOW_AFTER_S and self.rate(now_s=now_s) < SLOW_BYTES_S


class Arriving:
    """The bodies that are arriving."""

    def __init__(self) -> None:
        self._bodies: dict[Body, None] = {}  # in order of their arrival, for ties
        self._of: Counter[str] = Counter()
        self._yielding = 0

    @property
    def yielding(self) -> int:
        """How many bodies have yielded and have not ended yet."""
        return self._yielding

    def add(self, body: Body) -> None:
        """Note a body that begins to arrive."""
        self._bodies[body] = None
        self._of[body.network] += 1

    def end(self, body: Body) -> None:
        """Note that a body arrives no more, for whatever reason; once."""
        if body.has_yielded:
            self._yielding -= 1
        else:
            self._forget(body)

    def make_room(self, network: str, *, now_s: float) -> bool:
        """Have one body yield for another one.

        Args:
            network: Whose body asks for its place.
            now_s: Monotonic seconds.

        Returns:
            Whether one has.
        """
        if self._yielding >= MOST_YIELDING:
            return False
        body = self._next(network, now_s=now_s)
        if body is None:
            return False
        self._forget(body)
        self._yielding += 1
        body.has_yielded = True
        if body.on_yield is not None:
            body.on_yield()
        return True

    def _next(self, network: str, *, now_s: float) -> Body | None:
        """Return the body that yields next, if one does."""
        most = max((n for name, n in self._of.items() if name), default=0)
        if most > self._of[network] + 1:
            found = [
                b for b in self._bodies if b.network and self._of[b.network] == most
            ]
        else:
            found = [b for b in self._bodies if b.is_slow(now_s=now_s)]
        return min(found, key=lambda b: (b.rate(now_s=now_s), b.begun_s), default=None)

    def _forget(self, body: Body) -> None:
        del self._bodies[body]
        self._of[body.network] -= 1
        if not self._of[body.network]:
            del self._of[body.network]
