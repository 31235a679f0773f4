"""A large set of real values: windows of the pictures of many packages.

There are no ten million freely licensed pictures at hand. A window of a picture, with a
half to all of its sides, is a picture of its own for PDQ from a tenth of a side on, so
each picture gives many values. None comes from half B, whose pictures are uploaded.
"""

import json
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from benchmarks.originals import Originals, Values, values_of
from benchmarks.packages import Sort, further
from uploadfilter.model import QUALITY_FLOOR
from uploadfilter.pictures.picture import Floats
from uploadfilter.signals import pdq

WINDOWS = {Sort.PHOTOGRAPH: 250}
"""Windows of an original of half A; other pictures have fewer."""

_OTHER_WINDOWS = 60
_LEAST_SIDE, _LONGEST_SIDE = 90, 320
_LEAST_BYTES, _MOST_OF_A_PACKAGE = 4000, 900
_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".gif"})
_PLANE = (64, 64)
_PRIME = 7919


@dataclass(frozen=True, slots=True)
class Entries:
    """The set.

    Attributes:
        values: PDQ, uint8, shape (n, 32), each once, in a random order.
        scenes: Number of the scene of each.
        names: Package and name of each scene.
    """

    values: Values
    scenes: NDArray[np.int32]
    names: tuple[str, ...]


def make(originals: Originals, cache: Path, executor: Executor, most: int) -> Entries:
    """Load the set, or write it.

    Args:
        originals: Half A of them is taken.
        cache: Folder of the packages.
        executor: Its processes compute the values.
        most: About so many values.
    """
    folder = originals.folder
    if (folder / "entries-values.npy").is_file():
        text = (folder / "entries-scenes.json").read_text(encoding="utf-8")
        return Entries(
            np.load(folder / "entries-values.npy", mmap_mode="r"),
            np.load(folder / "entries-scene.npy", mmap_mode="r"),
            tuple(json.loads(text)),
        )
    others = list(_other_pictures(cache))
    each = max(20, round(most / max(len(others), 1)))
    jobs = [
        (folder / "pictures" / item.file, item.scene, _windows_of(item.sort))
        for item in originals.listed
        if item.half == "A"
    ]
    jobs += [(path, scene, each) for path, scene in others]
    values: list[Values] = []
    scenes: list[NDArray[np.int32]] = []
    names: list[str] = []
    for (_, scene, _), found in zip(
        jobs, executor.map(_values, jobs, chunksize=32), strict=True
    ):
        if found is not None:
            values.append(found)
            scenes.append(np.full(len(found), len(names), np.int32))
            names.append(scene)
    once, first = np.unique(np.concatenate(values), axis=0, return_index=True)
    order = np.random.default_rng(1).permutation(len(once))
    np.save(folder / "entries-values.npy", once[order])
    np.save(folder / "entries-scene.npy", np.concatenate(scenes)[first][order])
    (folder / "entries-scenes.json").write_text(json.dumps(names), encoding="utf-8")
    return make(originals, cache, executor, most)


def _windows_of(sort: str) -> int:
    return WINDOWS.get(Sort(sort), _OTHER_WINDOWS)


def _other_pictures(cache: Path) -> Iterator[tuple[Path, str]]:
    """Yield the pictures of packages that no original comes from."""
    for package in further(cache):
        found = sorted(
            path
            for path in package.root.rglob("*")
            if path.suffix.lower() in _SUFFIXES
            and path.is_file()
            and not path.is_symlink()
            and path.stat().st_size > _LEAST_BYTES
        )
        for path in found[:: -(-len(found) // _MOST_OF_A_PACKAGE) or 1]:
            yield path, f"{package.name.partition(':')[2]}:{path.name}"


def _values(job: tuple[Path, str, int]) -> Values | None:
    """Return the values of the windows of a picture; ``None`` if it has none."""
    path, _, count = job
    try:
        image = _luma(path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    if image is None:
        return None
    name = str(path)
    rng = np.random.default_rng(len(name) * _PRIME + sum(name.encode()))
    planes = np.stack(list(_windows(image, count, rng)))
    planes = planes[pdq.qualities_of(planes.copy()) >= QUALITY_FLOOR]
    return values_of(planes) if len(planes) else None


def _luma(path: Path) -> Image.Image | None:
    image: Image.Image = Image.open(path)
    if min(image.size) < _LEAST_SIDE:
        return None
    if image.mode != "L":
        layer = image.convert("RGBA")
        image = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        image.alpha_composite(layer)
    image = image.convert("L")
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.BOX)
    return image


def _windows(
    image: Image.Image, count: int, rng: np.random.Generator
) -> Iterator[Floats]:
    """Yield the planes of the whole picture and of windows, half of them mirrored."""
    width, height = image.size
    for number in range(count):
        across, down, left, top = 1.0, 1.0, 0.0, 0.0
        if number:
            across = rng.uniform(0.45, 0.95)
            down = min(max(across * rng.uniform(0.8, 1.25), 0.4), 1)
            left, top = rng.uniform(0, 1 - across), rng.uniform(0, 1 - down)
        box = (
            left * width,
            top * height,
            (left + across) * width,
            (top + down) * height,
        )
        small = image.resize(_PLANE, Image.Resampling.BILINEAR, box=box)
        if rng.random() < 0.5:  # noqa: PLR2004 - half of them
            small = ImageOps.mirror(small)
        yield np.asarray(small, np.float32)
