"""Share each round of the event loop out between the clients whose bodies arrive.

A round of the loop looks at all sockets that have bytes. Eight bodies of some megabytes
each made rounds of 15 ms: digests and framing of a quarter of a megabyte of each. An
upload takes a dozen rounds, so that a photo beside them took 0.15 s. Rules this module
keeps:

- One round processes pieces of bodies for about ``ROUND_S``; further pieces wait for
  the next rounds. Their connections are not read meanwhile.
- Of the clients that wait, the one whose turn was longest ago is next, and so are the
  networks of clients before that (round robin, as in deficit round robin of Shreedhar
  and Varghese, SIGCOMM 1995, with pieces of bounded length).
- A piece that nobody waits with is processed at once: for it nothing is delayed.

To have more work shared out: await ``turn`` before it, with its expected seconds.
"""

import asyncio
from collections import deque
from typing import Final

from uploadfilter.web.requests.turntaking import TurnTaking

ROUND_S: Final = 0.002
"""CPU seconds of one round for pieces of bodies: one of a quarter of a megabyte. A
round without one takes 0.1 to 1 ms, so that shorter ones would take longer in all."""

PIECE_S: Final = 1e-4
BYTE_S: Final = 6e-9
"""CPU seconds of a piece and of each of its bytes: three digests, and the spool."""


class Rounds:
    """The work of the current round, and the pieces that wait for another one."""

    def __init__(self) -> None:
        self._left_s = ROUND_S
        self._is_counted = False
        self._waiting: dict[str, deque[_Piece]] = {}
        self._turns = TurnTaking()

    async def turn(self, client: str, size: int) -> None:
        """Wait until a piece of a body may be processed.

        Args:
            client: Key of its client in limits; ``""`` is one client, too.
            size: Its bytes.
        """
        cost_s = PIECE_S + size * BYTE_S
        if self._left_s > 0 and not self._waiting:
            self._take(client, cost_s)
            return
        piece = _Piece(client, cost_s)
        self._waiting.setdefault(client, deque()).append(piece)
        try:
            await piece.called
        except asyncio.CancelledError:
            self._forget(piece)
            raise

    def _take(self, client: str, cost_s: float) -> None:
        """Count a piece against this round."""
        self._left_s -= cost_s
        self._turns.took(client)
        if not self._is_counted:
            self._is_counted = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        """Begin a round: the loop has looked at its sockets since the last one."""
        self._left_s = ROUND_S
        self._is_counted = False
        while self._waiting and self._left_s > 0:
            piece = self._waiting[min(self._waiting, key=self._turns.last)][0]
            self._forget(piece)
            self._take(piece.client, piece.cost_s)
            if not piece.called.done():
                piece.called.set_result(None)

    def _forget(self, piece: "_Piece") -> None:
        """Let a piece wait no more."""
        pieces = self._waiting.get(piece.client, deque())
        if piece in pieces:
            pieces.remove(piece)
            if not pieces:
                del self._waiting[piece.client]


class _Piece:
    """A piece of a body."""

    __slots__ = ("called", "client", "cost_s")

    def __init__(self, client: str, cost_s: float) -> None:
        self.client = client
        self.cost_s = cost_s
        self.called = asyncio.get_running_loop().create_future()
