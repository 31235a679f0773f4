"""The fast linear operators against their slow twins and against Pillow."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.signals import twins
from uploadfilter.signals import operators

lengths = st.integers(1, 900)
scales = st.sampled_from([1, 2, 4, 8])
seeds = st.integers(0, 1 << 32)


def noise(seed: int, *shape: int) -> twins.Luma:
    """Return random bytes as luma."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@given(length=lengths, seed=seeds)
def test_jarosz_equals_the_running_boxes(length: int, seed: int) -> None:
    """The operator equals two box filters and the decimation."""
    values = noise(seed, length).astype(np.float64)

    fast = operators.jarosz(length).dense() @ values

    np.testing.assert_allclose(fast, twins.shrunk_axis(values), atol=1e-9)


@given(length=st.integers(1, 3000))
def test_jarosz_keeps_a_flat_axis_flat(length: int) -> None:
    """The weights of each output add up to one."""
    assert operators.jarosz(length).dense().sum(axis=1) == pytest.approx(np.ones(64))


@pytest.mark.parametrize(
    ("band_of", "resample"),
    [
        pytest.param(operators.lanczos, Image.Resampling.LANCZOS, id="lanczos"),
        pytest.param(operators.bicubic, Image.Resampling.BICUBIC, id="bicubic"),
    ],
)
@given(length=lengths, outputs=st.integers(1, 70), seed=seeds)
def test_resize_equals_pillow(
    band_of: Callable[[int, int], operators.Band],
    resample: Image.Resampling,
    length: int,
    outputs: int,
    seed: int,
) -> None:
    """A resized row is Pillow's row, to the rounding of its last grey step."""
    row = noise(seed, 1, length)
    theirs = np.asarray(Image.fromarray(row).resize((outputs, 1), resample))

    ours = band_of(length, outputs).dense() @ row[0].astype(np.float64)

    rounded = np.clip(np.floor(ours + 0.5), 0, 255)
    np.testing.assert_array_equal(rounded, theirs[0])


@given(length=st.integers(1, 2000), seed=seeds)
def test_nearest_takes_what_cimg_takes(length: int, seed: int) -> None:
    """The squash geometry filters the pixels that a nearest resize picks."""
    values = noise(seed, length).astype(np.float64)
    picked = values[[x * length // 512 for x in range(512)]]

    band = operators.nearest_after(operators.jarosz(512), length)

    np.testing.assert_allclose(
        band.dense() @ values, twins.shrunk_axis(picked), atol=1e-9
    )


@given(length=lengths, outputs=st.integers(1, 512), seed=seeds)
def test_composition_applies_the_inner_operator_first(
    length: int, outputs: int, seed: int
) -> None:
    """One composed operator equals the two operators one after the other."""
    values = noise(seed, length).astype(np.float64)
    inner, outer = operators.bicubic(length, outputs), operators.jarosz(outputs)

    composed = operators.compose(outer, inner).dense()

    step_by_step = outer.dense() @ (inner.dense() @ values)
    np.testing.assert_allclose(composed @ values, step_by_step, atol=1e-9)


@given(length=lengths, scale=scales, seed=seeds)
def test_projection_gives_the_same_on_block_values(
    length: int, scale: int, seed: int
) -> None:
    """On a row that is constant in each block, the projected operator loses nothing."""
    blocks = -(-length // scale)
    small = noise(seed, blocks).astype(np.float64)
    full = np.repeat(small, scale)[:length]
    band = operators.jarosz(length)

    np.testing.assert_allclose(
        band.project(scale) @ small, band.dense() @ full, atol=1e-9
    )


@given(
    width=st.integers(1, 1200),
    height=st.integers(1, 700),
    scale=scales,
    seed=seeds,
)
def test_blocks_and_stripes_equal_the_whole_product(
    width: int, height: int, scale: int, seed: int
) -> None:
    """Cutting the work into groups and stripes changes only rounding."""
    plane = noise(seed, -(-height // scale), -(-width // scale))
    across = operators.pdq_axis(width, 512, scale)
    down = operators.lanczos_axis(height, 32, scale)

    (projected,) = operators.project_columns(plane, [across])
    small = operators.project_rows(projected, down)

    rows, columns = plane.shape
    whole = down.dense(rows) @ plane.astype(np.float64) @ across.dense(columns).T
    np.testing.assert_allclose(small, whole, atol=5e-3)


def test_several_operators_share_one_pass() -> None:
    """Each operator gets its own result, in the order of the operators."""
    plane = noise(1, 40, 90)
    axes = [operators.pdq_axis(90, 0, 1), operators.lanczos_axis(90, 32, 1)]

    first, second = operators.project_columns(plane, axes)

    assert first.shape == (40, 128)
    assert second.shape == (40, 32)


@given(length=st.integers(1, 1200), scale=scales, seed=seeds)
def test_mirrored_operator_is_that_of_the_mirror(
    length: int, scale: int, seed: int
) -> None:
    """A mirrored operator gives the same as its original on the mirrored picture."""
    pixels = noise(seed, 1, length)[0].astype(np.float64)
    band = operators.jarosz(length)

    ours = operators.mirror(band)

    expected = band.dense() @ pixels[::-1]
    np.testing.assert_allclose((ours.dense() @ pixels)[::-1], expected, atol=1e-9)
    # The blocks of a smaller plane are those of the picture, not of its mirror.
    blocks = np.add.reduceat(ours.dense(), np.arange(0, length, scale), axis=1)
    np.testing.assert_allclose(ours.project(scale), blocks, atol=1e-12)


def test_usual_axes_are_built_once() -> None:
    """The operator of a size is cached."""
    assert operators.pdq_axis(1999, 0, 4) is operators.pdq_axis(1999, 0, 4)


def test_cache_is_bounded_in_memory() -> None:
    """An operator too large for the cache is not kept: odd sizes cost no memory."""
    long = operators.pdq_axis(65_000, 512, 1)

    assert operators.pdq_axis(65_000, 512, 1) is not long


def test_largest_cached_operator_is_small() -> None:
    """The memory of one cache entry is bounded: a third of a megabyte."""
    axis = operators.pdq_axis(operators._CACHED_PIXELS, 512, 1)  # noqa: SLF001  # the limit under test

    assert sum(weights.nbytes for _, weights in axis.blocks) < 350_000
