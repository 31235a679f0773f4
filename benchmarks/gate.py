"""How long does the gate take to compare a set, and how much memory?

Entries and known-good pictures are random values (which are far from each other, so
that the whole search is done), and every entry also has a digest; then the pictures are
those of the corpus that comes with the program. Each size runs in a process of its own;
a figure is the CPU time of the comparison alone, and the peak memory of the process.
"""

import os
from pathlib import Path

import numpy as np

from benchmarks.harness import Options, Report, peak_mb, run_apart
from benchmarks.reference import block_of, random_values, set_info
from uploadfilter.gate.judging import CorpusGate, GateSettings, KnownCorpus
from uploadfilter.knowngood.corpus import read
from uploadfilter.knowngood.store import shipped
from uploadfilter.model import SignalType
from uploadfilter.reference.entries.collecting import TableBuilder
from uploadfilter.reference.entries.secret import SECRET_BYTES, Secret
from uploadfilter.reference.entries.tables import Tables

SEED = 77
PACKAGES = ("numpy",)
SIZES = ((5_000, 100_000), (1_000_000, 100_000))
QUICK = ((2_000, 1_000),)


def measure(options: Options, _folder: Path) -> Report:
    """Compare sets of each size with random pictures, and with real ones."""
    rows = [
        run_apart(compare, entries, pictures, is_real)
        for entries, pictures in (QUICK if options.quick else SIZES)
        for is_real in (False, True)
    ]
    return Report(rows=rows)


def compare(entries: int, pictures: int, is_real: bool) -> dict[str, object]:
    """Compare a set of random entries once."""
    rng = np.random.default_rng(SEED)
    tables = _tables(rng, entries)
    known = _known(rng, pictures, is_real=is_real)
    gate = CorpusGate(
        {"known": known},
        identity="known",
        settings=GateSettings(),
        is_accepted=False,
        epoch_s=0.0,
    )
    before = os.times()
    found = gate.look(tables)
    after = os.times()
    cpu_s = after.user + after.system - before.user - before.system
    return {
        "entries": entries,
        "pictures": len(known.values),
        "real": is_real,
        "cpu_s": round(cpu_s, 1),
        "wall_s": round(after.elapsed - before.elapsed, 1),
        "peak_mb": peak_mb(),
        "quarantined": len(found),
        "near": gate.generic_count,
    }


def _known(rng: np.random.Generator, pictures: int, *, is_real: bool) -> KnownCorpus:
    keys = np.sort(rng.integers(0, 1 << 64, 2 * pictures, np.uint64).view("S16"))
    path = shipped()
    if is_real and path is not None:
        return KnownCorpus(values=read(path).values[:pictures], keys=keys)
    values = rng.integers(0, 1 << 64, (pictures, 4, 4), np.uint64)
    return KnownCorpus(values=values, keys=keys)


def _tables(rng: np.random.Generator, entries: int) -> Tables:
    builder = TableBuilder(Secret(bytes(SECRET_BYTES)).exact_key)
    values = random_values(rng, entries, SignalType.MD5, SignalType.PDQ)
    builder.add_block(block_of(values, entries))
    return builder.finish(set_info())
