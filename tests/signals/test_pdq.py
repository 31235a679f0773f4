"""PDQ against its slow twin, against the reference's binding, and across geometries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.corpus import pictures
from tests.pictures.sketches import TURNED, luma, photograph, picture_of, value, view
from tests.signals import twins
from uploadfilter.model import Geometry, Variant
from uploadfilter.pictures.picture import Luma, Picture, Shape
from uploadfilter.signals import pdq
from uploadfilter.signals.views import view_of

SIZES = [(64, 64), (5, 7), (640, 480), (333, 100), (65, 700), (1024, 768), (1000, 1300)]
"""Widths and heights: the reference's own plane, tiny, usual, odd, long, large."""

UNRELATED_BITS = 90
"""Signals of different pictures are about 128 bits apart, and hardly ever fewer."""


def rgb_of(plane: Luma) -> Luma:
    """Return a grey picture in three channels, as the binding wants it."""
    return np.repeat(plane[:, :, None], 3, axis=2)


@settings(max_examples=15)
@given(seed=st.integers(0, 40), width=st.integers(5, 700), height=st.integers(5, 500))
def test_pdq_equals_its_twin(seed: int, width: int, height: int) -> None:
    """On the same luma, the operators give the bits of the loops.

    Only bits whose coefficient is as good as the median are left to rounding; a picture
    of a few pixels has many of them.
    """
    plane = luma(seed, width, height)
    block = twins.pdq_coefficients(twins.pdq_plane(plane.astype(np.float64)))

    ours = value(view_of(picture_of(plane), name="stored"))

    apart = int.from_bytes(ours) ^ int.from_bytes(twins.pdq_value(block))
    assert apart & ~twins.undecided_bits(block, within=0.01) == 0


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_pdq_equals_pdqhash_in_all_variants(width: int, height: int) -> None:
    """All eight signals equal the reference's signals of the turned picture."""
    pdqhash = pytest.importorskip("pdqhash")
    plane = luma(3, width, height)
    ours = view_of(picture_of(plane), name="stored")

    for variant in Variant:
        turned = np.ascontiguousarray(rgb_of(TURNED[variant](plane)))
        vector, _ = pdqhash.compute(turned)
        theirs = np.packbits(vector.astype(np.uint8)).tobytes()
        assert twins.bits_apart(value(ours, variant=variant), theirs) <= 2


@pytest.mark.parametrize("seed", range(5))
def test_pdq_of_a_colour_picture_is_near_pdqhash(seed: int) -> None:
    """Rounding luma to whole grey steps costs two bits at most."""
    pdqhash = pytest.importorskip("pdqhash")
    image = photograph(seed)
    vector, quality = pdqhash.compute(np.asarray(image))

    ours = view(pictures.png(image))

    theirs = np.packbits(vector.astype(np.uint8)).tobytes()
    assert twins.bits_apart(value(ours), theirs) <= 2
    assert abs(pdq.quality(ours.plane) - quality) <= 1


@settings(max_examples=15)
@given(
    variant=st.sampled_from(list(Variant)),
    width=st.integers(5, 700),
    height=st.integers(5, 500),
)
def test_variant_is_that_of_the_turned_picture(
    variant: Variant, width: int, height: int
) -> None:
    """A variant is the signal of the picture turned so, rounding aside."""
    plane = luma(5, width, height)
    turned = TURNED[variant](plane).astype(np.float64)
    block = twins.pdq_coefficients(twins.pdq_plane(turned))

    ours = value(view_of(picture_of(plane), name="stored"), variant=variant)

    apart = int.from_bytes(ours) ^ int.from_bytes(twins.pdq_value(block))
    assert apart & ~twins.undecided_bits(block, within=0.01) == 0


@pytest.mark.parametrize("geometry", [Geometry.SQUASH512, Geometry.THUMB512])
@pytest.mark.parametrize("variant", list(Variant))
def test_variant_of_a_shrunk_geometry_is_near(
    variant: Variant, geometry: Geometry
) -> None:
    """In the other geometries a variant is right up to PDQ's asymmetry."""
    plane = luma(5, 640, 480)
    turned = np.ascontiguousarray(TURNED[variant](plane))

    of_plane = view_of(picture_of(plane), name="stored")
    of_turned = view_of(picture_of(turned), name="stored")

    ours = value(of_plane, variant=variant, geometry=geometry)
    assert twins.bits_apart(ours, value(of_turned, geometry=geometry)) <= 24


@pytest.mark.parametrize("variant", list(Variant))
def test_small_picture_has_one_value_in_all_geometries(variant: Variant) -> None:
    """No tool shrinks it, so that its geometries agree in every variant."""
    shown = view_of(picture_of(luma(5, 500, 300)), name="stored")

    values = {value(shown, variant=variant, geometry=shape) for shape in Geometry}
    assert len(values) == 1


def test_variants_differ_from_one_another() -> None:
    """No variant of an ordinary picture can be taken for another one."""
    shown = view_of(picture_of(luma(6)), name="stored")
    values = [value(shown, variant=variant) for variant in Variant]

    apart = [
        twins.bits_apart(one, other)
        for index, one in enumerate(values)
        for other in values[:index]
    ]
    assert min(apart) > UNRELATED_BITS


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_squash_geometry_equals_the_squashed_picture(width: int, height: int) -> None:
    """The geometry gives what PDQ gives after CImg's resize."""
    plane = luma(7, width, height)

    ours = view_of(picture_of(plane), name="stored")

    theirs = twins.pdq(twins.squashed(plane).astype(np.float64))
    assert twins.bits_apart(value(ours, geometry=Geometry.SQUASH512), theirs) <= 2


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_thumbnail_geometry_is_near_the_thumbnail(width: int, height: int) -> None:
    """The geometry gives what PDQ gives after Pillow's resize, rounding aside."""
    plane = luma(8, width, height)

    ours = view_of(picture_of(plane), name="stored")

    theirs = twins.pdq(twins.thumbnail(plane).astype(np.float64))
    assert twins.bits_apart(value(ours, geometry=Geometry.THUMB512), theirs) <= 6


@given(width=st.integers(1, 9000), height=st.integers(1, 9000))
def test_thumbnail_size_is_pillows(width: int, height: int) -> None:
    """The longer side becomes 512, the shorter one as Pillow rounds it."""
    image = Image.new("1", (width, height))
    image.thumbnail((512, 512))
    if max(width, height) <= 512:
        return

    assert pdq.thumbnail_size(height, width) == (image.height, image.width)


@pytest.mark.parametrize(("seed", "scale"), [(0, 2), (1, 2), (2, 2), (3, 4)])
def test_scaled_plane_gives_the_signal_of_the_full_picture(
    seed: int, scale: int
) -> None:
    """A plane of block means, both sides 512 or more, drifts by a few bits at most."""
    width, height = 530 * scale + 1, 515 * scale + 3
    plane = luma(seed, width, height)
    shape = Shape(height=height, width=width, scale=scale)
    small = Picture(plane=twins.block_means(plane, scale), shape=shape)

    of_small = view_of(small, name="stored")
    of_full = view_of(picture_of(plane), name="stored")

    assert twins.bits_apart(value(of_small), value(of_full)) <= 4


@pytest.mark.parametrize(("width", "height"), [(1, 1), (4, 500), (500, 4)])
def test_too_small_picture_gives_zeros(width: int, height: int) -> None:
    """The reference hashes no side under five pixels: all zeros, quality 0."""
    shown = view_of(picture_of(luma(1, width, height)), name="stored")

    assert value(shown) == bytes(32)
    assert pdq.quality(shown.plane) == 0


def test_too_thin_thumbnail_gives_zeros_in_its_geometry_only() -> None:
    """A picture of 6 x 2000 has a thumbnail of 2 x 512, which has no signal."""
    shown = view_of(picture_of(luma(1, 2000, 6)), name="stored")

    assert value(shown, geometry=Geometry.THUMB512) == bytes(32)
    assert value(shown, geometry=Geometry.FULL) != bytes(32)


def test_different_pictures_are_far_apart() -> None:
    """The signals of unrelated pictures are unrelated."""
    values = [value(view_of(picture_of(luma(s)), name="stored")) for s in range(8)]

    apart = [
        twins.bits_apart(one, other)
        for index, one in enumerate(values)
        for other in values[:index]
    ]
    assert min(apart) > UNRELATED_BITS


def test_quality_equals_its_twin() -> None:
    """The quality is the quantised gradient sum of the reference."""
    plane = twins.pdq_plane(0.1 * luma(9).astype(np.float64)).astype(np.float32)

    ours = pdq.quality(plane.tobytes())

    assert 0 < ours < 100
    assert ours == twins.pdq_quality(plane.astype(np.float64))


@given(seeds=st.tuples(*[st.integers(0, 99)] * 2), contrast=st.floats(0, 0.3))
def test_what_may_not_have_quality_never_has(
    seeds: tuple[int, int], contrast: float
) -> None:
    """No blend of two planes has a quality that neither may have."""
    planes = np.stack([luma(seed)[:64, :64] for seed in seeds]).astype(np.float32)
    planes *= np.float32(contrast)
    shares = np.linspace(0, 1, 17, dtype=np.float32)[:, None, None]
    blends = planes[0] + (planes[1] - planes[0]) * shares

    assert pdq.may_have_quality(planes) or pdq.qualities_of(blends).max() < 50


def test_qualities_are_those_of_each_plane() -> None:
    """Many planes at once give the same, and stay unchanged."""
    planes = np.stack([contrast * luma(9)[:64, :64] for contrast in (0, 0.2, 1)])
    planes = planes.astype(np.float32)
    before = planes.copy()

    assert pdq.qualities_of(planes).tolist() == [
        pdq.quality(plane.tobytes()) for plane in planes
    ]
    np.testing.assert_array_equal(planes, before)


def test_quality_falls_with_the_contrast() -> None:
    """A photograph has a high quality, a faint one a low one, a flat one none."""
    image = photograph(2)
    faint = pictures.dimmed(image, contrast=0.1)

    assert pdq.quality(view(pictures.png(image)).plane) >= 80
    assert pdq.quality(view(pictures.png(faint)).plane) < 50
    assert pdq.quality(view(pictures.png(pictures.flat())).plane) == 0


def test_quality_refuses_a_plane_of_another_size() -> None:
    """Bytes that are not 64 x 64 float32 are not a plane."""
    with pytest.raises(ValueError, match="reshape"):
        pdq.quality(bytes(100))
