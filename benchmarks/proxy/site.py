"""The filter as a process, its settings, and the files that it gets."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.cores import pinned
from benchmarks.load import Spawned, process
from tests.corpus import pictures
from uploadfilter.model import Entry, EntrySignal, Signal, SignalType
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.signals.exact import Digests

SEED = 20_112

DIFFERENT = 8
"""Pictures of each size, sent in turn, so that a cache of one picture does not help."""


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
    with ReferenceDirectory(state / REFERENCE_DIRECTORY).writer() as writer:
        collected = writer.collect()
        for number in range(count):
            signals = tuple(
                EntrySignal(signal=Signal(type=kind, value=rng.bytes(kind.width_bytes)))
                for kind in types
            )
            collected.add(Entry(id=str(number), category="random", signals=signals))
        for number, file in enumerate(listed):
            digests = Digests()
            digests.update(file)
            exact = tuple(EntrySignal(signal=signal) for signal in digests.signals())
            collected.add(Entry(id=f"file{number}", category="random", signals=exact))
        for number, signal in enumerate(near):
            own = Entry(id=f"near{number}", category="random", signals=(signal,))
            collected.add(own)
        info = SetInfo(
            name="random",
            issuer="local",
            categories=("random",),
            enforced=True,
            imported_at=0,
        )
        writer.replace_set(collected, info)


@contextlib.contextmanager
def filter_before(
    origin: int,
    state: Path,
    *,
    instance: str = "main",
    port: int = 0,
    core: int | None = None,
    sheds: bool = True,
    more: str = "",
) -> Iterator[Spawned]:
    """Run the filter in ``ENFORCE``; it trusts this machine to name the clients.

    Args:
        origin: Port of the origin on the loopback.
        state: State directory.
        instance: Name among the instances that share it.
        port: Port to listen on; 0 picks one.
        core: The core that all of its processes stay on; ``None`` for any.
        sheds: Whether it refuses uploads under a lasting overload; not if a closed loop
            measures its throughput.
        more: Further tables of its settings.
    """
    command = serving(
        origin, state, instance=instance, port=port, sheds=sheds, more=more
    )
    with process(*pinned(core), *command) as proxy:
        yield proxy


def serving(
    origin: int,
    state: Path,
    *,
    instance: str = "main",
    port: int = 0,
    listen: str | None = None,
    sheds: bool = True,
    more: str = "",
) -> tuple[str, ...]:
    """Return the command that serves uploads."""
    settings = state / f"{instance}.toml"
    patience = "" if sheds else "[proxy]\nlongest_wait_s = 60\n"
    text = 'trusted_proxies = ["127.0.0.1"]\n' + patience
    settings.write_text(text + more, encoding="ascii")
    return (
        *(sys.executable, "-m", "uploadfilter", "serve", "--mode", "enforce"),
        *("--origin", f"http://127.0.0.1:{origin}", "--config", str(settings)),
        *("--listen", listen or f"127.0.0.1:{port}"),
        *("--state", str(state), "--instance", instance),
    )
