"""Broken readings of strings count only where none is sound."""

from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason, Scan
from uploadfilter.scanners.readings import Readings
from uploadfilter.scanners.tree import Node

HEAD = bytes(range(48))


def settled(*found: tuple[bytes, Reason | None]) -> Scan:
    """Add pictures with these bytes and reasons to one content; return its scan."""
    parent = Node(path="0", kind="text", size=99)
    readings = Readings(most_dropped=9)
    for number, (data, reason) in enumerate(found):
        node = Node(path=f"0!/{number}", kind="png", size=len(data), reason=reason)
        readings.add(node, MemorySource(data), parent=parent)
    readings.settle(parent=parent)
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
