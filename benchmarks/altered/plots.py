"""Draw recall and calibration, and contact sheets of pairs that chance brought near."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from PIL import Image, ImageDraw

_OURS, _FAR, _PLAIN, _CEILING = "#1f6f8b", "#e0a458", "#b0b0b0", "#444444"
_CELL, _TEXT = 180, 34


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw both panels; the same figures give the same file.

    Args:
        results: The results of ``altered``.
        path: The path of the SVG.
    """
    mpl.rcParams.update({"svg.hashsalt": "uploadfilter", "svg.fonttype": "none"})
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(12, 13), layout="constrained", width_ratios=(3, 2)
    )
    _recall(left, results.get("rows", []))
    _calibration(right, results.get("strangers"))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _recall(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    places = range(len(rows))
    for name, colour, height in (("plain_60", _FAR, 0.8), ("plain_31", _PLAIN, 0.5)):
        shares = [row[name] for row in rows]
        label = f"plain PDQ, {name[-2:]} bits"
        axes.barh(places, shares, height=height, color=colour, label=label)
    axes.plot(
        [row["found"] for row in rows],
        places,
        "o",
        color=_OURS,
        markersize=4.5,
        label="within 31 bits, or E ≤ 10⁻⁹",
    )
    detailed = [(row.get("found_detailed"), place) for place, row in enumerate(rows)]
    known = [(share, place) for share, place in detailed if share is not None]
    if known:
        axes.plot(
            *zip(*known, strict=True),
            "o",
            color=_OURS,
            markersize=4.5,
            fillstyle="none",
            label="the same, photographs with detail",
        )
    features = [(row["features"], place) for place, row in enumerate(rows)]
    known = [(share, place) for share, place in features if share is not None]
    if known:
        axes.plot(
            *zip(*known, strict=True),
            "|",
            color=_CEILING,
            markersize=9,
            label="ORB, originals",
        )
    windows = [(row.get("windows"), place) for place, row in enumerate(rows)]
    centred = [(it["altered"], place) for it, place in windows if it]
    if centred:
        axes.plot(
            *zip(*centred, strict=True),
            "^",
            color="#27ae60",
            markersize=4,
            label="altered, set with c60 and c80",
        )
    aims = [(row["aim"], place) for place, row in enumerate(rows) if row["aim"]]
    if aims:
        axes.plot(
            *zip(*aims, strict=True), "x", color="#c0392b", markersize=4, label="aim"
        )
    axes.set_yticks(places, [row["name"] for row in rows], fontsize=6.5)
    axes.invert_yaxis()
    axes.set_ylim(len(rows), -1)
    axes.set_xlabel("share of altered photographs that are found")
    axes.legend(frameon=False, fontsize=8, loc="upper center", ncols=2)


def _calibration(axes: Axes, found: dict[str, Any] | None) -> None:
    if not found:
        return
    levels = found["levels"]
    for sort, uploads in found["uploads"].items():
        rates = [count / uploads for count in found["observed"][sort]]
        points = [
            (level, rate) for level, rate in zip(levels, rates, strict=True) if rate
        ]
        if points:
            axes.plot(*zip(*points, strict=True), "o-", markersize=3, label=sort)
    axes.plot(levels, levels, color="#888888", linewidth=0.8, linestyle="--")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("E that is stated")
    axes.set_ylabel("pairs of strangers with that E or less, an upload")
    axes.legend(frameon=False, fontsize=8)


def contact_sheet(
    pairs: Sequence[tuple[Image.Image, Image.Image, str]], path: Path
) -> None:
    """Write pairs of pictures beside each other, with a line of text below.

    Args:
        pairs: Upload, picture of the entry, text.
        path: The path of the PNG; nothing is written without pairs.
    """
    if not pairs:
        return
    across = min(3, len(pairs))
    down = -(-len(pairs) // across)
    size = (across * 2 * _CELL, down * (_CELL + _TEXT))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for number, (upload, entry, text) in enumerate(pairs):
        left = number % across * 2 * _CELL
        top = number // across * (_CELL + _TEXT)
        for place, image in enumerate((upload, entry)):
            small = image.convert("RGB")
            small.thumbnail((_CELL - 6, _CELL - 6))
            sheet.paste(small, (left + place * _CELL, top))
        draw.text((left, top + _CELL - 4), text[:64], "black")
    sheet.save(path, optimize=True)
