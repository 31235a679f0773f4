"""Curves and tables of colour profiles."""

import numpy as np

from tests.pictures import icc

SRGB = icc.table(icc.srgb_light())
FALLING = icc.table(icc.srgb_light()[::-1])
POINTS = b"cicp" + bytes(4) + b"\1\x08\0\1"


def table(kind: bytes = b"mft2", *, matrix: bytes = b"") -> bytes:
    """Return a table that keeps its three colours."""
    unit = b"".join(icc.fixed(number) for number in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    head = kind + bytes(4) + bytes((3, 3, 2, 0)) + (matrix or unit)
    ramp, corners = np.arange(256), np.indices((2, 2, 2)).reshape(3, -1).T
    if kind == b"mft1":
        curves = ramp.astype(np.uint8).tobytes() * 3
        return head + curves + (corners * 255).astype(np.uint8).tobytes() + curves
    curves = (ramp * 257).astype(">u2").tobytes() * 3
    grid = (corners * 65_535).astype(">u2").tobytes()
    return head + b"\1\0\1\0" + curves + grid + curves
