"""Join the parts of a scan, and the results of two tries at one content.

Rules this module keeps:

- Parts are joined by path: their views and nested contents in order, all reasons with
  that of the later part first, and the sum of the dropped candidates.
- All parts together keep the budgets that each of them keeps alone.
- Two contents may have the same name in the same container. A part that cannot continue
  the content of its path, because its kind or size differs or it repeats a view, is
  about another content.
- Of two tries the second counts. Views and contents that only the first try saw, by
  their names and paths, are added to it.

Each part is valid in itself: ``replies.py`` has checked it.
"""

from uploadfilter.model import Reason, Scan, Signal, View
from uploadfilter.scanners.wire.budgets import Holds, findings_for
from uploadfilter.scanners.wire.messages import UNKNOWN_KIND


class MergedContent:
    """The findings on one content so far.

    Args:
        budgets: The limits of all parts together.
    """

    def __init__(self, budgets: Holds) -> None:
        self._budgets = budgets
        self._root: _Node | None = None
        self._contents = 0
        self._signals = 0

    def add(self, part: Scan) -> bool:
        """Take the next part.

        Returns:
            False if it contradicts earlier parts, or exceeds the limits together with
            them. The accepted findings stay.
        """
        if self._root is None:
            self._root = _Node(part)
        if not self._root.can_go_on(part):
            return False
        return self._take(self._root, part)

    def fill_up(self, first: Scan) -> None:
        """Add the findings that only an earlier try has, up to the limits.

        Args:
            first: The scan of the earlier try, with the path of this one.
        """
        if self._root is None:
            self.add(first)
        else:
            self._fill_up(self._root, first)

    def scan(self, reason: Reason | None = None) -> Scan | None:
        """Return the scan so far, or ``None`` if no part was taken.

        Args:
            reason: Why no more is known; ``None`` keeps the last reason of a part.
        """
        return None if self._root is None else self._root.scan(reason)

    def _take(self, node: "_Node", part: Scan) -> bool:
        node.add(part)
        self._signals += sum(view.signal_count for view in part.views)
        if not (self._has_room and node.is_within(self._budgets)):
            return False
        for nested in part.contents:
            known = node.newest.get(nested.path)
            if known is None or not known.can_go_on(nested):
                known = node.open(nested)
                self._contents += 1
            if not self._take(known, nested):
                return False
        return True

    def _fill_up(self, node: "_Node", first: Scan) -> None:
        for view in first.views:
            room = self._budgets.max_upload_signals - self._signals
            is_new = view.name not in node.views and view.signal_count <= room
            if is_new and node.fill_up(view, self._budgets):
                self._signals += view.signal_count
        for nested in first.contents:
            known = node.newest.get(nested.path)
            if known is not None:
                self._fill_up(known, nested)
            elif self._has_room_for(nested):
                self._contents += 1
                self._take(node.open(nested), nested)

    def _has_room_for(self, scan: Scan) -> bool:
        parts = tuple(scan.walk())
        signals = sum(view.signal_count for part in parts for view in part.views)
        return (
            self._contents + len(parts) <= self._budgets.max_contents
            and self._signals + signals <= self._budgets.max_upload_signals
        )

    @property
    def _has_room(self) -> bool:
        return (
            self._contents <= self._budgets.max_contents
            and self._signals <= self._budgets.max_upload_signals
        )


class _Node:
    """One content, with the findings of the parts so far."""

    def __init__(self, scan: Scan) -> None:
        self.path = scan.path
        self.kind = scan.kind
        self.size = scan.size
        self.exact: tuple[Signal, ...] = ()
        self.views: dict[str, View] = {}
        self.signals = 0
        self.reasons: tuple[Reason, ...] = ()
        self.dropped = 0
        self.seen_percent: int | None = None
        self.nested: list[_Node] = []
        self.newest: dict[str, _Node] = {}  # the newest of several with one path

    def can_go_on(self, part: Scan) -> bool:
        """Return whether a part with the same path can be about this content."""
        # The part that reports a failed scan has no kind.
        kinds = {self.kind, part.kind} - {UNKNOWN_KIND}
        return (
            part.size == self.size
            and len(kinds) <= 1
            and not any(view.name in self.views for view in part.views)
        )

    def add(self, part: Scan) -> None:
        """Take the findings of a part on this content itself."""
        if self.kind == UNKNOWN_KIND:
            self.kind = part.kind
        self.exact = self.exact or part.exact
        for view in part.views:
            self.views[view.name] = view
            self.signals += view.signal_count
        self.reasons = _merged(part.reasons, self.reasons)
        self.dropped += part.dropped
        if part.seen_percent is not None:
            self.seen_percent = part.seen_percent

    def fill_up(self, view: View, budgets: Holds) -> bool:
        """Take one more view, if the budgets allow it."""
        signals = self.signals + view.signal_count
        most_views, most_signals = findings_for(budgets, self.kind)
        if len(self.views) >= most_views or signals > most_signals:
            return False
        self.views[view.name] = view
        self.signals = signals
        return True

    def open(self, scan: Scan) -> "_Node":
        """Begin a content that is nested in this one."""
        node = _Node(scan)
        self.nested.append(node)
        self.newest[scan.path] = node
        return node

    def is_within(self, budgets: Holds) -> bool:
        """Return whether this content alone keeps the budgets."""
        most_views, most_signals = findings_for(budgets, self.kind)
        return (
            len(self.views) <= most_views
            and self.signals <= most_signals
            and self.dropped <= budgets.max_contents
        )

    def scan(self, reason: Reason | None) -> Scan:
        """Return this content with all that is nested in it."""
        reasons = self.reasons if reason is None else _merged((reason,), self.reasons)
        return Scan(
            path=self.path,
            kind=self.kind,
            size=self.size,
            exact=self.exact,
            views=tuple(self.views.values()),
            reason=next(iter(reasons), None),
            contents=tuple(nested.scan(None) for nested in self.nested),
            dropped=self.dropped,
            further=reasons[1:],
            seen_percent=self.seen_percent,
        )


def _merged(first: tuple[Reason, ...], then: tuple[Reason, ...]) -> tuple[Reason, ...]:
    """Return all reasons, each once."""
    return tuple(dict.fromkeys((*first, *then)))
