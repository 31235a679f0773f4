"""What every benchmark shares: its options, its aims, its tables and its results.

A benchmark is a module with either ``measure`` or ``PARTS``, functions that take the
options and a folder for their files, and return a ``Report``. ``USUAL`` names the parts
that run if none is named, ``PACKAGES`` the distributions whose versions matter.
``benchmarks/__main__.py`` runs it, prints tables, writes ``results/NAME.json``, and
names the aims that were missed.
"""

import gc
import importlib.metadata
import inspect
import itertools
import json
import math
import multiprocessing
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import uvloop
from PIL import features
from rich.console import Console
from rich.table import Table

RESULTS: Final = Path(__file__).parent / "results"
CPU_INFO: Final = Path("/proc/cpuinfo")
_MOST_WORDS: Final = 60
_T = TypeVar("_T")

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line of a benchmark.

    Attributes:
        quick: A smoke run, whose results are not kept.
        only: The parts to run; empty for all.
        cache: Folder of packages and pictures that were fetched.
    """

    quick: bool
    only: tuple[str, ...] = ()
    cache: Path = Path("build/benchmarks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One figure with an aim.

    Attributes:
        text: Description of the figure.
        measured: The figure.
        most: Its upper bound; ``None`` for no such bound.
        least: Its lower bound; ``None`` for no such bound.
    """

    text: str
    measured: float
    most: float | None = None
    least: float | None = None

    @property
    def met(self) -> bool:
        """Whether the figure is within its bounds; false for a NaN."""
        return (self.most is None or self.measured <= self.most) and (
            self.least is None or self.measured >= self.least
        )

    def kept(self) -> dict[str, object]:
        """Return the aim for the results."""
        bound = {"most": self.most} if self.least is None else {"least": self.least}
        measured = round(self.measured, 4)
        return {"text": self.text, "measured": measured, "met": self.met, **bound}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The results of a benchmark, or of one part of it.

    Attributes:
        rows: The figures, one row for each thing that was measured.
        figures: Further figures.
        aims: The aims for them.
        notes: The parts that were left out, and why.
    """

    rows: Rows = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    aims: Sequence[Aim] = ()
    notes: Sequence[str] = ()

    def kept(self) -> dict[str, Any]:
        """Return it for the results."""
        found: dict[str, Any] = {**self.figures}
        found |= {"rows": list(self.rows)} if self.rows else {}
        found |= {"aims": [it.kept() for it in self.aims]} if self.aims else {}
        return found | ({"notes": list(self.notes)} if self.notes else {})

    def show(self, title: str) -> None:
        """Print it as tables; an aim that was missed is marked."""
        show(title, self.rows)
        for name, value in self.figures.items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                show(f"{title}: {name}", value)
            else:
                print(f"{name}: {value!s:.600}")
        for note in self.notes:
            print(f"note: {note}")
        for aim in self.aims:
            bound = f"<= {aim.most:g}" if aim.least is None else f">= {aim.least:g}"
            word = "met   " if aim.met else "MISSED"
            print(f"{word} {aim.measured:10.4g} {bound:<8} {aim.text}", flush=True)


def show(title: str, rows: Rows) -> None:
    """Print rows as tables, one for each name of a first column; values are cut."""
    for _, group in itertools.groupby(rows, lambda row: next(iter(row))):
        part = list(group)
        table = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0))
        names = list(dict.fromkeys(name for row in part for name in row))
        for name in names:
            table.add_column(name, no_wrap=True)
        for row in part:
            table.add_row(*(f"{row.get(name, '')!s:.{_MOST_WORDS}}" for name in names))
        Console(width=max(400, 20 * len(names)), soft_wrap=True).print(table)


def run(name: str, module: Any, options: Options) -> dict[str, Report]:  # noqa: ANN401 - a module
    """Run a benchmark, or some of its parts; return the reports by part."""
    parts: Mapping[str, Callable[[Options, Path], Any]]
    parts = getattr(module, "PARTS", None) or {name: module.measure}
    reports = {}
    for part in options.only or getattr(module, "USUAL", parts):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            done = parts[part](options, Path(folder))
            if inspect.iscoroutine(done):
                done = uvloop.run(done)
        reports[part] = done
    return reports


def keep(name: str, module: Any, reports: Mapping[str, Report]) -> dict[str, Any]:  # noqa: ANN401 - a module
    """Return the document of the results; parts of runs before stay in it."""
    described = {"machine": describe(*getattr(module, "PACKAGES", ()))}
    path = RESULTS / f"{name}.json"
    if list(reports) == [name]:
        return described | reports[name].kept()
    known = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    now = {part: described | report.kept() for part, report in reports.items()}
    return {part: (known | now)[part] for part in module.PARTS if part in known | now}


def describe(*packages: str) -> dict[str, object]:
    """Return what matters about this machine, with the versions of some packages."""
    blas = ("OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE")
    return {
        "at": time.strftime("%Y-%m-%d"),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libjpeg_turbo": features.version_feature("libjpeg_turbo"),
        "zlib_ng": features.version_feature("zlib_ng"),
        "blas": {name: os.environ.get(name) for name in blas},
        "packages": {name: importlib.metadata.version(name) for name in packages},
    }


def _cpu_name() -> str:
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


class Kept:
    """Results by key in a file of JSON lines: a run of hours goes on where it ended.

    Delete the file to measure anew.
    """

    def __init__(self, path: Path) -> None:
        """Read the results of runs before, if there are any; the newest one counts."""
        self._path = path
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        self._known: dict[Any, Any] = dict(map(json.loads, text.splitlines()))

    def __contains__(self, key: object) -> bool:
        """Tell whether there is a result."""
        return key in self._known

    def __getitem__(self, key: object) -> Any:  # noqa: ANN401 - JSON
        """Return a result."""
        return self._known[key]

    def add(self, key: int | str, found: Any) -> None:  # noqa: ANN401 - JSON
        """Keep a result."""
        self._known[key] = found
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([key, found], ensure_ascii=False) + "\n")


# --- Measuring ---------------------------------------------------------------------


def run_apart(
    function: Callable[..., _T], *arguments: object, seconds: float | None = None
) -> _T:
    """Run a function in a process of its own, so that its memory is its own.

    Raises:
        TimeoutError: It took longer than so many seconds; the process was killed.
    """
    spawning = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, mp_context=spawning)
    try:
        return pool.submit(function, *arguments).result(timeout=seconds)
    finally:
        for process in list((pool._processes or {}).values()):  # noqa: SLF001 - 3.14 has kill_workers
            process.kill()
        pool.shutdown(cancel_futures=True)


class Turns:
    """Figures of contenders that take turns: a busy machine slows all of them."""

    def __init__(self) -> None:
        self._taken: dict[str, list[float]] = {}

    def add(self, name: str, figure: float) -> None:
        """Add the figure of a contender in the present round."""
        self._taken.setdefault(name, []).append(figure)

    def median(self, name: str, digits: int = 3) -> float:
        """Return the median over the rounds."""
        return round(statistics.median(self._taken[name]), digits)

    def ratio(self, name: str, base: str, digits: int = 3) -> float:
        """Return the median over the rounds of a figure over another's."""
        pairs = zip(self._taken[name], self._taken[base], strict=True)
        shares = [one / other if other else math.nan for one, other in pairs]
        return round(statistics.median(shares), digits)

    def range(self, name: str, base: str) -> list[float]:
        """Return the least and the largest ratio of a round."""
        pairs = zip(self._taken[name], self._taken[base], strict=True)
        shares = [one / other for one, other in pairs]
        return [round(min(shares), 3), round(max(shares), 3)]

    def names(self) -> list[str]:
        """Return the contenders, in the order of their first turn."""
        return list(self._taken)


def cpu_ms(work: Callable[[], object]) -> float:
    """Return the CPU milliseconds of a call in this process."""
    start = time.process_time_ns()
    work()
    return (time.process_time_ns() - start) / 1e6


def cpu_s() -> float:
    """Return the CPU seconds of this process, and of its ended children."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(it.ru_utime + it.ru_stime for it in map(resource.getrusage, who))


def peak_mb() -> int:
    """Return the largest resident memory of this process so far, in MiB."""
    gc.collect()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest rank of some values; NaN if there are none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def share(part: float, whole: float) -> float:
    """Return a share to four digits; 0 of nothing."""
    return round(part / whole, 4) if whole else 0.0
