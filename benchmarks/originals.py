"""The originals: pictures of a listed set, and the half to which each belongs.

An original is at most 800 pixels long, has a quality that is matched, and lies more
than 40 bits from all others, in any turn. A large photograph also gives its parts,
which do not overlap each other; they share its *scene*, and so its half: parameters are
chosen on half A, and half B is for the report.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pillow_jxl  # noqa: F401 - registers itself
from numpy.typing import NDArray
from PIL import Image

from benchmarks.packages import Picture as Found
from benchmarks.packages import Sort, pictures
from uploadfilter.model import QUALITY_FLOOR
from uploadfilter.pictures.picture import Floats, Picture, Shape
from uploadfilter.signals import pdq

HALVES = ("A", "B")

SIDE = 800
"""Longest side of an original, in pixels."""

PART = (960, 720)
"""Least size of the parts of a large photograph, in pixels; at most 4 x 4."""

SAME_BITS = 40
"""Originals within this distance, in any turn or as a negative, show the same thing.

A sample of pairs of photographs from 20 bits on was looked at: they are crops, or have
other colours. From 44 bits on there are different ones: galaxies on black."""

LEAST_SIDE = {Sort.PRODUCT: 150, Sort.DRAWING: 150}
"""Shortest side in pixels, 200 of all other sorts: a smaller picture is an icon."""

_MOST_PARTS = 4
_MOST_PIXELS = 80_000_000
_OPAQUE = 250
_OPAQUE_SHARE = 0.98
_FULL_BITS = 256

Values = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """One listed picture.

    Attributes:
        file: Name of its PNG.
        sort: Its sort.
        package: The package that it comes from.
        scene: Pictures of one scene overlap.
        half: ``A`` or ``B``.
        quality: PDQ's quality.
    """

    file: str
    sort: str
    package: str
    scene: str
    half: str
    quality: int


@dataclass(frozen=True, slots=True)
class Originals:
    """All originals, in one order.

    Attributes:
        folder: Folder of the files.
        listed: The originals.
        values: PDQ, uint8, shape (originals, 32).
        planes: Their planes, float32, shape (originals, 64, 64).
    """

    folder: Path
    listed: tuple[Original, ...]
    values: Values
    planes: Floats

    def of(self, sort: Sort, half: str) -> list[int]:
        """Return the numbers of the originals of a sort in a half."""
        return [
            number
            for number, item in enumerate(self.listed)
            if item.sort == sort and item.half == half
        ]

    def corpus(self) -> list[dict[str, object]]:
        """Return the number of originals of each package and sort, by half."""
        counts = Counter((it.sort, it.package, it.half) for it in self.listed)
        return [
            {"sort": sort, "package": package}
            | {half: counts[sort, package, half] for half in HALVES}
            for sort, package in sorted({key[:2] for key in counts})
        ]

    def aspect(self, number: int) -> float:
        """Return the width of an original, divided by its height."""
        path = self.folder / "pictures" / self.listed[number].file
        with Image.open(path) as image:
            return image.width / image.height

    def image(self, number: int) -> Image.Image:
        """Load an original, RGB."""
        path = self.folder / "pictures" / self.listed[number].file
        return Image.open(path).convert("RGB")


def load(cache: Path) -> Originals:
    """Load originals that ``make`` wrote."""
    folder = cache / "originals"
    known = json.loads((folder / "pictures.json").read_text(encoding="utf-8"))
    return Originals(
        folder,
        tuple(Original(**item) for item in known),
        np.load(folder / "values.npy"),
        np.load(folder / "planes.npy"),
    )


def make(cache: Path, executor: Executor) -> Originals:
    """Load the originals; the first time packages are fetched, which takes minutes.

    Args:
        cache: Folder of packages and originals.
        executor: Its processes reduce the pictures.
    """
    folder = cache / "originals"
    if (folder / "pictures.json").is_file():
        return load(cache)
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    jobs = list(pictures(cache / "packages"))
    kept = np.empty((0, 4), np.uint64)
    known: list[dict[str, object]] = []
    planes: list[Floats] = []
    reduced = executor.map(_reduced, jobs, chunksize=8)
    for job, found in zip(jobs, reduced, strict=True):
        for image, plane in found:
            quality = pdq.quality(plane.tobytes())
            value = values_of(plane[None])
            if quality < QUALITY_FLOOR or nearest(kept, value[0]) <= SAME_BITS:
                continue
            kept = np.concatenate((kept, value.view(np.uint64)))
            file = f"{len(known):05d}.png"
            image.save(folder / "pictures" / file, compress_level=1)
            planes.append(plane)
            known.append(
                {
                    "file": file,
                    "sort": job.sort.value,
                    "package": job.package,
                    "scene": job.scene,
                    "quality": quality,
                }
            )
    halves = halves_of(known)
    listed = [
        Original(half=halves[str(item["scene"])], **item)  # type: ignore[arg-type]
        for item in known
    ]
    document = json.dumps([asdict(item) for item in listed])
    (folder / "pictures.json").write_text(document, encoding="utf-8")
    np.save(folder / "values.npy", kept.view(np.uint8))
    np.save(folder / "planes.npy", np.stack(planes))
    return load(cache)


def halves_of(known: Sequence[dict[str, object]]) -> dict[str, str]:
    """Return the half of each scene: by its digest, both halves equally large."""
    scenes: dict[str, list[str]] = defaultdict(list)
    for item in known:
        scenes[str(item["scene"])].append(str(item["sort"]))
    sizes: Counter[tuple[str, str]] = Counter()
    halves = {}
    for scene in sorted(scenes, key=lambda it: hashlib.sha256(it.encode()).digest()):
        sort = Counter(scenes[scene]).most_common(1)[0][0]
        half = min(HALVES, key=lambda it: (sizes[sort, it], it))
        sizes[sort, half] += len(scenes[scene])
        halves[scene] = half
    return halves


def _reduced(job: Found) -> list[tuple[Image.Image, Floats]]:
    """Return a picture and the parts of a large one, reduced, with their planes."""
    try:
        image = _opened(job.sort, job.path)
        boxes = [] if image is None else [None, *_parts(*image.size)]
        found = []
        for box in boxes:
            part = image.copy() if box is None else image.crop(box)  # type: ignore[union-attr]
            part.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            found.append((part, plane_of(part)))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return []
    return found


def _opened(sort: Sort, path: Path) -> Image.Image | None:
    Image.MAX_IMAGE_PIXELS = _MOST_PIXELS
    image: Image.Image = Image.open(path)
    if min(image.size) < LEAST_SIDE.get(sort, 200):
        return None
    if image.mode != "RGB":
        layer = image.convert("RGBA")
        opaque = np.asarray(layer.getchannel("A")) > _OPAQUE
        if sort is Sort.PHOTOGRAPH and opaque.mean() < _OPAQUE_SHARE:
            return None  # a piece of a puzzle, or a thing that was cut out
        image = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        image.alpha_composite(layer)
    return image.convert("RGB")


def _parts(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    across = min(width // PART[0], _MOST_PARTS)
    down = min(height // PART[1], _MOST_PARTS)
    if across * down > 1:
        for row in range(down):
            for column in range(across):
                yield (
                    column * width // across,
                    row * height // down,
                    (column + 1) * width // across,
                    (row + 1) * height // down,
                )


def plane_of(image: Image.Image) -> Floats:
    """Return the plane that a scanner computes of a picture."""
    pixels = np.asarray(image.convert("RGB"), np.float32)
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    luma = np.rint(pixels @ weights).astype(np.uint8)
    height, width = luma.shape
    return pdq.plane_of(Picture(plane=luma, shape=Shape(height=height, width=width)))


def values_of(planes: Floats) -> Values:
    """Return the PDQ values of planes, as they are published, shape (n, 32)."""
    bits = pdq.bits_of(planes).reshape(len(planes), _FULL_BITS)
    return np.packbits(bits[:, ::-1], axis=1)


def turned(value: Values) -> NDArray[np.uint64]:
    """Return the PDQ values of the eight turns, the upright one first, shape (8, 4).

    The signs of the coefficients suffice: the signs of a turn are the turned signs.
    """
    block = np.unpackbits(value)[::-1].reshape(16, 16)
    odd = (np.arange(1, 17) % 2).astype(np.uint8)
    none = np.zeros((16, 16), np.uint8)
    ways = [
        matrix ^ down ^ across
        for matrix in (block, block.T)
        for down in (none, odd[:, None] | none)
        for across in (none, odd[None, :] | none)
    ]
    flat = np.stack([way.reshape(-1)[::-1] for way in ways])
    return np.packbits(flat, axis=1).view(np.uint64)


def nearest(kept: NDArray[np.uint64], value: Values) -> int:
    """Return the distance of the nearest of some values, in any turn or negative."""
    if not len(kept):
        return _FULL_BITS
    bits = np.bitwise_count(kept[:, None] ^ turned(value)[None]).sum(2, dtype=np.int64)
    return int(min(bits.min(), _FULL_BITS - bits.max()))
