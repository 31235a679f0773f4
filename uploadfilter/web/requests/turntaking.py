"""Round robin of networks, and of the clients in them."""

from typing import Final

from uploadfilter.networks import path_of

_MOST_REMEMBERED: Final = 4096
"""Clients and networks whose last turn is remembered; then all are forgotten, which
changes the order of one round."""


class TurnTaking:
    """The last turn of each client and network."""

    def __init__(self) -> None:
        self._turn_of: dict[str, int] = {}
        self._turns = 0

    def took(self, client: str) -> None:
        """Note that it was the turn of a client, ``""`` included."""
        self._turns += 1
        if len(self._turn_of) >= _MOST_REMEMBERED:
            self._turn_of.clear()
        for name in path_of(client).names:
            self._turn_of[name] = self._turns

    def last(self, client: str) -> tuple[int, ...]:
        """Return a key of the order: the client with the least is next."""
        return tuple([self._turn_of.get(name, 0) for name in path_of(client)])
