"""Query a reference directory without a pause, and report the time of each answer.

The parent writes the name of a phase to standard input whenever a phase begins; at the
end the quantiles of each phase are printed as one line of JSON. As in the proxy, every
query first takes the newest generation.
"""

import json
import select
import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from uploadfilter.model import Signal, SignalType
from uploadfilter.reference.search.matching import Query
from uploadfilter.reference.store import ReferenceReader

_LOOKED_AT_ONCE = 16
"""Queries between two checks of standard input."""


def main(reference: str, folder: str) -> None:
    """Send queries until standard input ends."""
    values = np.load(Path(folder) / "questions.npy")
    queries = [
        Query(signal=Signal(type=SignalType.PDQ, value=v.tobytes()), threshold=31)
        for v in values
    ]
    taken: dict[str, list[float]] = defaultdict(list)
    generations = set()
    phase = ""
    with ReferenceReader.open(Path(reference)) as reader:
        print("ready", flush=True)
        while True:
            if select.select([sys.stdin], [], [], 0)[0]:
                phase = sys.stdin.readline().strip()
                if not phase:
                    break
            for at in range(_LOOKED_AT_ONCE):
                query = queries[(len(taken[phase]) + at) % len(queries)]
                begun = time.perf_counter()
                generation = reader.current()
                generation.search([query])
                taken[phase].append(time.perf_counter() - begun)
                generations.add(generation.number)
    found = {name: _quantiles(values) for name, values in taken.items() if name}
    print(json.dumps({"generations": len(generations), **found}))


def _quantiles(seconds: list[float]) -> dict[str, float]:
    values = np.array(seconds) * 1000
    return {
        "queries": len(values),
        "median_ms": round(float(np.median(values)), 4),
        "p99_ms": round(float(np.quantile(values, 0.99)), 4),
        "p999_ms": round(float(np.quantile(values, 0.999)), 4),
        "max_ms": round(float(values.max()), 4),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
