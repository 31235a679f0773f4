"""The filter sees the colours that Chromium shows for odd profiles and signals.

Chromium draws hundreds of small pictures whose colours are made by chance
(``colours.py``); each must be near one of the filter's views, or have a reason that is
rejected by default.

A few hundred run with the other tests. ``COLOUR_CASES=20000`` is how many to try, from
the number ``COLOUR_START`` on; a failure names the numbers, which give the same files
again.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.e2e import colours
from tests.e2e.drawing import Colours, drawing
from uploadfilter.model import Reason
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS
from uploadfilter.pictures.frame import Omission
from uploadfilter.pictures.picture import Luma
from uploadfilter.signals.pages import show_on_pages

pytestmark = pytest.mark.e2e

CASES = int(os.environ.get("COLOUR_CASES", "300"))
START = int(os.environ.get("COLOUR_START", "0"))
AT_ONCE = 100
"""Files that one page draws."""

NEAR = 3.0
"""Grey steps between the shown picture and a view, on average over the picture.
Unrelated pictures differ by 40 and more."""

REJECTED = frozenset({Reason.UNDECODABLE, Reason.TRUNCATED, Reason.TOO_MANY_BYTES})
"""Reasons that the default policy rejects."""


def views(content: bytes) -> tuple[list[Luma], set[Reason]]:
    """Return all planes that the filter compares of a file, and what it lacks."""
    planes: list[Luma] = []
    reasons: set[Reason] = set()
    for item in frames_of(io.BytesIO(content), formats=FORMATS, limits=DecodeLimits()):
        if isinstance(item, Omission):
            reasons.add(item.reason)
        else:
            planes += [shown.picture.plane for shown in show_on_pages(item)]
    return planes, reasons


def distance(plane: Luma, drawn: Colours) -> float:
    """Return the grey steps between a view and a drawing."""
    seen = np.asarray(Image.fromarray(drawn[:, :, :3].copy()).convert("L"))
    return float(np.abs(seen.astype(int) - plane).mean())


def unseen(cases: Iterator[tuple[int, bytes, Colours | None]]) -> Iterator[int]:
    """Yield the numbers of the cases that are shown, neither seen nor rejected."""
    for number, content, drawn in cases:
        if drawn is None:
            continue
        planes, reasons = views(content)
        nearest = min((distance(plane, drawn) for plane in planes), default=np.inf)
        if nearest > NEAR and REJECTED.isdisjoint(reasons):
            yield number


def test_colours_that_chromium_shows_are_seen(tmp_path: Path) -> None:
    """Of any signal of colours, one view is what a browser shows."""

    def drawn() -> Iterator[tuple[int, bytes, Colours | None]]:
        with drawing(tmp_path) as chromium:
            for first in range(START, START + CASES, AT_ONCE):
                numbers = range(first, min(first + AT_ONCE, START + CASES))
                files = [colours.case(number) for number in numbers]
                contents = (content for _, content in files)
                yield from zip(numbers, contents, chromium.draw(files), strict=True)

    assert list(unseen(drawn())) == []
