"""Values that others published (``tests/vectors``)."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tests.vectors
from tests.pictures.sketches import decoded
from tests.signals import twins
from uploadfilter.model import SignalType
from uploadfilter.signals.views import view_of

FOLDER = Path(tests.vectors.__path__[0])
PICTURES = os.environ.get("UPLOADFILTER_VECTOR_PICTURES")


def named() -> Iterator[Any]:
    """Yield the cases of ``named.json``."""
    for vector in json.loads((FOLDER / "named.json").read_text(encoding="ascii")):
        yield pytest.param(vector, id=vector["file"])


@pytest.mark.skipif(PICTURES is None, reason="UPLOADFILTER_VECTOR_PICTURES not set")
@pytest.mark.parametrize("vector", list(named()))
def test_named_picture_has_the_published_values(vector: dict[str, Any]) -> None:
    """Every published value of a picture comes out, within the stated tolerance."""
    content = (Path(PICTURES or "") / vector["file"]).read_bytes()
    shown = view_of(decoded(content), name="stored", types=frozenset(SignalType))

    for name, expected in vector["values"].items():
        ours = shown.value(SignalType(name)) or b""
        apart = twins.bits_apart(ours, bytes.fromhex(expected))
        assert apart <= vector["tolerance"], name
