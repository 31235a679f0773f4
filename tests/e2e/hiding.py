"""The files of all tricks, and the signals of the picture that they hide."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.corpus.tricks import tricks
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


def hiding(seed: int, base: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the file of each trick, by its name; all tests of one run share them.

    To make them takes a minute. Two tests at the same time make most of them twice.

    Args:
        seed: Seed of the hidden picture.
        base: The folders of this run; the workers of a run have one folder in common.
    """
    own = base.getbasetemp()
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = common / f"hiding-{seed}"
    folder.mkdir(exist_ok=True)
    hidden = tricks.photograph(seed)
    decoy = tricks.photograph(tricks.DECOY_SEED)
    for trick in tricks.TRICKS:
        path = folder / trick.name
        if not path.exists():
            with tempfile.NamedTemporaryFile(dir=common, delete=False) as file:
                file.write(trick.make(hidden, decoy))
            Path(file.name).replace(path)
    return {trick.name: (folder / trick.name).read_bytes() for trick in tricks.TRICKS}


def table(rows: Iterator[tuple[str, ...]]) -> str:
    """Return rows as lines with aligned columns; empty without rows."""
    return "\n".join("  ".join(f"{cell:<28}" for cell in row).strip() for row in rows)
