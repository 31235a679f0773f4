"""Show the pairs that chance brought near: a person looks at each of them.

The sheet stays out of the repository: the pictures have the licences of their packages.
"""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from benchmarks.altered import entries as sets
from benchmarks.altered import strangers
from benchmarks.altered.originals import Originals

_MISSING = (60, 60)

Shown = tuple[Image.Image, Image.Image, str]


def pairs(
    tally: strangers.Tally,
    originals: Originals,
    entries: sets.Entries,
    unpacked: Path,
    most: float,
) -> Iterator[Shown]:
    """Yield each pair of scenes once, the one with the lowest E first.

    Args:
        tally: The results of ``strangers``.
        originals: The originals.
        entries: The set.
        unpacked: Folder with a folder for each further package.
        most: E of a pair, at most.
    """
    numbers = {item.scene: place for place, item in enumerate(originals.listed)}
    seen = set()
    for item in sorted(tally.near, key=lambda item: item.expected):
        pair = strangers.scenes_of(item, originals, entries)
        if item.expected > most or pair in seen:
            continue
        seen.add(pair)
        number = numbers.get(pair[1])
        theirs = (
            _found(unpacked, pair[1]) if number is None else originals.image(number)
        )
        text = f"{item.expected:.0e} {item.sort} d{item.distance} {pair[1][-28:]}"
        yield originals.image(item.upload), theirs, text


def _found(unpacked: Path, scene: str) -> Image.Image:
    """Return a picture of a package by its name; an empty one if it is not there."""
    package, _, name = scene.partition(":")
    for path in sorted((unpacked / package).rglob(Path(name).name)):
        try:
            image: Image.Image = Image.open(path).convert("RGBA").convert("RGB")
        except (OSError, SyntaxError, ValueError):
            continue
        return image
    return Image.new("RGB", _MISSING)
