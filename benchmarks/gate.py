"""How long does the gate take to compare a set, and how much memory?

Entries and known-good pictures are random values (which are far from each other, so
that the whole search is done), and every entry also has a digest. Each size runs in a
process of its own; a figure is the CPU time of the comparison alone, and the peak
memory of the process. With ``--real`` the pictures are those of the corpus that comes
with the program.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.machine import describe
from uploadfilter.gate.judging import CorpusGate, GateSettings, KnownCorpus
from uploadfilter.knowngood.corpus import read
from uploadfilter.knowngood.store import shipped
from uploadfilter.model import SignalType
from uploadfilter.reference.entries.collecting import (
    BlockSignals,
    EntryBlock,
    TableBuilder,
)
from uploadfilter.reference.entries.secret import SECRET_BYTES, Secret
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.entries.tables import Tables

SEED = 77
SIZES = ((5_000, 100_000), (1_000_000, 100_000))
QUICK = ((2_000, 1_000),)
_RESULTS = Path(__file__).parent / "results" / "gate.json"


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and keep the figures; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks gate")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run, kept nowhere"
    )
    parser.add_argument("--one", nargs=2, type=int, metavar="N", help="one size, here")
    parser.add_argument("--real", action="store_true", help="pictures of the program")
    given = parser.parse_args(arguments)
    if given.one:
        print(json.dumps(measured(*given.one, is_real=given.real)))
        return 0
    figures = []
    for entries, pictures in QUICK if given.quick else SIZES:
        for is_real in (False, True):
            found = _apart(entries, pictures, is_real=is_real)
            print(found, flush=True)
            figures.append(found)
    if not given.quick:
        shape = {
            "seed": SEED,
            "at": time.strftime("%Y-%m-%d"),
            "machine": describe("numpy"),
            "looks": figures,
        }
        _RESULTS.write_text(json.dumps(shape, indent=2) + "\n")
    return 0


def measured(entries: int, pictures: int, *, is_real: bool) -> dict[str, object]:
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
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "quarantined": len(found),
        "near": gate.generic_count,
    }


def _apart(entries: int, pictures: int, *, is_real: bool) -> dict[str, object]:
    words = [*(sys.executable, "-m", "benchmarks", "gate", "--one")]
    words += [str(entries), str(pictures), *(["--real"] if is_real else [])]
    done = subprocess.run(  # noqa: S603 - our own program
        words, check=True, capture_output=True, text=True
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def _known(rng: np.random.Generator, pictures: int, *, is_real: bool) -> KnownCorpus:
    keys = np.sort(rng.integers(0, 1 << 64, 2 * pictures, np.uint64).view("S16"))
    path = shipped()
    if is_real and path is not None:
        return KnownCorpus(values=read(path).values[:pictures], keys=keys)
    values = rng.integers(0, 1 << 64, (pictures, 4, 4), np.uint64)
    return KnownCorpus(values=values, keys=keys)


def _tables(rng: np.random.Generator, entries: int) -> Tables:
    builder = TableBuilder(Secret(bytes(SECRET_BYTES)).exact_key)
    rows = np.arange(entries, dtype=np.uint32)
    builder.add_block(
        EntryBlock(
            ids=[f"p-{number}" for number in range(entries)],
            categories=["1"] * entries,
            exact_only=bytes(entries),
            signals={
                SignalType.MD5: BlockSignals(
                    rows=rows, values=rng.bytes(16 * entries), quality=b""
                ),
                SignalType.PDQ: BlockSignals(
                    rows=rows, values=rng.bytes(32 * entries), quality=b"d" * entries
                ),
            },
        )
    )
    return builder.finish(
        SetInfo(name="s", issuer="x", categories=("1",), enforced=True, imported_at=0)
    )
