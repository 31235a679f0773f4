"""Measure one contender in a process of its own, so that its memory is separate.

It reads its task from a file, and prints the result as one line of JSON. The parent
(``run.py``) ends it when its time is over.

Our index, mapped, gets the same query right after the contender, each time, so that a
busy machine slows both: ``ratio`` is computed from such pairs.
"""

import ctypes
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.matching.contenders import CONTENDERS, Contender, Given, OurIndex, Rows
from benchmarks.matching.data import Values

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
LEAST = 3
"""Fewest queries, however long they take."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a measurement.

    Attributes:
        contender: Key of ``CONTENDERS``.
        folder: Holds ``values.npy``, ``questions.npy`` and, except for the first
            contender, ``truth.npz``.
        reference: The reference directory with the same values.
        thresholds: The first one is also measured in batches, and compared.
        batches: Sizes of batches besides 1.
        seconds: Duration for each threshold and each size of batch.
        beside: Whether our index is measured in turn with the contender.
    """

    contender: str
    folder: str
    reference: str
    thresholds: tuple[int, ...]
    batches: tuple[int, ...]
    seconds: float
    beside: bool


@dataclass(slots=True)
class Timing:
    """Milliseconds a query, for batches of one size."""

    taken: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """Return the figures to keep."""
        values = np.array(self.taken)
        found: dict[str, float] = {
            "queries": len(values),
            "median_ms": round(float(np.median(values)), 5),
            "p99_ms": round(float(np.percentile(values, 99)), 5),
            "max_ms": round(float(values.max()), 5),
        }
        if self.ratios:
            found["times_ours"] = round(statistics.median(self.ratios), 3)
        return found


@dataclass(slots=True)
class Answers:
    """Answers so far, compared with the truth, or kept as the truth."""

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

    def summary(self) -> dict[str, float]:
        """Return the recall, and the number of wrong results."""
        share = 1 - self.missed / self.expected if self.expected else 1.0
        return {
            "compared": self.asked if self.truth is not None else 0,
            "expected": self.expected,
            "recall": round(share, 6),
            "wrong": self.wrong,
        }


def main(path: str) -> None:
    """Carry out the task in the file, and print the result."""
    task = msgspec.json.decode(Path(path).read_bytes(), type=Task)
    folder = Path(task.folder)
    values = np.load(folder / "values.npy", mmap_mode="r")
    questions = np.load(folder / "questions.npy")
    given = Given(
        values=values, reference=Path(task.reference), threshold=task.thresholds[0]
    )
    make = CONTENDERS[task.contender]
    warmed(make, given)
    before = resident_bytes()
    begun = time.perf_counter()
    contender = make(given)
    built = time.perf_counter() - begun
    grown = resident_bytes() - before
    found: dict[str, object] = {
        "contender": task.contender,
        "n": len(values),
        "build_s": round(built, 3),
        "memory_mb": round(grown / 1e6, 1),
    }
    print(json.dumps(found), flush=True)
    beside = OurIndex(given) if task.beside else None
    found |= measured(task, contender, beside, questions)
    print(json.dumps(found), flush=True)


def warmed(make: object, given: Given) -> None:
    """Build a small index first, so that loading libraries is not measured."""
    if make is CONTENDERS["ours, mapped"]:
        return
    few = Given(
        values=np.array(given.values[:64]),
        reference=given.reference,
        threshold=given.threshold,
    )
    if callable(make):
        make(few).ask(few.values[:1], given.threshold)


def measured(
    task: Task, contender: Contender, beside: Contender | None, questions: Values
) -> dict[str, object]:
    """Measure every threshold with single queries, and the first one in batches."""
    folder = Path(task.folder)
    is_first = task.contender == next(iter(CONTENDERS))
    answers = Answers(None if is_first else load_truth(folder))
    if is_first:
        save_truth(folder, contender, questions, task.thresholds[0])
    found: dict[str, object] = {}
    for threshold in task.thresholds:
        compared = answers if threshold == task.thresholds[0] else None
        timing = timed(
            contender, beside, questions, threshold, 1, task.seconds, compared
        )
        found[f"t={threshold}"] = timing.summary()
    for size in task.batches:
        timing = timed(
            contender,
            beside,
            questions,
            task.thresholds[0],
            size,
            task.seconds,
            answers,
        )
        found[f"batch {size}"] = timing.summary()
    return {**found, "answers": answers.summary()}


def timed(
    contender: Contender,
    beside: Contender | None,
    questions: Values,
    threshold: int,
    size: int,
    seconds: float,
    answers: Answers | None,
) -> Timing:
    """Send queries in batches of one size until all were sent, or the time is over."""
    timing = Timing()
    ends_at = time.perf_counter() + seconds
    contender.ask(questions[:size], threshold)
    if beside is not None:
        beside.ask(questions[:size], threshold)
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
            timing.ratios.append(taken / (time.perf_counter() - begun))
        if answers is not None:
            for at, found in enumerate(rows, start=start):
                answers.add(at, found)
        if time.perf_counter() > ends_at and len(timing.taken) >= LEAST:
            break
    return timing


def save_truth(
    folder: Path, contender: Contender, questions: Values, threshold: int
) -> None:
    """Save the answers that all others are compared with."""
    rows = [
        contender.ask(questions[at : at + 1], threshold)[0]
        for at in range(len(questions))
    ]
    ends = np.cumsum([len(found) for found in rows])
    np.savez(folder / "truth.npz", ends=ends, rows=np.concatenate(rows))


def load_truth(folder: Path) -> Sequence[Rows]:
    """Return the answers that ``save_truth`` saved."""
    with np.load(folder / "truth.npz") as kept:
        return np.split(kept["rows"], kept["ends"][:-1])


def resident_bytes() -> int:
    """Return the resident memory of this process alone, without mapped files."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    _, resident, shared, *_ = Path("/proc/self/statm").read_text("ascii").split()
    return (int(resident) - int(shared)) * PAGE_BYTES


if __name__ == "__main__":
    main(sys.argv[1])
