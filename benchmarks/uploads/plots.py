"""Draw the cost of codings and protocols, slow uploads and the replay, as one SVG."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

COLOURS: Final = ("#1f6f8b", "#7a9e7e", "#e0c36a")
GREY: Final = "#b0b0b0"


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
    figure, _ = plt.subplots(
        1, len(drawn), figsize=(4.8 * len(drawn), 4.6), layout="constrained"
    )
    for axes, (name, draws) in zip(figure.axes, drawn, strict=True):
        draws(axes, parts[name]["rows"])
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _bars(axes: Axes, groups: Mapping[str, Mapping[str, float]], text: str) -> None:
    """Draw horizontal bars, several of each name, and a line at 1."""
    names = list(next(iter(groups.values())))
    width = 0.8 / len(groups)
    for index, (label, values) in enumerate(groups.items()):
        places = [place + width * index for place in range(len(names))]
        lengths = [values.get(name, 0.0) for name in names]
        colour = COLOURS[index % len(COLOURS)]
        axes.barh(places, lengths, height=width * 0.9, label=label, color=colour)
    axes.axvline(1.0, color="black", linewidth=0.6, linestyle=":")
    axes.set_yticks([place + 0.4 - width / 2 for place in range(len(names))], names)
    axes.tick_params(axis="y", labelsize=7)
    axes.invert_yaxis()
    axes.set_xlabel(text)
    axes.legend(frameon=False, fontsize=8)


def _grouped(
    rows: list[dict[str, Any]], group: str, name: str, value: str
) -> dict[str, dict[str, float]]:
    groups: dict[str, dict[str, float]] = {}
    for row in rows:
        groups.setdefault(row[group], {})[row[name]] = row[value]
    return groups


def _codings(axes: Axes, rows: list[dict[str, Any]]) -> None:
    groups = _grouped(rows, "content", "coding", "times_raw")
    _bars(axes, groups, "CPU of an upload, of the raw body's")


def _protocols(axes: Axes, rows: list[dict[str, Any]]) -> None:
    named = [
        row | {"row": f"{row['protocol']}, {row['piece']}"}
        for row in rows
        if row["piece"]
    ]
    groups = _grouped(named, "content", "row", "times_raw")
    _bars(axes, groups, "CPU of a file in pieces, of the raw body's")


def _slow(axes: Axes, rows: list[dict[str, Any]]) -> None:
    places = range(len(rows))
    axes.bar(places, [row["p99_ms"] for row in rows], color=GREY, label="p99")
    axes.bar(places, [row["p50_ms"] for row in rows], color=COLOURS[0], label="p50")
    labels = [f"{row['uploads']} slow\n{row['slow']}" for row in rows]
    axes.set_xticks(places, labels, fontsize=8)
    axes.set_ylabel("ordinary uploads of 200 KB, ms")
    axes.legend(frameon=False, fontsize=8)


def _replay(axes: Axes, rows: list[dict[str, Any]]) -> None:
    places = range(len(rows))
    axes.bar(places, [row["of_direct"] for row in rows], color=COLOURS[0])
    axes.axhline(0.8, color="black", linewidth=0.6, linestyle=":")
    axes.set_xticks(places, [row["way"] for row in rows], fontsize=8)
    axes.set_ylabel("throughput of the replay, of a direct copy's")


_DRAWN: Final = {
    "codings": _codings,
    "protocols": _protocols,
    "slow": _slow,
    "replay": _replay,
}
