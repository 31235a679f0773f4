"""Draw the results of the matching benchmark; the same figures give the same file."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

COLOURS = {
    "ours, mapped": "#1f6f8b",
    "ours": "#54a5bf",
    "our scan": "#99c9d6",
    "faiss multi-hash": "#b5543c",
    "faiss flat": "#dd9a7a",
    "faiss hash": "#e0c36a",
    "threatexchange": "#6b4f8f",
    "threatexchange flat": "#9c86b8",
    "threatexchange 2": "#c9bcd9",
    "numpy": "#909090",
    "pybktree": "#606060",
    "imagehash": "#303030",
}
KINDS = {"random": "-", "real": "--"}


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw time and memory against size, time against threshold, and skew.

    Args:
        results: The results of ``run``.
        path: The path of the SVG.
    """
    mpl.rcParams.update({"svg.hashsalt": "uploadfilter", "svg.fonttype": "none"})
    figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained")
    (by_size, by_threshold), (memory, skew) = axes
    rows = results["rows"]
    threshold = f"t={results['threshold']}"
    _sizes(by_size, rows, lambda row: row[threshold]["median_ms"])
    by_size.set_ylabel("milliseconds a query, median")
    by_size.set_title(f"one query, {results['threshold']} of 256 bits", fontsize=9)
    _sizes(memory, [r for r in rows if r["kind"] == "random"], _memory)
    memory.set_ylabel("MB of the process's own memory")
    memory.set_title("memory (ours, mapped: shared by all processes)", fontsize=9)
    _thresholds(by_threshold, rows)
    _skew(skew, results["skew"])
    handles, labels = by_size.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=6, fontsize=7, handlelength=4
    )
    for one in axes.flat:
        one.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _memory(row: dict[str, Any]) -> float:
    # On a logarithmic scale no value may be zero.
    return max(float(row["memory_mb"]), 0.1)


def _sizes(axes: Axes, rows: list[dict[str, Any]], height: Any) -> None:  # noqa: ANN401
    for name, colour in COLOURS.items():
        for kind, line in KINDS.items():
            own = [r for r in rows if r["contender"] == name and r["kind"] == kind]
            if own:
                axes.plot(
                    [row["n"] for row in own],
                    [height(row) for row in own],
                    line,
                    marker="o",
                    markersize=3,
                    color=colour,
                    label=name if kind == "random" else f"{name}, real values",
                )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("values")


def _thresholds(axes: Axes, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        points = sorted(
            (int(key[2:]), timing["median_ms"])
            for key, timing in row.items()
            if key.startswith("t=")
        )
        if len(points) > 1:
            axes.plot(
                *zip(*points, strict=True),
                marker="o",
                markersize=3,
                color=COLOURS[row["contender"]],
            )
            axes.set_title(f"one query, {row['n']:,} random values", fontsize=9)
    axes.set_yscale("log")
    axes.set_xlabel("threshold, bits of 256")
    axes.set_ylabel("milliseconds a query, median")


def _skew(axes: Axes, rows: list[dict[str, Any]]) -> None:
    drawn = [row for row in rows if "shuffled" in row]
    if not drawn:
        return
    largest = max(row["n"] for row in drawn)
    for row in drawn:
        if row["n"] != largest:
            continue
        for key, line in (("shuffled", "-"), ("in_order", ":")):
            axes.plot(
                row["quantiles"],
                [max(value, 1) for value in row[key]],
                line,
                marker="o",
                markersize=3,
                color="#1f6f8b" if row["kind"] == "random" else "#b5543c",
                label=f"{row['kind']}, bits {key.replace('_', ' ')}",
            )
    axes.set_yscale("log")
    axes.set_xlabel("quantile of the questions")
    axes.set_ylabel("candidates a query")
    axes.set_title(f"{largest:,} values", fontsize=9)
    axes.legend(frameon=False, fontsize=7)
