"""Make millions of PDQ and pHash values of real pictures, by cutting out regions.

There are not ten million freely licensed pictures at hand. But a picture of a million
pixels has thousands of regions that are different pictures to a perceptual hash: a
shift or a change of size by 20 % moves some 90 bits of PDQ. So each picture gives
regions of random height, width and place, and the values are shuffled. Unlike the
values of ``data.py``, none is a turn or a negative of another one.

    python -m benchmarks.matching.regions TARGET COUNT FOLDER...

``FOLDER`` holds unpacked packages, one folder each, as
``benchmarks/recall/packages.py`` unpacks them. The result is ``TARGET/values-10m.npy``,
``TARGET/phash.npy`` and the sources in ``TARGET/values-10m.json``; a picture is never
copied.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from uploadfilter.signals import operators

Values = NDArray[np.uint8]
Plane = NDArray[np.float32]
Grey = NDArray[np.uint8]

MOST_OF_A_PACKAGE = 250
"""Pictures of one package, evenly chosen: some packages are series of one object."""

LEAST_BYTES = 20_000
"""Smallest file; smaller ones are icons."""

LEAST_SIDE = 200
MOST_SIDE = 800
"""Sides of a picture in pixels; larger ones are reduced before regions are cut out."""

SMALLEST = 0.15
"""Smallest side of a region, as a share of the picture's, and at least 64 pixels."""

STRIDE = 0.2
"""Distance between regions in one row, as a share of their width."""

FLATTEST = 3.0
"""Least mean of the absolute DCT coefficients of a region, in grey steps. PDQ's quality
of a flatter region is below 50, so that a set would not list it."""

UNWANTED = re.compile(r"icon|themes|flags|emoji|emoticon")
"""Packages whose pictures are symbols."""

_SEED = 15_015
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_WIDTHS_A_ROW = 4
_PDQ_SIDE, _PHASH_SIDE, _SMALL_SIDE = 16, 8, 32
_PASSES = 40
"""Most times that all pictures are gone through."""


def pictures_of(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the pictures of each package; a package in two folders counts once."""
    found: dict[str, list[Path]] = {}
    for package in sorted(child for folder in folders for child in folder.iterdir()):
        if UNWANTED.search(package.name) or package.name in found:
            continue
        paths = sorted(
            path
            for path in package.rglob("*")
            if path.suffix.lower() in _SUFFIXES
            and path.is_file()
            and not path.is_symlink()
            and path.stat().st_size >= LEAST_BYTES
        )
        step = max(1.0, len(paths) / MOST_OF_A_PACKAGE)
        count = min(len(paths), MOST_OF_A_PACKAGE)
        if count:
            found[package.name] = [paths[int(at * step)] for at in range(count)]
    return found


def plane_of(path: Path) -> Grey | None:
    """Return the luma of a picture, or ``None`` if it is too small or damaged."""
    try:
        with Image.open(path) as image:
            if min(image.size) < LEAST_SIDE:
                return None
            image.draft("L", (2 * MOST_SIDE, 2 * MOST_SIDE))
            grey = image.convert("RGBA").convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    grey.thumbnail((MOST_SIDE, MOST_SIDE))
    return np.asarray(grey) if min(grey.size) >= LEAST_SIDE else None


@lru_cache(2048)
def _operator(length: int) -> Plane:
    """Return the rows of PDQ (16) and then of pHash (8) for one axis."""
    pdq = (
        _cosines(1, _PDQ_SIDE, operators.PLANE_SIDE) @ operators.jarosz(length).dense()
    )
    phash = _cosines(0, _PHASH_SIDE, _SMALL_SIDE)
    phash = phash @ operators.lanczos(length, _SMALL_SIDE).dense()
    return np.concatenate([pdq, phash]).astype(np.float32)


def _cosines(first: int, count: int, length: int) -> NDArray[np.float64]:
    frequencies = np.arange(first, first + count)
    phases = 2 * np.arange(length) + 1
    cosines: NDArray[np.float64] = np.sqrt(2 / length) * np.cos(
        np.pi / (2 * length) * np.outer(frequencies, phases)
    )
    return cosines


def regions(plane: Grey, rng: np.random.Generator) -> tuple[Values, Values]:
    """Return PDQ and pHash of some rows of regions of a picture."""
    rows, columns = plane.shape
    height = _side(rows, rng)
    top = int(rng.integers(0, rows - height + 1))
    shrunk = _operator(height) @ plane[top : top + height].astype(np.float32)
    blocks = []
    aspects = rng.uniform(0.6, 1.7, _WIDTHS_A_ROW)
    # A set: several widths that are limited to the picture's would repeat a region.
    for width in {min(max(int(height * aspect), 64), columns) for aspect in aspects}:
        step = max(int(width * STRIDE), 1)
        slack = columns - width
        lefts = range(int(rng.integers(0, min(step, slack + 1))), slack + 1, step)
        windows = np.stack([shrunk[:, left : left + width] for left in lefts])
        flat = windows.reshape(-1, width) @ _operator(width).T
        blocks.append(flat.reshape(len(windows), len(shrunk), -1))
    return _values_of(np.concatenate(blocks))


def _side(length: int, rng: np.random.Generator) -> int:
    least = min(max(64, int(length * SMALLEST)), length)
    return int(np.exp(rng.uniform(np.log(least), np.log(length))))


def _values_of(blocks: Plane) -> tuple[Values, Values]:
    pdq = blocks[:, :_PDQ_SIDE, :_PDQ_SIDE].reshape(len(blocks), _PDQ_SIDE**2)
    keep = np.abs(pdq).mean(axis=1) >= FLATTEST
    pdq = pdq[keep]
    middle = np.partition(pdq, 127, axis=1)[:, 127:128]
    values = np.packbits((pdq > middle)[:, ::-1], axis=1)
    low = blocks[keep, _PDQ_SIDE:, _PDQ_SIDE:].reshape(len(pdq), _PHASH_SIDE**2)
    middles = np.partition(low, (31, 32), axis=1)[:, 31:33].mean(axis=1, keepdims=True)
    return values, np.packbits(low > middles, axis=1)


def parts(
    planes: Sequence[Grey], count: int, rng: np.random.Generator
) -> Iterator[tuple[Values, Values]]:
    """Yield values of regions of all pictures in turn, ``count`` in all."""
    left = count
    share = -(-count // len(planes))
    for _ in range(_PASSES):
        for plane in planes:
            want = min(share, left)
            tries = 0
            while want > 0 and tries < share:
                pdq, phash = regions(plane, rng)
                tries += 1
                yield pdq[:want], phash[:want]
                left -= len(pdq[:want])
                want -= len(pdq[:want])
            if not left:
                return


def main(target: Path, count: int, folders: Sequence[Path]) -> None:
    """Write the values, and what they were made of."""
    rng = np.random.default_rng(_SEED)
    planes, used = [], Counter[str]()
    for package, paths in pictures_of(folders).items():
        for path in paths:
            plane = plane_of(path)
            if plane is not None:
                planes.append(plane)
                used[package] += 1
    print(f"{len(planes)} pictures of {len(used)} packages", flush=True)
    values = np.empty((count, 32), np.uint8)
    phashes = np.empty((count, 8), np.uint8)
    done = 0
    for pdq, phash in parts(planes, count, rng):
        values[done : done + len(pdq)] = pdq
        phashes[done : done + len(pdq)] = phash
        if done // 1_000_000 != (done + len(pdq)) // 1_000_000:
            print(f"{done + len(pdq):,}", flush=True)
        done += len(pdq)
    order = rng.permutation(done)
    target.mkdir(parents=True, exist_ok=True)
    np.save(target / "values-10m.npy", values[order])
    np.save(target / "phash.npy", phashes[order])
    about = {"pictures": len(planes), "values": done, "packages": dict(used)}
    (target / "values-10m.json").write_text(
        json.dumps(about, indent=1), encoding="utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), [Path(word) for word in sys.argv[3:]])
