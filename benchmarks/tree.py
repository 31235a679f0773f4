"""What do the tree and its checkpoints cost beside plain appending?

A real log with synced files takes decisions of an ordinary upload; once with, once
without a checkpoint of the tree after each batch, in turn. A figure is CPU time of the
process, by the median of the ratios. Then: the time and size of proofs, and the rate at
which the tree is checked against a witness.
"""

import statistics
import time
from pathlib import Path

from benchmarks.harness import Aim, Options, Report
from uploadfilter.decisions.files.growing import GrowingTree
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.proving import compare, prove
from uploadfilter.decisions.files.treefiles import TreeFiles
from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.records.making import DecisionFacts, decision_record
from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.model import Action, Mode, Verdict

AIM = 1.2
"""Most CPU time of appending with the tree, in that of appending alone."""

ROUNDS, BATCH, GROUP = 15, 6_000, 4
"""Pairs of batches; records of a batch, a minute at 100 a second; records that wait
together, as with some uploads at once."""

_JUDGED = Judgement(
    verdict=Verdict.NO_MATCH,
    action=Action.ACCEPT,
    effect=Action.ACCEPT,
    reason=None,
    would=Action.ACCEPT,
    would_reason=None,
)


def measure(options: Options, folder: Path) -> Report:
    """Append with and without the tree, in turn, and prove what was appended."""
    rounds, batch = (2, 500) if options.quick else (ROUNDS, BATCH)
    row = measure_tree(folder, rounds=rounds, batch=batch)
    text = "CPU of appending with the tree beside that without it"
    return Report(
        rows=[row], aims=[Aim(text=text, measured=row["cpu_ratio"], most=AIM)]
    )


def measure_tree(folder: Path, *, rounds: int, batch: int) -> dict[str, float]:
    """Return the figures."""
    directory = folder / "main" / "log"
    plain: list[float] = []
    trees: list[float] = []
    with DecisionLog.open(directory, instance="main", clock=_now_s) as log:
        tree = GrowingTree(directory, instance="main")
        _append(log, 500, 0)
        for number in range(rounds):
            begun = time.process_time()
            _append(log, batch, number)
            appended = time.process_time()
            if log.end is not None:
                tree.grow(log.end)
            plain.append(appended - begun)
            trees.append(time.process_time() - appended)
    seen = TreeFiles(directory).signed()
    if seen is None:
        raise RuntimeError("there is no tree")
    begun = time.perf_counter()
    proofs = [prove(directory, _id(number, batch // 2)) for number in range(rounds)]
    proved = time.perf_counter()
    report = compare(directory, witnessed=[seen.note])
    compared_s = time.perf_counter() - proved
    if report is None or not report.ok:
        raise RuntimeError(f"the tree is damaged: {report}")
    ratios = [1 + more / alone for alone, more in zip(plain, trees, strict=True)]
    return {
        "records": report.size,
        "append_us": round(statistics.median(plain) / batch * 1e6, 1),
        "tree_us": round(statistics.median(trees) / batch * 1e6, 1),
        "cpu_ratio": round(statistics.median(ratios), 3),
        "prove_ms": round((proved - begun) / rounds * 1e3, 1),
        "proof_hashes": max(len(it.hashes) for it in proofs),
        "proof_bytes": max(len(it.text) for it in proofs),
        "compare_records_a_second": round(report.checked / compared_s),
    }


def _append(log: DecisionLog, count: int, number: int) -> None:
    """Append decisions, some of them together, as uploads at once do."""
    for start in range(0, count, GROUP):
        waiting = [
            log.append(_decision(_id(number, at)))
            for at in range(start, min(start + GROUP, count))
        ]
        for future in waiting:
            future.result()


def _id(number: int, at: int) -> str:
    return f"20261125-{number:010x}{at:010x}"


def _decision(name: str) -> DecisionRecord:
    return decision_record(
        DecisionFacts(
            id=name,
            mode=Mode.ENFORCE,
            generation=1,
            judgement=_JUDGED,
            status=None,
            client="0" * 32,
            method="POST",
            size=3_000_000,
            duration_s=0.05,
            matches=(),
        ),
        now=_now_s(),
        instance="main",
    )


def _now_s() -> float:
    return time.time()  # noqa: TID251 -- the clock of a log
