"""Write lossless JPEGs, as cameras and scanners of hospitals do.

No library of ours writes one. Each sample is coded as its difference from the one to
its left, or above it in the first column.

Source: ITU-T T.81, annex H.
"""

import struct

import numpy as np
from PIL import Image

MOST_BITS = 16
"""Categories of differences, each of which gets a code of five bits."""


def lossless_jpeg(image: Image.Image, *, bits: int = 8, marker: int = 0xC3) -> bytes:
    """Return a JPEG without loss.

    Args:
        image: In grey or RGB.
        bits: Of each sample; beyond eight they are shifted to the left.
        marker: What begins the frame: SOF3 as a rule.
    """
    planes = np.asarray(image).reshape(image.height, image.width, -1)
    samples = planes.astype(np.int32) << (bits - 8)
    predicted = np.empty_like(samples)
    predicted[:, 1:] = samples[:, :-1]
    predicted[1:, 0] = samples[:-1, 0]
    predicted[0, 0] = 1 << (bits - 1)
    count = samples.shape[2]
    parts = bytes(part for at in range(count) for part in (at + 1, 0x11, 0))
    header = struct.pack(">BHHB", bits, image.height, image.width, count) + parts
    chosen = bytes(part for at in range(count) for part in (at + 1, 0))
    codes = bytes((0, 0, 0, 0, 0, MOST_BITS + 1, *[0] * 11, *range(MOST_BITS + 1)))
    return b"".join(
        (
            b"\xff\xd8",
            _segment(marker, header),
            _segment(0xC4, codes),
            _segment(0xDA, bytes((count,)) + chosen + b"\x01\0\0"),
            _packed((samples - predicted).ravel()),
            b"\xff\xd9",
        )
    )


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _packed(differences: "np.ndarray[tuple[int, ...], np.dtype[np.int32]]") -> bytes:
    """Return differences as codes, each followed by its bits."""
    sizes = np.ceil(np.log2(np.abs(differences) + 1)).astype(int)
    extra = np.where(differences < 0, differences + (1 << sizes) - 1, differences)
    text = "".join(
        f"{size:05b}" + (f"{value:0{size}b}" if size else "")
        for size, value in zip(sizes.tolist(), extra.tolist(), strict=True)
    )
    text += "1" * (-len(text) % 8)
    packed = int(text, 2).to_bytes(len(text) // 8, "big")
    return packed.replace(b"\xff", b"\xff\0")
