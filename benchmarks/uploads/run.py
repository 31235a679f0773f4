"""What do uploads cost by coding and protocol, and what do slow ones do to others?

- **codings**: CPU of each coding beside the raw body of the same bytes.
- **protocols**: CPU of uploads in pieces, by protocol and size of a piece, beside it.
- **opened**: memory and disk of an upload in pieces that is open.
- **slow**: the latency of ordinary uploads beside 1,000 slow ones.
- **replay**: how fast a long upload in pieces is sent on, beside a direct copy, and
  when its first byte is at the origin.

Contenders take turns in one run; compare ratios. The files at the origin are compared
by length and CRC-32, and a listed picture must be refused, or the run fails.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks import aims, machine
from benchmarks.proxy.report import Part
from benchmarks.uploads.codings import codings
from benchmarks.uploads.opened import opened
from benchmarks.uploads.plan import FULL, QUICK, Plan
from benchmarks.uploads.protocols import protocols
from benchmarks.uploads.replay import replay
from benchmarks.uploads.slow import slow

RESULTS: Final = Path(__file__).parent.parent / "results"
PACKAGES: Final = ("aiohttp", "uvloop", "brotli", "zstandard")

PARTS: Final[Mapping[str, Callable[[Path, Plan], Awaitable[Part]]]] = {
    "codings": codings,
    "protocols": protocols,
    "opened": opened,
    "slow": slow,
    "replay": replay,
}
"""The parts by their names on the command line, in the order in which they run."""


async def measure(names: Sequence[str], plan: Plan) -> dict[str, Any]:
    """Run these parts, print the results, and return them by name."""
    found: dict[str, Any] = {}
    for name in names:
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            part = await PARTS[name](Path(folder), plan)
        took_s = round(time.perf_counter() - begun, 1)
        part.show(f"{name} ({took_s} s)")
        found[name] = part.kept() | {
            "machine": machine.describe(*PACKAGES),
            "took_s": took_s,
        }
    return found


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and keep the results unless the run is a quick one.

    Parts that a run leaves out stay in the results from the run before.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks uploads")
    parser.add_argument("--quick", action="store_true", help="a short run, not kept")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="some of the parts")
    options = parser.parse_args(arguments)
    names = options.only or list(PARTS)
    found = uvloop.run(measure(names, QUICK if options.quick else FULL))
    if not options.quick:
        _keep(found)
    missed = [
        f"{aim['text']} {aim['measured']}"
        for part in found.values()
        for aim in part["aims"]
        if not aim["met"]
    ]
    return aims.exit_code("uploads", missed, is_whole=not options.only)


def _keep(found: Mapping[str, Any]) -> None:
    path = RESULTS / "uploads.json"
    before = json.loads(path.read_text("utf-8")) if path.exists() else {}
    parts = {**before.get("parts", {}), **found}
    parts = {name: parts[name] for name in PARTS if name in parts}
    path.write_text(json.dumps({"parts": parts}, indent=1) + "\n", encoding="utf-8")
    # Only here, so that a quick run needs no package for drawings.
    from benchmarks.uploads import plots  # noqa: PLC0415

    plots.draw(parts, RESULTS / "uploads.svg")
