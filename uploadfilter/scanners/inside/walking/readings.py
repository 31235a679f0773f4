"""Decide which readings of strings as pictures are right."""

from typing import NamedTuple

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.kinds.sizes import is_small
from uploadfilter.contents.source import Source
from uploadfilter.contents.texts.files import EncodedFile
from uploadfilter.model import Reason
from uploadfilter.scanners.inside.walking.chance import CHANCE
from uploadfilter.scanners.inside.walking.spans import digests_of
from uploadfilter.scanners.inside.walking.tree import Node


class StringPictures:
    """The pictures in strings, some of which may be wrong readings.

    A string can be read in more than one way, and only the result shows the right one:
    a broken picture that begins like an intact one was read wrongly.

    Args:
        parent: The content with the strings.
        most_dropped: Most wrong readings that are counted.

    Attributes:
        parent: The content with the strings.
    """

    def __init__(self, parent: Node, *, most_dropped: int) -> None:
        self.parent = parent
        self._most_dropped = most_dropped
        self._sound: set[bytes] = set()
        self._broken: list[_Broken] = []

    def add(self, node: Node, item: EncodedFile, *, is_nested: bool) -> None:
        """Take a picture that was walked through.

        Args:
            node: The picture.
            item: The string.
            is_nested: Whether it is nested in its parent already, since it has views.
        """
        known_by = item.known_by
        is_broken = node.reason in CHANCE
        if is_broken and not is_nested and _is_implausible(node, item):
            # It would not be seen even if it were intact, or it is not a picture.
            self.parent.drop(most=self._most_dropped)
            node.close()
            return
        if node.reason in CHANCE:
            # Only the end shows whether it counts, and it may be sent before.
            self._broken.append(_Broken(known_by, node, node.reason, is_nested))
            node.forget(CHANCE)
            return
        self._sound.add(known_by)
        if not is_nested:
            self.parent.nest(node)
        node.close()

    def add_drawing(self, node: Node, source: Source) -> None:
        """Take a drawing; the strings in it were found in the text around it."""
        node.exact = digests_of(source)
        node.fall_short(Reason.NOT_INSPECTED)
        self.parent.nest(node)
        node.close()

    def add_packed(self, node: Node, *, is_nested: bool) -> None:
        """Take a container amid letters; drop it if nothing was in it.

        Args:
            node: The unpacked content.
            is_nested: Whether it is nested in its parent already.
        """
        if not is_nested and node.has_contents:
            self.parent.nest(node)
        elif not is_nested:
            self.parent.drop(most=self._most_dropped)
        node.close()

    def settle(self) -> None:
        """Note the broken pictures, except those that also have an intact reading."""
        for known_by, node, reason, is_nested in self._broken:
            is_wrong = known_by in self._sound
            if not is_wrong:
                node.fall_short(reason)
            if is_wrong and not is_nested:
                self.parent.drop(most=self._most_dropped)
            elif not is_nested:
                self.parent.nest(node)
            node.close()


def _is_implausible(node: Node, item: EncodedFile) -> bool:
    """Return whether a broken picture may be dropped.

    Bytes of other kinds begin like an icon, above all numbers. But a string that is
    declared to be a picture counts as one.
    """
    is_said = item.name.startswith("data")
    if node.kind == Kind.ICO and not is_said:
        return True
    return is_small(item.data, Kind(node.kind))


class _Broken(NamedTuple):
    """A picture that is truncated or does not decode."""

    known_by: bytes
    node: Node
    reason: Reason
    is_nested: bool
