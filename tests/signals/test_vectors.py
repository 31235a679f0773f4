"""Values that others published (``tests/vectors``)."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tests.vectors
from hashsets.demo import pictures
from tests.signals import twins
from tests.signals.sketches import decoded, value, view
from uploadfilter.model import SignalType
from uploadfilter.signals.picture import Luma
from uploadfilter.signals.views import view_of

FOLDER = Path(tests.vectors.__path__[0])
PICTURES = os.environ.get("UPLOADFILTER_VECTOR_PICTURES")


def published_pdq() -> tuple[Luma, bytes]:
    """Return the pixels and the value of ``pdq.json``."""
    vector = json.loads((FOLDER / "pdq.json").read_text(encoding="ascii"))
    pixels = np.frombuffer(base64.b64decode(vector["rgb"]), np.uint8)
    shape = (vector["height"], vector["width"], 3)
    return pixels.reshape(shape), bytes.fromhex(vector["pdq"])


def named() -> Iterator[Any]:
    """Yield the cases of ``named.json``."""
    for vector in json.loads((FOLDER / "named.json").read_text(encoding="ascii")):
        yield pytest.param(vector, id=vector["file"])


def test_twin_equals_the_published_pdq() -> None:
    """The twin computes the published value, so it may judge the fast path."""
    pixels, expected = published_pdq()

    assert twins.pdq(twins.luma_of(pixels)) == expected


def test_pdq_is_near_the_published_value() -> None:
    """Rounding luma to whole grey steps costs two bits at most."""
    pixels, expected = published_pdq()

    ours = value(view(pictures.png(Image.fromarray(pixels))))

    assert twins.bits_apart(ours, expected) <= 2


@pytest.mark.skipif(PICTURES is None, reason="UPLOADFILTER_VECTOR_PICTURES not set")
@pytest.mark.parametrize("vector", list(named()))
def test_named_picture_has_the_published_values(vector: dict[str, Any]) -> None:
    """Every published value of a picture comes out, within the stated tolerance."""
    content = (Path(PICTURES or "") / vector["file"]).read_bytes()
    shown = view_of(decoded(content), name="stored", types=frozenset(SignalType))

    for name, expected in vector["values"].items():
        ours = value(shown, SignalType(name))
        apart = twins.bits_apart(ours, bytes.fromhex(expected))
        assert apart <= vector["tolerance"], name
