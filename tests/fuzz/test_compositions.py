"""Whatever a picture is wrapped in, layer over layer, the filter sees it.

The rule: where the libraries of ``layers.py`` give the picture back, one layer after
another, the scan of the outermost has a view of it, or a reason that rejects.

A longer run: ``make properties ARGS="tests/fuzz/test_compositions.py"``.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.corpus import pictures
from tests.fuzz.layers import LAYERS, REFUSALS
from tests.pictures.made import distance
from tests.scanners.scans import scanned
from uploadfilter.decisions.policy import Policy
from uploadfilter.model import Action, Reason, View

IMAGE = pictures.photograph(3, width=96, height=72)
PICTURES: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: pictures.jpeg(IMAGE, 85),
    "png": lambda: pictures.png(IMAGE),
    "gif": lambda: pictures.gif(IMAGE),
    "bmp": lambda: pictures.encoded(IMAGE, "BMP"),
    "webp": lambda: pictures.encoded(IMAGE, "WEBP"),
}
IS_LONG = settings.get_current_profile_name() == "fuzz"
EXAMPLES = 20 if settings.get_current_profile_name() == "quick" else 80

SAME_BITS = 31
"""Bits of PDQ up to which two pictures are taken for one."""

MOST_LAYERS, SEARCHED_TO_THE_END = 4, 2
SEARCHED_BYTES = 64 * 1024
MOST_BYTES = 1_000_000
"""Longer compositions, which escapes of escapes are, take too long to scan."""

JOINED = frozenset({"base64 in short lines", "base64 with stops", "notebook"})
"""Base64 with more than white space between its letters, or in lines of a few: files in
it are found by their magic, and texts are not."""

WIDE = frozenset({"utf-16-le", "utf-16-be"})
"""Charsets without a mark; amid a text of ASCII such bytes are no text to anybody."""

MAGICAL = frozenset({"gzip", "bzip2", "xz", "zstd", "zip", "zip stored"})
"""What has a magic of three bytes or more at its first byte."""


@cache
def listed() -> View:
    """Return the view of the picture that is looked for."""
    return scanned(PICTURES["png"]()).views[0]


def rejects(reason: Reason) -> bool:
    """Say whether the default policy rejects for a reason."""
    return Policy().action_for(reason) is Action.REJECT


def is_caught(content: bytes, *, may_end: bool = False) -> bool:
    """Say whether the picture in a content is seen, or the content is rejected.

    Args:
        content: The content.
        may_end: Whether a search that runs out is enough.
    """
    scans = list(scanned(content).walk())
    return any(
        distance(view, listed()) <= SAME_BITS for scan in scans for view in scan.views
    ) or any(
        rejects(reason) or (may_end and reason is Reason.SEARCH_UNFINISHED)
        for scan in scans
        for reason in scan.reasons
    )


def written(picture: bytes, names: Sequence[str]) -> bytes | None:
    """Return a picture within layers, if the libraries give it back."""
    content = picture
    for layer in map(LAYERS.__getitem__, names):
        if layer.is_of_text and not content.isascii():
            return None
        before, content = content, layer.write(content)
        if len(content) > MOST_BYTES:
            return None
        try:
            if layer.read(content) != before:
                return None
        except REFUSALS:
            return None
    return content


def is_limit(picture: str, names: Sequence[str]) -> bool:
    """Say whether ``docs/limits.md`` states that a composition is not seen."""
    is_wide = any(
        inner in WIDE and LAYERS[outer].is_of_text for inner, outer in pairwise(names)
    )
    return is_wide or any(
        outer in JOINED and inner not in {*PICTURES, *MAGICAL} - {"bmp"}
        for inner, outer in pairwise((picture, *names))
    )


@pytest.mark.parametrize("name", LAYERS)
def test_layer_gives_back_what_it_was_given(name: str) -> None:
    """A layer that its library cannot undo proves nothing."""
    layer = LAYERS[name]
    content = PICTURES["jpeg"]()
    text = content.hex().encode()

    assert layer.read(layer.write(text)) == text
    assert layer.is_of_text or layer.read(layer.write(content)) == content


# Of four layers not all are seen (docs/limits.md), so that the usual run tries the same
# compositions each time; a longer run looks for new ones.
@settings(max_examples=EXAMPLES, derandomize=not IS_LONG)
@given(
    picture=st.sampled_from(sorted(PICTURES)),
    layers=st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=MOST_LAYERS),
)
def test_picture_within_layers_is_seen(picture: str, layers: list[str]) -> None:
    """Codings, escapes, charsets, packers and files that hold files, in any order.

    More than two layers, or long texts, have so many readings that the search may
    exceed its budget.
    """
    content = written(PICTURES[picture](), layers)
    assume(content is not None and not is_limit(picture, layers))
    assert content is not None

    may_end = len(layers) > SEARCHED_TO_THE_END or len(content) > SEARCHED_BYTES

    assert is_caught(content, may_end=may_end)


@pytest.mark.parametrize(
    ("picture", "layers"),
    [
        ("jpeg", ("base64", "utf-16-le", "base64 with stops")),
        ("bmp", ("notebook",)),
        ("bmp", ("0x", "utf-16-be", "csv")),
    ],
)
def test_limits_are_stated(picture: str, layers: tuple[str, ...]) -> None:
    """The parts left out above are really not seen; otherwise the page is wrong."""
    content = written(PICTURES[picture](), layers)

    assert content is not None
    assert is_limit(picture, layers)
    assert not is_caught(content)
