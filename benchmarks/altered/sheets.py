"""Show the pairs that chance brought near: a person looks at each of them.

The sheet stays out of the repository: the pictures have the licences of their packages.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image

from benchmarks.altered import entries as sets
from benchmarks.altered import strangers
from benchmarks.altered.originals import Originals
from benchmarks.altered.packages import further

_MISSING = (60, 60)

Shown = tuple[Image.Image, Image.Image, str]


def pairs(
    tally: strangers.Tally,
    originals: Originals,
    entries: sets.Entries,
    cache: Path,
    most: float,
) -> Iterator[Shown]:
    """Yield each pair of scenes once, the one with the lowest E first.

    Args:
        tally: The results of ``strangers``.
        originals: The originals.
        entries: The set.
        cache: Folder of the packages.
        most: E of a pair, at most.
    """
    numbers = {item.scene: place for place, item in enumerate(originals.listed)}
    roots = dict(further(cache))
    seen = set()
    for item in sorted(tally.near, key=lambda item: item.expected):
        pair = strangers.scenes_of(item, originals, entries)
        if item.expected > most or pair in seen:
            continue
        seen.add(pair)
        number = numbers.get(pair[1])
        theirs = _found(roots, pair[1]) if number is None else originals.image(number)
        text = f"{item.expected:.0e} {item.sort} d{item.distance} {pair[1][-28:]}"
        yield originals.image(item.upload), theirs, text


def _found(roots: Mapping[str, Path], scene: str) -> Image.Image:
    """Return a picture of a package by its name; an empty one if it is not there."""
    package, _, name = scene.partition(":")
    paths = roots[package].rglob(name) if package in roots else ()
    for path in sorted(paths):
        try:
            layer = Image.open(path).convert("RGBA")
        except (OSError, SyntaxError, ValueError):
            continue
        image = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        image.alpha_composite(layer)
        return image
    return Image.new("RGB", _MISSING)
