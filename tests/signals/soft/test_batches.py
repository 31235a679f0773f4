"""Guesses of several families, applied to a plane at once."""

import numpy as np

from tests.signals.soft.planes import drawn, plane_of
from uploadfilter.outlines import WHOLE
from uploadfilter.signals.soft import plans
from uploadfilter.signals.soft.batches import Batch, detailed
from uploadfilter.signals.soft.reliabilities import bits_and_flips


def test_batch_gives_what_each_family_gives() -> None:
    """The guesses stand one family after the other."""
    plane = plane_of(drawn(3))
    plane -= plane.mean()
    parts = plans.upright(), plans.strips(), plans.cells()
    batch = Batch.of(parts)
    values = np.empty((len(batch), 32), np.uint8)
    flips = np.empty((len(batch), 256), np.float32)

    batch.apply(plane, values, flips)

    alone = [bits_and_flips(part.blocks(plane), part.noise) for part in parts]
    assert batch.outlines == tuple(it for part in parts for it in part.outlines)
    assert (values == np.concatenate([it for it, _ in alone])).all()
    assert np.allclose(flips, np.concatenate([it for _, it in alone]), atol=1e-6)


def test_parts_without_detail_are_named() -> None:
    """A cell that shows nothing is no picture; the whole upload is not asked."""
    plane = plane_of(drawn(3))
    plane[:, :32] = 0
    batch = Batch.of((plans.upright(), plans.cells()))

    flat = batch.without_detail(plane)

    assert (0.0, 0.0, 0.5, 1.0) in [batch.outlines[place].box for place in flat]
    assert WHOLE not in [batch.outlines[place].box for place in flat]
    assert detailed(plane, [(0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)]) == [
        (0.5, 0.0, 1.0, 1.0)
    ]
    assert not len(Batch.of([plans.cells()], are_detailed=True).without_detail(plane))
