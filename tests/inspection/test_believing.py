"""The proxy believes its own digests, and of contents aside no shape."""

import pytest

from uploadfilter.inspection.believing import believed
from uploadfilter.inspection.commands import Content
from uploadfilter.model import Reason, Scan, Signal, SignalType

OURS = Signal(type=SignalType.MD5, value=bytes(16))
THEIRS = Signal(type=SignalType.MD5, value=bytes(range(16)))


def content(path: str, *, is_aside: bool = False, is_scanned: bool = True) -> Content:
    """Return a content."""
    return Content(
        path=path,
        offset=0,
        length=7,
        declared_type=None,
        exact=(OURS,),
        is_aside=is_aside,
        is_scanned=is_scanned,
    )


def test_each_content_has_its_scan() -> None:
    """Those that were not scanned have digests, and no reason."""
    contents = [content("0"), content("1", is_scanned=False), content("2")]
    scans = [Scan(path="", kind=kind, size=7, exact=(THEIRS,)) for kind in ("a", "b")]
    found = believed(contents, scans)
    assert [scan.kind for scan in found] == ["a", "unscanned", "b"]
    assert [scan.path for scan in found] == ["0", "1", "2"]
    assert {scan.exact for scan in found} == {(OURS,)}


@pytest.mark.parametrize(
    ("reason", "is_kept"), [(Reason.TRUNCATED, False), (Reason.OUT_OF_TIME, True)]
)
def test_shape_of_a_content_aside_is_no_reason(
    reason: Reason, *, is_kept: bool
) -> None:
    """At any depth; a budget that ended its scan is one."""
    inner = Scan(path="", kind="jpeg", size=3, reason=reason)
    scan = Scan(path="", kind="zip", size=7, reason=reason, contents=(inner,))
    (found,) = believed([content("0", is_aside=True)], [scan])
    assert found.reasons == ((reason,) if is_kept else ())
    (plain,) = believed([content("0")], [scan])
    assert plain.reasons == (reason,)
