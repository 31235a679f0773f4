"""Uploads with little content: flat, gradient, tiny, text-only and dim pictures.

None of them is listed, so that all of their matches are false matches.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.recall.corpus import Original
from tests.corpus import pictures

_WORDS = [
    "upload",
    "list",
    "origin",
    "verdict",
    "the",
    "entry",
    "of",
    "police",
    "match",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """One such picture.

    Attributes:
        name: Kind of picture.
        seed: Seed within the kind.
        path: Path of the file, if it is one.
    """

    name: str
    seed: int
    path: str | None = None

    def content(self) -> bytes:
        """Make the file."""
        if self.path is not None:
            return pictures.jpeg(Image.open(self.path).convert("RGB"), 90)
        return pictures.png(_MAKERS[self.name](np.random.default_rng(self.seed)))


def all_of(weak: Sequence[Original], each: int) -> Iterator[Flat]:
    """Yield all kinds, and the pictures of the corpus that are not listed.

    Args:
        weak: Pictures of the corpus that are too weak to be listed.
        each: Number of each kind.
    """
    for name in _MAKERS:
        for seed in range(each):
            yield Flat(name=name, seed=seed)
    for seed, original in enumerate(weak):
        name = f"too weak to list, {original.sort}"
        yield Flat(name=name, seed=seed, path=original.path)


def _plain(rng: np.random.Generator) -> Image.Image:
    return Image.new("RGB", _size(rng), _colour(rng))


def _grainy(rng: np.random.Generator) -> Image.Image:
    width, height = _size(rng)
    grain = rng.normal(0, rng.uniform(0.5, 3), (height, width, 3))
    pixels = np.clip(grain + np.array(_colour(rng)), 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def _gradient(rng: np.random.Generator) -> Image.Image:
    width, height = _size(rng)
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    angle = rng.uniform(0, 2 * np.pi)
    way = np.cos(angle) * across + np.sin(angle) * down
    if rng.random() < 0.5:  # noqa: PLR2004 - half of them round
        way = np.hypot(across - rng.uniform(-1, 1), down - rng.uniform(-1, 1))
    share = (way - way.min()) / np.ptp(way)
    ends = np.array([_colour(rng), _colour(rng)], float)
    pixels = ends[0] + share[..., None] * (ends[1] - ends[0])
    return Image.fromarray(pixels.astype(np.uint8))


def _tiny(rng: np.random.Generator) -> Image.Image:
    """Return a photograph of 1 x 1 to 16 x 16 pixels."""
    width, height = (int(side) for side in rng.integers(1, 17, 2))
    photo = pictures.photograph(int(rng.integers(1 << 30)), width=96, height=96)
    return photo.resize((width, height), Image.Resampling.BOX)


def _text(rng: np.random.Generator) -> Image.Image:
    """Return a page of lines of text."""
    width, height = _size(rng)
    page = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(page)
    size = float(rng.uniform(10, 40))
    font = ImageFont.load_default(size)
    for top in np.arange(size, height - size, size * 1.4):
        words = rng.choice(_WORDS, int(rng.integers(3, 14)))
        draw.text((size, float(top)), " ".join(words), fill="black", font=font)
    return page


def _one_line(rng: np.random.Generator) -> Image.Image:
    """Return a few words in the middle of an empty page."""
    width, height = _size(rng)
    page = Image.new("RGB", (width, height), _colour(rng))
    font = ImageFont.load_default(float(rng.uniform(12, 60)))
    words = " ".join(rng.choice(_WORDS, 3))
    draw = ImageDraw.Draw(page)
    draw.text((width / 2, height / 2), words, fill=_colour(rng), font=font, anchor="mm")
    return page


def _dim(rng: np.random.Generator) -> Image.Image:
    """Return an unlisted photograph at a seventh of its contrast."""
    photo = pictures.photograph(int(rng.integers(1 << 30)), width=480, height=320)
    return pictures.dimmed(photo, contrast=0.15)


def _size(rng: np.random.Generator) -> tuple[int, int]:
    width, height = rng.integers(64, 700, 2)
    return int(width), int(height)


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rng.integers(0, 256, 3))
    return red, green, blue


_MAKERS: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    "plain": _plain,
    "grainy": _grainy,
    "gradient": _gradient,
    "tiny": _tiny,
    "text": _text,
    "one line": _one_line,
    "dim photograph": _dim,
}
