"""Which of the pictures that strings were read as are meant, and which are nonsense."""

from typing import NamedTuple

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.kinds.sizes import is_small
from uploadfilter.contents.source import Source
from uploadfilter.contents.texts.found import Encoded
from uploadfilter.model import Reason
from uploadfilter.scanners.inside.walking.chance import CHANCE
from uploadfilter.scanners.inside.walking.spans import digests_of
from uploadfilter.scanners.inside.walking.tree import Node


class StringPictures:
    """Pictures in strings, of which some readings may be nonsense.

    A string can be read in more than one way, and which is right shows only in what
    comes out: one that begins as a sound one does and is broken was read wrongly.

    Args:
        parent: The content with the strings.
        most_dropped: Wrong readings up to which they are counted.

    Attributes:
        parent: The content with the strings.
    """

    def __init__(self, parent: Node, *, most_dropped: int) -> None:
        self.parent = parent
        self._most_dropped = most_dropped
        self._sound: set[bytes] = set()
        self._broken: list[_Broken] = []

    def add(self, node: Node, item: Encoded, *, is_nested: bool) -> None:
        """Take a picture that was walked through.

        Args:
            node: The picture.
            item: The string.
            is_nested: Whether it stands in its parent already, since it has views.
        """
        known_by = item.known_by
        is_broken = node.reason in CHANCE
        if is_broken and not is_nested and _is_implausible(node, item):
            # It would not be seen if it were whole, or it is no picture.
            self.parent.drop(most=self._most_dropped)
            node.close()
            return
        if node.reason in CHANCE:
            # Whether that counts is known at the end, and it may be sent before.
            self._broken.append(_Broken(known_by, node, node.reason, is_nested))
            node.forget(CHANCE)
            return
        self._sound.add(known_by)
        if not is_nested:
            self.parent.nest(node)
        node.close()

    def add_drawing(self, node: Node, source: Source) -> None:
        """Take a drawing; what is encoded in it was found in the text around it."""
        node.exact = digests_of(source)
        node.fall_short(Reason.NOT_INSPECTED)
        self.parent.nest(node)
        node.close()

    def add_packed(self, node: Node, *, is_nested: bool, is_sure: bool) -> None:
        """Take what was unpacked; if nothing was in it, it was none.

        Args:
            node: What was unpacked.
            is_nested: Whether it is among the contents of its parent already.
            is_sure: If false, it has no magic, and may be a stream by chance.
        """
        if not is_sure:
            node.forget(CHANCE)
        if not is_nested and node.has_contents:
            self.parent.nest(node)
        elif not is_nested:
            self.parent.drop(most=self._most_dropped)
        node.close()

    def know(self, known_by: bytes) -> None:
        """Say that a reading of a string was sound."""
        if known_by:
            self._sound.add(known_by)

    def settle(self) -> None:
        """Let the broken ones be broken, but for what was read rightly as well."""
        for known_by, node, reason, is_nested in self._broken:
            is_wrong = known_by in self._sound
            if not is_wrong:
                node.fall_short(reason)
            if is_wrong and not is_nested:
                self.parent.drop(most=self._most_dropped)
            elif not is_nested:
                self.parent.nest(node)
            node.close()


def _is_implausible(node: Node, item: Encoded) -> bool:
    """Return whether a broken picture may be dropped.

    Other bytes than those of icons begin like one, above all numbers; who says that a
    string is a picture means it.
    """
    is_said = item.name.startswith("data")
    if node.kind == Kind.ICO and not is_said:
        return True
    return is_small(item.data, Kind(node.kind))


class _Broken(NamedTuple):
    """A picture that broke off or does not decode."""

    known_by: bytes
    node: Node
    reason: Reason
    is_nested: bool
