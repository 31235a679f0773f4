"""How fast is looking back: a scan beside ``uploadfilter scan``, and a match?

Scans: the same photographs, by the program, in processes of its own. A figure is
pictures for each CPU second of all its processes, so that a busy machine matters less;
the figure of two workers is wall time, so the load of the machine is stated beside it.

Match: a store of random values and a reference set of random entries, far from each
other, so that the whole search is done; a hundred stored values are near an entry, and
each must be found. It runs in a process of its own, whose peak memory is measured.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.harness import Options, Report, cpu_s, peak_mb, run_apart
from benchmarks.reference import list_signals, random_values
from tests.corpus import pictures
from uploadfilter.lookback.matching import LookedBack, match_store
from uploadfilter.lookback.rows import StoredContent, StoredRow, StoredView, encode
from uploadfilter.lookback.scanning import TYPES
from uploadfilter.lookback.sources import Item
from uploadfilter.lookback.store import FileRow, LookBackStore, StoreInfo
from uploadfilter.model import Geometry, SignalType, Variant
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
PACKAGES = ("numpy", "pyarrow")


def scan(options: Options, folder: Path) -> Report:
    """Scan photographs by both commands, in turn."""
    return Report(rows=[time_scans(folder, 20 if options.quick else PHOTOGRAPHS)])


def match(options: Options, folder: Path) -> Report:
    """Match stored signals with a set."""
    sizes = (100_000, 10_000) if options.quick else (10_000_000, 1_000_000)
    return Report(rows=[run_apart(time_match, folder, *sizes)])


def time_scans(folder: Path, count: int) -> dict[str, object]:
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
    before_s, begun_s = cpu_s(), time.monotonic()
    subprocess.run(  # noqa: S603 -- our own program
        [program, *words],
        env=environment,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return cpu_s() - before_s, time.monotonic() - begun_s


def time_match(folder: Path, signals: int, entries: int) -> dict[str, object]:
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
        "peak_mb": peak_mb(),
        "store_mb": size // 1_000_000,
        "load_after": round(os.getloadavg()[0], 1),
    }


def _entries(state: Path, count: int, rng: np.random.Generator) -> bytes:
    """Make a reference set of random entries; return their PDQ values."""
    values = random_values(rng, count, SignalType.MD5, SignalType.PDQ)
    list_signals(state / REFERENCE_DIRECTORY, values, count)
    return values[SignalType.PDQ]


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


PARTS = {"scan": scan, "match": match}
