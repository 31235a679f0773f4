"""PDQ values to be searched, and queries whose answers are partly known.

*Random* values are the assumption of cost models. *Real* ones are crops and turns of
freely licensed photographs and of generated pictures, all benign. Their bits are
correlated, and they form clusters, which makes the buckets of an index uneven.

There are not ten million such pictures available. So each picture gives thousands of
values: many crops (``stride`` apart, of random sides), each in all eight turns and as a
negative.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import skimage.data
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from tests.corpus import pictures
from uploadfilter.signals import operators
from uploadfilter.signals.dihedral import variants

Values = NDArray[np.uint8]
"""Of shape (n, 32), most significant byte first."""

BYTES = 32
KINDS = ("random", "real")
MOST_PLANTED = 40
"""Queries are planted at every distance from 0 to this."""

PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket", "coins")
HELD_OUT_PHOTOGRAPHS = ("camera", "moon")
"""Shipped in scikit-image's wheel; the held-out ones are queried and not listed."""

GENERATED = 60
HELD_OUT_GENERATED = 12
WIDTH, HEIGHT = 512, 384
STRIDE = 7
SHORTEST = 0.45
"""Shortest side of a crop, as a share of the picture's."""

VALUES_A_CROP = 16
"""Eight turns, each also as a negative."""

_FIRST_SEED = 40_000
_BLOCK_SIDE = 16


def random_values(count: int, rng: np.random.Generator) -> Values:
    """Return values with independent bits."""
    return rng.integers(0, 256, (count, BYTES), np.uint8)


def real_values(count: int, rng: np.random.Generator) -> Values:
    """Return values of crops and turns of pictures."""
    planes = _planes(PHOTOGRAPHS, range(_FIRST_SEED, _FIRST_SEED + GENERATED))
    return _cropped(planes, count, rng)


def held_out(count: int, rng: np.random.Generator) -> Values:
    """Return upright values of crops of pictures that ``real_values`` does not use."""
    first = _FIRST_SEED + GENERATED
    planes = _planes(HELD_OUT_PHOTOGRAPHS, range(first, first + HELD_OUT_GENERATED))
    values = _cropped(planes, count * VALUES_A_CROP, rng)
    return np.ascontiguousarray(values[::VALUES_A_CROP])


def questions(
    values: Values, unrelated: Values, *, each: int, rng: np.random.Generator
) -> Values:
    """Return queries in random order: planted at every distance, and unrelated.

    Args:
        values: The listed values.
        unrelated: Queries that are used as they are.
        each: Number of queries that are planted at each distance.
        rng: Chooses rows, bits and order.
    """
    planted = np.repeat(np.arange(MOST_PLANTED + 1), each)
    rows = rng.integers(0, len(values), len(planted))
    moved = np.unpackbits(values[rows], axis=1)
    for bits, distance in zip(moved, planted.tolist(), strict=True):
        bits[rng.permutation(bits.size)[:distance]] ^= 1
    asked = np.concatenate([np.packbits(moved, axis=1), unrelated])
    return asked[rng.permutation(len(asked))]


def _planes(names: Sequence[str], seeds: Sequence[int]) -> list[NDArray[np.float32]]:
    """Return luma planes of photographs and generated pictures."""
    images = [Image.fromarray(getattr(skimage.data, name)()) for name in names]
    images += [pictures.photograph(seed, width=WIDTH, height=HEIGHT) for seed in seeds]
    return [
        np.asarray(image.convert("L").resize((WIDTH, HEIGHT)), np.float32)
        for image in images
    ]


def _cropped(
    planes: Sequence[NDArray[np.float32]], count: int, rng: np.random.Generator
) -> Values:
    """Return values of crops of pictures, taken in turn."""
    values = np.empty((count, BYTES), np.uint8)
    done = 0
    while done < count:
        for plane in planes:
            blocks = _crops(plane, rng)
            for part in _of_blocks(blocks):
                take = part[: count - done]
                values[done : done + len(take)] = take
                done += len(take)
    return values


def _crops(plane: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the DCT blocks of a row of crops: one size, one top, several lefts."""
    rows, columns = plane.shape
    height = int(rng.integers(int(rows * SHORTEST), rows))
    width = int(rng.integers(int(columns * SHORTEST), columns))
    top = int(rng.integers(0, rows - height + 1))
    shrunk = _operator(height) @ plane[top : top + height]
    windows = sliding_window_view(shrunk, width, axis=1)[:, ::STRIDE]
    blocks: NDArray[np.float32] = (windows @ _operator(width).T).transpose(1, 0, 2)
    return blocks


@lru_cache(maxsize=1024)
def _operator(length: int) -> NDArray[np.float32]:
    """Return PDQ of one axis up to the median: filters, decimation, DCT (16 x n)."""
    frequencies = np.arange(1, _BLOCK_SIDE + 1)
    phases = 2 * np.arange(operators.PLANE_SIDE) + 1
    cosines = np.cos(np.pi / (2 * operators.PLANE_SIDE) * np.outer(frequencies, phases))
    product: NDArray[np.float32]
    product = (cosines @ operators.jarosz(length).dense()).astype(np.float32)
    return product


def _of_blocks(blocks: NDArray[np.float32]) -> Iterator[Values]:
    """Yield the values of each block: eight turns and their negatives."""
    flat = variants(blocks, first_frequency=1).reshape(len(blocks), 8, -1)
    half = flat.shape[-1] // 2
    median = np.partition(flat, half - 1, axis=-1)[..., half - 1 : half]
    upright = np.packbits((flat > median)[..., ::-1], axis=-1)
    yield np.concatenate([upright, ~upright], axis=1).reshape(-1, BYTES)
