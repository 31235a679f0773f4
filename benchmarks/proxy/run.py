"""What does the proxy cost in addition to its actual work, and is it robust?

- **cpu**: CPU seconds of *all* processes for one upload, beside the bare pipeline.
- **floor**: the same CPU in forwarders that do more and more of the filter's work.
- **before**: uploads a second and CPU, beside the first release.
- **uploads**: uploads a second and latency, beside a plain aiohttp forwarder.
- **copies**: uploads a second and latency with the search for altered copies.
- **passing**: small requests and downloads, beside that forwarder, nginx, and nothing.
- **oracle**: whether the time of an answer tells if a file is listed.
- **instances**: one and two instances, each on a core of its own.
- **overload**: twice the capacity is offered.
- **attacks**: how one attacker affects an innocent client.
- **records**: how much uploads that end in nothing make the log grow.
- **start**: from the start of the process to the first upload, cold and warm.
- **restart**: how many requests a rolling restart of two instances loses.
- **soak**: memory and descriptors under mixed traffic; ``--hours`` for a long one.

Contenders run in turn, several rounds, in one run; compare ratios. Every answer is
checked, and a wrong one fails the run: a proxy that drops work would seem fast.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import machine
from benchmarks.proxy import plots
from benchmarks.proxy.arrangement import Arrangement
from benchmarks.proxy.attacks import ATTACKS, attacks
from benchmarks.proxy.before import before
from benchmarks.proxy.copies import copies
from benchmarks.proxy.cost import cpu, uploads
from benchmarks.proxy.floor import floor
from benchmarks.proxy.instances import instances
from benchmarks.proxy.oracle import oracle
from benchmarks.proxy.overload import overload
from benchmarks.proxy.passing import passing
from benchmarks.proxy.plan import BRIEF, FULL, QUICK, Plan
from benchmarks.proxy.records import records
from benchmarks.proxy.report import Part
from benchmarks.proxy.restarting import restarting
from benchmarks.proxy.site import SEED
from benchmarks.proxy.soak import soak
from benchmarks.proxy.starting import starting
from uploadfilter.pictures import decoding

RESULTS = Path(__file__).parent.parent / "results"
PACKAGES = ("aiohttp", "uvloop", "numpy", "pillow", "lmdb")

PARTS: Mapping[str, Callable[[Path, Plan], Awaitable[Part]]] = {
    "cpu": cpu,
    "floor": floor,
    "before": before,
    "uploads": uploads,
    "copies": copies,
    "passing": passing,
    "oracle": oracle,
    "instances": instances,
    "overload": overload,
    "attacks": attacks,
    "records": records,
    "start": starting,
    "restart": restarting,
    "soak": soak,
}
"""The parts by their names on the command line, in the order in which they run."""


async def measure(names: Sequence[str], plan: Plan) -> dict[str, Any]:
    """Run these parts, print the results, and return them by name."""
    found: dict[str, Any] = {}
    for name in names:
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            part = await PARTS[name](Path(folder), plan)
        part.show(name)
        found[name] = part.kept() | {
            "machine": machine.describe(*PACKAGES),
            "took_s": round(time.perf_counter() - begun, 1),
        }
    return found


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks proxy")
    parser.add_argument("--quick", action="store_true", help="a smoke run, not kept")
    parser.add_argument(
        "--brief", action="store_true", help="kept, though of fewer and shorter rounds"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, help="some of the parts")
    parser.add_argument(
        "--arrangement",
        type=Arrangement,
        choices=list(Arrangement),
        default=Arrangement.APART,
        help="whether attacks and overload run on a core without the filter",
    )
    parser.add_argument(
        "--attack",
        action="append",
        choices=[attack.name for attack in ATTACKS],
        default=[],
        help="only this attack; not kept",
    )
    parser.add_argument("--hours", type=float, help="length of the soak")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and keep the results unless the run is a quick one.

    Parts that a run leaves out stay in the results from the run before.
    """
    options = _options(arguments)
    plan = QUICK if options.quick else BRIEF if options.brief else FULL
    plan = replace(plan, arrangement=options.arrangement, attacks=tuple(options.attack))
    if options.hours is not None:
        plan = replace(plan, soak_s=options.hours * 3600)
    decoding.prepare_process()
    found = uvloop.run(measure(options.only or list(PARTS), plan))
    _show_missed(found)
    if not (options.quick or options.attack):
        _keep(found)
    return 0


def _show_missed(found: Mapping[str, Any]) -> None:
    aims = [(name, aim) for name, part in found.items() for aim in part["aims"]]
    missed = [(name, aim) for name, aim in aims if not aim["met"]]
    print(f"\n{len(aims) - len(missed)} of {len(aims)} aims were met")
    for name, aim in missed:
        print(f"  missed: {name}: {aim['text']}: {aim['measured']}")


def _keep(found: Mapping[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "proxy.json"
    before = json.loads(path.read_text("utf-8")) if path.exists() else {}
    parts = {**before.get("parts", {}), **found}
    parts = {name: parts[name] for name in PARTS if name in parts}
    text = json.dumps({"seed": SEED, "parts": parts}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
    plots.draw(parts, RESULTS / "proxy.svg")
