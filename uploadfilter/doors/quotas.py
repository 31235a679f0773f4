"""How many questions one token, or one unix socket, may ask.

Who may ask learns what is listed, and uses the scanners that the proxy needs. Rules
this module keeps: each name has a token bucket, which holds the questions of a minute,
and a number of questions that may be open at once; names come from the operator, never
from a client, so that they are few.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_MINUTE_S: Final = 60.0
_OPEN_RETRY_S: Final = 5.0
"""When to try again if too many questions are open: most take a second or two."""
_NAMES: Final = 3
"""A name may hold this part of the places for open uploads, whatever its quota: so
the scan API's socket and clamd's leave some to the proxy, also where the limit of
descriptors or the operator allows few places."""


class Scope(StrEnum):
    """What a token allows."""

    SCAN = "scan"
    LOOKUP = "lookup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What one name may ask.

    Attributes:
        per_minute: Questions that begin within a minute.
        at_once: Questions that are open at once.
    """

    per_minute: int
    at_once: int


USUAL: Final[Mapping[Scope, Quota]] = {
    # A hundred uploads a second are more than four cores scan; a quarter of the places
    # for open uploads is what one client of the proxy gets, too.
    Scope.SCAN: Quota(per_minute=6000, at_once=64),
    # Ten look-ups a second serve a site that hashes for itself, and make the list no
    # quicker to read out than uploads do.
    Scope.LOOKUP: Quota(per_minute=600, at_once=8),
}


@dataclass(slots=True)
class _Account:
    """The used part of a bucket, when it was counted, and the open questions."""

    used: float = 0.0
    at_s: float = 0.0
    open: int = 0


class Quotas:
    """Counts the questions of each name.

    Args:
        places: Returns how many uploads the service may have open.
    """

    def __init__(self, places: Callable[[], int]) -> None:
        self._places = places
        self._accounts: defaultdict[tuple[Scope, str], _Account]
        self._accounts = defaultdict(_Account)

    @contextmanager
    def question(
        self, scope: Scope, name: str, quota: Quota, *, now_s: float
    ) -> Iterator[float]:
        """Count a question, which is open during the block, unless it is one too many.

        Args:
            scope: What is asked.
            name: Who asks.
            quota: What it may ask.
            now_s: Monotonic seconds.

        Yields:
            0 if it may be asked; otherwise the seconds after which to try again.
        """
        account = self._accounts[scope, name]
        since_s = now_s - account.at_s
        account.used = max(0.0, account.used - since_s * quota.per_minute / _MINUTE_S)
        account.at_s = now_s
        over = account.used + 1 - quota.per_minute
        if over > 0:
            yield over * _MINUTE_S / quota.per_minute
        elif account.open >= min(quota.at_once, self._most_open()):
            yield _OPEN_RETRY_S
        else:
            account.used += 1
            account.open += 1
            try:
                yield 0.0
            finally:
                account.open -= 1

    def _most_open(self) -> int:
        return max(self._places() // _NAMES, 1)
