"""Broken readings of strings count only where none is sound."""

import pytest

from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.texts.files import EncodedFile
from uploadfilter.model import Reason, Scan, View
from uploadfilter.scanners.inside.walking.readings import StringPictures
from uploadfilter.scanners.inside.walking.tree import Node

HEAD = bytes(range(64))


def item_of(data: bytes) -> EncodedFile:
    """Return a string that stands for bytes."""
    return EncodedFile(name="base64:1", data=data, known_by=data[:48])


def settled(*found: tuple[bytes, Reason | None]) -> Scan:
    """Add pictures with these bytes and reasons to one content; return its scan."""
    parent = Node(path="0", kind="text", size=99)
    readings = StringPictures(parent, most_dropped=9)
    for number, (data, reason) in enumerate(found):
        node = Node(path=f"0!/{number}", kind="avif", size=len(data), reason=reason)
        readings.add(node, item_of(data), is_nested=False)
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
    """Its views are sent at once; its reason follows when all strings are read."""
    parent = Node(path="0", kind="text", size=99)
    readings = StringPictures(parent, most_dropped=9)
    shown = Node(path="0!/0", kind="avif", size=9, reason=Reason.TRUNCATED)
    shown.add_view(View(name="stored", rows=(), plane=b""))
    parent.nest(shown)
    readings.add(shown, item_of(HEAD), is_nested=True)
    early = parent.part()
    sound = Node(path="0!/1", kind="avif", size=9)
    readings.add(sound, item_of(second), is_nested=False)
    readings.settle()
    late = {each.path: each.reason for each in parent.part().walk()}

    assert [each.reason for each in early.walk()] == [None, None]
    assert late.get("0!/0") is reason


def test_small_picture_that_is_broken_is_dropped() -> None:
    """Scripts ask a browser for its formats with probes of a pixel."""
    parent = Node(path="0", kind="text", size=99)
    readings = StringPictures(parent, most_dropped=9)
    probe = b"GIF89a\1\0\1\0\x80\0\0" + bytes(6) + b","
    node = Node(path="0!/0", kind="gif", size=20, reason=Reason.TRUNCATED)
    readings.add(node, item_of(probe), is_nested=False)
    large = b"GIF89a\x40\0\x40\0\0\0\0,\0\0\0\0\x40\0\x40\0" + bytes(60)
    other = Node(path="0!/1", kind="gif", size=20, reason=Reason.TRUNCATED)
    readings.add(other, item_of(large), is_nested=False)
    readings.settle()
    scan = parent.part()

    assert scan.dropped == 1
    assert [each.reason for each in scan.contents] == [Reason.TRUNCATED]


def test_drawing_is_not_inspected_and_has_digests() -> None:
    """A set may list it, but it is not drawn."""
    parent = Node(path="0", kind="text", size=99)
    readings = StringPictures(parent, most_dropped=9)
    readings.add_drawing(Node(path="0!/0", kind="svg", size=5), MemorySource(b"<svg>"))
    (scan,) = parent.part().contents

    assert scan.reason is Reason.NOT_INSPECTED
    assert len(scan.exact) == 3


def test_packed_string_without_anything_in_it_is_dropped() -> None:
    """Bytes that begin like an archive by chance do not count."""
    parent = Node(path="0", kind="text", size=99)
    readings = StringPictures(parent, most_dropped=9)
    readings.add_packed(Node(path="0!/0", kind="zip", size=5), is_nested=False)
    full = Node(path="0!/1", kind="zip", size=5)
    full.nest(Node(path="0!/1!/a", kind="text", size=1))
    readings.add_packed(full, is_nested=False)
    scan = parent.part()

    assert [each.path for each in scan.contents] == ["0!/1"]
    assert scan.dropped == 1
