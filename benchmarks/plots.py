"""Draw results as SVG; the same figures give the same file."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

CONTENDERS = {
    "peer": ("full decode + pdqhash + imagehash", "#b0b0b0"),
    "ours": ("ours: digests, 24 PDQ, 8 pHash", "#1f6f8b"),
    "floor": ("floor: digests + luma decode", "#e0c36a"),
}


def costs(summaries: dict[str, Any], path: Path) -> None:
    """Draw CPU milliseconds of each contender by format and size, and save it.

    Args:
        summaries: The results of ``hashing``, by format and size.
        path: The path of the SVG.
    """
    mpl.rcParams.update({"svg.hashsalt": "uploadfilter", "svg.fonttype": "none"})
    figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
    for index, (name, (label, colour)) in enumerate(CONTENDERS.items()):
        heights = [item["milliseconds"][name] for item in summaries.values()]
        places = [place + 0.27 * (index - 1) for place in range(len(heights))]
        axes.bar(places, heights, width=0.26, label=label, color=colour)
    axes.set_yscale("log")
    axes.set_ylabel("CPU milliseconds a picture, one core")
    labels = [name.replace(" ", "\n", 1) for name in summaries]
    axes.set_xticks(range(len(labels)), labels, fontsize=8)
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def rates(groups: dict[str, Any], path: Path) -> None:
    """Draw observed rates against predicted ones, and save them.

    Args:
        groups: The groups of ``reliabilities``, by name.
        path: The path of the SVG.
    """
    mpl.rcParams.update({"svg.hashsalt": "uploadfilter", "svg.fonttype": "none"})
    figure, axes = plt.subplots(figsize=(6.5, 6), layout="constrained")
    axes.plot([0, 0.5], [0, 0.5], color="#b0b0b0", label="as they say")
    for number, (name, group) in enumerate(groups.items()):
        axes.plot(
            group["predicted"],
            group["observed"],
            "o-",
            markersize=3,
            linewidth=1,
            color=f"C{number % 10}",
            label=name,
        )
    axes.set_xlabel("predicted: probability that a bit is wrong")
    axes.set_ylabel("observed: share of such bits that are")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
