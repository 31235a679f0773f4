"""What somebody who has the originals could find: ORB features and RANSAC.

A hash set holds no pictures, so no filter can do this: it is the ceiling for the rows
of geometry. It needs ``opencv-python-headless``; without it the column stays empty.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from benchmarks.altered.kept import Kept
from benchmarks.altered.making import altered, reduced
from benchmarks.altered.originals import Originals, load
from benchmarks.altered.rows import ROWS, Row

FEATURES = 800
"""Features of a picture."""

LEAST_INLIERS = 20
"""Features that agree on one similarity: unrelated photographs reach 14."""

_RATIO = 0.8
_PIXELS = 5.0


def cv() -> Any | None:  # noqa: ANN401 - a library without types
    """Return OpenCV, or ``None`` if it is not installed."""
    try:
        return import_module("cv2")
    except ImportError:
        return None


def inliers(library: Any, original: Image.Image, upload: Image.Image) -> int:  # noqa: ANN401
    """Return how many features agree on how the upload shows the original."""
    detector = library.ORB_create(nfeatures=FEATURES)
    found = [
        detector.detectAndCompute(np.asarray(image.convert("L")), None)
        for image in (original, upload)
    ]
    (ours, one), (theirs, other) = found
    if one is None or other is None or min(len(one), len(other)) < LEAST_INLIERS:
        return 0
    matcher = library.BFMatcher(library.NORM_HAMMING)
    pairs = [pair for pair in matcher.knnMatch(one, other, k=2) if len(pair) == 2]  # noqa: PLR2004
    good = [best for best, second in pairs if best.distance < _RATIO * second.distance]
    if len(good) < LEAST_INLIERS:
        return len(good)
    from_ = np.array([ours[match.queryIdx].pt for match in good], np.float32)
    to = np.array([theirs[match.trainIdx].pt for match in good], np.float32)
    _, mask = library.estimateAffinePartial2D(
        from_, to, method=library.RANSAC, ransacReprojThreshold=_PIXELS
    )
    return 0 if mask is None else int(mask.sum())


def tried(
    executor: Executor, folder: Path, half: str, columns: Sequence[int], full: set[int]
) -> dict[str, dict[int, int]]:
    """Return how many features agree, by row and column; nothing without OpenCV.

    The judgement plays no part in it, so that these results are kept by themselves.

    Args:
        executor: Its processes do the work.
        folder: Folder of the originals.
        half: The half.
        columns: Columns of ``making.Altered``.
        full: Those of them that are tried in the rows without an aim as well.
    """
    if cv() is None:
        return {}
    kept = Kept(folder / f"features-{half}.jsonl")
    missing = kept.missing(list(columns))
    jobs = [(it, it in full) for it in missing]
    for column, found in zip(
        missing, executor.map(partial(_try, folder, half), jobs), strict=True
    ):
        kept.add(column, found)
    tallied: dict[str, dict[int, int]] = {}
    for column, rows in kept.of(list(columns)):
        for name, count in rows.items():
            tallied.setdefault(name, {})[column] = count
    return tallied


def _try(folder: Path, half: str, job: tuple[int, bool]) -> dict[str, int]:
    """Compare the features of all rows of a photograph, in a process of the pool."""
    column, is_full = job
    originals = _loaded(folder)
    number = int(np.load(folder / f"altered-{half}-index.npy")[column])
    return {
        row.name: _agreeing(originals, row, number)
        for row in ROWS
        if row.aim or is_full
    }


def _agreeing(originals: Originals, row: Row, number: int) -> int:
    """Return the features of an altered photograph that agree with the original."""
    original = reduced(str(originals.folder), number)
    upload = altered(originals, row, number)
    mirrored = ImageOps.mirror(upload)
    return max(inliers(cv(), original, it) for it in (upload, mirrored))


@lru_cache(1)
def _loaded(folder: Path) -> Originals:
    return load(folder)
