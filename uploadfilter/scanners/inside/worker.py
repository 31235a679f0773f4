"""Start as a template with the decoders of this package; ``process.py`` runs it."""

import sys
from collections.abc import Iterator
from typing import Final

import numpy as np

from uploadfilter.pictures.faults import be_quiet
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.scanners.inside.forkserver import run
from uploadfilter.scanners.inside.scanning import prepare, scan_content
from uploadfilter.scanners.wire.messages import (
    ContentSpan,
    Handed,
    ReplyPart,
    ScanRequest,
)
from uploadfilter.signals.registry import PERCEPTUAL_TYPES
from uploadfilter.signals.views import ALWAYS, view_of

_USUAL_SIDES: Final = (
    *((4032, 3024), (4000, 3000), (1920, 1080), (1600, 1200)),
    *((1280, 960), (1280, 720), (1024, 768), (800, 600), (640, 480)),
)
"""Usual sizes of pictures from cameras, messengers and the web, in landscape: a tenth
of a second in all, and 5 MiB that all scanners share."""

_SHORTEST_SCALED: Final = 512
"""Shorter side, in pixels, that a decoder keeps; ``pictures/decoding.py``."""


def warm() -> None:
    """Do work once that every scanner would have to do for its first picture.

    Libraries import parts of themselves at their first use, which a confined process
    cannot do; and the operators for a usual size would cost a fresh scanner 6 ms of CPU
    time, which is more than the fork.
    """
    every = frozenset(item.type for item in PERCEPTUAL_TYPES)
    view_of(_picture(512, 512), name="stored", types=every)
    for width, height in _USUAL_SIDES:
        view_of(_picture(width, height), name="stored", types=ALWAYS)
        view_of(_picture(height, width), name="stored", types=ALWAYS)


def _picture(width: int, height: int) -> Picture:
    """Return a blank picture in the form that a decoder gives."""
    short = min(width, height)
    scale = max(s for s in (1, 2, 4, 8) if s == 1 or short >= s * _SHORTEST_SCALED)
    plane = np.zeros((-(-height // scale), -(-width // scale)), np.uint8)
    return Picture(plane=plane, shape=Shape(height=height, width=width, scale=scale))


def scan_span(
    upload: Handed, span: ContentSpan, request: ScanRequest, cpu_s: float
) -> Iterator[ReplyPart]:
    """Scan one content by a request."""
    return scan_content(
        upload,
        span,
        types=request.types,
        budgets=request.budgets,
        digests=request.digests,
        formats=request.formats,
        process=request.process,
        cpu_s=cpu_s,
        windows=request.windows,
    )


def get_ready() -> None:
    """Load and prepare all that a scan needs, so that forks find it done."""
    prepare()
    be_quiet()
    warm()


if __name__ == "__main__":
    get_ready()
    run(sys.argv[1:], scan_span)
