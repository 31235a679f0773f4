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
        summaries: What ``hashing`` measured, by format and size.
        path: Where the SVG goes.
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


def proxy(found: dict[str, Any], path: Path) -> None:
    """Draw what the proxy costs beside the bare pipeline, and its memory; save it.

    Args:
        found: What ``proxy`` measured.
        path: Where the SVG goes.
    """
    mpl.rcParams.update({"svg.hashsalt": "uploadfilter", "svg.fonttype": "none"})
    figure, (cost, memory) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    rows = found["cpu"]
    labels = [f"{row['bytes'] // 1000} KB\n{row['entries']:,}" for row in rows]
    for index, name in enumerate(("bare", "filter")):
        places = [place + 0.4 * index - 0.2 for place in range(len(rows))]
        heights = [row[f"{name}_ms"] for row in rows]
        cost.bar(places, heights, width=0.38, label=name)
    for place, row in enumerate(rows):
        cost.annotate(f"{row['ratio']:.2f}", (place, row["filter_ms"]), ha="center")
    cost.set_yscale("log")
    cost.set_ylabel("CPU milliseconds an upload, all processes")
    cost.set_xticks(range(len(rows)), labels, fontsize=7)
    cost.legend(frameon=False, fontsize=8)
    memory.plot(
        [row["uploads"] for row in found["soak"]],
        [row["memory_mib"] for row in found["soak"]],
        marker="o",
    )
    memory.set_ylim(bottom=0)
    memory.set_xlabel("uploads")
    memory.set_ylabel("memory of all processes, MiB")
    for axes in (cost, memory):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
