"""Alter the photographs of a half in every way, and keep the planes of the uploads.

The altered pictures themselves are made anew when somebody wants to see one: the same
row and photograph give the same picture.
"""

import json
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.altered.originals import Originals, Values, load, plane_of, values_of
from benchmarks.altered.packages import Sort
from benchmarks.altered.rows import ROWS, WORKING_SIDE, Row
from uploadfilter.pictures.picture import Floats

_OTHERS = 7
"""Part of the seed by which the other photographs of a collage are chosen."""


@dataclass(frozen=True, slots=True)
class Altered:
    """The uploads of a half.

    Attributes:
        numbers: Number of the original of each column.
        planes: Planes, float32, shape (rows, photographs, 64, 64); mapped.
        values: PDQ, uint8, shape (rows, photographs, 32).
    """

    numbers: tuple[int, ...]
    planes: Floats
    values: Values


def altered(originals: Originals, row: Row, number: int) -> Image.Image:
    """Return an altered photograph as it is uploaded; the same each time."""
    half = originals.listed[number].half
    others = originals.of(Sort.PHOTOGRAPH, half)
    rng = np.random.default_rng([number, _OTHERS, *row.name.encode()])
    scene = originals.listed[number].scene

    def other() -> Image.Image:
        while True:
            chosen = others[int(rng.integers(len(others)))]
            if originals.listed[chosen].scene != scene:
                return reduced(str(originals.folder), chosen)

    return row.altered(reduced(str(originals.folder), number), number, other)


def make(originals: Originals, half: str, executor: Executor) -> Altered:
    """Make the uploads of a half, or load them if they are there already."""
    folder = originals.folder
    paths = [folder / f"altered-{half}-{kind}.npy" for kind in _KINDS]
    described = json.dumps([_described(row) for row in ROWS])
    stated = folder / "rows.json"
    is_known = stated.is_file() and stated.read_text(encoding="utf-8") == described
    if not (is_known and all(path.is_file() for path in paths)):
        numbers = originals.of(Sort.PHOTOGRAPH, half)
        made = executor.map(partial(_all_rows, folder), numbers, chunksize=4)
        planes = np.stack(list(made)).swapaxes(0, 1)
        flat = planes.reshape(-1, *planes.shape[2:])
        values = np.concatenate(
            [values_of(flat[at : at + _BLOCK]) for at in range(0, len(flat), _BLOCK)]
        )
        np.save(paths[0], np.array(numbers))
        np.save(paths[1], planes)
        np.save(paths[2], values.reshape(*planes.shape[:2], -1))
        stated.write_text(described, encoding="utf-8")
    known, planes, values = (np.load(path, mmap_mode="r") for path in paths)
    return Altered(tuple(known.tolist()), planes, values)


_KINDS = ("index", "planes", "values")
_BLOCK = 4096


def _described(row: Row) -> dict[str, object]:
    return {"name": row.name, "group": row.group, "aim": row.aim}


def _all_rows(folder: Path, number: int) -> Floats:
    """Return the planes of all rows of a photograph, in a process of the pool."""
    originals = _loaded(folder)
    return np.stack([plane_of(altered(originals, row, number)) for row in ROWS])


@lru_cache(1)
def _loaded(folder: Path) -> Originals:
    return load(folder)


@lru_cache(700)
def reduced(folder: str, number: int) -> Image.Image:
    """Return an original in the size in which it is altered."""
    image = _loaded(Path(folder)).image(number)
    image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.LANCZOS)
    return image


def kept(values: Sequence[int], share: float) -> list[int]:
    """Return an even share of some numbers."""
    count = max(1, round(len(values) * share))
    return [values[at * len(values) // count] for at in range(count)]
