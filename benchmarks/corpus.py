"""The pictures that the benchmarks use, all of them benign.

Half are generated, half are the freely licensed photographs that scikit-image ships
(named one by one, because not every picture there is a photograph). No photograph has
twelve megapixels: they are enlarged, which makes them smoother than a camera's.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import skimage.data
from PIL import Image

from tests.corpus import pictures

PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket", "camera", "coins", "moon")
"""Shipped inside scikit-image's wheel; nothing is downloaded."""

SIZES = {0.3: (640, 480), 2: (1632, 1224), 12: (4000, 3000)}
"""Width and height by megapixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One picture of the corpus.

    Attributes:
        name: Its source.
        megapixels: Key of ``SIZES``.
        image: The picture, RGB.
    """

    name: str
    megapixels: float
    image: Image.Image


def samples(
    megapixels: float, *, generated: int, photographs: int, seed: int
) -> Iterator[Sample]:
    """Yield pictures of one size: generated ones, then photographs.

    Args:
        megapixels: Key of ``SIZES``.
        generated: Number of generated pictures.
        photographs: Number of photographs.
        seed: First seed of the generated ones.
    """
    width, height = SIZES[megapixels]
    for number in range(seed, seed + generated):
        image = pictures.photograph(number, width=width, height=height)
        yield Sample(name=f"generated {number}", megapixels=megapixels, image=image)
    for name in PHOTOGRAPHS[:photographs]:
        image = _fitted(Image.fromarray(getattr(skimage.data, name)()), width, height)
        yield Sample(name=name, megapixels=megapixels, image=image)


def _fitted(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return the picture enlarged to cover the size, and cropped to it."""
    scale = max(width / image.width, height / image.height)
    size = (round(image.width * scale), round(image.height * scale))
    enlarged = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    left, top = (enlarged.width - width) // 2, (enlarged.height - height) // 2
    return enlarged.crop((left, top, left + width, top + height))
