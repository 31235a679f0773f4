"""Which of the pictures that strings were read as are meant, and which are nonsense."""

from typing import Final

from uploadfilter.contents.source import Source
from uploadfilter.model import Reason
from uploadfilter.scanners.tree import Node

CHANCE: Final = frozenset({Reason.UNDECODABLE, Reason.TRUNCATED})
"""What comes of magic that stands somewhere by chance."""

_READING_BYTES: Final = 48
"""Bytes by which two readings of one string are known: 64 characters of base64, before
anything that may be read in two ways comes in most pictures."""


class Readings:
    """Pictures in strings, of which some readings may be nonsense.

    A string can be read in more than one way, and which is right shows only in what
    comes out: one that begins as a sound one does and is broken was read wrongly.

    Args:
        most_dropped: Wrong readings up to which they are counted.
    """

    def __init__(self, *, most_dropped: int) -> None:
        self._most_dropped = most_dropped
        self._sound: set[bytes] = set()
        self._broken: list[tuple[bytes, Node]] = []

    def add(self, node: Node, source: Source, *, parent: Node) -> None:
        """Nest a picture in its parent, unless it may turn out to be nonsense."""
        head = source.read(0, _READING_BYTES)
        node.close()
        if node.reason in CHANCE:
            self._broken.append((head, node))
            return
        self._sound.add(head)
        parent.nest(node)

    def settle(self, *, parent: Node) -> None:
        """Nest the broken ones, but for what was read rightly as well."""
        for head, node in self._broken:
            if head in self._sound:
                parent.drop(most=self._most_dropped)
            else:
                parent.nest(node)
