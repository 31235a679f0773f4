"""Limit the time of the event loop that one client's unusual uploads take.

One loop carries all uploads, and nearly all of them take a few milliseconds of it. Some
bodies take a hundred times as much for their size, for example forms of a thousand
parts. Rules this module keeps:

- The time of the loop that an upload takes is not measured but estimated, from what is
  known of it: its bytes, the parts of its form, the contents that were scanned. The
  clock of a thread is a system call, and by any other clock an upload seems dear on a
  busy machine. The time of an ordinary upload of its size is free.
- Further time is charged to the client, and to its networks (for IPv6, those of 56 and
  of 48 bits, which may belong to one customer). A charged client waits before more of
  its bodies is processed, so that it takes a limited share of the loop. This is virtual
  scheduling (ITU-T I.371, Annex A; Zhang, "VirtualClock", SIGCOMM 1990).
- A client that owes nothing does not wait, whatever others were charged.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Final

from uploadfilter.inspection.rounds import BYTE_S, PIECE_S, Rounds
from uploadfilter.networks import path_of

UPLOAD_S: Final = 0.003
PART_S: Final = 1e-4
SCAN_S: Final = 2e-4
"""CPU seconds of an upload, and of each part of a form and each scan of a content or a
member in it, up to their records: 2,900 fields took 0.32 s, 990 JPEGs in a form 0.29 s,
900 in an archive 0.14 s. Bytes cost what ``rounds.py`` says."""

FREE_S: Final = 0.01
"""CPU seconds of the loop that are free for an upload: three times an ordinary one."""

FREE_S_A_BYTE: Final = 3e-8
"""The same for each byte of its body: five times the cost of digests and a spool."""

CLIENT_SHARE: Final = 0.4
"""Share of the loop for charged time of one client."""

HOUSEHOLD_SHARE: Final = 0.45
SITE_SHARE: Final = 0.5
"""Shares of the loop for charged time of all clients of one network of 56 or 48 bits,
or of a group that the operator has named."""

SHARE: Final = 0.6
"""Share of the loop for charged time of all clients together."""

FINE_S: Final = 0.02
"""Charge for a body that violates its own framing. Four thousand chunks of a byte,
which fit into one read, take half of this time."""

BROKEN_OFF_S: Final = 0.02
"""Charge for an upload that its client breaks off, beside the time that it took: six
ordinary uploads. Two in a tenth of a second are free for a client that owes nothing;
one that breaks off all of its uploads gets twenty of them a second looked at."""

RECORD_S: Final = 0.03
"""Charge for an upload's record while the disk of the decision log is scarce. A client
then writes at most 13 a second: 1 GB a day at 850 bytes each."""

BURST_S: Final = 0.05
"""CPU seconds that may be charged at once before a client waits: one large form."""

LONGEST_DEBT_S: Final = 60.0
"""Most seconds that a client waits, whatever it was charged."""

_TURN_S: Final = 0.005
"""CPU seconds that a waiting upload is expected to take in its turn, so that the next
upload of the same client waits longer, and not for the same moment."""

_LOOK_S: Final = 0.25
"""Seconds after which a waiting upload checks whether it is still wanted."""

_ALL: Final = "*"

_MOST_REMEMBERED: Final = 8192
"""Number of accounts above which those that owe nothing are dropped."""


class ClientDebts:
    """The debt of each client. Plain bookkeeping, without a clock.

    Times are kept as seconds since the first charge, so that a microsecond is charged
    exactly even on a machine that has been up for years.
    """

    def __init__(self) -> None:
        self._free_at_s: dict[str, float] = {}
        self._begun_s: float | None = None

    def __len__(self) -> int:
        """Return the number of remembered accounts."""
        return len(self._free_at_s)

    def charge(self, client: str, seconds: float, *, now_s: float) -> None:
        """Charge a client with CPU seconds of the loop.

        Args:
            client: Key of the client in limits; ``""`` means no client, who owes
                nothing.
            seconds: Seconds beyond the free ones.
            now_s: Monotonic seconds.
        """
        self._charge(client, seconds, _accounts_of(client), now_s=now_s)

    def fine(self, client: str, seconds: float, *, now_s: float) -> None:
        """Charge a client and its networks with more than the time that they took.

        The account of all together is left out: a client that owes a little waits for
        it, and would wait for a time that nobody took.
        """
        its = [it for it in _accounts_of(client) if it[0] != _ALL]
        self._charge(client, seconds, its, now_s=now_s)

    def _charge(
        self,
        client: str,
        seconds: float,
        accounts: Iterable[tuple[str, float]],
        *,
        now_s: float,
    ) -> None:
        if not client:
            return
        if self._begun_s is None:
            self._begun_s = now_s
        at_s = now_s - self._begun_s
        if len(self._free_at_s) >= _MOST_REMEMBERED:
            owing = self._free_at_s.items()
            self._free_at_s = {name: free for name, free in owing if free > at_s}
        for name, share in accounts:
            free_at_s = max(self._free_at_s.get(name, at_s), at_s) + seconds / share
            self._free_at_s[name] = min(free_at_s, at_s + LONGEST_DEBT_S)

    def wait_s(self, client: str, *, now_s: float) -> float:
        """Return how long a client has to wait before it is served further."""
        if self._begun_s is None:
            return 0.0
        at_s = now_s - self._begun_s
        if self._free_at_s.get(client, at_s) <= at_s:
            return 0.0
        waits = [
            self._free_at_s.get(name, at_s) - at_s - BURST_S / share
            for name, share in _accounts_of(client)
        ]
        return max(0.0, *waits)


@lru_cache(maxsize=4096)  # Used by every charged step of an upload.
def _accounts_of(client: str) -> tuple[tuple[str, float], ...]:
    """Return the accounts of a client and the share of the loop that each may take."""
    path = path_of(client)
    shares = {path.site: SITE_SHARE, path.household: HOUSEHOLD_SHARE}
    return (*(shares | {client: CLIENT_SHARE, _ALL: SHARE}).items(),)


class Turnstiles:
    """Lets one upload of each client through at a time.

    So the first one ends soon, instead of all of them ending late; and the data of
    sixty forms of a thousand parts is not kept in memory at once.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def through(
        self, client: str, *, is_wanted: Callable[[], bool]
    ) -> AsyncIterator[None]:
        """Wait until no other upload of a client is in the block.

        Args:
            client: Key of the client in limits; ``""`` means no client, who never
                waits.
            is_wanted: Whether waiting makes sense; if not, the block is entered.
        """
        if not client:
            yield
            return
        ours: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue = self._waiting.setdefault(client, deque())
        queue.append(ours)
        try:
            while queue[0] is not ours and is_wanted():
                await asyncio.wait([ours], timeout=_LOOK_S)
            yield
        finally:
            queue.remove(ours)
            if not queue:
                del self._waiting[client]
            elif not queue[0].done():
                queue[0].set_result(None)


class LoopMeter:
    """Adds up the time of the loop that one upload takes.

    Args:
        accounts: The accounts that it is charged to.
        turnstiles: Lets one upload of each client through.
        client: The client that is charged.
        clock: Monotonic seconds.
        rounds: Shares out the rounds of the loop; ``None`` if nothing else uses it.
    """

    def __init__(
        self,
        accounts: ClientDebts,
        turnstiles: Turnstiles,
        client: str,
        *,
        clock: Callable[[], float],
        rounds: Rounds | None = None,
    ) -> None:
        self._rounds = rounds
        self._turnstiles = turnstiles
        self._accounts = accounts
        self._client = client
        self._clock = clock
        owes = accounts.wait_s(client, now_s=clock()) > 0
        self._left_s = 0.0 if owes else FREE_S
        self._is_ordinary = not owes
        self._free_taken_s = 0.0
        self._fine_s = BROKEN_OFF_S
        self._prepaid_s = 0.0
        self._processed_s = 0.0
        self.waited_s = 0.0
        self.spend(UPLOAD_S)

    def received(self, size: int) -> None:
        """Note bytes of its body that have arrived."""
        if self._is_ordinary:
            self._left_s += size * FREE_S_A_BYTE

    async def round(self, size: int) -> None:
        """Wait for the round of the loop in which a piece of its body is processed."""
        self.spend(PIECE_S + size * BYTE_S)
        if self._rounds is not None:
            await self._rounds.turn(self._client, size)

    def charge_body(self, *, parts: int, unpacked: int) -> None:
        """Charge what its body has cost so far.

        Args:
            parts: Parts of the form so far.
            unpacked: Bytes so far, beyond those that arrived.
        """
        before_s = self._processed_s
        self._processed_s = parts * PART_S + max(unpacked, 0) * BYTE_S
        self.spend(self._processed_s - before_s)

    def charge_scans(self, scans: int) -> None:
        """Charge scans of its contents, and of everything in them."""
        self.spend(scans * SCAN_S)

    def forfeit(self) -> None:
        """Note that no further time is free: no ordinary upload is like this one."""
        if self._is_ordinary:
            self._is_ordinary = False
            self._left_s = 0.0

    def fine(self) -> None:
        """Note that its body was malformed: the time of parsing it was not measured."""
        self.forfeit()
        self.spend(FINE_S)

    def spend(self, seconds: float) -> None:
        """Note CPU seconds that it has taken."""
        prepaid_s = min(seconds, self._prepaid_s)
        self._prepaid_s -= prepaid_s
        self._free_taken_s += min(seconds - prepaid_s, self._left_s - prepaid_s)
        self._left_s -= seconds
        if self._left_s < 0:
            self._accounts.charge(self._client, -self._left_s, now_s=self._clock())
            self._left_s = 0.0

    def broken_off(self) -> None:
        """Charge what was free as well, and a fine: the client did not wait.

        An honest client loses its connection now and then. One that breaks off all of
        its uploads costs what others pay for, and has no use of it.
        """
        now_s = self._clock()
        self._accounts.charge(self._client, self._free_taken_s, now_s=now_s)
        self._accounts.fine(self._client, self._fine_s, now_s=now_s)
        self._free_taken_s = self._fine_s = 0.0

    async def turn(self, *, is_wanted: Callable[[], bool]) -> None:
        """Wait until the client may take more of the loop, if it owes something."""
        if self._left_s > 0:
            return
        begun_s = self._clock()
        wait_s = self._accounts.wait_s(self._client, now_s=begun_s)
        if not wait_s:
            return
        self._accounts.charge(self._client, _TURN_S, now_s=begun_s)
        self._left_s += _TURN_S
        self._prepaid_s += _TURN_S
        while is_wanted():
            left_s = begun_s + wait_s - self._clock()
            if left_s <= 0:
                break
            await asyncio.sleep(min(left_s, _LOOK_S))
        self.waited_s += self._clock() - begun_s

    @asynccontextmanager
    async def one_at_a_time(self) -> AsyncIterator[None]:
        """Exclude other uploads of the client from a block; nothing is forfeited."""
        async with self._turnstiles.through(self._client, is_wanted=lambda: True):
            yield

    @asynccontextmanager
    async def alone(self, *, is_wanted: Callable[[], bool]) -> AsyncIterator[None]:
        """Exclude other uploads of the client from a block, and wait for its turn."""
        self.forfeit()
        begun_s = self._clock()
        async with self._turnstiles.through(self._client, is_wanted=is_wanted):
            self.waited_s += self._clock() - begun_s
            yield
