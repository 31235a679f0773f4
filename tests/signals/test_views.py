"""A view holds every signal that a search needs, the first one first."""

import numpy as np

from tests.signals import twins
from tests.signals.sketches import luma, picture_of
from uploadfilter.model import Geometry, SignalType, Variant
from uploadfilter.signals.views import view_of


def test_view_begins_with_the_upright_pdq_in_full_geometry() -> None:
    """Who shows one signal of a view takes the first."""
    first = view_of(picture_of(luma(1)), name="stored").signals[0]

    assert first.signal.type is SignalType.PDQ
    assert first.variant is Variant.UPRIGHT
    assert first.geometry is Geometry.FULL


def test_view_has_pdq_and_phash_whatever_was_asked_for() -> None:
    """24 PDQ and 8 pHash signals, and no others unless asked for."""
    view = view_of(picture_of(luma(1)), name="frame:3", types=frozenset())
    types = [item.signal.type for item in view.signals]

    assert view.name == "frame:3"
    assert types == [SignalType.PDQ] * 24 + [SignalType.PHASH] * 8


def test_view_has_the_other_types_when_asked_for() -> None:
    """Each further type adds eight signals; exact types add none."""
    asked = frozenset({SignalType.DHASH, SignalType.WHASH, SignalType.MD5})

    view = view_of(picture_of(luma(1)), name="stored", types=asked)

    added = [item.signal.type for item in view.signals[32:]]
    assert added == [SignalType.DHASH] * 8 + [SignalType.WHASH] * 8


def test_view_carries_the_plane_of_pdq() -> None:
    """The plane is PDQ's 64 x 64 one in full geometry."""
    plane = luma(2, 800, 600)

    view = view_of(picture_of(plane), name="stored")

    ours = np.frombuffer(view.plane, np.float32).reshape(64, 64)
    np.testing.assert_allclose(
        ours, twins.pdq_plane(plane.astype(np.float64)), atol=1e-3
    )
