"""Broken readings of strings count only where none is sound."""

import pytest

from uploadfilter.model import Reason, Scan, View
from uploadfilter.scanners.readings import Readings
from uploadfilter.scanners.tree import Node

HEAD = bytes(range(48))


def settled(*found: tuple[bytes, Reason | None]) -> Scan:
    """Add pictures with these bytes and reasons to one content; return its scan."""
    parent = Node(path="0", kind="text", size=99)
    readings = Readings(parent, most_dropped=9)
    for number, (data, reason) in enumerate(found):
        node = Node(path=f"0!/{number}", kind="png", size=len(data), reason=reason)
        readings.add(node, known_by=data[:48], is_nested=False)
    readings.settle()
    return parent.part()


def test_broken_reading_beside_a_sound_one_is_dropped() -> None:
    """One string is one picture, whatever else could be read in it."""
    scan = settled((HEAD + b"ab", Reason.UNDECODABLE), (HEAD + b"cd", None))

    assert [each.path for each in scan.contents] == ["0!/1"]
    assert scan.dropped == 1


def test_broken_picture_of_its_own_stays() -> None:
    """A picture that begins in another way is not excused by a sound one."""
    scan = settled((HEAD[::-1], Reason.TRUNCATED), (HEAD, None))

    assert [each.path for each in scan.contents] == ["0!/1", "0!/0"]


def test_other_reasons_are_kept() -> None:
    """A bomb is one in whichever reading."""
    scan = settled((HEAD, Reason.TOO_MANY_PIXELS), (HEAD + b"a", None))

    assert [each.path for each in scan.contents] == ["0!/0", "0!/1"]


@pytest.mark.parametrize(
    ("second", "reason"), [(HEAD, None), (HEAD[::-1], Reason.TRUNCATED)]
)
def test_reason_of_a_picture_with_views_waits_for_the_others(
    second: bytes, reason: Reason | None
) -> None:
    """What it shows is sent at once; whether it is broken is said when all are read."""
    parent = Node(path="0", kind="text", size=99)
    readings = Readings(parent, most_dropped=9)
    shown = Node(path="0!/0", kind="png", size=9, reason=Reason.TRUNCATED)
    shown.add_view(View(name="stored", signals=(), plane=b""))
    parent.nest(shown)
    readings.add(shown, known_by=HEAD, is_nested=True)
    early = parent.part()
    sound = Node(path="0!/1", kind="png", size=9)
    readings.add(sound, known_by=second, is_nested=False)
    readings.settle()
    late = {each.path: each.reason for each in parent.part().walk()}

    assert [each.reason for each in early.walk()] == [None, None]
    assert late.get("0!/0") is reason
