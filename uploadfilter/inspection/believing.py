"""Take from a scanner what it may say about the contents of an upload.

Its digests are not believed: those of this process are. Of a content *aside* only
findings and used-up budgets count, and of one that is not scanned by itself only the
digests are known.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from uploadfilter.inspection.commands import Content, unscanned
from uploadfilter.model import Reason, Scan

_SHAPES: Final = frozenset(
    {
        Reason.UNDECODABLE,
        Reason.TRUNCATED,
        Reason.KEY_FRAME_UNSEEN,
        Reason.ENCRYPTED,
        Reason.NOT_INSPECTED,
    }
)
"""Reasons that say how bytes look, and not that a budget ended a scan of them."""


def believed(contents: Sequence[Content], scans: Sequence[Scan]) -> tuple[Scan, ...]:
    """Return a scan for each content, in order.

    Args:
        contents: The contents.
        scans: Those of the contents that were scanned, in the same order.
    """
    scanned = [content for content in contents if content.is_scanned]
    found = {
        content.path: _believed(scan, content)
        for content, scan in zip(scanned, scans, strict=True)
    }
    return tuple(found.get(content.path) or unscanned(content) for content in contents)


def _believed(scan: Scan, content: Content) -> Scan:
    """Return a scan with the digests of this process, as far as it counts."""
    if content.is_aside:
        scan = _with_budgets_only(scan)
    # ``dataclasses.replace`` would take three times as long, for every upload.
    return Scan(
        path=content.path,
        kind=scan.kind,
        size=scan.size,
        exact=content.exact,
        views=scan.views,
        reason=scan.reason,
        contents=scan.contents,
        dropped=scan.dropped,
        further=scan.further,
        seen_percent=scan.seen_percent,
    )


def _with_budgets_only(scan: Scan) -> Scan:
    """Leave out of a scan, at all depths, reasons that only say what bytes look like.

    In framed bytes every file is broken where a chunk ends.
    """
    kept = [reason for reason in scan.reasons if reason not in _SHAPES]
    return replace(
        scan,
        reason=kept[0] if kept else None,
        further=tuple(kept[1:]),
        contents=tuple(_with_budgets_only(each) for each in scan.contents),
    )
