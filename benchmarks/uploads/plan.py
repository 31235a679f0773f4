"""The amount of measuring in a run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The amount of measuring.

    Attributes:
        rounds: How often contenders take turns, after a round that warms up.
        uploads: Uploads of each coding in a round.
        files: Files of each protocol in a round.
        different: Number of different photos.
        opened: Uploads that are open at once when their memory is measured.
        slow: Slow uploads at once.
        seconds: Duration of the ordinary traffic in each round.
        replay_bytes: Length of the file that is replayed.
    """

    rounds: int
    uploads: int
    files: int
    different: int
    opened: int
    slow: int
    seconds: float
    replay_bytes: int


FULL = Plan(
    rounds=3,
    uploads=30,
    files=8,
    different=4,
    opened=1000,
    slow=1000,
    seconds=10.0,
    replay_bytes=10**9,
)
QUICK = Plan(
    rounds=2,
    uploads=8,
    files=2,
    different=2,
    opened=50,
    slow=1000,
    seconds=4.0,
    replay_bytes=2 * 10**8,
)
