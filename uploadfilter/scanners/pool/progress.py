"""Keep the progress of one upload's scan, and decide about lost processes.

It has no processes or clocks, so that every order of replies and losses can be tested
in a table:

- Contents of the common formats are requested in runs; one process scans a run, and
  then others. Any other content is requested *alone*, in a process that ends with it. A
  process that finds something inside a content that it must not decode says what kind
  of process may (``ProcessKind``), and the content is requested again, of such a one.
- A content may come in parts. Findings count, however the process ends.
- When a process crashes, its content is scanned once more in another process; after a
  second crash its reason is ``crashed``.
- A process that is lost by *accident*, with its template or before a request, means
  nothing for the content, which is scanned again without a charge.
- A process that the clock ended before it got its CPU time was *starved*, by a machine
  that is too busy or by somebody who stopped the process. Its content is scanned once
  more; after that its reason is ``no_scanner``, for which the client is told to try
  again.
- A process that used up its CPU time, or that sent an invalid reply, ends its content
  at once: the same bytes would do the same again.
- An upload that costs more processes than ``max_losses`` gets no more of them, since
  others wait for a process.
"""

from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from uploadfilter.model import Reason, Scan, SignalType
from uploadfilter.scanners.pool.merging import MergedContent
from uploadfilter.scanners.pool.replies import read_reply
from uploadfilter.scanners.wire.budgets import Bounds, Budgets
from uploadfilter.scanners.wire.messages import (
    ContentReply,
    ContentSpan,
    ProcessKind,
    ScanRequest,
    unscanned,
    wire_span,
)

MAX_UPLOAD_REPLY_BYTES: Final = 64 * 1024 * 1024
"""Most bytes of all replies to one upload: three thousand views. A thousand photos have
20 MB; without this limit, a thousand archives could have 36 MB each."""

MOST_PARTS: Final = 4096
"""Most parts of one content. Each part except the last has a view, of which
``Budgets.max_upload_signals`` allows two thousand, or has two thousand contents."""


class Loss(StrEnum):
    """The kinds of loss of a process during a scan."""

    TIME = "time"
    STARVED = "starved"
    CRASH = "crash"
    ACCIDENT = "accident"
    GARBAGE = "garbage"
    EXCESS = "excess"


_REASONS: Final = {
    Loss.TIME: Reason.OUT_OF_TIME,
    Loss.STARVED: Reason.NO_SCANNER,
    Loss.CRASH: Reason.CRASHED,
    Loss.ACCIDENT: Reason.NO_SCANNER,
    Loss.GARBAGE: Reason.CRASHED,
    Loss.EXCESS: Reason.TOO_MANY_SIGNALS,
}


_OURS: Final = frozenset({Loss.ACCIDENT, Loss.STARVED})
"""Losses that are not charged to a content."""


class Progress:
    """The scans of one upload so far.

    Args:
        spans: Its contents, in order.
        alone: For each content, whether it is requested alone from the start.
        types: Perceptual signal types to compute.
        budgets: Limits of each content and of the upload.
        digests: Whether exact signals are wanted.
        formats: Picture formats to decode beyond the usual ones.
        max_losses: Processes that this upload may cost.
        windows: Whether views of windows are wanted.
    """

    def __init__(
        self,
        spans: Sequence[ContentSpan],
        *,
        alone: Sequence[bool],
        types: frozenset[SignalType],
        budgets: Budgets,
        digests: bool,
        formats: frozenset[str],
        max_losses: int,
        windows: bool = False,
    ) -> None:
        self._spans = tuple(spans)
        self._types = types
        self._budgets = budgets
        self._digests = digests
        self._formats = formats
        self._windows = windows
        self._scans: list[Scan | None] = [None] * len(self._spans)
        ordinals = range(len(self._spans))
        self._queues = {kind: deque[int]() for kind in ProcessKind}
        for ordinal in ordinals:
            kind = ProcessKind.ALONE if alone[ordinal] else ProcessKind.COMMON
            self._queues[kind].append(ordinal)
        self._losses_left = max_losses
        self._cpu_left_s = budgets.upload_cpu_s
        total = sum([span.length for span in self._spans])
        self._wall_left_s = budgets.upload_wall_s + budgets.wall_allowance(total)
        self._bytes_left = MAX_UPLOAD_REPLY_BYTES
        # State of the current request:
        self._asked = ProcessKind.COMMON  # the first of its queue is the current one
        self._asked_left = 0
        self._index = 0
        self._asked_bytes = 0
        # State of the current content:
        self._gathered: MergedContent | None = None
        self._parts = 0
        self._crashed: set[int] = set()  # contents that have cost a process
        self._starved: set[int] = set()  # contents whose process got no CPU time
        self._seen: dict[int, Scan] = {}  # findings of tries that did not finish

    @property
    def is_complete(self) -> bool:
        """Return whether every content has its scan."""
        return not any(self._queues.values())

    @property
    def scans(self) -> tuple[Scan, ...]:
        """Return the scans so far, in the order of the contents."""
        return tuple([scan for scan in self._scans if scan is not None])

    @property
    def process(self) -> ProcessKind:
        """Return the kind of process that the next request needs."""
        return next(kind for kind, queue in self._queues.items() if queue)

    @property
    def _current(self) -> int:
        return self._queues[self._asked][0]

    @property
    def is_asking(self) -> bool:
        """Return whether more replies to the last request are expected."""
        return self._asked_left > 0

    @property
    def wall_left_s(self) -> float:
        """Return the seconds that the remaining contents may take."""
        return self._wall_left_s

    @property
    def content_wall_s(self) -> float:
        """Return the seconds that the current content may take."""
        length = self._spans[self._current].length
        return self._budgets.content_wall_s + self._budgets.wall_allowance(length)

    @property
    def _content_bounds(self) -> Bounds:
        """Return the bounds of the current content."""
        return self._bounds_of(self._current)

    def _bounds_of(self, ordinal: int) -> Bounds:
        return self._budgets.for_content(self._spans[ordinal].length)

    @property
    def content_cpu_s(self) -> float:
        """Return the CPU seconds that the current content may use."""
        length = self._spans[self._current].length
        content_s = self._budgets.content_cpu_s + self._budgets.allowance(length)
        return min(content_s, max(self._cpu_left_s, 0.0))

    def ask(self, *, attached: int | None = None) -> ScanRequest:
        """Return the next request to a process; a content must be left.

        Args:
            attached: Number of bytes of the upload that are sent with it, if they are.
        """
        self._asked = self.process
        queue = self._queues[self._asked]
        is_common = self._asked is ProcessKind.COMMON
        ordinals = tuple(queue) if is_common else (queue[0],)
        spans = tuple([wire_span(self._spans[n]) for n in ordinals])
        self._asked_left = len(spans)
        self._index = 0
        self._asked_bytes = sum([span.length for span in spans])
        self._begin_content()
        return ScanRequest(
            spans=spans,
            types=self._types,
            budgets=self._budgets,
            cpu_left_s=self._cpu_left_s,
            digests=self._digests,
            formats=self._formats,
            process=self._asked,
            attached=attached,
            windows=self._windows,
        )

    def read(self, frame: bytes) -> ContentReply | Loss:
        """Check one frame; return the loss of its process if it is invalid."""
        self._parts += 1
        self._bytes_left -= len(frame)
        if self._bytes_left < 0 or self._parts > MOST_PARTS:
            return Loss.EXCESS
        reply = read_reply(
            frame,
            self._spans[self._current],
            index=self._index,
            budgets=self._content_bounds,
            digests=self._digests,
        )
        return Loss.GARBAGE if reply is None else reply

    def take(self, reply: ContentReply) -> bool:
        """Take a reply; return false if it is invalid after all."""
        if reply.needs is not None:
            return self._put_off(reply.needs)
        if reply.is_last and self._is_simple:
            self._record(reply.scan)
            return True
        if self._gathered is None:
            self._gathered = MergedContent(self._content_bounds)
        if not self._gathered.add(reply.scan):
            return False
        if reply.is_last:
            self._settle(None)
        return True

    def finish(self, *, wall_s: float, cpu_s: float) -> None:
        """Account for a request that was fully answered.

        Args:
            wall_s: Seconds that it took.
            cpu_s: CPU seconds that it took.
        """
        self._wall_left_s -= wall_s
        # More bytes may take more time, in the process as well as here.
        allowed_s = self._budgets.allowance(self._asked_bytes)
        self._cpu_left_s -= max(0.0, cpu_s - allowed_s)
        if self._cpu_left_s <= 0:
            self.give_up(Reason.OUT_OF_TIME)
        elif self._wall_left_s <= 0:
            self.give_up(Reason.NO_SCANNER)

    def lose(self, loss: Loss, *, wall_s: float) -> None:
        """Account for a process that was lost during the scan of a content.

        Args:
            loss: The kind of loss.
            wall_s: Seconds since it was asked.
        """
        self._wall_left_s -= wall_s
        if loss not in _OURS:
            # The process's use is not known for certain, so the full limit of one
            # content is charged, except for losses that no content caused.
            self._cpu_left_s = max(0.0, self._cpu_left_s - self._budgets.content_cpu_s)
        self._losses_left -= 1
        self._asked_left = 0
        if self._may_try_again(loss):
            self._keep_seen()
            return
        reason = _REASONS[loss]
        self._settle(reason)
        is_spent = self._losses_left <= 0 or self._wall_left_s <= 0
        if is_spent or loss is Loss.EXCESS:
            self.give_up(reason)
        elif self._cpu_left_s <= 0:
            self.give_up(Reason.OUT_OF_TIME)

    def break_off(self, *, wall_s: float) -> None:
        """Account for a process that was ended to make room for others.

        Args:
            wall_s: Seconds since it was asked.
        """
        self._wall_left_s -= wall_s
        self._asked_left = 0
        self._keep_seen()

    def give_up(self, reason: Reason) -> None:
        """Give all remaining contents the same reason; findings stay."""
        self._gathered = None
        self._asked_left = 0
        for queue in self._queues.values():
            for ordinal in queue:
                self._scans[ordinal] = self._scan_of(ordinal, reason)
            queue.clear()

    @property
    def _is_simple(self) -> bool:
        """Return whether a last reply is the whole scan of its content, as usual."""
        return self._gathered is None and self._current not in self._seen

    def _may_try_again(self, loss: Loss) -> bool:
        """Return whether the current content is scanned once more."""
        if self._losses_left <= 0 or self._cpu_left_s <= 0:
            return False
        if loss is Loss.ACCIDENT:
            return True
        tried = {Loss.CRASH: self._crashed, Loss.STARVED: self._starved}.get(loss)
        if tried is None or self._current in tried or self._wall_left_s <= 0:
            return False
        tried.add(self._current)
        return True

    def _keep_seen(self) -> None:
        """Keep the findings on the current content."""
        ordinal = self._current
        gathered, self._gathered = self._gathered, None
        if gathered is None:
            return
        if ordinal in self._seen:
            gathered.fill_up(self._seen[ordinal])
        seen = gathered.scan()
        if seen is not None:
            self._seen[ordinal] = seen

    def _begin_content(self) -> None:
        self._gathered = None
        self._parts = 0

    def _put_off(self, kind: ProcessKind) -> bool:
        """Request the content again; a scanner that asks for no other kind lies."""
        kinds = list(ProcessKind)
        if kinds.index(kind) <= kinds.index(self._asked):
            return False
        if kind is ProcessKind.LARGE:
            # The findings count, since the time of the only large one may not suffice.
            self._keep_seen()
        self._queues[kind].append(self._queues[self._asked].popleft())
        self._next_content()
        return True

    def _settle(self, reason: Reason | None) -> None:
        """Record the current content, with all findings on it."""
        self._record(self._scan_of(self._current, reason))

    def _scan_of(self, ordinal: int, reason: Reason | None) -> Scan:
        gathered = self._gathered or MergedContent(self._bounds_of(ordinal))
        if ordinal in self._seen:
            gathered.fill_up(self._seen[ordinal])
        scan = gathered.scan(reason)
        return scan or unscanned(self._spans[ordinal], reason or Reason.CRASHED)

    def _record(self, scan: Scan) -> None:
        self._scans[self._queues[self._asked].popleft()] = scan
        self._next_content()

    def _next_content(self) -> None:
        self._asked_left -= 1
        self._index += 1
        self._begin_content()
