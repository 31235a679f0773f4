"""The amount of measuring in a run."""

from dataclasses import dataclass, replace

from benchmarks.proxy.arrangement import Arrangement


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The amount of measuring.

    Attributes:
        rounds: How often contenders take turns.
        seconds: Duration of each contender in a round.
        sizes: Number of the sizes that are tried, the small ones first.
        upload_kb: Least KB that are uploaded for a figure of CPU.
        listed: Entries of the reference set that uploads are compared with.
        entries: Sizes of the reference set with which starts are timed.
        starts: How often a start is timed.
        soak_s: How long memory is watched.
        rolls: How often both instances are restarted.
        arrangement: Which cores an attack or an overload is measured on.
        attacks: Names of the attacks to measure; empty for all.
    """

    rounds: int
    seconds: float
    sizes: int
    upload_kb: int
    listed: int
    entries: tuple[int, ...]
    starts: int
    soak_s: float
    rolls: int
    arrangement: Arrangement = Arrangement.APART
    attacks: tuple[str, ...] = ()

    def uploads(self, size_kb: int) -> int:
        """Return the number of uploads of that size for a figure of CPU."""
        return min(max(self.upload_kb // size_kb, 40), 600)


FULL = Plan(
    rounds=5,
    seconds=2.0,
    sizes=3,
    upload_kb=60_000,
    listed=100_000,
    entries=(0, 100_000, 1_000_000),
    starts=3,
    soak_s=60.0,
    rolls=3,
)
BRIEF = replace(FULL, rounds=3, seconds=0.8, soak_s=20.0, rolls=1)
QUICK = Plan(
    rounds=1,
    seconds=0.3,
    sizes=2,
    upload_kb=2_000,
    listed=2_000,
    entries=(10_000,),
    starts=1,
    soak_s=3.0,
    rolls=1,
)
