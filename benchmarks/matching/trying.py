"""Measure one contender, in a process of its own, so that its memory is separate.

Our index, mapped, gets the same query right after the contender, each time, so that a
busy machine slows both: ``times_ours`` is the median over such pairs.
"""

import ctypes
import gc
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.matching import data
from benchmarks.matching.contenders import CONTENDERS, Contender, Given, OurIndex, Rows
from benchmarks.matching.data import Values
from benchmarks.reference import list_signals
from uploadfilter.model import SignalType

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
LEAST = 3
"""Fewest queries, however long they take."""

TRUTH = next(iter(CONTENDERS))
"""The contender whose answers all others are compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The description of a measurement.

    Attributes:
        contender: Key of ``CONTENDERS``.
        folder: Holds ``values.npy``, ``questions.npy``, ``reference`` and, except for
            the first contender, ``truth.npz``.
        threshold: Most bits of a match.
        batches: Numbers of queries that are asked together.
        seconds: Duration for each size of batch.
    """

    contender: str
    folder: Path
    threshold: int
    batches: tuple[int, ...]
    seconds: float


@dataclass(slots=True)
class Answers:
    """Answers so far, compared with the truth."""

    truth: Sequence[Rows] | None
    asked: int = 0
    expected: int = 0
    missed: int = 0
    wrong: int = 0

    def add(self, at: int, rows: Rows) -> None:
        """Compare the answer to one question."""
        self.asked += 1
        if self.truth is None:
            return
        want, have = set(self.truth[at].tolist()), set(rows.tolist())
        self.expected += len(want)
        self.missed += len(want - have)
        self.wrong += len(have - want)


@dataclass(slots=True)
class Timing:
    """Milliseconds a query, and how many times ours it took."""

    taken: list[float] = field(default_factory=list)
    times_ours: list[float] = field(default_factory=list)


def prepare(kind: str, count: int, each: int, seed: int, folder: Path) -> None:
    """Write the values, the queries and the reference directory of one size.

    Args:
        kind: ``random`` or ``real``.
        count: Number of values.
        each: Queries planted at each distance; as many again are unrelated.
        seed: Seed of the values.
        folder: Folder of the files.
    """
    rng = np.random.default_rng([seed, data.KINDS.index(kind), count])
    planted = each * (data.MOST_PLANTED + 1)
    if kind == "random":
        values = data.random_values(count, rng)
        unrelated = data.random_values(planted, rng)
    else:
        values = data.real_values(count, rng)
        unrelated = data.held_out(planted, rng)
    asked = data.questions(values, unrelated, each=each, rng=rng)
    np.save(folder / "values.npy", values)
    np.save(folder / "questions.npy", asked)
    list_signals(folder / "reference", {SignalType.PDQ: values.tobytes()}, count)


def try_one(task: Task) -> dict[str, Any]:
    """Build a contender, query it, and return its row."""
    values = np.load(task.folder / "values.npy", mmap_mode="r")
    questions = np.load(task.folder / "questions.npy")
    reference = task.folder / "reference"
    given = Given(values=values, reference=reference, threshold=task.threshold)
    make = CONTENDERS[task.contender]
    if task.contender != "ours, mapped":
        # A small index first, so that loading libraries is not measured.
        few = Given(
            values=np.array(values[:64]), reference=reference, threshold=task.threshold
        )
        make(few).ask(few.values[:1], task.threshold)
    before = _resident_bytes()
    begun = time.perf_counter()
    contender = make(given)
    built_s = time.perf_counter() - begun
    row: dict[str, Any] = {
        "build_s": round(built_s, 3),
        "memory_mb": round((_resident_bytes() - before) / 1e6, 1),
    }
    beside = None if task.contender.startswith("ours") else OurIndex(given)
    if task.contender == TRUTH:
        _save_truth(task, contender, questions)
    answers = Answers(None if task.contender == TRUTH else _load_truth(task.folder))
    for size in (1, *task.batches):
        timing = _timed(task, contender, beside, questions, size, answers)
        row |= _summary(timing, size)
    share = 1 - answers.missed / answers.expected if answers.expected else 1.0
    return row | {"recall": round(share, 6), "wrong": answers.wrong}


def _summary(timing: Timing, size: int) -> dict[str, float]:
    values = np.array(timing.taken)
    median_ms = round(float(np.median(values)), 5)
    if size > 1:
        return {f"batch{size}_ms": median_ms}
    found: dict[str, float] = {
        "queries": len(values),
        "median_ms": median_ms,
        "p99_ms": round(float(np.percentile(values, 99)), 5),
        "max_ms": round(float(values.max()), 5),
    }
    if timing.times_ours:
        found["times_ours"] = round(statistics.median(timing.times_ours), 3)
    return found


def _timed(
    task: Task,
    contender: Contender,
    beside: Contender | None,
    questions: Values,
    size: int,
    answers: Answers,
) -> Timing:
    """Send queries in batches of one size until all were sent, or the time is over."""
    timing = Timing()
    threshold = task.threshold
    ends_at = time.perf_counter() + task.seconds
    for one in (contender, beside):
        if one is not None:
            one.ask(questions[:size], threshold)
    gc.collect()
    for start in range(0, len(questions) - size + 1, size):
        batch = questions[start : start + size]
        begun = time.perf_counter()
        rows = contender.ask(batch, threshold)
        taken = time.perf_counter() - begun
        timing.taken.append(taken * 1000 / size)
        if beside is not None:
            begun = time.perf_counter()
            beside.ask(batch, threshold)
            timing.times_ours.append(taken / (time.perf_counter() - begun))
        for at, found in enumerate(rows, start=start):
            answers.add(at, found)
        if time.perf_counter() > ends_at and len(timing.taken) >= LEAST:
            break
    return timing


def _save_truth(task: Task, contender: Contender, questions: Values) -> None:
    """Save the answers that all others are compared with."""
    rows = [
        contender.ask(questions[at : at + 1], task.threshold)[0]
        for at in range(len(questions))
    ]
    ends = np.cumsum([len(found) for found in rows])
    np.savez(task.folder / "truth.npz", ends=ends, rows=np.concatenate(rows))


def _load_truth(folder: Path) -> Sequence[Rows]:
    with np.load(folder / "truth.npz") as kept:
        return np.split(kept["rows"], kept["ends"][:-1])


def _resident_bytes() -> int:
    """Return the resident memory of this process alone, without mapped files."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    _, resident, shared, *_ = Path("/proc/self/statm").read_text("ascii").split()
    return (int(resident) - int(shared)) * PAGE_BYTES
