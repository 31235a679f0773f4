"""Requirements on every signal type; run from ``tests/signals/test_registry.py``."""

import numpy as np

from tests.pictures.sketches import luma, picture_of
from tests.signals.twins import bits_apart
from uploadfilter.model import Variant, ViewSignal
from uploadfilter.pictures.picture import Luma
from uploadfilter.signals.exact import ExactType
from uploadfilter.signals.operators import project_columns
from uploadfilter.signals.registry import PerceptualType

UNRELATED_SHARE = 0.2
"""Share of the bits in which two unrelated pictures differ at the very least."""


def check_exact_type(signal_type: ExactType) -> None:
    """Run the suite on an exact type."""
    assert signal_type.type.is_exact
    whole, pieces = signal_type.hasher(), signal_type.hasher()
    whole.update(b"some content")
    pieces.update(b"some ")
    pieces.update(memoryview(b"content"))
    assert whole.digest() == pieces.digest()
    assert len(whole.digest()) == signal_type.type.width_bytes
    assert whole.digest() != signal_type.hasher().digest()


def check_perceptual_type(signal_type: PerceptualType) -> None:
    """Run the suite on a perceptual type."""
    assert not signal_type.type.is_exact
    signals = _signals(signal_type, luma(1, 400, 300))
    assert {item.signal.type for item in signals} == {signal_type.type}
    _check_order(signals)
    assert _signals(signal_type, luma(1, 400, 300)) == signals
    _check_distances(signal_type)
    for plane in _odd_planes():
        assert len(_signals(signal_type, plane)) == len(signals)


def _signals(signal_type: PerceptualType, plane: Luma) -> tuple[ViewSignal, ...]:
    """Return the signals of a plane at full size."""
    picture = picture_of(plane)
    axes = signal_type.columns(picture.shape)
    projected = project_columns(plane, axes)
    rows = signal_type.rows(signal_type.shrink(picture, projected))
    return tuple(signal for row in rows for signal in row)


def _check_order(signals: tuple[ViewSignal, ...]) -> None:
    """Every geometry has all variants once, in the order of the enumeration."""
    assert signals[0].variant is Variant.UPRIGHT
    for start in range(0, len(signals), len(Variant)):
        group = signals[start : start + len(Variant)]
        assert [item.variant for item in group] == list(Variant)
        assert len({item.geometry for item in group}) == 1


def _check_distances(signal_type: PerceptualType) -> None:
    """A touched-up picture stays near, another one is far."""
    plane = luma(1, 400, 300)
    brighter = np.clip(plane.astype(np.int16) + 4, 0, 255).astype(np.uint8)
    value, near, far = (
        _signals(signal_type, shown)[0].signal.value
        for shown in (plane, brighter, luma(2, 400, 300))
    )
    bits = 8 * signal_type.type.width_bytes
    assert bits_apart(value, near) <= bits // 16
    assert bits_apart(value, far) >= UNRELATED_SHARE * bits


def _odd_planes() -> list[Luma]:
    """Return planes that break careless arithmetic: tiny, thin, flat, large."""
    return [
        luma(1, 1, 1),
        luma(1, 1, 700),
        luma(1, 700, 2),
        np.zeros((50, 50), np.uint8),
        np.full((50, 50), 255, np.uint8),
        luma(1, 1030, 515),
    ]
