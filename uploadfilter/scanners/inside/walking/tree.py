"""Build the scan of one content, and keep the parts that were not sent yet.

A scan grows as a tree: contents nested in contents, each with its views. Findings are
sent in parts, so that they count even if the next step kills this process.
"""

from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass, field
from typing import Final

from uploadfilter.contents.kinds.magic import Kind, is_picture
from uploadfilter.contents.members import Container
from uploadfilter.model import NESTED, Reason, Scan, Signal, View
from uploadfilter.scanners.inside.walking.sent import is_decoded

_EVERYDAY: Final = frozenset(
    {
        Reason.NOT_INSPECTED,
        Reason.TOO_MANY_FRAMES,
        Reason.VIDEO_UNFINISHED,
        Reason.SEARCH_UNFINISHED,
        Reason.ENCRYPTED,
    }
)
"""Reasons of everyday contents, which may be known before any other reason."""

_IN_DOCUMENTS: Final = frozenset({Kind.JP2.value})
"""Scanned pages are stored as JPEG 2000, and every reader of PDF shows them."""

_MOST_NAME: Final = 200
"""Most characters of a member's name that are kept: four names fit into a path."""


@dataclass(slots=True, kw_only=True)
class Node:
    """One content, from which a ``Scan`` is made.

    Attributes:
        path: As in ``Scan``.
        kind: As in ``Scan``.
        size: As in ``Scan``.
        exact: As in ``Scan``.
        reason: As in ``Scan``; see ``fall_short``.
        further: As in ``Scan``.
        is_sent: Whether a site may look at this content unchanged, or after decoding
            only the texts and streams around it.
        also: Picture formats that are decoded here even if the operator did not switch
            them on: a page shows pictures in them.
        undone: Containers that need not be read, because their members are those of a
            coding that was undone.
        seen_percent: As in ``Scan``.
        is_closed: Whether no more will be found in this content.
        has_views: Whether a view, here or deeper, was found and not sent yet.
    """

    path: str
    kind: str
    size: int
    exact: tuple[Signal, ...] = ()
    reason: Reason | None = None
    further: tuple[Reason, ...] = ()
    is_sent: bool = False
    also: frozenset[str] = frozenset()
    undone: tuple[Container, ...] = ()
    seen_percent: int | None = None
    is_closed: bool = False
    has_views: bool = field(default=False, init=False)
    _parent: "Node | None" = field(default=None, init=False, repr=False)
    _views: list[View] = field(default_factory=list)
    _contents: "list[Node]" = field(default_factory=list)
    _names: set[str] = field(default_factory=set)
    _numbers: dict[str, int] = field(default_factory=dict)
    _embedded: int = 0
    _dropped: int = 0
    _counted: int = 0
    _is_changed: bool = True

    def child(self, name: str, kind: Kind, size: int) -> "Node":
        """Return a node for a content in this one, without nesting it yet.

        Args:
            name: Its name in this content, which may be anything.
            kind: Its kind.
            size: Its length in bytes.
        """
        return Node(
            path=self.path_of(name),
            kind=kind.value,
            size=size,
            is_sent=self.is_sent and is_decoded(Kind(self.kind)),
            also=_IN_DOCUMENTS if self.kind == Kind.PDF else frozenset(),
        )

    def add_view(self, view: View) -> None:
        """Note a view that was decoded."""
        self._views.append(view)
        self._is_changed = True
        self._announce()

    def _announce(self) -> None:
        """Tell all contents around this one that there is a view.

        A walk asks for views at every step, so the answer must not need a search.
        """
        node: Node | None = self
        while node is not None and not node.has_views:
            node.has_views = True
            node = node._parent  # noqa: SLF001 - of the same class

    def path_of(self, name: str) -> str:
        """Return a new path for a content inside this one at each call.

        Args:
            name: Its name in an archive, decoded as far as possible; may be anything.
        """
        cleaned = _clean(name)
        # Contents with the same name get numbers in order.
        number = self._numbers.get(cleaned, 1)
        unique = cleaned if number == 1 else f"{cleaned}#{number}"
        while unique in self._names:
            number += 1
            unique = f"{cleaned}#{number}"
        self._names.add(unique)
        self._numbers[cleaned] = number
        return f"{self.path}{NESTED}{unique}"

    def path_of_embedded(self, word: str) -> str:
        """Return the path of the next picture at any offset of this content.

        Args:
            word: ``embedded`` or ``thumb``.
        """
        return f"{self.path}{NESTED}{word}:{self._embedded + 1}"

    def nest(self, node: "Node") -> None:
        """Note a content inside this one."""
        node._parent = self  # noqa: SLF001 - of the same class
        self._contents.append(node)
        if node.has_views:
            self._announce()

    def nest_embedded(self, node: "Node") -> None:
        """Note a picture at any offset of this content."""
        self._embedded += 1
        self.nest(node)

    def drop(self, *, most: int) -> None:
        """Count a candidate that did not decode.

        Args:
            most: The most that are counted: no reply may have more.
        """
        if self._counted < most:
            self._counted += 1
            self._dropped += 1
            self._is_changed = True

    def fall_short(self, reason: Reason) -> None:
        """Note why this content is not scanned completely.

        The first reason stays first, unless it is one for which everyday contents pass
        and the new one is not.
        """
        if reason == self.reason or reason in self.further:
            return
        self._is_changed = True
        if self.reason is None:
            self.reason = reason
        elif self.reason in _EVERYDAY and reason not in _EVERYDAY:
            self.further = (self.reason, *self.further)
            self.reason = reason
        else:
            self.further = (*self.further, reason)

    def forget(self, reasons: Collection[Reason]) -> None:
        """Remove these reasons why this content is not complete."""
        kept = [each for each in (self.reason, *self.further) if each not in reasons]
        first, *others = kept or [None]
        self.reason = first
        self.further = tuple(each for each in others if each is not None)
        self._is_changed = True

    def note_seen(self, percent: int | None) -> None:
        """Note the share of a video that was seen."""
        self.seen_percent = percent
        self._is_changed = True

    def close(self) -> None:
        """Note that no more will be found in this content."""
        self.is_closed = True

    @property
    def is_in_picture(self) -> bool:
        """Return whether a picture holds this content: it is then a part of it."""
        return self._parent is not None and is_picture(Kind(self._parent.kind))

    @property
    def tally(self) -> tuple[object, ...]:
        """Return a value that changes whenever anything is found or missing here."""
        found = (len(self._names), self._embedded, self._counted)
        return *found, self.reason, self.further

    @property
    def has_contents(self) -> bool:
        """Return whether a content nested here is not closed or not sent."""
        return bool(self._contents)

    @property
    def has_news(self) -> bool:
        """Return whether anything changed, here or deeper, since the last part."""
        return self._is_changed or any(node.has_news for node in self._contents)

    def part(self) -> Scan:
        """Return the new findings since the last part, and forget them."""
        scan = Scan(
            path=self.path,
            kind=self.kind,
            size=self.size,
            exact=self.exact,
            views=tuple(self._views),
            reason=self.reason,
            contents=tuple(node.part() for node in self._contents if node.has_news),
            dropped=self._dropped,
            further=self.further,
            seen_percent=self.seen_percent,
        )
        self._views.clear()
        # Closed contents were sent, so that a part costs nothing for earlier ones.
        self._contents = [node for node in self._contents if not node.is_closed]
        self._dropped = 0
        self._is_changed = False
        self.has_views = False
        return scan


def nesting(
    steps: Iterator[None], node: Node, nest: Callable[[Node], None]
) -> Generator[None, None, bool]:
    """Take steps, and nest their node if it has views, however the steps end.

    Returns:
        Whether it was nested.
    """
    is_nested = False
    try:
        for _ in steps:
            if node.has_views and not is_nested:
                nest(node)
                is_nested = True
            yield
    finally:
        if node.has_views and not is_nested:
            nest(node)
            is_nested = True
    return is_nested


def _clean(name: str) -> str:
    """Return a name without path separators that can be sent and printed."""
    printable = name[:_MOST_NAME]
    if not printable.isprintable():
        printable = "".join(
            letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
            for letter in printable
        )
    return printable.replace(NESTED, "!\N{REPLACEMENT CHARACTER}") or "-"
