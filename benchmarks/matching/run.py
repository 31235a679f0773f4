"""How fast is the exact search, beside other libraries that search 256-bit values?

Each size and kind of values (``data.py``) is measured with each contender
(``contenders.py``), in a process of its own (``trying.py``): build time, memory, single
queries, batches of 24 and 64, and recall against the answers of faiss's flat index.
After each query our mapped index gets the same one, so that ratios hold on a busy
machine. Slow contenders get two minutes; the results state what they did not finish.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import Aim, Options, Report, run_apart
from benchmarks.matching.contenders import CONTENDERS, PER_QUERY
from benchmarks.matching.data import KINDS
from benchmarks.matching.trying import LEAST, Task, prepare, try_one

SEED = 20_113
PACKAGES = (
    *("numpy", "lmdb", "faiss-cpu", "threatexchange", "pybktree"),
    *("imagehash", "scikit-image"),
)

PATIENCE_S = 120.0
"""Longest time of a contender in all."""

LONG_PATIENCE_S = 420.0
"""The same for the contender that our aim is measured by, and for our own ones."""

PATIENT = frozenset({"faiss flat", "faiss multi-hash", "ours", "ours, mapped"})

MOST_MB = 9_000.0
"""Most memory that a contender may be expected to need."""

THRESHOLD = 31
BATCHES = (24, 64)
LARGE = 10_000_000
FEW = frozenset({"faiss flat", "ours", "ours, mapped", "our scan", "faiss multi-hash"})
"""Contenders that are measured with real values too."""

OURS = frozenset({"faiss flat", "ours", "ours, mapped", "our scan"})
"""Contenders that are measured with ten million real values; building faiss's
multi-hash again would take two minutes and show nothing new."""

TIMES = {"faiss multi-hash": 20, "our scan": 40}
"""At ten million values, how many times ours each should take at least."""

P99_OF_MEDIAN = 2.0
"""For one query of real values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The amount of measuring.

    Attributes:
        sizes: Numbers of values.
        each: Queries planted at each distance; as many again are unrelated.
        seconds: Duration for each size of batch.
    """

    sizes: tuple[int, ...]
    each: int
    seconds: float


FULL = Plan(sizes=(100_000, 1_000_000, LARGE), each=12, seconds=2.0)
QUICK = Plan(sizes=(20_000,), each=1, seconds=0.2)


def measure(options: Options, folder: Path) -> Report:
    """Measure every contender with every size and kind.

    Raises:
        OSError: There is no room for the values.
    """
    plan = QUICK if options.quick else FULL
    if shutil.disk_usage(folder).free < 8 * max(plan.sizes) * 64:
        raise OSError("not enough room for temporary files; set TMPDIR")
    rows: list[dict[str, Any]] = []
    skipped: list[dict[str, Any]] = []
    for count in plan.sizes:
        for kind in KINDS:
            inner = folder / f"{kind}-{count}"
            inner.mkdir()
            run_apart(prepare, kind, count, plan.each, SEED, inner)
            wanted = OURS if count >= LARGE else FEW
            for name in CONTENDERS:
                if kind == "random" or name in wanted:
                    row = contend(name, kind, count, plan, rows, inner)
                    (skipped if "why" in row else rows).append(row)
                    print(row, file=sys.stderr, flush=True)
            shutil.rmtree(inner)
    figures = {"seed": SEED, "threshold": THRESHOLD, "skipped": skipped}
    return Report(rows=rows, figures=figures, aims=list(_aims(rows)))


def contend(
    name: str,
    kind: str,
    count: int,
    plan: Plan,
    rows: Sequence[dict[str, Any]],
    folder: Path,
) -> dict[str, Any]:
    """Return the row of a contender, or why there is none."""
    patience_s = LONG_PATIENCE_S if name in PATIENT else PATIENCE_S
    about = {"kind": kind, "n": count, "contender": name}
    problem = hopeless(name, count, rows, patience_s)
    if problem:
        return {**about, "why": problem}
    task = Task(
        contender=name,
        folder=folder,
        threshold=THRESHOLD,
        batches=() if name in PER_QUERY else BATCHES,
        seconds=plan.seconds,
    )
    try:
        return about | run_apart(try_one, task, seconds=patience_s)
    except TimeoutError:
        return {**about, "why": f"not done after {patience_s:.0f} s"}
    except (BrokenProcessPool, MemoryError) as exc:
        return {**about, "why": f"its process ended: {exc}"}


def hopeless(
    name: str, count: int, rows: Sequence[dict[str, Any]], patience_s: float
) -> str:
    """Return why a contender is not tried at this size; empty if it should be."""
    smaller = [row for row in rows if row["contender"] == name and row["n"] < count]
    if not smaller:
        # It was never measured, or was given up at a smaller size.
        is_first = all(row["n"] >= count for row in rows)
        return "" if is_first else "given up at a smaller size"
    last = max(smaller, key=lambda row: row["n"])
    grown = count / last["n"]
    seconds = grown * (last["build_s"] + last["median_ms"] / 1000 * (LEAST + 1))
    if seconds > patience_s:
        return f"would take {seconds:.0f} s, by its time at {last['n']:,}"
    memory = grown * last["memory_mb"]
    if memory > MOST_MB:
        return f"would take {memory:,.0f} MB, by its memory at {last['n']:,}"
    return ""


def _aims(rows: Sequence[dict[str, Any]]) -> Iterator[Aim]:
    least = min(row["recall"] for row in rows)
    yield Aim(text="least recall of a contender", measured=least, least=1.0)
    wrong = sum(row["wrong"] for row in rows)
    yield Aim(text="wrong answers", measured=wrong, most=0)
    for row in rows:
        what = f"{row['contender']}, {row['kind']} {row['n']:,}"
        if row["contender"] in TIMES and row["n"] >= LARGE:
            text, least = f"time of {what} beside ours", TIMES[row["contender"]]
            yield Aim(text=text, measured=row["times_ours"], least=least)
        if row["contender"] == "ours, mapped" and row["kind"] == "real":
            ratio = row["p99_ms"] / row["median_ms"]
            text = f"p99 of {what} beside its median"
            yield Aim(text=text, measured=ratio, most=P99_OF_MEDIAN)
