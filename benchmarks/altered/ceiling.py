"""What somebody who has the originals could find: ORB features and RANSAC.

A hash set holds no pictures, so no filter can do this: it is the ceiling for the rows
of geometry. It needs ``opencv-python-headless``; without it the column stays empty.
"""

from importlib import import_module
from typing import Any

import numpy as np
from PIL import Image

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
