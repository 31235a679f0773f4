"""imagehash's types against imagehash itself."""

from collections.abc import Callable

import imagehash
import numpy as np
import pytest
from PIL import Image

from tests.pictures.sketches import TURNED, luma, picture_of, value
from tests.signals.twins import bits_apart
from uploadfilter.model import SignalType, Variant
from uploadfilter.pictures.picture import Luma
from uploadfilter.signals.views import view_of

Compute = Callable[[Image.Image], imagehash.ImageHash]

TYPES = [
    pytest.param(SignalType.DHASH, imagehash.dhash, id="dhash"),
    pytest.param(SignalType.AHASH, imagehash.average_hash, id="ahash"),
    pytest.param(SignalType.WHASH, imagehash.whash, id="whash"),
]


def ours(
    plane: Luma, signal_type: SignalType, variant: Variant = Variant.UPRIGHT
) -> bytes:
    """Return our value of a plane."""
    shown = view_of(picture_of(plane), name="stored", types=frozenset({signal_type}))
    return value(shown, signal_type, variant=variant)


def theirs(plane: Luma, compute: Compute) -> bytes:
    """Return imagehash's value of a plane."""
    return bytes.fromhex(str(compute(Image.fromarray(plane))))


@pytest.mark.parametrize(("signal_type", "compute"), TYPES)
@pytest.mark.parametrize("variant", list(Variant))
def test_small_picture_gives_imagehashs_value(
    signal_type: SignalType, compute: Compute, variant: Variant
) -> None:
    """Each variant is imagehash's value of the picture turned so, bit for bit."""
    plane = luma(3, 300, 200)
    turned = np.ascontiguousarray(TURNED[variant](plane))

    assert ours(plane, signal_type, variant) == theirs(turned, compute)


@pytest.mark.parametrize(("signal_type", "compute"), TYPES)
@pytest.mark.parametrize("seed", range(3))
def test_large_picture_gives_nearly_imagehashs_value(
    signal_type: SignalType, compute: Compute, seed: int
) -> None:
    """Shrinking a large picture first costs four bits at most."""
    plane = luma(seed, 1400, 1100)

    apart = bits_apart(ours(plane, signal_type), theirs(plane, compute))

    assert apart <= 4
