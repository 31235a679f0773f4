"""Look into a member that is too long to be held, block by block.

Rules this module keeps: every byte is in at least one block, and blocks overlap, so
that a picture lies entirely in one of them; the members of a tar file are looked at one
by one, as if the whole file were held.
"""

import sys
from collections.abc import Iterator
from typing import Final, Protocol

from uploadfilter.contents.archives import archives, library
from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Container
from uploadfilter.contents.source import Source
from uploadfilter.model import Reason
from uploadfilter.scanners.inside.walking import videowalk
from uploadfilter.scanners.inside.walking.accounts import Accounts
from uploadfilter.scanners.inside.walking.holding import Covered, HeldChunks
from uploadfilter.scanners.inside.walking.sent import is_read_as_text
from uploadfilter.scanners.inside.walking.tree import Node


class Walker(Protocol):
    """The walk with the member; see ``walk.Walk``."""

    @property
    def accounts(self) -> Accounts:
        """Return its accounts."""

    def pause(self) -> Iterator[None]:
        """Let the findings be sent; end the walk if no time is left."""

    def unpack(
        self,
        container: Container,
        source: Source,
        node: Node,
        covered: Covered,
        *,
        depth: int,
    ) -> Iterator[None]:
        """Walk through the members of a container."""

    def decode_strings(
        self, source: Source, node: Node, kind: Kind, seen: set[int], *, depth: int
    ) -> Iterator[None]:
        """Walk through the contents that are encoded in a text."""

    def find(
        self,
        source: Source,
        node: Node,
        covered: Covered,
        *,
        has_strings: bool,
        depth: int,
    ) -> Iterator[None]:
        """Search a content: in its encoded strings, and at every offset."""


def member(walk: Walker, held: HeldChunks, node: Node, *, depth: int) -> Iterator[None]:
    """Look into a long member of any kind.

    Args:
        walk: The walk.
        held: The member, its first block held.
        node: Its node.
        depth: Its depth of nesting.
    """
    kind = Kind(node.kind)
    is_read = kind is Kind.TAR
    if magic.is_picture(kind) or (magic.is_container(kind) and not is_read):
        node.fall_short(Reason.TOO_MANY_BYTES)
    elif kind is Kind.VIDEO:
        videowalk.look_past(node)
    look = tar if is_read else content
    yield from look(walk, held, node, depth=depth)
    if held.reason is not None:
        node.fall_short(held.reason)


def content(
    walk: Walker, held: HeldChunks, node: Node, *, depth: int
) -> Iterator[None]:
    """Look into a content that is not a tar file.

    Args:
        walk: The walk.
        held: The content, its first block held.
        node: Its node.
        depth: Its depth of nesting.
    """
    kind = Kind(node.kind)
    seen: set[int] = set()
    is_text = node.is_sent and is_read_as_text(kind, "")
    while True:
        if is_text:
            yield from walk.decode_strings(held.source, node, kind, seen, depth=depth)
        yield from _search(walk, held, node, Covered(), is_text=is_text, depth=depth)
        if not held.has_more:
            return
        yield from walk.pause()
        held.go_on(keep=held.overlap)


def tar(walk: Walker, held: HeldChunks, node: Node, *, depth: int) -> Iterator[None]:
    """Look into a tar file, then into what follows its end.

    Args:
        walk: The walk.
        held: The file, its first block held.
        node: Its node.
        depth: Its depth of nesting.
    """
    source = _PassingSource(held)
    if library.IS_THERE:
        yield from walk.unpack(
            archives.PASSING_TAR, source, node, Covered(), depth=depth
        )
    else:
        node.fall_short(Reason.NOT_INSPECTED)
    source.drop_read()
    yield from content(walk, held, node, depth=depth)


class _PassingSource:
    """A member as it passes: its bytes are read in order, and then are gone.

    Args:
        held: The member, its first block held.

    Attributes:
        size: More than its length, which is not known before its end.
    """

    def __init__(self, held: HeldChunks) -> None:
        self._held = held
        self._start = 0
        self._end = 0
        self.size = sys.maxsize

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``, not before the last read."""
        while offset >= self._start + self._held.source.size and self._held.has_more:
            self._start += self._held.source.size
            # A member may be held meanwhile.
            self._held.go_on(keep=0, most=_NEXT_BYTES)
        data = self._held.source.read(offset - self._start, length)
        self._end = offset + len(data)
        return data

    def drop_read(self) -> None:
        """Drop the bytes that were read, so that the rest is held."""
        left = self._start + self._held.source.size - self._end
        self._held.go_on(keep=left)


_NEXT_BYTES: Final = 1024 * 1024


def _search(
    walk: Walker,
    held: HeldChunks,
    node: Node,
    covered: Covered,
    *,
    is_text: bool,
    depth: int,
) -> Iterator[None]:
    """Search the held block, up to the account of the search."""
    rest = walk.find(held.source, node, covered, has_strings=not is_text, depth=depth)
    yield from walk.accounts.searching(rest, node.fall_short)
