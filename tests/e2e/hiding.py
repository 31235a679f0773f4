"""The signals of a picture that tricks hide, and tables of what went wrong."""

from collections.abc import Iterator

import numpy as np
from PIL import Image

from uploadfilter.model import Geometry, SignalType, Variant, View
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.signals.views import view_of


def view(image: Image.Image) -> View:
    """Return the signals of a picture as seen."""
    luma = np.asarray(image.convert("L"))
    height, width = luma.shape
    shape = Shape(height=height, width=width)
    return view_of(Picture(plane=luma, shape=shape), name="seen")


def values(seen: View, signal_type: SignalType) -> dict[Variant, bytes]:
    """Return the values of one type in full geometry, by variant."""
    return {
        item.variant: item.signal.value
        for item in seen.signals
        if item.signal.type is signal_type and item.geometry in (None, Geometry.FULL)
    }


def table(rows: Iterator[tuple[str, ...]]) -> str:
    """Return rows as lines with aligned columns; empty without rows."""
    return "\n".join("  ".join(f"{cell:<28}" for cell in row).strip() for row in rows)
