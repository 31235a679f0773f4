"""Count what was rejected of each client, so that nobody finds out what is listed.

Whether an upload is rejected tells something of the reference set, whatever the answer
says. That cannot be helped, but it can be bounded: a client has a *budget* of
rejections within a window of time, and nothing it sends is looked at once that is used
up, until the window ends.

A window begins with a client's first rejection and has a fixed length, so that the
windows end in the order in which they began, and clients that were forgotten are those
whose windows would have ended first.
"""

from dataclasses import dataclass
from typing import Final

CLIENTS_KEPT: Final = 65_536
"""Clients whose rejections are known at once: some 15 MB. A client that wants to be
forgotten needs as many networks of its own, each of which has a budget anyway."""


@dataclass(slots=True)
class _Window:
    ends_s: float
    rejections: int


class MatchBudgets:
    """The rejections of each client within its window.

    It does no input or output, and every time is monotonic: setting the clock back or
    forth neither ends a window nor prolongs it.

    Args:
        clients_kept: Most clients that are known at once.
    """

    def __init__(self, *, clients_kept: int = CLIENTS_KEPT) -> None:
        self._windows: dict[str, _Window] = {}
        self._clients_kept = clients_kept

    def __len__(self) -> int:
        """Return how many clients are known."""
        return len(self._windows)

    def rejected(self, client: str, *, now_s: float, window_s: float) -> None:
        """Note a rejection by policy.

        Args:
            client: By which name limits know it; ``""`` is nobody.
            now_s: Monotonic seconds.
            window_s: How long a window is, if this begins one.
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
        """Return for how many more seconds a client has nothing left; 0 if it has.

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
        """Forget the oldest windows, as far as they are over or there are too many."""
        while self._windows:
            client = next(iter(self._windows))
            is_over = self._windows[client].ends_s <= now_s
            if not is_over and len(self._windows) < self._clients_kept:
                return
            del self._windows[client]
