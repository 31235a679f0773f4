"""The arriving bodies, and the choice of the one that yields when room is short.

This is plain bookkeeping without sockets or clocks. Rules this module keeps:

- The network with the most bodies yields first, beginning with its slowest body: a
  person with many addresses must not keep everybody else out by bodies that never end.
- If no network has more bodies than the one that asks, a body yields only if it is slow
  by itself: many people with one upload each do not end each other's.
- A body that has yielded does not count any more, and only a limited number of them may
  be ending at a time.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

SLOW_BYTES_S: Final = 8192.0
"""Below this average a body is slow by itself: 2G has 5 KB/s, 3G 50 KB/s and more."""

SLOW_AFTER_S: Final = 0.5
"""Age from which an average is meaningful. The first 14 KB of a body come together with
its head, or one round trip later: 0.3 s on a slow mobile network. If this were 5 s, 256
bodies that never end, from as many networks, would keep four in five people out."""

MOST_YIELDING: Final = 64
"""Bodies that may be ending at a time, each with its place and its memory."""


@dataclass(slots=True, kw_only=True, eq=False)
class Body:
    """A body that is arriving.

    Attributes:
        network: Network of its client; ``""`` means no particular one.
        begun_s: When its head was complete, in monotonic seconds.
        received_bytes: Bytes that have arrived.
        has_yielded: Whether it has to end, so that another one gets its place.
        on_yield: Called at most once, if it has to end while the reader waits for it.
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
        """The number of bodies that have yielded and have not ended yet."""
        return self._yielding

    def add(self, body: Body) -> None:
        """Note a body that begins to arrive."""
        self._bodies[body] = None
        self._of[body.network] += 1

    def during(self, body: Body) -> "_Presence":
        """Return a block in which a body is arriving."""
        return _Presence(self, body)

    def end(self, body: Body) -> None:
        """Note that a body has ended, for any reason; called once."""
        if body.has_yielded:
            self._yielding -= 1
        else:
            self._forget(body)

    def make_room(self, network: str, *, now_s: float) -> bool:
        """Make one body yield to another one.

        Args:
            network: Network of the body that asks for a place.
            now_s: Monotonic seconds.

        Returns:
            Whether a body has yielded.
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
        """Return the body that yields next, if there is one."""
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


class _Presence(AbstractContextManager[Body]):
    """The block in which a body arrives; a generator would be three calls more.

    Args:
        arriving: The bodies that are arriving.
        body: One of them, during the block.
    """

    __slots__ = ("_arriving", "_body")

    def __init__(self, arriving: Arriving, body: Body) -> None:
        self._arriving = arriving
        self._body = body

    @override
    def __enter__(self) -> Body:
        self._arriving.add(self._body)
        return self._body

    @override
    def __exit__(self, *_: object) -> None:
        self._arriving.end(self._body)
