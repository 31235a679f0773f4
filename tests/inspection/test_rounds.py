"""A round of the loop processes pieces for a bounded time, and clients take turns."""

import asyncio
from collections.abc import Sequence

import pytest

from uploadfilter.inspection.rounds import BYTE_S, ROUND_S, Rounds

LARGE = int(ROUND_S / BYTE_S)
"""Bytes of a piece that takes a whole round."""

HOUSE = tuple(f"20010db80000000{number}" for number in range(4))
"""Clients of one household."""


class Order:
    """The clients whose pieces were called, round by round."""

    def __init__(self) -> None:
        self.rounds = Rounds()
        self.called: list[list[str]] = [[]]

    async def piece(self, client: str, size: int = LARGE) -> None:
        """Have one piece processed."""
        await self.rounds.turn(client, size)
        self.called[-1].append(client)

    async def pieces(self, clients: Sequence[str], *, size: int = LARGE) -> None:
        """Have pieces processed that arrive in one round."""
        tasks = [asyncio.ensure_future(self.piece(name, size)) for name in clients]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            self.called.append([])

    @property
    def in_order(self) -> list[str]:
        """The clients in the order of their pieces."""
        return [client for clients in self.called for client in clients]


async def test_one_round_processes_one_large_piece() -> None:
    """However many have arrived, other uploads have a turn in between."""
    order = Order()

    await order.pieces("a" * 8)

    assert order.in_order == list("a" * 8)
    assert max(map(len, order.called)) == 1


async def test_one_round_processes_many_small_pieces() -> None:
    """Nothing waits where there is room."""
    order = Order()

    await order.pieces("abcdefgh", size=100)

    assert order.called[0] == list("abcdefgh")


async def test_clients_take_turns() -> None:
    """Who came first and with most is not before all others."""
    order = Order()

    await order.pieces("aaaaab")

    assert order.in_order[:3] == list("aba")


async def test_networks_take_turns_before_their_clients_do() -> None:
    """A household with many networks has as many turns as one client."""
    order = Order()

    await order.pieces([*HOUSE, *"aaaa"])

    assert [name in HOUSE for name in order.in_order] == [True, False] * 4


async def test_piece_whose_upload_has_ended_does_not_wait_on() -> None:
    """The others go on, and nothing is left of it."""
    order = Order()
    first = [asyncio.ensure_future(order.piece(name)) for name in "ab"]
    await asyncio.sleep(0)
    first[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await first[1]

    await order.pieces("bc")

    assert sorted(order.in_order) == list("abc")
