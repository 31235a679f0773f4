"""Mark the contents in which the search for altered copies was not finished.

Rules this module keeps: it is pure; a mark adds a reason, and hides none.
"""

from collections.abc import Collection
from dataclasses import replace

from uploadfilter.model import Reason, Scan


def marked(scan: Scan, unfinished: Collection[str]) -> Scan:
    """Return a scan whose unfinished contents have ``EVIDENCE_UNFINISHED``.

    Args:
        scan: A scan, with nested ones inside.
        unfinished: Paths of the contents to mark.
    """
    nested = tuple(marked(inner, unfinished) for inner in scan.contents)
    scan = replace(scan, contents=nested)
    if scan.path not in unfinished:
        return scan
    if scan.reason is None:
        return replace(scan, reason=Reason.EVIDENCE_UNFINISHED)
    return replace(scan, further=(*scan.further, Reason.EVIDENCE_UNFINISHED))
