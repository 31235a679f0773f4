"""The answers that wait for their clients, and which of them end if there are many.

An answer that its client accepts slowly holds up to 1.5 MB: two pieces from the origin,
and a copy of the part that the system has not taken. A client that asks for large files
and reads none of them would fill the memory of the machine.

This is plain bookkeeping without sockets or clocks. Rules this module keeps:

- Answers are broken off only if more than the allowed number wait, and only slow ones.
  Many people who download at the same time do not end each other's downloads. An
  answer that waits for its origin, such as a stream of events, holds nothing and does
  not count.
- The network with the most slow answers loses first, and first its slowest one.
- A search looks at all answers, so it is not repeated for each new one.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

SLOW_BYTES_S: Final = 8192.0
"""Below this rate an answer is slow: 2G has 5 KB/s, 3G 50 KB/s and more."""

SLOW_AFTER_S: Final = 1.0
"""Seconds over which a rate is measured, at least. A phone may lose its network for
longer, but answers end only if too many wait; and in each second, a client that reads
nothing can make hundreds wait."""

LOOK_EVERY_S: Final = 0.1
"""Seconds between two searches. One of 1,024 answers takes about 4 ms."""

_ENDED_AT_ONCE: Final = 64
"""Answers that a search may end: 640 a second, as many as a client can cause."""


class Waiter(Protocol):
    """An answer that waits for its client."""

    @property
    def network(self) -> str:
        """Network of its client; ``""`` means no particular one."""

    def is_waiting(self) -> bool:
        """Tell whether it has bytes that its client does not accept yet."""

    def slow_rate(self) -> float | None:
        """Return its recent rate in bytes a second; ``None`` if it is not slow."""

    def break_off(self) -> None:
        """End it before its end; called at most once."""


class Waiters:
    """The answers that may have to wait for their clients.

    Args:
        on_end: Called for each answer that is broken off.
    """

    def __init__(self, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self._answers: dict[Waiter, None] = {}  # in order, for ties
        self._look_at_s = 0.0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._answers)

    def add(self, answer: Waiter, *, most: int, now_s: float) -> None:
        """Add one; end slow ones if there are too many.

        Args:
            answer: The new one, which is not ended now.
            most: Number from which on slow ones are ended.
            now_s: Monotonic seconds.
        """
        if len(self._answers) >= most and now_s >= self._look_at_s:
            self._look_at_s = now_s + LOOK_EVERY_S
            excess = sum(it.is_waiting() for it in self._answers) + 1 - most
            for slow in self._slowest(min(excess, _ENDED_AT_ONCE)):
                del self._answers[slow]
                slow.break_off()
                self._on_end()
        self._answers[answer] = None

    def remove(self, answer: Waiter) -> None:
        """Remove one that has ended for any reason."""
        self._answers.pop(answer, None)

    def _slowest(self, count: int) -> list[Waiter]:
        """Return slow answers, as many as asked for if there are as many."""
        if count <= 0:
            return []
        rates = {}
        for answer in self._answers:
            rate = answer.slow_rate()
            if rate is not None:
                rates[answer] = rate
        # The slowest is the last one; of equal ones, the oldest.
        left = sorted(rates, key=rates.__getitem__)
        left.reverse()
        of = Counter(answer.network for answer in left)
        found = []
        for _ in range(min(count, len(left))):
            most = max(of.values())
            at = max(n for n, answer in enumerate(left) if of[answer.network] == most)
            answer = left.pop(at)
            of[answer.network] -= 1
            found.append(answer)
        return found
