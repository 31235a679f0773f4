"""How far the scan of one upload has come, and what the loss of a process costs it.

Plain bookkeeping without processes or clocks, so that every order of deaths can be
tested in a table:

- A process that crashes takes one content with it, which is scanned once more in
  another process; the second time it is ``crashed``.
- A process that used up its time, or that answered what no scanner would, ends its
  content at once: the same bytes would do the same again.
- An upload that costs more processes than ``max_losses`` gets no more of them, since
  each takes a hundred times as long to start as a photo takes to scan.
"""

from collections.abc import Sequence
from enum import StrEnum

from uploadfilter.model import Reason, Scan, SignalType
from uploadfilter.scanners.messages import (
    Budgets,
    ContentSpan,
    ScanRequest,
    unscanned,
    wire_span,
)


class Loss(StrEnum):
    """How a process was lost while it scanned."""

    TIME = "time"
    CRASH = "crash"
    GARBAGE = "garbage"


class Progress:
    """The scans of one upload so far.

    Args:
        spans: Its contents, in order.
        types: Perceptual signal types to compute.
        budgets: Limits of each content and of the upload.
        digests: Whether exact signals are wanted.
        max_losses: Processes that this upload may cost.
    """

    def __init__(
        self,
        spans: Sequence[ContentSpan],
        *,
        types: frozenset[SignalType],
        budgets: Budgets,
        digests: bool,
        max_losses: int,
    ) -> None:
        self.types = types
        self.budgets = budgets
        self.digests = digests
        self._spans = tuple(spans)
        self._scans: list[Scan] = []
        self._losses_left = max_losses
        self._crashed_once = False
        self._cpu_left_s = budgets.upload_cpu_s
        total = sum(span.length for span in spans)
        self._wall_left_s = budgets.upload_wall_s + budgets.allowance(total)

    @property
    def is_complete(self) -> bool:
        """True once every content has its scan."""
        return len(self._scans) == len(self._spans)

    @property
    def scans(self) -> tuple[Scan, ...]:
        """Scans so far, in the order of the contents."""
        return tuple(self._scans)

    @property
    def left(self) -> tuple[ContentSpan, ...]:
        """Contents without a scan; the first is being scanned."""
        return self._spans[len(self._scans) :]

    @property
    def wall_left_s(self) -> float:
        """Seconds that all that is left may take."""
        return self._wall_left_s

    def wall_of(self, span: ContentSpan) -> float:
        """Return the seconds that one content may take."""
        return self.budgets.content_wall_s + self.budgets.allowance(span.length)

    def spend_wall(self, seconds: float) -> None:
        """Account for time that a process was at work."""
        self._wall_left_s -= seconds

    def request(self) -> ScanRequest:
        """Return what to ask of a process: all that is left."""
        return ScanRequest(
            spans=tuple(wire_span(span) for span in self.left),
            types=self.types,
            budgets=self.budgets,
            cpu_left_s=self._cpu_left_s,
            digests=self.digests,
        )

    def record(self, scan: Scan) -> None:
        """Take the scan of the first content that is left."""
        self._scans.append(scan)
        self._crashed_once = False

    def lose(self, loss: Loss) -> None:
        """Account for a process that was lost while it scanned the first one left."""
        # What the process had used is not known for certain, so the whole of what one
        # content may use is charged.
        self._cpu_left_s = max(0.0, self._cpu_left_s - self.budgets.content_cpu_s)
        self._losses_left -= 1
        if loss is Loss.CRASH and not self._crashed_once and self._losses_left > 0:
            self._crashed_once = True
            return
        reason = Reason.OUT_OF_TIME if loss is Loss.TIME else Reason.CRASHED
        self.record(unscanned(self.left[0], reason))
        if self._losses_left <= 0 or self._wall_left_s <= 0:
            self.give_up(reason)

    def give_up(self, reason: Reason) -> None:
        """Give every content that is left the same reason."""
        self._scans.extend(unscanned(span, reason) for span in self.left)
