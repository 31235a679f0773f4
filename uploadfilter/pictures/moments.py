"""Choose the frames of a video that are decoded: a pure plan of spans.

A frame can only be decoded after all frames back to the intra-coded one before it. So a
plan is, for each *group* (an intra-coded frame and those that build on it), how many of
its first frames are decoded; every frame that is decoded is looked at.

In this order, while the budget lasts: intra-coded frames, in even steps if there are
many; the last frame; then the middle of the longest gap between two frames, again and
again, so that a gap is as short as the budget allows: one second, and then less.
"""

import heapq
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

MOST_INTRA: Final = 600
"""Most intra-coded frames that come before everything else: one a second for ten
minutes. In videos of nothing else, such as MJPEG, there are thousands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackCourse:
    """When frames of a track are shown, as decoded, and its intra-coded ones."""

    times_s: Sequence[float]
    intra: Sequence[int]

    def groups(self) -> list[range]:
        """Return the frames of each group; those before the first are of no group."""
        ends = [*self.intra[1:], len(self.times_s)]
        return [range(*pair) for pair in zip(self.intra, ends, strict=True)]


def intra_of(course: TrackCourse, most: int = MOST_INTRA) -> list[range]:
    """Return spans of one intra-coded frame each: all, or some in even steps."""
    intra = course.intra
    if len(intra) > most:
        step = (len(intra) - 1) / max(1, most - 1)
        intra = [intra[round(at * step)] for at in range(most)]
    return [range(at, at + 1) for at in intra]


def spans_of(
    course: TrackCourse, budget: int, most_intra: int = MOST_INTRA
) -> list[range]:
    """Return the spans of frames to decode, ascending; each begins a group.

    ``most_intra`` intra-coded frames come before everything else.
    """
    # Without an intra-coded frame nothing can be decoded.
    return _Plan(course, budget, most_intra).spans() if course.intra else []


def joined(spans: Sequence[range]) -> list[range]:
    """Return ascending spans with neighbours as one.

    The first frames that are shown of a group may build on the group before.
    """
    whole: list[range] = []
    for span in spans:
        if whole and whole[-1].stop == span.start:
            whole[-1] = range(whole[-1].start, span.stop)
        else:
            whole.append(span)
    return whole


def seen_percent(course: TrackCourse, times_s: Sequence[float]) -> int:
    """Return the share of the seconds of a track in which a frame was seen.

    Rounded down, so that 100 means all of them.
    """
    every = {int(time_s) for time_s in course.times_s}
    seen = every & {int(time_s) for time_s in times_s}
    return 100 * len(seen) // max(1, len(every))


class _Plan:
    """The lengths to which groups are decoded, as they grow."""

    def __init__(self, course: TrackCourse, budget: int, most_intra: int) -> None:
        self._times_s = course.times_s
        self._groups = course.groups()
        self._starts = [group.start for group in self._groups]
        self._stops = list(self._starts)
        self._left = budget
        self._order = sorted(
            range(self._starts[0] if self._starts else 0, len(course.times_s)),
            key=course.times_s.__getitem__,
        )
        for span in intra_of(course, min(most_intra, budget)):
            self._reach(span.start)
        if self._order:
            self._reach(self._order[-1])
            self._fill()
            self._spend()

    def spans(self) -> list[range]:
        """Return what is decoded."""
        pairs = zip(self._starts, self._stops, strict=True)
        return [range(*pair) for pair in pairs if pair[0] < pair[1]]

    def _reach(self, number: int) -> bool:
        """Decode a group up to a frame, if that is within the budget."""
        group = bisect_right(self._starts, number) - 1
        cost = number + 1 - self._stops[group]
        if cost > self._left:
            return False
        self._left -= max(0, cost)
        self._stops[group] = max(self._stops[group], number + 1)
        return True

    def _is_seen(self, number: int) -> bool:
        return number < self._stops[bisect_right(self._starts, number) - 1]

    def _fill(self) -> None:
        """Halve the longest gap until nothing is left of the budget, or of gaps."""
        gaps = list(self._gaps())
        heapq.heapify(gaps)
        while gaps and self._left > 0:
            _, low, high = heapq.heappop(gaps)
            middle = self._middle(low, high)
            number = self._order[middle]
            # A frame that costs more than is left closes its gap.
            if self._is_seen(number) or self._reach(number):
                for gap in ((low, middle), (middle, high)):
                    if gap[1] - gap[0] > 1:
                        heapq.heappush(gaps, (-self._length_s(*gap), *gap))

    def _spend(self) -> None:
        """Go on from the first groups while something is left of the budget.

        A middle may be farther than the budget reaches until the cost of frames is
        known from more of them than the intra-coded ones.
        """
        for group, frames in enumerate(self._groups):
            more = min(self._left, frames.stop - self._stops[group])
            self._stops[group] += more
            self._left -= more

    def _gaps(self) -> Iterator[tuple[float, int, int]]:
        seen = [at for at, it in enumerate(self._order) if self._is_seen(it)]
        for low, high in zip([-1, *seen], [*seen, len(self._order)], strict=True):
            if high - low > 1:
                yield -self._length_s(low, high), low, high

    def _length_s(self, low: int, high: int) -> float:
        times_s, order = self._times_s, self._order
        high = min(high, len(order) - 1)
        return times_s[order[high]] - times_s[order[max(0, low)]]

    def _middle(self, low: int, high: int) -> int:
        first, last = max(0, low), min(high, len(self._order) - 1)
        goal_s = (
            self._times_s[self._order[first]] + self._times_s[self._order[last]]
        ) / 2
        place = bisect_right(
            self._order, goal_s, low + 1, high, key=self._times_s.__getitem__
        )
        return min(max(place, low + 1), high - 1)
