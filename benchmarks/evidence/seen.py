"""Uploads by their soft views: as an altered copy is judged."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence.counting import Counts
from benchmarks.evidence.halves import bits
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.chance import tries_of
from uploadfilter.evidence.cohort import Words
from uploadfilter.evidence.judging import judge
from uploadfilter.evidence.probes import Probes
from uploadfilter.signals.soft.family import soft_views

JUDGED = 32
"""Candidates of an upload that are judged, those that agree best."""

_HIGHEST = 3e-4
"""Probability up to which no pair is missed: 32 of 30,000 are judged."""

_BLOCK = 2048


def count(
    background: Background, planes: Iterable[NDArray[np.float32]], entries: Words
) -> Counts:
    """Upload pictures, and judge the entries that come nearest.

    Args:
        background: The cohort.
        planes: Planes of the uploads.
        entries: Values of other pictures, shape (n, 4).
    """
    found = Counts(highest=_HIGHEST)
    theirs = bits(entries)
    raw = [row.tobytes() for row in entries.astype(">u8")]
    for plane in planes:
        data = np.ascontiguousarray(plane, np.float32).tobytes()
        views = soft_views(data)
        if not len(views):
            continue
        rows = _nearest(background, Probes.of(views), theirs)
        judged = judge(
            background,
            views,
            [raw[row] for row in rows.tolist()],
            entries=1,
            tries=tries_of(len(views)),
            plane=data,
        )
        predicted = np.array(
            [1.0 if it.expected is None else it.expected for it in judged]
        )
        found.pairs += len(entries)
        found.compared += len(entries) * len(views)
        found.add(predicted)
        found.add_upload(predicted, rows, len(entries))
    return found


def _nearest(
    background: Background, probes: Probes, theirs: NDArray[np.float32]
) -> NDArray[np.intp]:
    """Return the entries that some view of an upload agrees with best."""
    moments = background.moments(probes.weights)
    weights = probes.weights / moments.deviation[:, None]
    mean = (moments.mean / moments.deviation)[:, None]
    best = np.concatenate(
        [
            (weights @ theirs[first : first + _BLOCK].T - mean).max(axis=0)
            for first in range(0, len(theirs), _BLOCK)
        ]
    )
    rows: NDArray[np.intp] = np.argsort(-best)[:JUDGED]
    return rows
