"""Draw the cost of the proxy, its forwarding, and its memory, as one SVG."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

COLOURS = {
    "bare": "#b0b0b0",
    "filter": "#1f6f8b",
    "forwarder": "#e0c36a",
    "nginx": "#7a9e7e",
    "straight": "#d8d8d8",
}


def draw(parts: Mapping[str, Any], path: Path) -> None:
    """Draw the parts that were measured, and save them, if there are any.

    Args:
        parts: The results of each part.
        path: The path of the SVG.
    """
    mpl.rcParams.update({"svg.hashsalt": "uploadfilter", "svg.fonttype": "none"})
    drawn = [(name, draws) for name, draws in _DRAWN.items() if name in parts]
    if not drawn:
        return
    figure, places = plt.subplots(
        1, len(drawn), figsize=(4.6 * len(drawn), 3.8), layout="constrained"
    )
    for axes, (name, draws) in zip(figure.axes, drawn, strict=True):
        draws(axes, parts[name]["rows"])
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    del places


def _cpu(axes: Axes, rows: list[dict[str, Any]]) -> None:
    for index, name in enumerate(("bare", "filter")):
        places = [place + 0.4 * index - 0.2 for place in range(len(rows))]
        heights = [row[f"{name}_ms"] for row in rows]
        axes.bar(places, heights, width=0.38, label=name, color=COLOURS[name])
    for place, row in enumerate(rows):
        axes.annotate(f"{row['ratio']:.2f}", (place, row["filter_ms"]), ha="center")
    axes.set_yscale("log")
    axes.set_ylabel("CPU ms an upload, all processes")
    labels = [f"{row['kb']} KB\n{row['entries']:,}" for row in rows]
    axes.set_xticks(range(len(rows)), labels, fontsize=7)
    axes.legend(frameon=False, fontsize=8)


def _passing(axes: Axes, rows: list[dict[str, Any]]) -> None:
    works = list(dict.fromkeys((row["what"], row["connections"]) for row in rows))
    names = list(dict.fromkeys(row["contender"] for row in rows))
    for index, name in enumerate(names):
        heights = [row["of_forwarder"] for row in rows if row["contender"] == name]
        places = [place + 0.2 * index - 0.3 for place in range(len(works))]
        axes.bar(places, heights, width=0.19, label=name, color=COLOURS[name])
    axes.axhline(0.9, color="black", linewidth=0.6, linestyle=":")
    axes.set_yscale("log")
    axes.set_ylabel("requests a second, of a plain forwarder's")
    labels = [f"{what}\n{connections} conn." for what, connections in works]
    axes.set_xticks(range(len(works)), labels, fontsize=7)
    axes.legend(frameon=False, fontsize=8)


def _soak(axes: Axes, rows: list[dict[str, Any]]) -> None:
    samples = next(row["samples"] for row in rows if "samples" in row)
    axes.plot(
        [sample["at_s"] / 60 for sample in samples],
        [sample["memory_mib"] for sample in samples],
        color=COLOURS["filter"],
    )
    axes.set_ylim(bottom=0)
    axes.set_xlabel("minutes")
    axes.set_ylabel("memory of all processes, MiB")


_DRAWN = {"cpu": _cpu, "passing": _passing, "soak": _soak}
