"""Every picture inside of a content is found, and little else."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashsets.demo import pictures
from uploadfilter.contents import carving
from uploadfilter.contents.carving import Candidate, TooMany, candidates
from uploadfilter.contents.magic import Kind
from uploadfilter.contents.source import MemorySource

STRETCH = carving._STRETCH_BYTES  # noqa: SLF001  # its borders are what is tested

IMAGE = pictures.photograph(1, width=60, height=40)
HIDDEN = {
    Kind.JPEG: pictures.jpeg(IMAGE),
    Kind.PNG: pictures.png(IMAGE),
    Kind.GIF: pictures.gif(IMAGE),
    Kind.WEBP: pictures.webp(IMAGE),
    Kind.AVIF: pictures.encoded(IMAGE, "AVIF", speed=10),
    Kind.TIFF: pictures.encoded(IMAGE, "TIFF"),
    Kind.BMP: pictures.encoded(IMAGE, "BMP"),
    Kind.JP2: pictures.encoded(IMAGE, "JPEG2000"),
}
KINDS = pytest.mark.parametrize("kind", HIDDEN)
NOISE = np.random.default_rng(7).bytes(2 * STRETCH + 1000)


def found(content: bytes, *, start: int = 0, most: int = 100) -> list[tuple[int, Kind]]:
    """Return offset and kind of each candidate, none of which may be missing."""
    items = list(candidates(MemorySource(content), start=start, most=most))
    return [(item.offset, item.kind) for item in items if isinstance(item, Candidate)]


def slowly(content: bytes, *, start: int = 0) -> Iterator[tuple[int, Kind]]:
    """Look at every offset with every form: the obvious way."""
    source = MemorySource(content)
    for offset in range(start, len(content)):
        for form in carving._FORMS:  # noqa: SLF001  # the same forms, searched simply
            if form.pattern.match(content, offset):
                kind = form.test(source, offset)
                if kind is not None:
                    yield offset, kind


@KINDS
@pytest.mark.parametrize(
    "outer", [HIDDEN[Kind.JPEG], HIDDEN[Kind.PNG], b"text. " * 99, NOISE[:9999]]
)
def test_picture_behind_other_content_is_found(outer: bytes, kind: Kind) -> None:
    """A picture appended to anything is found, with its kind, and nothing else."""
    assert found(outer + HIDDEN[kind], start=1) == [(len(outer), kind)]


@given(at=st.integers(0, len(NOISE)), kind=st.sampled_from(list(HIDDEN)))
def test_picture_is_found_at_every_offset(at: int, kind: Kind) -> None:
    """Also across the border of two stretches."""
    content = NOISE[:at] + HIDDEN[kind] + NOISE[at : at + 500]

    assert (at, kind) in found(content)


def test_more_than_the_most_is_said() -> None:
    """After the last allowed candidate comes an item that says that there are more."""
    content = HIDDEN[Kind.PNG] * 3
    source = MemorySource(content)

    assert list(candidates(source, most=3))[-1] != TooMany()
    assert list(candidates(source, most=2))[-1] == TooMany()
    assert list(candidates(source, most=0)) == [TooMany()]
