"""The slow obvious twins of the fast paths, written from the published definitions.

They loop where the product multiplies matrices. Nothing of the product is used here.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Doubles = NDArray[np.float64]
Luma = NDArray[np.uint8]


def bits_apart(one: bytes, other: bytes) -> int:
    """Return the Hamming distance of two values."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def box(values: Doubles, window: int) -> Doubles:
    """Return the means of PDQ's one-dimensional box filter."""
    half = (window + 2) // 2
    means = [
        values[max(0, i + half - window) : i + half].mean(axis=0)
        for i in range(len(values))
    ]
    return np.stack(means)


def shrunk_axis(values: Doubles) -> Doubles:
    """Filter the first axis twice and keep 64 of its values."""
    window = (len(values) + 127) // 128
    filtered = box(box(values, window), window)
    kept = [int((i + 0.5) * len(values) / 64) for i in range(64)]
    return filtered[kept]


def pdq_plane(luma: Doubles) -> Doubles:
    """Return PDQ's 64 x 64 plane."""
    return shrunk_axis(shrunk_axis(luma).T).T


def pdq_coefficients(plane: Doubles) -> Doubles:
    """Return the 16 x 16 block of the DCT."""
    block = np.empty((16, 16))
    for i in range(16):
        down = np.cos(math.pi / 128 * (i + 1) * (2 * np.arange(64) + 1))
        for j in range(16):
            across = np.cos(math.pi / 128 * (j + 1) * (2 * np.arange(64) + 1))
            block[i, j] = 2 / 64 * float(down @ plane @ across)
    return block


def pdq_value(block: Doubles) -> bytes:
    """Return the bits of a block, the last coefficient first."""
    ranked = sorted(block.ravel())
    median = ranked[127]
    bits = 0
    for position, coefficient in enumerate(block.ravel()):
        if coefficient > median:
            bits |= 1 << position
    return bits.to_bytes(32)


def undecided_bits(block: Doubles, *, within: float) -> int:
    """Return a mask of the bits whose coefficient is as good as the median."""
    median = sorted(block.ravel())[127]
    mask = 0
    for position, coefficient in enumerate(block.ravel()):
        if abs(coefficient - median) < within:
            mask |= 1 << position
    return mask


def pdq(luma: Doubles) -> bytes:
    """Return PDQ of a luma plane in full geometry."""
    return pdq_value(pdq_coefficients(pdq_plane(luma)))


def pdq_quality(plane: Doubles) -> int:
    """Return PDQ's quality of a 64 x 64 plane."""
    total = 0
    for i in range(64):
        for j in range(64):
            if i < 63:
                total += abs(int((plane[i, j] - plane[i + 1, j]) * 100 / 255))
            if j < 63:
                total += abs(int((plane[i, j] - plane[i, j + 1]) * 100 / 255))
    return min(total // 90, 100)


def luma_of(rgb: NDArray[np.uint8]) -> Doubles:
    """Return luma as PDQ's reference computes it, without rounding."""
    luma: Doubles = rgb.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return luma


def squashed(plane: Luma) -> Luma:
    """Resize to 512 x 512 as CImg does by default, if a side is longer."""
    height, width = plane.shape
    if max(height, width) <= 512:
        return plane
    rows = [y * height // 512 for y in range(512)]
    columns = [x * width // 512 for x in range(512)]
    return plane[rows][:, columns]


def thumbnail(plane: Luma) -> Luma:
    """Resize with Pillow's ``thumbnail`` to at most 512 x 512."""
    image = Image.fromarray(plane)
    image.thumbnail((512, 512), reducing_gap=None)
    return np.asarray(image)


def block_means(plane: Luma, scale: int) -> Luma:
    """Return the picture of a decode at 1/scale: the mean of each block."""
    height, width = plane.shape
    down, across = -(-height // scale) * scale, -(-width // scale) * scale
    padded = np.pad(plane, ((0, down - height), (0, across - width)), mode="edge")
    blocks = padded.reshape(down // scale, scale, across // scale, scale)
    means: Luma = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return means
