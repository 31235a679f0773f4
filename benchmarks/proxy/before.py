"""Uploads a second and CPU of an upload, beside the first release, in turn.

The first release inspected far less. It must not be faster all the same: that is a
promise to an operator who updates. Its code comes from this repository's history, and
runs on the same interpreter and the same libraries.
"""

import contextlib
import io
import statistics
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import load, peers
from benchmarks.proxy.plan import Plan
from benchmarks.proxy.report import Aim, Part
from benchmarks.proxy.site import files_of, filter_before, list_random

FIRST = "0cbad52"
"""The commit of the first release."""

AIMS: Mapping[int, float] = {20: 1.2, 200: 1.1}
"""Least ratio of uploads a second, by size in KB."""

CONNECTIONS = (1, 16)

_AUTOGROUP = Path("/proc/sys/kernel/sched_autogroup_enabled")


async def before(folder: Path, plan: Plan) -> Part:
    """Drive both, in turn."""
    code = _code(folder / "first")
    if code is None:
        return Part(rows=[], notes=[f"{FIRST} is not in this repository's history"])
    state = folder / "now"
    list_random(state, 0)
    rows = []
    with (
        peers.sink() as sink,
        filter_before(sink.port, state, sheds=False) as now,
        _first_before(sink.port, code, folder / "then") as then,
    ):
        for size_kb in AIMS:
            for connections in CONNECTIONS:
                contenders = {"now": now, "first": then}
                rows += await _rows(contenders, size_kb, connections, plan)
    aims = [
        Aim(
            text=f"uploads of {row['kb']} KB a second over {row['connections']} "
            "connections, beside the first release",
            measured=row["of_first"],
            least=AIMS[row["kb"]],
        )
        for row in rows
        if row["contender"] == "now"
    ]
    return Part(rows=rows, aims=aims, notes=_notes())


def _notes() -> list[str]:
    """Explain why uploads a second must not be compared on a busy machine."""
    try:
        shares_by_session = int(_AUTOGROUP.read_text("ascii")) > 0
    except (OSError, ValueError):
        return []
    note = (
        "the kernel shares CPU out by session (autogroup): on a busy machine the first "
        "release gets more of it, as each of its scanners has a session of its own"
    )
    return [note] if shares_by_session else []


async def _rows(
    contenders: Mapping[str, load.Spawned], size_kb: int, connections: int, plan: Plan
) -> list[Mapping[str, Any]]:
    bodies = files_of(size_kb)
    uploads = plan.uploads(size_kb)
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(plan.rounds):
        for name, process in contenders.items():
            begun_s = process.cpu_s()
            found = await load.put(
                process.port, bodies, uploads=uploads, connections=connections
            )
            found.checked(load.CREATED)
            rates[name].append(found.per_second)
            costs[name].append((process.cpu_s() - begun_s) * 1000 / uploads)
    return [
        {
            "kb": size_kb,
            "connections": connections,
            "contender": name,
            "per_second": round(statistics.median(rates[name]), 1),
            "cpu_ms": round(statistics.median(costs[name]), 3),
            "of_first": _of_pairs(rates[name], rates["first"]),
            "cpu_of_first": _of_pairs(costs[name], costs["first"]),
        }
        for name in contenders
    ]


def _of_pairs(ours: Sequence[float], theirs: Sequence[float]) -> float:
    pairs = zip(ours, theirs, strict=True)
    return round(statistics.median(a / b if b else float("nan") for a, b in pairs), 3)


def _code(folder: Path) -> Path | None:
    """Extract the code of the first release from the history; ``None`` without it."""
    packed = subprocess.run(  # noqa: S603 - our own repository
        ("git", "archive", "--format=tar", FIRST, "uploadfilter"),  # noqa: S607
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )
    if packed.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@contextlib.contextmanager
def _first_before(origin: int, code: Path, state: Path) -> Iterator[load.Spawned]:
    """Run the first release in ``ENFORCE``, with an empty reference set."""
    state.mkdir()
    # Its scanners are other processes of the same interpreter: they need its path too.
    run = ("env", f"PYTHONPATH={code}", sys.executable, "-m", "uploadfilter")
    made = (*run, "init", "--state", str(state))
    subprocess.run(made, cwd=code, check=True, capture_output=True)  # noqa: S603
    command = (
        *(*run, "serve", "--mode", "enforce", "--state", str(state)),
        *("--origin", f"http://127.0.0.1:{origin}", "--listen", "127.0.0.1:0"),
    )
    with contextlib.chdir(code), load.process(*command) as process:
        yield process
