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
    _parts(axes, rows)
    _points(
        axes,
        [row["features"] for row in rows],
        "|",
        label="ORB, originals",
        color=_CEILING,
        markersize=9,
    )
    windows = [row.get("windows") for row in rows]
    _points(
        axes,
        [it["altered"] if it else None for it in windows],
        "^",
        label="altered, set with c60 and c80",
        color="#27ae60",
        markersize=4,
    )
    _points(
        axes,
        [row["aim"] or None for row in rows],
        "x",
        label="aim",
        color="#c0392b",
        markersize=4,
    )
    _label(axes, [row["name"] for row in rows])


def _parts(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    """Draw the shares of detailed photographs, and of those by a camera."""
    _points(
        axes,
        [row.get("found_detailed") for row in rows],
        "o",
        label="the same, photographs with detail",
        color=_OURS,
        markersize=4.5,
        fillstyle="none",
    )
    _points(
        axes,
        [row.get("found_camera") for row in rows],
        ".",
        label="the same, files with camera data",
        color="#8e44ad",
        markersize=4,
    )


def _label(axes: Axes, names: Sequence[str]) -> None:
    """Name the rows, the first one at the top."""
    axes.set_yticks(range(len(names)), names, fontsize=6.5)
    axes.invert_yaxis()
    axes.set_ylim(len(names), -1)
    axes.set_xlabel("share of altered photographs that are found")
    axes.legend(frameon=False, fontsize=8, loc="upper center", ncols=2)


def _points(
    axes: Axes,
    shares: Sequence[float | None],
    marker: str,
    **style: Any,  # noqa: ANN401 - of the plotting library
) -> None:
    """Draw the shares that are known, each in its row."""
    known = [(share, place) for place, share in enumerate(shares) if share is not None]
    if known:
        axes.plot(*zip(*known, strict=True), marker, **style)


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
