"""The filter as a process, its settings, and the files that it gets."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.harness import Options
from benchmarks.proxy.load import Spawned, pin_to, process
from benchmarks.reference import CATEGORY, list_signals, random_values
from tests.corpus import pictures
from uploadfilter.model import Entry, EntrySignal, SignalType
from uploadfilter.reference.store import REFERENCE_DIRECTORY
from uploadfilter.signals.exact import Digests

SEED = 20_112

DIFFERENT = 8
"""Pictures of each size, sent in turn, so that a cache of one picture does not help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The amount of measuring.

    Attributes:
        rounds: How often contenders take turns.
        seconds: Duration of each contender in a round.
        sizes: Number of the sizes that are tried, the small ones first.
        upload_kb: Least KB that are uploaded for a figure of CPU.
        listed: Entries of the reference set that uploads are compared with.
        rolls: How often both instances are restarted.
    """

    rounds: int = 5
    seconds: float = 2.0
    sizes: int = 3
    upload_kb: int = 60_000
    listed: int = 100_000
    rolls: int = 3

    @classmethod
    def of(cls, options: Options) -> "Plan":
        """Return the plan of a whole run, or of a quick one."""
        if not options.quick:
            return cls()
        return cls(
            rounds=1, seconds=0.3, sizes=2, upload_kb=2_000, listed=2_000, rolls=1
        )

    def uploads(self, size_kb: int) -> int:
        """Return the number of uploads of that size for a figure of CPU."""
        return min(max(self.upload_kb // size_kb, 40), 600)


@lru_cache
def files_of(size_kb: int) -> tuple[bytes, ...]:
    """Return JPEG files of about that size; the number of pixels is found by trying."""
    pixels = size_kb * 1000 * 6
    side = 0
    for _ in range(6):
        side = max(int((pixels / 12) ** 0.5), 8)
        sample = pictures.jpeg(pictures.photograph(1, width=4 * side, height=3 * side))
        if abs(len(sample) / (size_kb * 1000) - 1) < 0.05:  # noqa: PLR2004 - 5 %
            break
        pixels = int(pixels * size_kb * 1000 / len(sample))
    return tuple(
        pictures.jpeg(pictures.photograph(seed, width=4 * side, height=3 * side))
        for seed in range(DIFFERENT)
    )


def list_random(
    state: Path,
    count: int,
    *,
    listed: Sequence[bytes] = (),
    near: Sequence[EntrySignal] = (),
) -> None:
    """Make a reference set of random entries, each with SHA-256, PDQ and pHash.

    Args:
        state: State directory.
        count: Number of entries.
        listed: Files that are listed in addition, by their digests.
        near: Signals that are listed in addition.
    """
    rng = np.random.Generator(np.random.PCG64(SEED))
    types = (SignalType.SHA256, SignalType.PDQ, SignalType.PHASH)
    signals: list[tuple[EntrySignal, ...]] = [(it,) for it in near]
    for file in listed:
        digests = Digests()
        digests.update(file)
        signals.append(tuple(EntrySignal(signal=it) for it in digests.signals()))
    more = [
        Entry(id=f"more{number}", category=CATEGORY, signals=own)
        for number, own in enumerate(signals)
    ]
    values = random_values(rng, count, *types)
    list_signals(state / REFERENCE_DIRECTORY, values, count, more)


@contextlib.contextmanager
def filter_before(
    origin: int,
    state: Path,
    *,
    instance: str = "main",
    port: int = 0,
    core: int | None = None,
) -> Iterator[Spawned]:
    """Run the filter in ``ENFORCE``; it trusts this machine to name the clients.

    Args:
        origin: Port of the origin on the loopback.
        state: State directory.
        instance: Name among the instances that share it.
        port: Port to listen on; 0 picks one.
        core: The core that all of its processes stay on; ``None`` for any.
    """
    command = serving(origin, state, instance=instance, port=port)
    with process(*pin_to(core), *command) as proxy:
        yield proxy


def serving(
    origin: int,
    state: Path,
    *,
    instance: str = "main",
    port: int = 0,
    listen: str | None = None,
) -> tuple[str, ...]:
    """Return the command that serves uploads."""
    settings = state / f"{instance}.toml"
    settings.write_text('trusted_proxies = ["127.0.0.1"]\n', encoding="ascii")
    return (
        *(sys.executable, "-m", "uploadfilter", "serve", "--mode", "enforce"),
        *("--origin", f"http://127.0.0.1:{origin}", "--config", str(settings)),
        *("--listen", listen or f"127.0.0.1:{port}"),
        *("--state", str(state), "--instance", instance),
    )
