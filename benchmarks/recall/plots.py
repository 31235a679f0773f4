"""Draw recall and near misses; the same figures give the same file."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.recall.report import PHOTOGRAPHS

_OURS, _PEER = "#1f6f8b", "#b0b0b0"


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw both panels, and save them.

    Args:
        results: The results of ``recall``.
        path: The path of the SVG.
    """
    mpl.rcParams.update({"svg.hashsalt": "uploadfilter", "svg.fonttype": "none"})
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(11, 13), layout="constrained", width_ratios=(3, 2)
    )
    _recall(left, results["rows"])
    _distances(right, results)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _recall(axes: Axes, rows: list[dict[str, Any]]) -> None:
    places = range(len(rows))
    ours = [row[PHOTOGRAPHS]["recall"] for row in rows]
    peer = [row[PHOTOGRAPHS]["peer"] for row in rows]
    ends = [row[PHOTOGRAPHS]["interval"] for row in rows]
    errors = [
        [max(0.0, share - low) for share, (low, _) in zip(ours, ends, strict=True)],
        [max(0.0, high - share) for share, (_, high) in zip(ours, ends, strict=True)],
    ]
    axes.barh(places, peer, height=0.8, color=_PEER, label="plain PDQ, 31 bits")
    axes.errorbar(
        ours, places, xerr=errors, fmt="o", markersize=3.5, color=_OURS, label="ours"
    )
    axes.set_yticks(places, [row["name"] for row in rows], fontsize=6.5)
    axes.invert_yaxis()
    axes.set_ylim(len(rows), -1)
    axes.set_xlabel("recall among photographs, and its 95 % interval")
    axes.legend(frameon=False, fontsize=8, loc="lower left")


def _distances(axes: Axes, results: dict[str, Any]) -> None:
    for name, counts in sorted(results["near_misses"].items()):
        # The last one holds all larger distances.
        axes.step(range(len(counts) - 1), counts[:-1], where="mid", label=name)
    axes.axvline(31.5, color="#888888", linewidth=0.8, linestyle="--")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_xlabel("bits between an upload and an entry of another picture")
    axes.set_ylabel("pairs")
    axes.legend(frameon=False, fontsize=8)
