"""Let uploads wait for their turn: the clock and the futures for ``queueing.py``."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol

from uploadfilter.model import Reason
from uploadfilter.scanners.pool.queueing import Lanes
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.pool.waiting import Claim, Standing

_HAVE_PLACES: Final = frozenset(
    {Standing.PLACED, Standing.HELD_UP, Standing.ASIDE, Standing.SLOW}
)


class Departing(Protocol):
    """The departure of a client."""

    @property
    def ended(self) -> asyncio.Future[None]:
        """Done as soon as it has ended its side of the connection."""

    @property
    def lost(self) -> asyncio.Future[None]:
        """Done as soon as the connection is lost."""


class Turns:
    """Gives uploads their places, one after another.

    Attributes:
        lanes: The standing of all claims.
    """

    def __init__(self, settings: ScannerSettings, *, counts: Counter[str]) -> None:
        self._wait_s = settings.queue_wait_s
        self._counts = counts
        self._loop = asyncio.get_running_loop()
        self.lanes = Lanes(
            places=settings.workers,
            small_lane=settings.small_lane,
            slow_lane=settings.slow_lane,
            client_share=settings.slow_of_one_client,
            queue_limit=settings.queue_limit,
            slow_after_s=settings.slow_after_s,
        )
        self._calls: dict[Claim, asyncio.Future[Reason | None]] = {}
        self._put_back: dict[Claim, Callable[[], None]] = {}

    def expected_wait_s(self, client: str, *, may_be_small: bool) -> float:
        """Return the expected wait of a client's new claim for a place."""
        return self.lanes.expected_wait_s(
            client, may_be_small=may_be_small, now_s=self._loop.time()
        )

    async def enter(
        self,
        claim: Claim,
        *,
        on_put_back: Callable[[], None],
        departure: Departing | None = None,
    ) -> Reason | None:
        """Wait until a claim has a place.

        The caller must call ``leave`` at the end, even if the scan fails.

        Args:
            claim: The claim.
            on_put_back: Called at most once, when its scan must be broken off; then
                ``reenter`` must be called.
            departure: The departure of its client: while it waits, its turns go to
                others then. A scan that has begun goes on: to break it off would cost a
                process, which is more than most scans.

        Returns:
            The reason if it gets none: ``overloaded``, ``aborted`` if its client has
            gone, or ``no_scanner`` at the end of the pool.
        """
        shed = self.lanes.ask(claim, now_s=self._loop.time())
        if shed is not None:
            self._counts["shed"] += 1
            if shed is claim:
                return Reason.OVERLOADED
            self._call(shed, Reason.OVERLOADED)
        self._put_back[claim] = on_put_back
        if claim.standing in _HAVE_PLACES:
            return None
        return await self._wait(claim, departure)

    async def reenter(
        self, claim: Claim, *, departure: Departing | None = None
    ) -> Reason | None:
        """Wait until a claim that was put back may go on.

        Args:
            claim: The claim.
            departure: As in ``enter``.

        Returns:
            The reason if it may not, as in ``enter``.
        """
        match claim.standing:
            case Standing.PUT_BACK:
                return await self._wait(claim, departure)
            case Standing.OVER:
                return Reason.NO_SCANNER
            case _:
                return None

    def slow_down(self, claim: Claim) -> None:
        """Note that the scan of a claim is slow."""
        self._counts["slowed"] += 1
        self.lanes.slow_down(claim, now_s=self._loop.time())
        self._admit()

    def broken_off(self, claim: Claim) -> None:
        """Note that the client of a claim broke its upload off."""
        self.lanes.broken_off(claim.client, now_s=self._loop.time())

    @contextmanager
    def _watching(self, claim: Claim, departure: Departing | None) -> Iterator[None]:
        """Give a claim's turns to others if its client departs during the block."""
        if departure is None:
            yield
            return
        set_last, withdraw = partial(self._set_last, claim), partial(self._end, claim)
        departure.ended.add_done_callback(set_last)
        departure.lost.add_done_callback(withdraw)
        try:
            yield
        finally:
            departure.ended.remove_done_callback(set_last)
            departure.lost.remove_done_callback(withdraw)

    def _set_last(self, claim: Claim, _: object) -> None:
        if claim.standing is Standing.WAITING and claim in self._calls:
            shed = self.lanes.set_last(claim)
            if shed is not None:
                self._counts["shed"] += 1
                self._call(shed, Reason.OVERLOADED)
            self._admit()

    def _end(self, claim: Claim, _: object) -> None:
        if claim in self._calls and claim.standing not in _HAVE_PLACES:
            self._counts["withdrawn"] += 1
            self.lanes.leave(claim, now_s=self._loop.time())
            self._call(claim, Reason.ABORTED)

    def leave(self, claim: Claim) -> None:
        """Note that a claim is done."""
        self._put_back.pop(claim, None)
        self.lanes.leave(claim, now_s=self._loop.time())
        self._admit()

    def close(self) -> None:
        """Answer all waiting claims: they get no place any more."""
        for claim in self.lanes.turn_away_all():
            self._call(claim, Reason.NO_SCANNER)

    async def _wait(self, claim: Claim, departure: Departing | None) -> Reason | None:
        call: asyncio.Future[Reason | None] = self._loop.create_future()
        self._calls[claim] = call
        self._admit()
        try:
            with self._watching(claim, departure):
                async with asyncio.timeout(self._wait_s):
                    return await call
        except TimeoutError:
            # A place that was given at the same moment is kept.
            has_place = claim.standing in _HAVE_PLACES
            return None if has_place else Reason.OVERLOADED
        finally:
            del self._calls[claim]

    def _admit(self) -> None:
        for claim in self.lanes.admit(now_s=self._loop.time()):
            if claim.standing is Standing.PUT_BACK:
                self._counts["put_back"] += 1
                self._put_back[claim]()
            else:
                self._call(claim, None)

    def _call(self, claim: Claim, answer: Reason | None) -> None:
        """Answer a waiting claim; a claim that is put back may not be waiting yet."""
        call = self._calls.get(claim)
        if call is not None and not call.done():
            call.set_result(answer)
