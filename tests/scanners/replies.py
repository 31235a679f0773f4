"""A scan as a scanner replies it, with everything that a scan may hold."""

from dataclasses import replace

import numpy as np

from uploadfilter.model import (
    Geometry,
    Reason,
    Scan,
    Signal,
    SignalRow,
    SignalType,
    Variant,
    View,
)

PLANE = np.linspace(0, 255, 64 * 64, dtype=np.float32).tobytes()

DIGESTS = (
    Signal(type=SignalType.MD5, value=bytes(16)),
    Signal(type=SignalType.SHA1, value=bytes(20)),
    Signal(type=SignalType.SHA256, value=bytes(32)),
)

VIEW = View(
    name="stored",
    rows=(
        SignalRow(type=SignalType.PDQ, values=bytes(range(32)), geometry=Geometry.FULL),
        SignalRow(type=SignalType.PHASH, values=bytes(8), first=Variant.R90),
    ),
    plane=PLANE,
)

INNER = Scan(
    path="!/2024/a.jpg",
    kind="jpeg",
    size=50,
    exact=DIGESTS,
    views=(VIEW, replace(VIEW, name="frame:12")),
    reason=Reason.TRUNCATED,
)

SCAN = Scan(
    path="",
    kind="zip",
    size=100,
    exact=DIGESTS,
    views=(VIEW,),
    reason=Reason.NOT_INSPECTED,
    contents=(INNER,),
)
