"""Tell how near the views of a document come to a picture, and what was not seen."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from tests.scanners.scans import scanned
from uploadfilter.model import Reason, Scan, SignalType
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.signals.views import view_of

THRESHOLD = 31
"""Distance in bits of PDQ up to which a picture is found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is seen of a document.

    Attributes:
        distances: Of each content, the distance of its nearest view, by its name.
        reasons: Why something may not have been seen.
    """

    distances: dict[str, int]
    reasons: frozenset[Reason]

    @property
    def nearest(self) -> int:
        """Return the least distance; 256 if there is no view."""
        return min(self.distances.values(), default=256)

    @property
    def is_found(self) -> bool:
        """Return whether the picture is found, in any way."""
        return self.nearest <= THRESHOLD


def pdq_of(image: Image.Image) -> int:
    """Return the PDQ of a picture."""
    plane = np.asarray(image.convert("L"))
    shape = Shape(height=plane.shape[0], width=plane.shape[1])
    view = view_of(Picture(plane=plane, shape=shape), name="wanted")
    return int.from_bytes(view.signals[0].signal.value)


def sight_of(
    document: bytes, wanted: Image.Image, declared: str | None = None
) -> Sight:
    """Scan a document, and compare every view in it with a picture."""
    scan = scanned(document, declared, digests=True)
    target = pdq_of(wanted)
    near = {
        each.path.rpartition("!/")[2]: _nearest(each, target) for each in scan.walk()
    }
    reasons = {
        reason
        for each in scan.walk()
        for reason in (each.reason, *each.further)
        if reason is not None
    }
    return Sight(
        distances={name: bits for name, bits in near.items() if bits is not None},
        reasons=frozenset(reasons),
    )


def _nearest(scan: Scan, target: int) -> int | None:
    distances = (
        (int.from_bytes(item.signal.value) ^ target).bit_count()
        for view in scan.views
        for item in view.signals
        if item.signal.type is SignalType.PDQ
    )
    return min(distances, default=None)
