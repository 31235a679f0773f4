"""How fast is the exact search, beside other libraries that search 256-bit values?

Each size and kind of values (``data.py``) is measured with each contender
(``contenders.py``), in a process of its own (``child.py``): build time, memory, single
queries, batches of 24 and 64, and recall against the answers of faiss's flat index.
After each query our mapped index gets the same one, so that ratios hold on a busy
machine. Further parts are the cost of one more process (``shared.py``), candidates by
skew (``skew.py``), thresholds from 0 to 48, and, if asked for, a large import
(``importing.py``) and changes under a running proxy (``live.py``).

Slow contenders get two minutes; the results state what they did not finish.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import aims, machine
from benchmarks.matching import altered, importing, live
from benchmarks.matching.child import LEAST, Task
from benchmarks.matching.contenders import CONTENDERS, NOT_EXACT, PER_QUERY
from benchmarks.matching.report import failures, show

RESULTS = Path(__file__).parent.parent / "results"
SEED = 20_113
PACKAGES = (
    *("numpy", "scipy", "lmdb", "faiss-cpu", "threatexchange", "pybktree"),
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
SWEPT = (0, 8, 16, 24, 40, 48)
SWEEPERS = frozenset({"ours", "our scan", "faiss flat", "faiss multi-hash"})
BATCHES = (24, 64)
LARGE = 10_000_000
FEW = frozenset({"faiss flat", "ours", "ours, mapped", "our scan", "faiss multi-hash"})
"""Contenders that are measured with real values too."""

OURS = frozenset({"faiss flat", "ours", "ours, mapped", "our scan"})
"""Contenders that are measured with ten million real values; building faiss's
multi-hash again would take two minutes and show nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The amount of measuring.

    Attributes:
        sizes: Numbers of values.
        sweep: The size at which thresholds are compared, and the largest at which
            candidates are counted.
        each: Queries planted at each distance; as many again are unrelated.
        seconds: Duration for each threshold and size of batch.
        imported: Entries of ``--import``.
        live: Entries of ``--live``.
    """

    sizes: tuple[int, ...]
    sweep: int
    each: int
    seconds: float
    imported: int
    live: int


MEDIUM = Plan(
    sizes=(100_000, 1_000_000, LARGE),
    sweep=1_000_000,
    each=12,
    seconds=2.0,
    imported=LARGE,
    live=1_000_000,
)
QUICK = Plan(
    sizes=(20_000,),
    sweep=20_000,
    each=1,
    seconds=0.2,
    imported=20_000,
    live=20_000,
)


@dataclass(slots=True)
class Findings:
    """The results so far.

    Attributes:
        made: The output of ``prepare`` for each size and kind.
        shared: The output of ``shared``.
        skew: The output of ``skew``.
        rows: The output of ``child`` for each contender.
        skipped: The parts that were not measured, and why.
    """

    made: list[dict[str, Any]] = field(default_factory=list)
    shared: list[dict[str, Any]] = field(default_factory=list)
    skew: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)


def child(module: str, *arguments: str, seconds: float) -> tuple[dict[str, Any], str]:
    """Run a module of this package; return its last output, and its problem if any.

    Args:
        module: Name of the module.
        arguments: Its arguments.
        seconds: Longest duration.
    """
    command = [sys.executable, "-m", f"benchmarks.matching.{module}", *arguments]
    with subprocess.Popen(  # noqa: S603 - our own programs
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        problem = ""
        try:
            printed, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, said = process.communicate()
            problem = f"not done after {seconds:.0f} s"
    lines = printed.splitlines()
    if process.returncode and not problem:
        last = said.strip().splitlines()[-1:] or ["no message"]
        problem = f"ended with {process.returncode}: {last[0]}"
    return json.loads(lines[-1]) if lines else {}, problem


def measure_size(
    kind: str, count: int, plan: Plan, found: Findings, wanted: frozenset[str]
) -> None:
    """Measure all contenders with one kind and number of values."""
    with tempfile.TemporaryDirectory(prefix="uploadfilter-matching-") as folder:
        words = (kind, str(count), str(plan.each), str(SEED), folder)
        made, problem = child("prepare", *words, seconds=3 * LONG_PATIENCE_S)
        if problem:
            raise RuntimeError(f"the reference set was not made: {problem}")
        found.made.append(made)
        say(f"{kind} {count:,}: {made}")
        reference = str(Path(folder) / "reference")
        counted: list[tuple[str, tuple[str, ...], list[dict[str, Any]]]] = [
            ("shared", (reference, folder), found.shared)
        ]
        if count <= plan.sweep:
            counted.append(("skew", (folder,), found.skew))
        for module, words, rows in counted:
            result, problem = child(module, *words, seconds=LONG_PATIENCE_S)
            rows.append({"kind": kind, "n": count, **result})
            say(f"  {module}: {problem or result}")
        for name in CONTENDERS:
            if name in wanted:
                contend(name, kind, count, plan, found, Path(folder))


def contend(
    name: str, kind: str, count: int, plan: Plan, found: Findings, folder: Path
) -> None:
    """Measure one contender, unless it is known to be hopeless."""
    patience = LONG_PATIENCE_S if name in PATIENT else PATIENCE_S
    about = {"contender": name, "kind": kind, "n": count}
    problem = hopeless(name, count, found.rows, patience)
    if problem:
        found.skipped.append({**about, "why": problem})
        say(f"  {name}: {problem}")
        return
    sweeps = name in SWEEPERS and count == plan.sweep and kind == "random"
    task = Task(
        contender=name,
        folder=str(folder),
        reference=str(folder / "reference"),
        thresholds=(THRESHOLD, *(SWEPT if sweeps else ())),
        batches=() if name in PER_QUERY else BATCHES,
        seconds=plan.seconds,
        beside=not name.startswith("ours"),
    )
    path = folder / "task.json"
    path.write_bytes(msgspec.json.encode(task))
    begun = time.perf_counter()
    result, problem = child("child", str(path), seconds=patience)
    if problem:
        found.skipped.append({**about, **result, "why": problem})
    else:
        found.rows.append({**about, **result})
    took = time.perf_counter() - begun
    say(f"  {name}: {problem or summary(result)}  [{took:.0f} s]")


def summary(result: dict[str, Any]) -> str:
    """Return one line about a contender."""
    one, answers = result[f"t={THRESHOLD}"], result["answers"]
    return (
        f"{one['median_ms']} ms, p99 {one['p99_ms']}, x {one.get('times_ours', '-')}; "
        f"built in {result['build_s']} s, {result['memory_mb']} MB; "
        f"recall {answers['recall']} of {answers['expected']}, wrong {answers['wrong']}"
    )


def hopeless(
    name: str, count: int, rows: Sequence[dict[str, Any]], patience: float
) -> str:
    """Return why a contender is not tried at this size; empty if it should be."""
    smaller = [row for row in rows if row["contender"] == name and row["n"] < count]
    if not smaller:
        # It was never measured, or was given up at a smaller size.
        first = all(row["n"] >= count for row in rows)
        return "" if first or not rows else "given up at a smaller size"
    last = max(smaller, key=lambda row: row["n"])
    grown = count / last["n"]
    query_s = last[f"t={THRESHOLD}"]["median_ms"] / 1000
    seconds = grown * (last["build_s"] + query_s * (LEAST + 1))
    if seconds > patience:
        return f"would take {seconds:.0f} s, by its time at {last['n']:,}"
    memory = grown * last["memory_mb"]
    if memory > MOST_MB:
        return f"would take {memory:,.0f} MB, by its memory at {last['n']:,}"
    return ""


def measure(plan: Plan, options: argparse.Namespace) -> dict[str, Any]:
    """Run all parts that were asked for, and return their results."""
    found = Findings()
    results: dict[str, Any] = {
        "seed": SEED,
        "machine": machine.describe(*PACKAGES),
        "threshold": THRESHOLD,
        "not_exact": sorted(NOT_EXACT),
        "patience_s": {"usual": PATIENCE_S, "patient": LONG_PATIENCE_S},
    }
    everyone = frozenset(CONTENDERS)
    if options.only == "altered":
        sizes = options.sizes or altered.SIZES
        found_altered = altered.measure(options.folder, sizes, say)
        # The machine of the other parts is that of another run.
        return {"altered": {"machine": results["machine"], **found_altered}}
    if not options.only:
        for count in options.sizes or plan.sizes:
            measure_size("random", count, plan, found, everyone)
            few = OURS if count >= LARGE else FEW | NOT_EXACT
            measure_size("real", count, plan, found, few)
        results |= {
            name: getattr(found, name)
            for name in ("made", "shared", "skew", "rows", "skipped")
        }
    if options.imports:
        results["import"] = importing.measure(plan.imported, seed=SEED)
        say(f"import: {results['import']}")
    if options.live:
        results["live"] = live.measure(plan.live, quick=options.quick)
        say(f"live: {results['live']}")
    return results


def say(line: str) -> None:
    """Print progress at once, with the time since the start."""
    print(f"[{time.perf_counter() - BEGUN:5.0f} s] {line}", flush=True)


BEGUN = time.perf_counter()


def main(arguments: Sequence[str]) -> int:
    """Measure, print and keep the results; exit code 1 if an aim was missed."""
    parser = argparse.ArgumentParser(prog="benchmarks matching", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, not kept")
    parser.add_argument("--sizes", type=int, nargs="+", help="other numbers of values")
    parser.add_argument(
        "--import", dest="imports", action="store_true", help="a large import as well"
    )
    parser.add_argument("--live", action="store_true", help="changes under a proxy too")
    parser.add_argument(
        "--only",
        nargs="?",
        const="these",
        choices=("altered", "these"),
        help="nothing but these two; or nothing but the search by soft views",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("build/altered"),
        help="the originals of `altered`, and the values of `regions`",
    )
    options = parser.parse_args(arguments)
    plan = QUICK if options.quick else MEDIUM
    if shutil.disk_usage(tempfile.gettempdir()).free < 8 * max(plan.sizes) * 64:
        print("not enough room for temporary files; set TMPDIR", file=sys.stderr)
        return 2
    results = measure(plan, options)
    if not options.quick:
        results = keep(results)
    show(results)
    missed = failures(results) + altered.failures(results.get("altered", {}))
    return aims.exit_code("matching", missed, is_whole=not options.quick)


def keep(results: dict[str, Any]) -> dict[str, Any]:
    """Write the results, including parts of an earlier run that were not measured."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "matching.json"
    is_drawn = "rows" in results
    if path.exists():
        results = json.loads(path.read_text(encoding="utf-8")) | results
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if is_drawn:
        from benchmarks.matching import plots  # noqa: PLC0415 - only with the peers

        plots.draw(results, RESULTS / "matching.svg")
    return results
