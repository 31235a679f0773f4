"""Look into a member that is too long to be held, block after block.

Rules this module keeps: every byte is in at least one block, and blocks overlap, so
that a picture lies in one of them as a whole; the members of a tar file are looked at
one by one, as if all of it were held.
"""

from collections.abc import Iterator
from typing import Protocol

from uploadfilter.contents.archives import tars
from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Container, Member
from uploadfilter.contents.source import Source
from uploadfilter.model import Reason
from uploadfilter.scanners.inside.walking.accounts import Accounts
from uploadfilter.scanners.inside.walking.holding import Covered, HeldChunks
from uploadfilter.scanners.inside.walking.sent import is_read_as_text
from uploadfilter.scanners.inside.walking.tree import Node


class Walker(Protocol):
    """The walk that a member is a part of; see ``walk.Walk``."""

    @property
    def accounts(self) -> Accounts:
        """What it has used up."""

    def pause(self) -> Iterator[None]:
        """Let what was found be sent; end if there is no time for more."""

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

    def member(
        self,
        member: Member,
        parent: Node,
        name: str,
        covered: Covered,
        *,
        depth: int,
        is_sure: bool = True,
    ) -> Iterator[None]:
        """Walk through one member of a container."""

    def decode_strings(
        self, source: Source, node: Node, kind: Kind, seen: set[int], *, depth: int
    ) -> Iterator[None]:
        """Walk through what is encoded in text."""

    def find(
        self,
        source: Source,
        node: Node,
        covered: Covered,
        *,
        has_strings: bool,
        depth: int,
    ) -> Iterator[None]:
        """Search a content: in what is encoded in it, and at every offset."""


def member(walk: Walker, held: HeldChunks, node: Node, *, depth: int) -> Iterator[None]:
    """Look into a long member, whatever it is.

    Args:
        walk: The walk.
        held: The member, its first block held.
        node: Its node.
        depth: How deep it is nested.
    """
    kind = Kind(node.kind)
    is_read = kind is Kind.TAR
    if magic.is_picture(kind) or (magic.is_container(kind) and not is_read):
        node.fall_short(Reason.TOO_MANY_BYTES)
    look = tar if is_read else content
    yield from look(walk, held, node, depth=depth)
    if held.reason is not None:
        node.fall_short(held.reason)


def content(
    walk: Walker, held: HeldChunks, node: Node, *, depth: int
) -> Iterator[None]:
    """Look into a content that is no tar file.

    Args:
        walk: The walk.
        held: The content, its first block held.
        node: Its node.
        depth: How deep it is nested.
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
    """Look into a tar file.

    Args:
        walk: The walk.
        held: The file, its first block held.
        node: Its node.
        depth: How deep it is nested.
    """
    members = tars.PassingTar()
    covered = Covered()
    while True:
        # No name is given to a block: it must be gone before the next one is held.
        size = held.source.size
        members.is_last = not held.has_more
        yield from walk.unpack(members, held.source, node, covered, depth=depth)
        yield from _search(walk, held, node, covered, is_text=False, depth=depth)
        if not held.has_more:
            return
        yield from walk.pause()
        if members.long is not None:
            long = members.long
            covered = Covered()
            stretch = held.stretch(long.start, long.size)
            member = Member(name=long.name, content=stretch)
            yield from walk.member(member, node, long.name, covered, depth=depth + 1)
            dropped = long.start + long.size
            held.go_on(keep=held.source.size)
        else:
            dropped = min(members.keep_from(size), size - held.overlap)
            spans = covered.behind(held.source, dropped)
            covered = Covered()
            held.go_on(keep=size - dropped)
            covered = Covered.of(held.source, spans)
        members.go_on(dropped)


def _search(
    walk: Walker,
    held: HeldChunks,
    node: Node,
    covered: Covered,
    *,
    is_text: bool,
    depth: int,
) -> Iterator[None]:
    """Search the block that is held, as far as the account of the search goes."""
    rest = walk.find(held.source, node, covered, has_strings=not is_text, depth=depth)
    yield from walk.accounts.searching(rest, node.fall_short)
