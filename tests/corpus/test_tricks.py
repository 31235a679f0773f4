"""The list of tricks: complete, reproducible, and as its page says."""

import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from tests.corpus.tricks import tricks
from tests.corpus.tricks.arithmetic import arithmetic_jpeg
from tests.corpus.tricks.kit import Expected, Family, Shown, png_file
from tests.repository import ROOT, first_cells

LIMITS = ROOT / "docs" / "limits.md"

LEAST = 78
"""Tricks of the catalogue from which this list began."""

DATED = frozenset({"avif-second", "avif-large"})
"""Tricks in which an encoder writes the time of day."""

REFUSED = frozenset(
    {
        *("html-contrast", "jxl-cut-90", "png-195-megapixels"),
        *("gif-put-over", "apng-large-over", "webp-large-over", "webp-far"),
        *("icc-last-bit", "icc-last-bits", "icc-long-curve", "icc-two-samples"),
        *("gain-map-bright", "gain-map-brightens", "gain-map-elements"),
        *("gain-map-iso", "gain-map-avif"),
        *("gif-stops", "apng-stops"),
        *("avif-aperture", "avif-aperture-turned", "bmp-masks", "png-key-deep"),
    }
)
"""Tricks that a browser shows whole, and that the filter refuses without seeing: a
quality too low to tell, a decoder that shows no part of a broken file or cuts bits off,
budgets, frames after which browsers stop, and what no camera or editor writes."""

LARGEST_FILE = 4_000_000
"""Bytes: every trick is a file that somebody would upload."""


def pictures() -> tuple[Image.Image, Image.Image]:
    """Return a small target and decoy: most tricks do not care."""
    size = tricks.WIDTH // 4, tricks.HEIGHT // 4
    target = tricks.photograph(tricks.TARGET_SEED).resize(size)
    return target, tricks.photograph(tricks.DECOY_SEED).resize(size)


def make_all() -> dict[str, bytes]:
    """Return all tricks of the small pictures, by name."""
    target, decoy = pictures()
    return {trick.name: trick.make(target, decoy) for trick in tricks.TRICKS}


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    """Return all tricks of the small pictures, made once."""
    return make_all()


def test_list_is_as_long_as_the_catalogue() -> None:
    """The list has at least as many tricks as at its beginning."""
    assert len(tricks.TRICKS) >= LEAST


def test_each_trick_has_its_own_name() -> None:
    """A name means one trick."""
    names = Counter(trick.name for trick in tricks.TRICKS)

    assert [name for name, count in names.items() if count > 1] == []


def test_each_family_has_tricks() -> None:
    """No family is empty."""
    assert {trick.family for trick in tricks.TRICKS} == set(Family)


def test_page_is_made_of_the_list() -> None:
    """``docs/tricks.md`` is the code's output, and the end-to-end test confirms it."""
    assert tricks.PAGE.read_text(encoding="utf-8") == tricks.page()


def test_each_limit_is_named_in_the_limits() -> None:
    """A trick that is not found stands in ``docs/limits.md`` by its name, no other."""
    named = first_cells(LIMITS.read_text(encoding="utf-8"))
    limits = {t.name for t in tricks.TRICKS if t.expected is Expected.LIMIT}

    assert limits <= named
    assert named & {t.name for t in tricks.TRICKS} == limits


def test_only_what_is_drawn_is_shown_and_passes() -> None:
    """Where a browser shows the target, only SVG and pages that draw it are limits."""
    drawn = {
        trick.suffix
        for trick in tricks.TRICKS
        if trick.shown is not Shown.NOTHING and trick.expected is Expected.LIMIT
    }

    assert drawn <= {".svg", ".html"}


def test_what_is_shown_whole_is_found() -> None:
    """Where a browser shows the target, it is found, with few exceptions."""
    refused = {
        trick.name
        for trick in tricks.TRICKS
        if trick.shown is Shown.TARGET and trick.expected is Expected.REFUSED
    }

    assert refused == REFUSED


@pytest.mark.slow
def test_tricks_are_reproducible(made: dict[str, bytes]) -> None:
    """The same pictures give the same bytes."""
    again = make_all()

    assert {name for name in made if made[name] != again[name]} <= DATED


@pytest.mark.slow
def test_files_are_small(made: dict[str, bytes]) -> None:
    """Every trick is a file of a size that people upload."""
    sizes = {name: len(content) for name, content in made.items()}

    assert [n for n, size in sizes.items() if not 0 < size < LARGEST_FILE] == []


@pytest.mark.slow
def test_files_differ(made: dict[str, bytes]) -> None:
    """No two tricks are the same file under the same media type."""
    kinds = Counter((t.media_type, made[t.name]) for t in tricks.TRICKS)

    assert [kind for (kind, _), count in kinds.items() if count > 1] == []


def test_arithmetic_coding_is_decoded_by_others() -> None:
    """Pillow reads the files of these tricks' coder."""
    target, decoy = pictures()
    content = arithmetic_jpeg(target, decoy)
    decoded = Image.open(io.BytesIO(content))
    wanted = target.convert("L").resize(decoded.size)
    error = np.asarray(decoded, np.int16) - np.asarray(wanted, np.int16)

    assert np.abs(error).mean() < 5


@pytest.mark.parametrize("interlaced", [False, True])
def test_png_is_decoded_by_others(interlaced: bool) -> None:
    """Pillow reads the same pixels from a PNG written by hand."""
    target, _ = pictures()
    samples = np.asarray(target)
    decoded = Image.open(io.BytesIO(png_file(samples, interlaced=interlaced)))

    assert np.array_equal(np.asarray(decoded), samples)
