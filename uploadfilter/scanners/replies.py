"""Check what a scanner claims before anything else of this program sees it.

A scanner decodes hostile bytes and may have been taken over by them. It can then lie
about the picture, which nothing can prevent; but it must not be able to speak about
another content, to grow the memory of the proxy, to put names of its own choice into
the log, or to raise in whatever computes with its numbers.
"""

import re
from dataclasses import replace
from typing import Final

import numpy as np

from uploadfilter.contents.magic import Kind
from uploadfilter.model import EXACT_TYPES, Scan, View
from uploadfilter.scanners.messages import (
    UNKNOWN_KIND,
    Budgets,
    ContentReply,
    ContentSpan,
    decode_reply,
)

PLANE_BYTES: Final = 64 * 64 * 4
"""A plane of 64 x 64 float32."""

_LUMA_RANGE: Final = (-1.0, 256.0)
"""Means of luma values from 0 to 255, with room for rounding."""

_VIEW_NAME: Final = re.compile(r"[a-z]{1,16}(?::[0-9]{1,6})?", re.ASCII)
_FAULT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
NESTED: Final = "!/"
"""Stands between the path of a content and the name of what is nested in it."""

_MAX_PATH: Final = 4096
_MAX_DEPTH: Final = 8
_KINDS: Final = frozenset({UNKNOWN_KIND, *(kind.value for kind in Kind)})


def read_reply(
    frame: bytes,
    span: ContentSpan,
    *,
    index: int,
    budgets: Budgets,
    digests: bool,
) -> ContentReply | None:
    """Decode and check the reply to one content.

    Args:
        frame: Body of the frame.
        span: The content that the reply must be about.
        index: Its index in the request.
        budgets: How many views, signals and nested contents are taken.
        digests: Whether exact signals of the content itself were asked for; otherwise
            they are dropped.

    Returns:
        The reply with the path of ``span``, or ``None`` if it is none that this package
        would send.
    """
    reply = decode_reply(frame)
    if not isinstance(reply, ContentReply) or reply.index != index:
        return None
    scan = reply.scan
    if scan.path or scan.size != span.length or not _is_fault(reply.fault):
        return None
    if not _is_sound_tree(scan, budgets):
        return None
    return ContentReply(
        index=index,
        scan=_placed(scan if digests else replace(scan, exact=()), span.path),
        fault=reply.fault,
    )


def _is_sound_tree(scan: Scan, budgets: Budgets) -> bool:
    """Check a scan and all that is nested in it, level by level."""
    level, count = [scan], 0
    for _ in range(_MAX_DEPTH):
        count += len(level)
        if count > 1 + budgets.max_contents:
            return False
        if not all(_is_sound(each, budgets) for each in level):
            return False
        level = [nested for each in level for nested in each.contents]
    return not level


def _is_sound(scan: Scan, budgets: Budgets) -> bool:
    """Check everything about a scan but what is nested deeper than its contents."""
    return (
        scan.kind in _KINDS
        and scan.size >= 0
        and tuple(signal.type for signal in scan.exact) in ((), EXACT_TYPES)
        and len(scan.views) <= budgets.max_views
        and sum(len(view.signals) for view in scan.views) <= budgets.max_signals
        and len({view.name for view in scan.views}) == len(scan.views)
        and all(_is_sound_view(view) for view in scan.views)
        and all(_is_below(nested.path, scan.path) for nested in scan.contents)
    )


def _is_below(path: str, parent: str) -> bool:
    start = parent + NESTED
    return len(start) < len(path) <= _MAX_PATH and path.startswith(start)


def _is_sound_view(view: View) -> bool:
    return (
        _VIEW_NAME.fullmatch(view.name) is not None
        and not any(item.signal.type.is_exact for item in view.signals)
        and is_plane(view.plane)
    )


def is_plane(plane: bytes) -> bool:
    """Return whether bytes are 64 x 64 float32 within the range of luma.

    NaN is in no range; infinite and huge values would overflow in the quality.
    """
    if len(plane) != PLANE_BYTES:
        return False
    values = np.frombuffer(plane, np.float32)
    low, high = _LUMA_RANGE
    return bool(values.min() >= low and values.max() <= high)


def _is_fault(fault: str) -> bool:
    return not fault or _FAULT.fullmatch(fault) is not None


def _placed(scan: Scan, path: str) -> Scan:
    """Put ``path`` before the paths of a scan and of all that is nested in it."""
    return replace(
        scan,
        path=path + scan.path,
        contents=tuple(_placed(nested, path) for nested in scan.contents),
    )
