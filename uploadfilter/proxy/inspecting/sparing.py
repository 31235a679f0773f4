"""Decide which searches for altered copies may use capacity that nobody else wants.

With ``copies = "spare"`` such a search must cost no other upload anything. Rules:

- It begins only if no more uploads are in work than can be worked on at the same time,
  and were not shortly before. An upload is in work while it is scanned, matched or
  searched, its waiting times included. So this needs no knowledge of the machine:
  whatever is scarce, the cores, the event loop or a neighbour's share, uploads then
  take longer, and more of them are in work.
- It begins only if this process used less than half of one core lately: all of its
  threads share the interpreter's lock with the event loop.
- A search that took several times its CPU time shows that somebody else wants the
  cores, be it another program. Then there is a pause, which doubles until a search is
  quick again.
- Few searches run at a time, and each client has a limited share of them, by the same
  bookkeeping as for the event loop (``pacing.py``).
- Nobody waits for a place: an upload that cannot be searched at once is not searched.
- Where there is no spare capacity, a glimpse (``glimpsing.py``) tells which uploads are
  promising. One at a time is searched all the same, and they get a small share of one
  core together, so that a site that is always busy finds most copies that are near.

The threads that search have no lower priority. The kernel would then keep a thread from
running that holds the interpreter's lock, and the event loop would wait for it (ADR
0122).
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from uploadfilter.decisions.judgement import CopySearch
from uploadfilter.proxy.inspecting.pacing import ClientDebts

QUIET_S: Final = 0.1
"""Seconds that the filter has to be quiet before a search: five times its length. Under
a lasting load the number of uploads in work falls for moments, which mean nothing."""

MOST_SHARE: Final = 0.5
"""Largest share of one core that this process used in the last ``WINDOW_S``, searches
included. At half of its capacity, a queue delays its work by half of its length."""

WINDOW_S: Final = 1.0
"""Seconds over which this share is measured: some ten searches, so that one search
alone does not forbid the next one."""

PLACES: Final = 2
"""Searches at a time: as many threads judge. With one place, an eighth of all uploads
would find it taken at a tenth of the load."""

MOST_STRETCH: Final = 4.0
"""Most multiple of its CPU time that a search takes where nobody waits: two searches
and the event loop share the interpreter's lock, which makes three."""

SURELY_QUICK_S: Final = 0.05
"""Seconds that a search may take in any case: two ordinary ones at a million entries.
So the start of a thread is not taken for a lack of cores."""

PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
"""The first pause after a slow search, and the longest one. Where a neighbour takes the
cores for hours, one upload a minute is slow, and the end of it is noticed in a
minute."""

SQUEEZED_SHARE: Final = 0.05
"""Largest share of one core for searches of promising uploads that nobody has spare
capacity for: under full load, honest clients keep 0.95 of it at least."""

LONGEST_S: Final = 0.5
"""Most seconds that an upload waits for its search: twenty times an ordinary one. The
first promising candidate of a process waits 0.3 s for shapes to compare it with."""


class SpareCapacity:
    """The capacity that nobody else wants.

    Args:
        places: Uploads that can be worked on at the same time: the places of scanners.
        clock: Monotonic seconds.
        spent_s: Returns the CPU seconds that this process has used.
    """

    def __init__(
        self,
        *,
        places: int,
        clock: Callable[[], float] = time.monotonic,
        spent_s: Callable[[], float] = time.process_time,
    ) -> None:
        self._places = places
        self._clock = clock
        self._share = _RecentShare(clock, spent_s)
        self._debts = ClientDebts()
        self._in_work = 0
        self._crowded_at_s = -QUIET_S
        self._searches = 0
        self._pause_s = 0.0
        self._paused_until_s = 0.0
        self._squeezed_at_s = 0.0
        self._is_squeezed = False

    def __enter__(self) -> Self:
        """Note that an upload is in work during the block."""
        self._in_work += 1
        self._look()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Note that it is not in work any more."""
        self._look()
        self._in_work -= 1

    def taken(self, client: str) -> CopySearch | None:
        """Take a place for the search of an upload that is in work.

        Args:
            client: Key of its client in limits; ``""`` means no client.

        Returns:
            ``None`` if it has a place, which ``left`` gives back; else the reason why
            it is not searched.
        """
        self._look()
        now_s = self._clock()
        is_quiet = now_s - self._crowded_at_s >= QUIET_S
        if not is_quiet or now_s < self._paused_until_s:
            return CopySearch.BUSY
        if self._share.of_a_core() > MOST_SHARE:
            return CopySearch.BUSY
        return self._place(client)

    @property
    def may_squeeze(self) -> bool:
        """Whether a promising upload may be searched although others wait."""
        return not self._is_squeezed and self._clock() >= self._squeezed_at_s

    def squeezed(self, client: str) -> CopySearch | None:
        """Take a place for a promising upload although others want the capacity.

        Args:
            client: As for ``taken``.

        Returns:
            ``None`` if it has a place, which ``left_squeezed`` gives back; else the
            reason why it is not searched.
        """
        if not self.may_squeeze:
            return CopySearch.BUSY
        refused = self._place(client)
        self._is_squeezed = refused is None
        return refused

    def left_squeezed(self, client: str, *, cpu_s: float) -> None:
        """Give back the place of a promising upload; the next one waits for its share.

        Args:
            client: The client for which the place was taken.
            cpu_s: CPU seconds of the search.
        """
        now_s = self._clock()
        self._searches -= 1
        self._debts.charge(client, cpu_s, now_s=now_s)
        self._is_squeezed = False
        self._squeezed_at_s = now_s + cpu_s / SQUEEZED_SHARE

    def _place(self, client: str) -> CopySearch | None:
        """Take a place, unless all are taken or the client has had its share."""
        if self._searches >= PLACES:
            return CopySearch.OCCUPIED
        if self._debts.wait_s(client, now_s=self._clock()) > 0:
            return CopySearch.CLIENT
        self._searches += 1
        return None

    def left(self, client: str, *, cpu_s: float, took_s: float) -> None:
        """Give back the place of a search, and charge its client.

        Args:
            client: The client for which the place was taken.
            cpu_s: CPU seconds of the search.
            took_s: Seconds from its begin to its end.
        """
        self._searches -= 1
        now_s = self._clock()
        self._debts.charge(client, cpu_s, now_s=now_s)
        if took_s <= max(SURELY_QUICK_S, MOST_STRETCH * cpu_s):
            self._pause_s = 0.0
            return
        self._pause_s = min(max(2 * self._pause_s, PAUSE_S), LONGEST_PAUSE_S)
        self._paused_until_s = now_s + self._pause_s

    def _look(self) -> None:
        """Note when more uploads were in work than can be worked on."""
        if self._in_work > self._places:
            self._crowded_at_s = self._clock()


class _RecentShare:
    """The share of one core that this process used lately."""

    def __init__(
        self, clock: Callable[[], float], spent_s: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._spent_s = spent_s
        self._begun_s, self._spent_before_s = clock(), spent_s()
        self._last = 0.0

    def of_a_core(self) -> float:
        """Return the share in the last window that is over, from 0 to 1 and more."""
        now_s = self._clock()
        took_s = now_s - self._begun_s
        if took_s >= WINDOW_S:
            spent_s = self._spent_s()
            self._last = (spent_s - self._spent_before_s) / took_s
            self._begun_s, self._spent_before_s = now_s, spent_s
        return self._last
