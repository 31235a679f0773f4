"""Scans of single contents, in this process."""

from tests.scanners.memory import upload_of
from uploadfilter.model import Scan, SignalType
from uploadfilter.scanners.inside.scanning import scan_content
from uploadfilter.scanners.pool.merging import MergedContent
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import ContentSpan, ProcessKind, ReplyPart
from uploadfilter.signals.views import ALWAYS


def parts_of(
    content: bytes,
    declared: str | None = None,
    *,
    types: frozenset[SignalType] = ALWAYS,
    budgets: Budgets | None = None,
    digests: bool = False,
    formats: frozenset[str] = frozenset(),
    process: ProcessKind = ProcessKind.ALONE,
    cpu_s: float | None = None,
    coding: str | None = None,
    windows: bool = False,
) -> list[ReplyPart]:
    """Scan one content that lies between two others; return the parts of its scan."""
    neighbour = b"\xff\xd8\xff neighbour"
    with upload_of(neighbour, content, neighbour) as (fd, spans):
        span = ContentSpan(
            path="0",
            offset=spans[1].offset,
            length=spans[1].length,
            declared_type=declared,
            coding=coding,
        )
        parts = scan_content(
            fd,
            span,
            types=types,
            budgets=budgets or Budgets(),
            digests=digests,
            formats=formats,
            process=process,
            cpu_s=cpu_s,
            windows=windows,
        )
        return list(parts)


def scanned(
    content: bytes,
    declared: str | None = None,
    *,
    types: frozenset[SignalType] = ALWAYS,
    budgets: Budgets | None = None,
    digests: bool = False,
    formats: frozenset[str] = frozenset(),
    process: ProcessKind = ProcessKind.ALONE,
    cpu_s: float | None = None,
    coding: str | None = None,
    windows: bool = False,
) -> Scan:
    """Scan one content; return its merged parts."""
    gathered = MergedContent(budgets or Budgets())
    parts = parts_of(
        content,
        declared,
        types=types,
        budgets=budgets,
        digests=digests,
        formats=formats,
        process=process,
        cpu_s=cpu_s,
        coding=coding,
        windows=windows,
    )
    for part in parts:
        if part.needs is not None:
            raise AssertionError(f"it needs a process of another kind: {part.needs}")
        if not gathered.add(part.scan):
            raise AssertionError("a part contradicts another, or is too much")
    scan = gathered.scan()
    if scan is None or [part.is_last for part in parts].index(True) < len(parts) - 1:
        raise AssertionError("the last part is not the last")
    return scan
