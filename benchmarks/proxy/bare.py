"""The bare pipeline: the work of an upload without HTTP, processes and records.

It is digests, three exact look-ups, decode, every signal, the search of the reference
set, and the decision.
"""

from dataclasses import replace

from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.policy import Policy, decide
from uploadfilter.inspection.scanning import ALWAYS_SCANNED
from uploadfilter.model import Mode, Scan, Verdict
from uploadfilter.reference.search.matching import (
    Generation,
    Thresholds,
    match_exact,
    match_scans,
)
from uploadfilter.scanners.inside.scanning import scan_content
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import ContentSpan, Handed
from uploadfilter.signals import pdq
from uploadfilter.signals.exact import Digests

_BUDGETS = Budgets()


def scan(upload: Handed, length: int) -> Scan:
    """Return the scan of an upload that is one picture."""
    span = ContentSpan(path="0", offset=0, length=length, declared_type="image/jpeg")
    parts = scan_content(upload, span, types=ALWAYS_SCANNED, budgets=_BUDGETS)
    (part,) = parts
    return part.scan


def look_up(generation: Generation, body: bytes) -> Scan:
    """Look the digests of a body up; return a scan with them and without views."""
    digests = Digests()
    digests.update(body)
    exact = digests.signals()
    match_exact(generation, "0", exact)
    return Scan(path="0", kind="jpeg", size=len(body), exact=exact)


def judge(generation: Generation, known: Scan, scanned: Scan) -> Judgement:
    """Search for all signals, and decide.

    Raises:
        RuntimeError: The picture was not found to be an unlisted one, or has no view.
    """
    whole = replace(scanned, path=known.path, exact=known.exact)
    matches = match_scans(
        generation, [whole], thresholds=Thresholds(), quality_of=pdq.quality
    )
    judged = decide([whole], matches, mode=Mode.ENFORCE, policy=Policy())
    if judged.verdict is not Verdict.NO_MATCH or not whole.views:
        raise RuntimeError(f"an unlisted picture was judged {judged.verdict}")
    return judged
