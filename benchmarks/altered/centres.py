"""Try cut photographs against a set that lists the centre of each picture as well.

E of the true entry is the least of its three values: the whole by the usual views, the
windows ``c60`` and ``c80`` by those of windows. All views of the upload count.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.altered import judged
from benchmarks.altered.originals import Originals, Values, plane_of, values_of
from benchmarks.altered.rows import ROWS
from uploadfilter.evidence.chance import tries_of
from uploadfilter.evidence.judging import judge
from uploadfilter.model import QUALITY_FLOOR, Variant
from uploadfilter.pictures.picture import Floats
from uploadfilter.signals import pdq
from uploadfilter.signals.soft.family import ALL_FAMILIES, Family, soft_views
from uploadfilter.signals.windows import WINDOWS

GROUPS = frozenset({"crop", "side", "area"})
"""Groups of rows that cut something off."""


def windows_of(originals: Originals, number: int) -> list[Values]:
    """Return the values of the windows of an original that have enough detail."""
    image = originals.image(number)
    found = []
    for share in WINDOWS.values():
        across, down = (round(side * (1 - share) / 2) for side in image.size)
        box = (across, down, image.width - across, image.height - down)
        plane = plane_of(image.crop(box))
        if pdq.quality(plane.tobytes()) >= QUALITY_FLOOR:
            found.append(values_of(plane[None])[0])
    return found


def tried(
    originals: Originals,
    prepared: judged.Prepared,
    half: str,
    columns: Sequence[int],
) -> dict[str, list[float]]:
    """Return E of the true entry for each row that cuts, and each photograph."""
    folder: Path = originals.folder
    numbers, planes = (
        np.load(folder / f"altered-{half}-{kind}.npy", mmap_mode="r")
        for kind in ("index", "planes")
    )
    found: dict[str, list[float]] = {}
    for column in columns:
        number = int(numbers[column])
        windows = windows_of(originals, number)
        for place, row in enumerate(ROWS):
            if row.group in GROUPS:
                figure = _figure(
                    prepared, planes[place, column], originals.values[number], windows
                )
                found.setdefault(row.name, []).append(figure)
    return found


def _figure(
    prepared: judged.Prepared, plane: Floats, whole: Values, windows: Sequence[Values]
) -> float:
    data = np.asarray(plane, np.float32).tobytes()
    usual = soft_views(data, families=ALL_FAMILIES, variants=(Variant.UPRIGHT,))
    centred = soft_views(data, families=(Family.WINDOWS,))
    tries = tries_of(len(usual) + len(centred))
    return min(
        judged.figure(item)
        for views, values in ((usual, [whole]), (centred, windows))
        for item in judge(
            prepared.background,
            views,
            [value.tobytes() for value in values],
            entries=judged.ENTRIES,
            tries=tries,
            plane=data,
        )
    )
