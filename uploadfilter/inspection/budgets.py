"""Count the rejections of each client, so that nobody finds out the list.

A rejection tells something about the reference set, whatever the answer says. That
cannot be avoided, but it can be bounded: a client has a *budget* of rejections within a
window of time. After it has used up the budget, none of its uploads is inspected until
the window ends.

A window begins with a client's first rejection and has a fixed length. So windows end
in the order in which they began, and if clients have to be forgotten, these are the
ones whose windows would end first.
"""

from dataclasses import dataclass
from typing import Final

CLIENTS_KEPT: Final = 65_536
"""Clients whose rejections are known at once: some 15 MB. To be forgotten, a client
needs as many networks of its own, each of which has a budget anyway."""


@dataclass(slots=True)
class _Window:
    ends_s: float
    rejections: int


class MatchBudgets:
    """The rejections of each client within its window.

    It does no input or output, and all times are monotonic: changing the clock neither
    ends a window nor prolongs it.

    Args:
        clients_kept: Most clients that are known at a time.
    """

    def __init__(self, *, clients_kept: int = CLIENTS_KEPT) -> None:
        self._windows: dict[str, _Window] = {}
        self._clients_kept = clients_kept

    def __len__(self) -> int:
        """Return the number of known clients."""
        return len(self._windows)

    def rejected(self, client: str, *, now_s: float, window_s: float) -> None:
        """Note a rejection by policy.

        Args:
            client: Key of the client in limits; ``""`` means no client.
            now_s: Monotonic seconds.
            window_s: Length of a window, if this rejection begins one.
        """
        if not client:
            return
        self._forget(now_s)
        window = self._windows.get(client)
        if window is None:
            self._windows[client] = _Window(now_s + window_s, 1)
        else:
            window.rejections += 1

    def spent_for_s(self, client: str, *, now_s: float, budget: int) -> float:
        """Return the seconds until a client has budget again; 0 if it has some now.

        Args:
            client: As above.
            now_s: Monotonic seconds.
            budget: Rejections in a window.
        """
        window = self._windows.get(client)
        if window is None or window.rejections < budget:
            return 0.0
        return max(window.ends_s - now_s, 0.0)

    def _forget(self, now_s: float) -> None:
        """Forget the oldest windows if they have ended, or if there are too many."""
        while self._windows:
            client = next(iter(self._windows))
            is_over = self._windows[client].ends_s <= now_s
            if not is_over and len(self._windows) < self._clients_kept:
                return
            del self._windows[client]
