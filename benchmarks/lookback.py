"""How fast is looking back: a scan beside ``uploadfilter scan``, and a match?

Scans: the same photographs, by the program, in processes of its own. A figure is
pictures for each CPU second of all its processes, so that a busy machine matters less;
the figure of two workers is wall time, so the load of the machine is stated beside it.

Match: a store of random values and a reference set of random entries, far from each
other, so that the whole search is done; a hundred stored values are near an entry, and
each must be found. It runs in a process of its own, whose peak memory is measured.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.machine import describe
from tests.corpus import pictures
from uploadfilter.lookback.matching import LookedBack, match_store
from uploadfilter.lookback.rows import StoredContent, StoredRow, StoredView, encode
from uploadfilter.lookback.scanning import TYPES
from uploadfilter.lookback.sources import Item
from uploadfilter.lookback.store import FileRow, LookBackStore, StoreInfo
from uploadfilter.model import Geometry, SignalType, Variant
from uploadfilter.reference.entries.collecting import BlockSignals, EntryBlock
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.search.matching import Thresholds
from uploadfilter.reference.store import (
    REFERENCE_DIRECTORY,
    ReferenceDirectory,
    ReferenceReader,
)

SEED: Final = 104
PHOTOGRAPHS: Final = 300
SIGNALS_PER_FILE: Final = 32
NEAR: Final = 100
_RESULTS = Path(__file__).parent / "results" / "lookback.json"


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and keep the figures; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks lookback")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run, kept nowhere"
    )
    parser.add_argument("--only", choices=("scan", "match"), help="one half")
    parser.add_argument("--one", nargs=3, metavar="X", help="one match, here")
    given = parser.parse_args(arguments)
    if given.one:
        folder, signals, entries = given.one
        print(json.dumps(matched(Path(folder), int(signals), int(entries))))
        return 0
    shape: dict[str, object] = {
        "seed": SEED,
        "at": time.strftime("%Y-%m-%d"),
        "machine": describe("numpy", "pyarrow"),
    }
    with tempfile.TemporaryDirectory() as folder:
        if given.only != "match":
            shape["scan"] = scanned(Path(folder), 20 if given.quick else PHOTOGRAPHS)
            print(shape["scan"], flush=True)
        if given.only != "scan":
            sizes = ("100000", "10000") if given.quick else ("10000000", "1000000")
            shape["match"] = _apart(folder, *sizes)
            print(shape["match"], flush=True)
    if not given.quick:
        known = json.loads(_RESULTS.read_text()) if _RESULTS.exists() else {}
        _RESULTS.write_text(json.dumps({**known, **shape}, indent=2) + "\n")
    return 0


def scanned(folder: Path, count: int) -> dict[str, object]:
    """Scan the same photographs by ``scan`` and by ``lookback scan``."""
    source, state = folder / "in", folder / "state"
    source.mkdir()
    for number in range(count):
        data = pictures.jpeg(pictures.photograph(number, width=1600, height=1200))
        (source / f"{number}.jpg").write_bytes(data)
    environment = {**os.environ, "UPLOADFILTER_STATE_DIR": str(state)}
    _timed(environment, "init")
    look = ("lookback", "scan", str(source), "--perceptual", "-o")
    figures: dict[str, tuple[float, float]] = {}
    for turn in range(2):
        runs: dict[str, tuple[str, ...]] = {
            "scan": ("scan", "--json", "--jobs", "1", str(source)),
            "lookback": (*look, str(folder / f"one{turn}"), "--jobs", "1"),
            "two_workers": (*look, str(folder / f"two{turn}"), "--jobs", "2"),
        }
        for name, words in runs.items():
            found = _timed(environment, *words)
            best = figures.get(name, found)
            figures[name] = min(found[0], best[0]), min(found[1], best[1])
    per_cpu_s = {name: round(count / cpu_s, 1) for name, (cpu_s, _) in figures.items()}
    return {
        "pictures": count,
        "per_cpu_second": per_cpu_s,
        "beside_scan": round(figures["scan"][0] / figures["lookback"][0], 3),
        "wall_s": {name: round(wall_s, 1) for name, (_, wall_s) in figures.items()},
        "two_beside_one": round(figures["lookback"][1] / figures["two_workers"][1], 2),
        "load_after": round(os.getloadavg()[0], 1),
    }


def _timed(environment: dict[str, str], *words: str) -> tuple[float, float]:
    """Run a command; return CPU and wall seconds of it and its processes."""
    program = Path(sys.executable).with_name("uploadfilter")
    before, begun_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(  # noqa: S603 -- our own program
        [program, *words],
        env=environment,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wall_s = time.monotonic() - begun_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu_s, wall_s


def matched(folder: Path, signals: int, entries: int) -> dict[str, object]:
    """Match a store of random signals with a set of random entries."""
    rng = np.random.default_rng(SEED)
    values = _entries(folder / "state", entries, rng)
    _fill(folder, signals // SIGNALS_PER_FILE, values, rng)
    found: list[LookedBack] = []
    before = os.times()
    with ReferenceReader.open(folder / "state" / REFERENCE_DIRECTORY) as reader:
        counts = match_store(
            LookBackStore.open_to_read(folder / "store"),
            reader.current().keyed(),
            thresholds=Thresholds(),
            report=found.append,
            moved=lambda done, total: print(f"{done}/{total}", file=sys.stderr),
        )
    after = os.times()
    size = sum(it.stat().st_size for it in (folder / "store").rglob("*.parquet"))
    return {
        "signals": signals,
        "files": counts.verdicts.total(),
        "entries": entries,
        "matched": len(found),
        "near": NEAR,
        "cpu_s": round(after.user + after.system - before.user - before.system, 1),
        "wall_s": round(after.elapsed - before.elapsed, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "store_mb": size // 1_000_000,
        "load_after": round(os.getloadavg()[0], 1),
    }


def _apart(*sizes: str) -> dict[str, object]:
    words = (sys.executable, "-m", "benchmarks", "lookback", "--one", *sizes)
    done = subprocess.run(  # noqa: S603 -- our own program
        words, check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def _entries(state: Path, count: int, rng: np.random.Generator) -> bytes:
    """Make a reference set of random entries; return their PDQ values."""
    rows = np.arange(count, dtype=np.uint32)
    values = rng.bytes(32 * count)
    block = EntryBlock(
        ids=[f"p-{number}" for number in range(count)],
        categories=["1"] * count,
        exact_only=bytes(count),
        signals={
            SignalType.MD5: BlockSignals(
                rows=rows, values=rng.bytes(16 * count), quality=b""
            ),
            SignalType.PDQ: BlockSignals(
                rows=rows, values=values, quality=b"d" * count
            ),
        },
    )
    directory = ReferenceDirectory(state / REFERENCE_DIRECTORY)
    with directory.writer() as writer:
        collected = writer.collect()
        collected.add_block(block)
        info = SetInfo(
            name="s", issuer="x", categories=("1",), enforced=True, imported_at=0
        )
        writer.replace_set(collected, info)
    return values


def _fill(folder: Path, files: int, entries: bytes, rng: np.random.Generator) -> None:
    """Make a store of random signals, with ``NEAR`` files near an entry."""
    secret = ReferenceDirectory(folder / "state" / REFERENCE_DIRECTORY).secret()
    info = StoreInfo(source="/s", types=TYPES, secret=secret.check_value())
    step = max(1, files // NEAR)
    with LookBackStore.create_or_open(folder / "store", info) as store:
        for number in range(files):
            pdq = rng.bytes(3 * 8 * 32)
            if number % step == 0 and number // step < NEAR:
                place = 32 * (number // step)
                near = bytearray(entries[place : place + 32])
                near[0] ^= 0xFF
                pdq = bytes(near) + pdq[32:]
            store.add(_row(number, pdq, rng.bytes(8 * 8), rng.bytes(3 * 16)))


def _row(number: int, pdq: bytes, phash: bytes, keys: bytes) -> FileRow:
    """Return the row of a photograph: one view, 24 PDQ and 8 pHash values."""
    upright = Variant.UPRIGHT
    third = len(pdq) // 3
    rows = tuple(
        StoredRow(SignalType.PDQ, geometry, upright, pdq[at * third : (at + 1) * third])
        for at, geometry in enumerate(Geometry)
    )
    view = StoredView(
        "stored", 90, (*rows, StoredRow(SignalType.PHASH, None, upright, phash))
    )
    exact = tuple(
        (kind, keys[at * 16 : (at + 1) * 16])
        for at, kind in enumerate((SignalType.MD5, SignalType.SHA1, SignalType.SHA256))
    )
    return FileRow(
        item=Item(path=f"f{number}".encode(), size=9, version="1"),
        keys=keys,
        values={SignalType.PDQ: pdq, SignalType.PHASH: phash},
        scan=encode(StoredContent("", exact, (view,), (), ())),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
