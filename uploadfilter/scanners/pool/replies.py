"""Check a scanner's replies before any other part of this program uses them.

A scanner decodes hostile bytes and may have been taken over by them. It can then lie
about the picture, which cannot be prevented. But it must not be able to report on
another content, to fill the memory of the proxy, to put names of its choice into the
log, or to cause exceptions where its numbers are used.
"""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.model import (
    EXACT_TYPES,
    INCAPACITY,
    NESTED,
    PERCEPTUAL_TYPES,
    REFUSALS,
    Reason,
    Scan,
    View,
)
from uploadfilter.scanners.wire.budgets import Holds, findings_for
from uploadfilter.scanners.wire.messages import (
    UNKNOWN_KIND,
    ContentReply,
    ContentSpan,
    decode_reply,
)

PLANE_BYTES: Final = 64 * 64 * 4
"""Bytes of a plane of 64 x 64 float32."""

_LUMA_RANGE: Final = (-1.0, 256.0)
"""Range of means of luma values from 0 to 255, with a margin for rounding."""

_MOST_ASPECT: Final = float(1 << 32)
"""Most columns of a picture of one row; not-a-number is below no bound."""

_ATOM: Final = r"(?:[a-z]{1,16}(?::[0-9]{1,6})?|ms:[0-9]{1,9})"
_VIEW_NAME: Final = re.compile(rf"{_ATOM}(?:/{_ATOM}){{0,3}}", re.ASCII)
"""``stored``, ``trim:1``, ``frame:3/white``: at most four atoms, joined by ``/``. A
time in a video has milliseconds, up to eleven days."""

_FAULT: Final = re.compile(
    r"[A-Za-z_][A-Za-z0-9_]{0,63}(?:@[a-z_][a-z0-9_.]{0,127}:[0-9]{1,6})?", re.ASCII
)
_MAX_PATH: Final = 4096
_ALL_PERCENT: Final = 100
_EMBEDDED_LEVELS: Final = 1
"""Levels below the innermost content: pictures that are found in it by their magic."""

_PERCEPTUAL: Final = frozenset(PERCEPTUAL_TYPES)
_REASONS: Final = frozenset({None, *Reason}) - (
    REFUSALS
    | INCAPACITY
    | {Reason.LOW_QUALITY, Reason.NEAR_MATCH, Reason.EVIDENCE_UNFINISHED}
    | {Reason.UNREADABLE}
    | {Reason.PIECEWISE_UPLOAD}
)
"""Reasons that a scanner may give: effects of a content. Only the proxy gives the
others: if the filter itself is unable, the client is told to try again, whatever the
operator chose to reject."""

_REASONS_OF_CODED: Final = _REASONS | {Reason.UNSUPPORTED_CODING}
"""The same of a content in a coding, which only a scanner undoes."""

_KINDS: Final = frozenset({UNKNOWN_KIND, *(kind.value for kind in Kind)})


def read_reply(
    frame: bytes,
    span: ContentSpan,
    *,
    index: int,
    budgets: Holds,
    digests: bool,
) -> ContentReply | None:
    """Decode and check the reply to one content, or a part of it.

    Args:
        frame: Body of the frame.
        span: The content that the reply must be about.
        index: Its index in the request.
        budgets: The most views, signals and nested contents, and the greatest depth.
        digests: Whether exact signals of the content itself were requested; otherwise
            they are dropped.

    Returns:
        The reply with the path of ``span``, or ``None`` if this package would not send
        such a reply.
    """
    reply = decode_reply(frame)
    if not isinstance(reply, ContentReply) or reply.index != index:
        return None
    scan = reply.scan
    if scan.path or scan.size != span.length or not _is_fault(reply.fault):
        return None
    if reply.needs is not None and not (reply.is_last and _is_empty(scan)):
        return None
    if not _is_sound_tree(scan, budgets, is_coded=span.coding is not None):
        return None
    return ContentReply(
        index=index,
        scan=_placed(scan, span.path, exact=digests),
        fault=reply.fault,
        is_last=reply.is_last,
        needs=reply.needs,
    )


def _is_empty(scan: Scan) -> bool:
    return not (scan.views or scan.contents or scan.exact)


def _is_sound_tree(scan: Scan, budgets: Holds, *, is_coded: bool) -> bool:
    """Check a scan and all contents nested in it, level by level."""
    level: Sequence[Scan] = (scan,)
    contents = signals = 0
    reasons = _REASONS_OF_CODED if is_coded else _REASONS
    # The decoded body of a content in a coding counts its depth from itself.
    for _ in range(1 + is_coded + budgets.max_depth + _EMBEDDED_LEVELS):
        for each in level:
            found = _signals_of(each, budgets) if _are_sound(each, reasons) else None
            if found is None:
                return False
            signals += found
        contents += len(level)
        if contents > 1 + budgets.max_contents or signals > budgets.max_upload_signals:
            return False
        level = [nested for each in level for nested in each.contents]
        if not level:
            return True
    return False


def _signals_of(scan: Scan, budgets: Holds) -> int | None:
    """Count the signals in the views of a content.

    Everything about it is checked, except contents nested deeper than its own.

    Returns:
        The count; ``None`` if the content is not valid.
    """
    most_views, most_signals = findings_for(budgets, scan.kind)
    sound = (
        scan.kind in _KINDS
        and scan.size >= 0
        and 0 <= scan.dropped <= budgets.max_contents
        and (not scan.exact or _are_digests(scan))
        and len(scan.views) <= most_views
        and (scan.seen_percent is None or 0 <= scan.seen_percent <= _ALL_PERCENT)
        and all(_is_below(nested.path, scan.path) for nested in scan.contents)
    )
    if not sound:
        return None
    names, signals = set[str](), 0
    for view in scan.views:
        if not _is_sound_view(view):
            return None
        names.add(view.name)
        signals += view.signal_count
    is_within = signals <= most_signals and len(names) == len(scan.views)
    return signals if is_within else None


def _are_sound(scan: Scan, reasons: frozenset[Reason | None]) -> bool:
    """Check the reasons of a content: each once, and no further one without a first."""
    named = {scan.reason, *scan.further}
    return (
        named <= reasons
        and len(named) == 1 + len(scan.further)
        and (scan.reason is not None or not scan.further)
    )


def _are_digests(scan: Scan) -> bool:
    return tuple(signal.type for signal in scan.exact) == EXACT_TYPES


def _is_below(path: str, parent: str) -> bool:
    start = parent + NESTED
    is_short = len(start) < len(path) <= _MAX_PATH
    # Names of ``tree.py`` have no characters that move the cursor of a terminal.
    return is_short and path.startswith(start) and path.isprintable()


def _is_sound_view(view: View) -> bool:
    return (
        _VIEW_NAME.fullmatch(view.name) is not None
        and {row.type for row in view.rows} <= _PERCEPTUAL
        and is_plane(view.plane)
        and (view.aspect is None or 0 < view.aspect <= _MOST_ASPECT)
    )


def is_plane(plane: bytes) -> bool:
    """Return whether bytes are 64 x 64 float32 within the range of luma.

    NaN is outside of every range; infinite and huge values would overflow in the
    quality.
    """
    if len(plane) != PLANE_BYTES:
        return False
    values = np.frombuffer(plane, np.float32)
    low, high = _LUMA_RANGE
    # The methods of arrays do the same by way of Python.
    return bool(np.minimum.reduce(values) >= low and np.maximum.reduce(values) <= high)


def _is_fault(fault: str) -> bool:
    return not fault or _FAULT.fullmatch(fault) is not None


def _placed(scan: Scan, path: str, *, exact: bool) -> Scan:
    """Put ``path`` before the paths of a scan and of all contents nested in it.

    Args:
        scan: A scan.
        path: Path of the content.
        exact: Whether the exact signals of the scan itself are kept; those of nested
            contents always are.
    """
    # ``dataclasses.replace`` would take three times as long, for every upload.
    return Scan(
        path=path + scan.path,
        kind=scan.kind,
        size=scan.size,
        exact=scan.exact if exact else (),
        views=scan.views,
        reason=scan.reason,
        contents=tuple([_placed(nested, path, exact=True) for nested in scan.contents]),
        dropped=scan.dropped,
        further=scan.further,
        seen_percent=scan.seen_percent,
    )
