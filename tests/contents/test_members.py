"""The meter says when unpacking gave too much."""

from uploadfilter.contents.members import RATIO_GRACE_BYTES, UnpackLimits, UnpackMeter
from uploadfilter.model import Reason

BIG = RATIO_GRACE_BYTES + 1


def test_output_is_counted_over_all_members() -> None:
    """Two members that fit alone may be too much together."""
    meter = UnpackMeter(UnpackLimits(max_output_bytes=100))

    assert meter.excess(60, unpacked=60, packed=60) is None
    assert meter.excess(60, unpacked=60, packed=60) is Reason.TOO_MANY_BYTES


def test_ratio_is_told_for_each_member() -> None:
    """A member whose output exceeds the ratio to its packed bytes is a bomb."""
    meter = UnpackMeter(UnpackLimits(max_ratio=10))

    assert meter.excess(BIG, unpacked=BIG, packed=BIG // 10 + 1) is None
    assert meter.excess(0, unpacked=BIG, packed=BIG // 10) is Reason.TOO_COMPRESSED


def test_small_output_has_any_ratio() -> None:
    """A blank page compresses a thousandfold and is harmless."""
    meter = UnpackMeter(UnpackLimits(max_ratio=1))

    assert meter.excess(9, unpacked=RATIO_GRACE_BYTES, packed=0) is None


def test_members_are_a_bomb_together() -> None:
    """Many members, none of which is too compressed, are told by their whole."""
    meter = UnpackMeter(UnpackLimits(max_ratio=10), content_bytes=BIG // 10)

    assert meter.excess(BIG - 1, unpacked=0, packed=0) is None
    assert meter.spent is None
    assert meter.excess(1, unpacked=0, packed=0) is Reason.TOO_COMPRESSED
    assert meter.spent is Reason.TOO_COMPRESSED
