"""Draw predicted against observed; the same figures give the same file."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from uploadfilter.evidence.chance import ALTERED, NEAR

_MILLION = 1e6


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw plain values and views, each by class, and save it.

    Args:
        results: The results of ``evidence``.
        path: The path of the SVG.
    """
    mpl.rcParams.update({"svg.hashsalt": "uploadfilter", "svg.fonttype": "none"})
    figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
    _calibration(axes[0], results["plain"], "pairs of plain values")
    _calibration(axes[1], results["views"], "uploads by their views")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _calibration(axes: Axes, classes: dict[str, Any], title: str) -> None:
    ends = (1e-16, 1e-1)
    axes.plot(ends, ends, color="#888888", linewidth=0.8, linestyle="--")
    for name, found in sorted(classes.items()):
        seen = [it for it in found["levels"] if it["observed"]]
        axes.plot(
            [it["predicted"] for it in seen],
            [it["observed"] / found["pairs"] for it in seen],
            marker="o",
            markersize=3,
            linewidth=1,
            label=f"{name}, {found['pairs']:.1e} pairs",
        )
    for point, label in ((NEAR, "near"), (ALTERED, "altered")):
        axes.axvline(point / _MILLION, color="#bbbbbb", linewidth=0.8)
        axes.text(point / _MILLION, 2e-1, f"{label}, 10⁶ entries", fontsize=6)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("predicted chance of a pair; left of the points: extrapolated")
    axes.set_ylabel("share of unrelated pairs that reach it")
    axes.set_title(title, fontsize=9)
    axes.legend(frameon=False, fontsize=6.5)
    axes.spines[["top", "right"]].set_visible(False)
