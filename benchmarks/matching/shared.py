"""Measure one more process that maps a reference directory, and exact look-ups.

Another process has the same files mapped meanwhile, like a first proxy on the machine,
so that shared pages do not count as private memory.
"""

import gc
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.matching.data import Values
from uploadfilter.model import EXACT_TYPES, Signal, SignalType
from uploadfilter.reference.search.matching import Generation, Query, match_exact
from uploadfilter.reference.store import ReferenceReader

FIRST = "first"
"""Argument of the process that only keeps the files mapped."""

ROUNDS = 5
DIGESTS_AT_ONCE = 200
"""Digests of one look-up of many: the contents of a large upload."""


def main(reference: str, folder: str, *arguments: str) -> None:
    """Print the figures as one line of JSON."""
    if FIRST in arguments:
        keep_mapped(reference, folder)
        return
    command = (sys.executable, "-m", "benchmarks.matching.shared", reference, folder)
    with subprocess.Popen(  # noqa: S603 - this module
        [*command, FIRST], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        if first.stdout is None or not first.stdout.readline():
            raise RuntimeError("the first process did not start")
        measure(reference, folder)
        first.communicate(b"\n")


def keep_mapped(reference: str, folder: str) -> None:
    """Use the files, and keep them mapped until standard input ends."""
    with ReferenceReader.open(Path(reference)) as reader:
        generation = reader.current()
        look_ups(generation, np.load(Path(folder) / "digests.npy"))
        ask(generation, np.load(Path(folder) / "questions.npy"))
        print("ready", flush=True)
        sys.stdin.read()


def measure(reference: str, folder: str) -> None:
    """Open the reference directory, use it, and print the cost."""
    questions = np.load(Path(folder) / "questions.npy")
    digests = np.load(Path(folder) / "digests.npy")
    before, dirty_before = private_bytes(), private_bytes("Dirty")
    begun = time.perf_counter()
    with ReferenceReader.open(Path(reference)) as reader:
        generation = reader.current()
        opened = time.perf_counter() - begun
        exact = look_ups(generation, digests)
        ask(generation, questions)
        dirty = private_bytes("Dirty") - dirty_before
        found = {
            "open_s": round(opened, 5),
            "private_dirty_mb": round(dirty / 1e6, 2),
            "private_mb": round((private_bytes() - before) / 1e6, 2),
            "entries": generation.entry_count,
            **exact,
        }
    print(json.dumps(found))


def ask(generation: Generation, questions: Values) -> None:
    """Send single queries, and a batch, so that every temporary has been needed."""
    queries = [
        Query(
            signal=Signal(type=SignalType.PDQ, value=value.tobytes()),
            threshold=31,
        )
        for value in questions
    ]
    for query in queries:
        generation.search([query])
    generation.search(queries[:64])


def look_ups(generation: Generation, digests: Values) -> dict[str, float]:
    """Return microseconds of a look-up: of many at once, and of an upload's three."""
    if not len(digests):
        return {}
    rng = np.random.default_rng(1)
    present = [_sha256(value.tobytes()) for value in digests]
    absent = [_sha256(rng.bytes(32)) for _ in digests]
    for query in present:
        if len(generation.search([query])[0]) != 1:
            raise RuntimeError("a listed digest was not found")
    return {
        "exact_found_us": _each(generation, present),
        "exact_absent_us": _each(generation, absent),
        "exact_three_digests_us": _uploads(generation, len(digests)),
    }


def _sha256(value: bytes) -> Query:
    return Query(signal=Signal(type=SignalType.SHA256, value=value), threshold=0)


def _each(generation: Generation, queries: list[Query]) -> float:
    taken = []
    for _ in range(ROUNDS):
        for start in range(0, len(queries), DIGESTS_AT_ONCE):
            part = queries[start : start + DIGESTS_AT_ONCE]
            begun = time.perf_counter()
            generation.search(part)
            taken.append((time.perf_counter() - begun) / len(part))
    return round(float(np.median(taken)) * 1e6, 3)


def _uploads(generation: Generation, count: int) -> float:
    """Return the time of ``match_exact`` for the three digests of one content."""
    rng = np.random.default_rng(2)
    taken = []
    for _ in range(count):
        digests = [
            Signal(type=kind, value=rng.bytes(kind.width_bytes)) for kind in EXACT_TYPES
        ]
        begun = time.perf_counter()
        match_exact(generation, "0", digests)
        taken.append(time.perf_counter() - begun)
    return round(float(np.median(taken)) * 1e6, 3)


def private_bytes(*kinds: str) -> int:
    """Return the memory that this process shares with no other.

    Args:
        kinds: ``Clean`` pages of files, or ``Dirty`` ones; both if none is given.
    """
    gc.collect()
    rollup = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    lines = dict(line.split(None, 1) for line in rollup.splitlines()[1:])
    return sum(
        int(lines[f"Private_{kind}:"].split()[0]) * 1024
        for kind in kinds or ("Clean", "Dirty")
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
