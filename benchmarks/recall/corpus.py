"""The originals of the recall benchmark: loaded, reduced, and without repetitions.

An original stands for a picture of a police set: its PDQ and pHash are computed from
all its pixels by the reference implementations (``pdqhash``, ``imagehash``), not by us.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
import pillow_jxl  # noqa: F401 - registers itself
from numpy.typing import NDArray
from PIL import Image

from benchmarks.recall.packages import SOURCES, Package, Sort, pictures_of, unpacked
from uploadfilter.hashsets.degenerate import problem_of
from uploadfilter.model import QUALITY_FLOOR, SignalType

FOLDER = Path("build/recall")
"""Folder of the originals as PNG, so that no run decodes a wallpaper many times."""

MOST_PIXELS = 1024
"""Longest side of an original, in pixels; larger pictures are reduced. Alterations then
cost a tenth, and a web page would show that size anyway."""

LEAST_PIXELS = 160
"""Shortest side. Smaller pictures are icons."""

PART = (1100, 820)
"""Least width and height of the parts that a photograph is cut into, in addition to
being an original itself. The parts do not overlap, so that each is a picture of its
own. Packages have few freely licensed photographs, but those are large."""

SAME_BITS = 40
"""Originals within this distance, in any turn or as a negative, are one picture.

A sample of pairs of photographs from 20 bits on was looked at: they are crops, or have
other colours. From 44 bits on there are different ones: galaxies on black. Among
*graphics* this drops different pictures too (clocks that show different times, flags,
pieces of a puzzle): the run states how many were within 31 bits, because no threshold
separates them.
"""

_FULL_BITS = 256
_THRESHOLD = 31
_PIXELS_LIMIT = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """One listed picture.

    Attributes:
        path: Path of the PNG.
        source: The file in its package; for a part, the PNG.
        name: Package and path within it.
        sort: Photograph or graphic.
        pdq: 256 bits in hex, by the reference implementation.
        quality: PDQ's quality, 0 to 100.
        phash: 64 bits in hex.
    """

    path: str
    source: str
    name: str
    sort: Sort
    pdq: str
    quality: int
    phash: str

    @property
    def is_strong(self) -> bool:
        """Tell whether it may be listed: an import would accept and match its PDQ."""
        value = bytes.fromhex(self.pdq)
        return (
            self.quality >= QUALITY_FLOOR and problem_of(SignalType.PDQ, value) is None
        )

    def image(self) -> Image.Image:
        """Load the picture, RGB."""
        return Image.open(self.path).convert("RGB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """The listed pictures, and those that were left out.

    Attributes:
        originals: Listed pictures.
        weak: Pictures below the quality floor, or with a degenerate PDQ, which are not
            listed.
        manifest: For each source the number of pictures taken, its version and licence.
        near: Pairs of originals within 31 bits, before repetitions were dropped, by the
            less photographic sort of the two.
    """

    originals: tuple[Original, ...]
    weak: tuple[Original, ...]
    manifest: tuple[dict[str, object], ...]
    near: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Job:
    source: str
    target: str
    name: str
    sort: Sort
    part: tuple[int, int, int, int] | None = None


def load(executor: Executor, *, most: int | None = None) -> Corpus:
    """Return the corpus; the first time it is fetched, which takes some minutes.

    Args:
        executor: Loads pictures in parallel.
        most: Most pictures of each source.
    """
    packages = unpacked(SOURCES)
    jobs = list(_jobs(packages, most))
    loaded = list(executor.map(_load, jobs, chunksize=16))
    usable = [original for original in loaded if original is not None]
    strong = [item for item in usable if item.is_strong]
    weak = [item for item in usable if not item.is_strong]
    # The strong ones first: of a picture and its dim copy the strong one is listed.
    distinct, near = _distinct([*strong, *weak])
    kept = [item for item in distinct if item.is_strong]
    weak = [item for item in distinct if not item.is_strong]
    counts = _Counts(
        found=_by_source(jobs),
        usable=_by_source(usable),
        weak=_by_source(weak),
        kept=_by_source(kept),
    )
    return Corpus(
        originals=tuple(kept),
        weak=tuple(weak),
        manifest=tuple(counts.rows(packages.values())),
        near=near,
    )


def _jobs(packages: dict[str, Package], most: int | None) -> Iterable[_Job]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        if source.name not in packages:
            continue
        package = packages[source.name]
        for path in pictures_of(source, package)[:most]:
            inside = path.relative_to(package.root)
            key = f"{package.root.name}/{inside}".replace("/", "!")
            name = f"{source.sort} {source.name}: {inside}"
            target = str(FOLDER / key)
            yield _Job(str(path), f"{target}.png", name, source.sort)
            for number, part in enumerate(_parts(source.sort, path)):
                png = f"{target}!{number}.png"
                yield _Job(str(path), png, f"{name}, part {number}", source.sort, part)


def _parts(sort: Sort, path: Path) -> Iterable[tuple[int, int, int, int]]:
    """Yield the boxes that a large photograph is cut into."""
    if sort is not Sort.PHOTOGRAPH:
        return
    with Image.open(path) as image:
        columns, rows = (
            side // least for side, least in zip(image.size, PART, strict=True)
        )
        for row in range(rows if columns * rows > 1 else 0):
            for column in range(columns):
                across, down = image.width // columns, image.height // rows
                left, top = column * across, row * down
                yield left, top, left + across, top + down


def _load(job: _Job) -> Original | None:
    """Reduce a picture and compute its signals for a set, unless they are known."""
    known = Path(f"{job.target}.json")
    if known.is_file():
        document = json.loads(known.read_text(encoding="utf-8"))
        # Its name may have changed since.
        source = job.target if job.part else job.source
        named = {"name": job.name, "sort": job.sort, "source": source}
        return Original(**document | named) if document else None
    original = _made(job)
    document = asdict(original) if original else None
    known.write_text(json.dumps(document), encoding="utf-8")
    return original


def _made(job: _Job) -> Original | None:
    image = _opened(job.source, job.part)
    if image is None:
        return None
    image.save(job.target, compress_level=1)
    pixels = np.asarray(image)
    bits, quality = pdqhash.compute(pixels)
    return Original(
        path=job.target,
        source=job.target if job.part else job.source,
        name=job.name,
        sort=job.sort,
        pdq=np.packbits(bits.astype(np.uint8)).tobytes().hex(),
        quality=int(quality),
        phash=str(imagehash.phash(image)),
    )


def _opened(path: str, part: tuple[int, int, int, int] | None) -> Image.Image | None:
    """Return the picture on white, reduced; ``None`` if it is too small."""
    Image.MAX_IMAGE_PIXELS = _PIXELS_LIMIT * 2
    image: Image.Image = Image.open(path)
    if min(image.size) < LEAST_PIXELS:
        return None
    if image.mode != "RGB":
        layer = image.convert("RGBA")
        image = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        image.alpha_composite(layer)
    image = image.convert("RGB")
    if part is not None:
        image = image.crop(part)
    image.thumbnail((MOST_PIXELS, MOST_PIXELS), Image.Resampling.LANCZOS)
    return image if min(image.size) >= LEAST_PIXELS else None


def _distinct(originals: Sequence[Original]) -> tuple[list[Original], dict[str, int]]:
    """Return the originals without repetitions of earlier ones, and near pairs."""
    kept: list[Original] = []
    near: Counter[str] = Counter()
    lanes = np.stack([_turned(original)[0] for original in originals])
    is_kept = np.zeros(len(originals), bool)
    sorts = list(Sort)
    ranks = np.array([sorts.index(original.sort) for original in originals])
    for row, original in enumerate(originals):
        apart = np.bitwise_count(lanes[:row, None] ^ _turned(original)).sum(axis=2)
        nearest = np.minimum(apart, _FULL_BITS - apart.astype(int)).min(
            axis=1, initial=_FULL_BITS
        )
        for rank in np.maximum(ranks[:row], ranks[row])[nearest <= _THRESHOLD]:
            near[sorts[rank].value] += 1
        if not (nearest[is_kept[:row]] <= SAME_BITS).any():
            is_kept[row] = True
            kept.append(original)
    return kept, dict(near)


def _turned(original: Original) -> NDArray[np.uint64]:
    """Return the PDQ values of the eight turns, the upright one first."""
    # The signs of the coefficients suffice: the signs of a turn are the turned signs.
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(original.pdq), np.uint8))[::-1]
    block = bits.reshape(16, 16)
    odd = (np.arange(1, 17) % 2).astype(np.uint8)
    signs = np.zeros((16, 16), np.uint8)
    ways = [
        matrix ^ down ^ across
        for matrix in (block, block.T)
        for down in (signs, odd[:, None] | signs)
        for across in (signs, odd[None, :] | signs)
    ]
    packed = np.packbits(np.stack([way.reshape(-1)[::-1] for way in ways]), axis=1)
    return packed.view(np.uint64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """The numbers of pictures of each source at each step."""

    found: Counter[str]
    usable: Counter[str]
    weak: Counter[str]
    kept: Counter[str]

    def rows(self, packages: Iterable[Package]) -> Iterable[dict[str, object]]:
        by_name = {package.name: package for package in packages}
        for source in SOURCES:
            key = f"{source.sort} {source.name}"
            if source.name not in by_name:
                print(f"  no pictures of {source.name}", file=sys.stderr)
                continue
            package = by_name[source.name]
            yield {
                "package": source.name,
                "registry": package.registry,
                "version": package.version,
                "licence": package.licence,
                "sort": source.sort,
                "pictures": self.found[key],
                "small": self.found[key] - self.usable[key],
                "weak": self.weak[key],
                "repeated": self.usable[key] - self.weak[key] - self.kept[key],
                "listed": self.kept[key],
            }


def _by_source(items: Iterable[_Job | Original]) -> Counter[str]:
    return Counter(item.name.partition(":")[0] for item in items)
