"""The soft views of planes: their order, their number, and planes that are refused."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.pictures.sketches import TURNED
from tests.signals.soft.planes import bits_of, drawn, plane_of, value_of
from uploadfilter.model import VARIANTS, Variant
from uploadfilter.outlines import Outline
from uploadfilter.signals.soft import plans
from uploadfilter.signals.soft.family import Family, SoftViews, luma_of, soft_views
from uploadfilter.signals.soft.reliabilities import bits_and_flips


def log_odds(views: SoftViews, bits: NDArray[Any]) -> NDArray[Any]:
    """Return the soft score of each view for an original's bits, by its definition."""
    agree = np.unpackbits(views.values, axis=1) == bits
    odds: NDArray[Any] = np.log(2 * np.where(agree, 1 - views.flips, views.flips))
    return np.asarray(odds.sum(axis=1))


def test_first_view_is_the_upload_itself() -> None:
    """The upright view has nearly the value that a search looks for."""
    plane = plane_of(drawn(1))

    views = soft_views(plane.tobytes())

    apart = int.from_bytes(views.values[0]) ^ int.from_bytes(value_of(plane))
    assert views.outlines[0] == Outline()
    assert apart.bit_count() <= 4


def test_views_are_parallel_and_the_same_each_time() -> None:
    """All four columns have one item for each view, and nothing is left to chance."""
    plane = plane_of(drawn(2)).tobytes()

    one, other = soft_views(plane), soft_views(plane)

    assert one.values.shape == (len(one), 32)
    assert one.flips.shape == (len(one), 256)
    assert len(one.outlines) == len(one.variants) == len(one)
    assert (one.values == other.values).all()
    assert (one.flips == other.flips).all()


def test_views_that_are_left_out_move_no_other() -> None:
    """Boxes without detail leave the values and flips of the others as they were."""
    plane = plane_of(drawn(3))
    plane[:, :32] = 100
    luma = luma_of(plane.tobytes())
    assert luma is not None

    views = soft_views(plane.tobytes(), families={Family.CELLS, Family.FRAMES})

    boxes = [outline.box for outline in views.outlines[1:]]
    assert 1 < len(boxes) < 14 + 24
    for number, box in enumerate(boxes, 1):
        alone = plans.boxed([box])
        values, flips = bits_and_flips(alone.blocks(luma), alone.noise)
        assert np.bitwise_count(values[0] ^ views.values[number]).sum() <= 1
        assert np.allclose(flips[0], views.flips[number], atol=1e-4)


def test_families_and_number_can_be_chosen() -> None:
    """A caller with little time asks for less."""
    plane = plane_of(drawn(2)).tobytes()

    assert len(soft_views(plane, families=())) == 1
    assert len(soft_views(plane, families={Family.STRIPS})) == 9
    assert len(soft_views(plane, most=50)) == 50


def test_crop_is_found_by_its_view() -> None:
    """The best view of a cut picture tells roughly which parts are missing."""
    pixels = drawn(6, 800, 600)
    original = bits_of(plane_of(pixels))
    upload = plane_of(pixels[30:-30, 80:])

    views = soft_views(upload.tobytes())

    scores = log_odds(views, original)
    best = views.outlines[int(scores.argmax())]
    assert scores.max() > scores[0] + 40
    assert abs(best.left - 0.1) <= 0.05
    assert abs(best.top - 0.05) <= 0.05


@pytest.mark.parametrize("variant", list(Variant))
def test_variant_of_a_view_turns_the_upload(variant: Variant) -> None:
    """The upright view of a variant has the original's bits if it was turned so."""
    pixels = drawn(7)
    upload = plane_of(pixels)
    original = bits_of(plane_of(np.ascontiguousarray(TURNED[variant](pixels))))

    views = soft_views(upload.tobytes(), families=(), variants=VARIANTS)

    scores = log_odds(views, original)
    assert views.variants[int(scores.argmax())] is variant


@pytest.mark.parametrize(
    "plane",
    [
        pytest.param(np.zeros((64, 64)), id="black"),
        pytest.param(np.full((64, 64), 255.0), id="white"),
        pytest.param(np.full((64, 64), np.nan), id="not-a-number"),
        pytest.param(np.full((64, 64), np.inf), id="infinite"),
        pytest.param(np.eye(64) * 1e30, id="huge"),
        pytest.param(np.eye(64) * 0.01, id="rounding"),
    ],
)
def test_plane_that_shows_nothing_has_no_views(plane: NDArray[Any]) -> None:
    """Nothing is guessed from nothing, nor from numbers that are no luma."""
    assert len(soft_views(plane.astype(np.float32).tobytes())) == 0


@pytest.mark.parametrize(
    "plane",
    [
        pytest.param(np.indices((64, 64)).sum(axis=0) % 2 * 255.0, id="chequered"),
        pytest.param(np.tile([0.0, 0, 255, 255], (64, 16)), id="striped"),
        pytest.param(np.eye(64) * 255, id="line"),
        pytest.param(np.pad([[255.0]], ((9, 54), (5, 58))), id="dot"),
        pytest.param(np.indices((64, 64))[0] * 4.0, id="gradient"),
    ],
)
def test_poor_plane_has_ordinary_views(plane: NDArray[Any]) -> None:
    """Repeating and empty pictures have as many views, with probabilities."""
    views = soft_views(plane.astype(np.float32).tobytes())

    assert len(views) > 100
    assert np.isfinite(views.flips).all()
    assert views.flips.min() >= 0.0299
    assert views.flips.max() <= 0.5


def test_plane_of_another_length_is_refused() -> None:
    """A plane of another size is a mistake of ours."""
    with pytest.raises(ValueError, match="16384 bytes, not 3"):
        soft_views(b"abc")


@pytest.mark.parametrize("aspect", [0.0, -1.0, float("nan"), float("inf"), 1e9, 1e-9])
def test_any_aspect_is_taken(aspect: float) -> None:
    """However long a picture is, its turns are computed."""
    plane = plane_of(drawn(8)).tobytes()

    views = soft_views(plane, families={Family.TURNS}, aspect=aspect)

    assert len(views) in {25, 49}
