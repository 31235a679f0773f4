"""Run one benchmark: ``python -m benchmarks NAME [--quick] [--json] [--only PART]``.

To add one, write a module as ``harness.py`` says, and add its line below.
"""

import argparse
import importlib
import json
import os
import sys
from pathlib import Path

BENCHMARKS = {
    "hashing": "benchmarks.hashing",
    "import": "benchmarks.importing",
    "gate": "benchmarks.gate",
    "enforcement": "benchmarks.enforcement",
    "altered": "benchmarks.altered.run",
    "everyday": "benchmarks.everyday.run",
    "evidence": "benchmarks.evidence",
    "hostile": "benchmarks.hostile",
    "lookback": "benchmarks.lookback",
    "matching": "benchmarks.matching.run",
    "proxy": "benchmarks.proxy.run",
    "recall": "benchmarks.recall.run",
    "report": "benchmarks.report",
    "texts": "benchmarks.texts",
    "tree": "benchmarks.tree",
    "video": "benchmarks.video",
}
"""Name on the command line, and the module of the benchmark."""


def main() -> int:
    """Run the benchmark that the command line names; return its exit code.

    It is 1 if a whole run missed an aim. A run of some parts replaces only theirs in
    the results; a quick run keeps nothing.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--quick", action="store_true", help="a smoke run, not kept")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--only", nargs="+", default=[], help="some of its parts")
    parser.add_argument("--cache", type=Path, default=Path("build/benchmarks"))
    given = parser.parse_args()
    # One thread, as in a scanner process; it must be set before numpy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from benchmarks import harness  # noqa: PLC0415 - it imports numpy

    module = importlib.import_module(BENCHMARKS[given.name])
    parts = getattr(module, "PARTS", {})
    if unknown := set(given.only) - set(parts):
        parser.error(f"{given.name} has no part {sorted(unknown)}, but {list(parts)}")
    options = harness.Options(
        quick=given.quick, only=tuple(given.only), cache=given.cache
    )
    reports = harness.run(given.name, module, options)
    document = harness.keep(given.name, module, reports)
    if given.json:
        print(json.dumps(document, indent=1))
    else:
        for part, report in reports.items():
            report.show(part)
    if not given.quick:
        path = harness.RESULTS / f"{given.name}.json"
        path.write_text(
            json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8"
        )
    missed = [aim for report in reports.values() for aim in report.aims if not aim.met]
    is_whole = not (given.quick or given.only)
    texts = "; ".join(f"{aim.text} {aim.measured:.4g}" for aim in missed)
    print(
        f"{given.name}: {f'missed: {texts}' if missed else 'no aim was missed'}",
        file=sys.stderr,
    )
    return 1 if missed and is_whole else 0


if __name__ == "__main__":
    sys.exit(main())
