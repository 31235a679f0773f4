"""Which of the pictures that strings were read as are meant, and which are nonsense."""

from typing import Final, NamedTuple

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
        parent: The content with the strings.
        most_dropped: Wrong readings up to which they are counted.
    """

    def __init__(self, parent: Node, *, most_dropped: int) -> None:
        self._parent = parent
        self._most_dropped = most_dropped
        self._sound: set[bytes] = set()
        self._broken: list[_Broken] = []

    def add(self, node: Node, source: Source, *, is_nested: bool) -> None:
        """Take a picture that was walked through.

        Args:
            node: The picture.
            source: Its bytes.
            is_nested: Whether it stands in its parent already, since it has views.
        """
        head = source.read(0, _READING_BYTES)
        if node.reason in CHANCE:
            # Whether that counts is known at the end, and it may be sent before.
            self._broken.append(_Broken(head, node, node.reason, is_nested))
            node.reason = None
            return
        self._sound.add(head)
        if not is_nested:
            self._parent.nest(node)
        node.close()

    def settle(self) -> None:
        """Let the broken ones be broken, but for what was read rightly as well."""
        for head, node, reason, is_nested in self._broken:
            is_wrong = head in self._sound
            if not is_wrong:
                node.fall_short(reason)
            if is_wrong and not is_nested:
                self._parent.drop(most=self._most_dropped)
            elif not is_nested:
                self._parent.nest(node)
            node.close()


class _Broken(NamedTuple):
    """A picture that broke off or does not decode."""

    head: bytes
    node: Node
    reason: Reason
    is_nested: bool
