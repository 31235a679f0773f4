"""Run one benchmark: ``python -m benchmarks NAME [--quick]``.

To add one, write a module with ``main(arguments) -> exit code`` and add its line below.
"""

import importlib
import os
import sys

BENCHMARKS = {
    "hashing": "benchmarks.hashing",
    "import": "benchmarks.importing",
    "gate": "benchmarks.gate",
    "enforcement": "benchmarks.enforcement",
    "altered": "benchmarks.altered.run",
    "everyday": "benchmarks.everyday.run",
    "evidence": "benchmarks.evidence.run",
    "hostile": "benchmarks.hostile",
    "lookback": "benchmarks.lookback",
    "matching": "benchmarks.matching.run",
    "proxy": "benchmarks.proxy.run",
    "recall": "benchmarks.recall.run",
    "reliabilities": "benchmarks.reliabilities",
    "report": "benchmarks.report",
    "texts": "benchmarks.texts",
    "tree": "benchmarks.tree",
    "uploads": "benchmarks.uploads.run",
}
"""Name on the command line, and the module of the benchmark."""


def run() -> int:
    """Run the benchmark that the command line names; return its exit code."""
    if len(sys.argv) < 2 or sys.argv[1] not in BENCHMARKS:  # noqa: PLR2004  # a name
        print(f"usage: python -m benchmarks {{{','.join(BENCHMARKS)}}} [--quick]")
        return 2
    # One thread, as in a scanner process; it must be set before numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return int(importlib.import_module(BENCHMARKS[sys.argv[1]]).main(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(run())
