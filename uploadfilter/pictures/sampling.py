"""Choose the frames that stand for a picture with more of them than are looked into.

Three frames are always among them, the *key frames*: what a viewer sees first, last and
longest. Where one of them cannot be had, ``decoding.py`` says so with a reason that
rejects.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

SHORTEST_MS = 10
SHOWN_INSTEAD_MS = 100
"""Browsers show a frame of at most so many milliseconds for as long as this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What it costs to come to the frames of a file, where each is built on others.

    Attributes:
        starts: For each frame, the first one that has to be decoded for it.
        costs: For each frame, what it costs to decode it, in pixels.
        shown_pixels: Pixels of a frame as it is shown.
    """

    starts: Sequence[int]
    costs: Sequence[int]
    shown_pixels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenFrames:
    """The frames that are chosen.

    Attributes:
        numbers: Which, ascending.
        reach: How many frames can be decoded within the limits.
    """

    numbers: tuple[int, ...]
    reach: int


def shown_ms(duration: int) -> int:
    """Return for how long browsers show a frame, in milliseconds.

    Args:
        duration: What its file says.
    """
    return duration if duration > SHORTEST_MS else SHOWN_INSTEAD_MS


def key_frames(durations: Sequence[int]) -> tuple[int, ...]:
    """Return the frames that a viewer sees first, longest and last, each once.

    The frame that is shown longest may be another in browsers than in viewers that do
    what the file says: then both are key frames.

    Args:
        durations: For how long each frame is shown, in milliseconds; at least one.

    Returns:
        Numbers of frames in order of their weight.
    """
    if len(durations) == 1:
        return (0,)
    every = range(len(durations))
    said = max(every, key=durations.__getitem__)
    seen = max(every, key=lambda number: shown_ms(durations[number]))
    return tuple(dict.fromkeys((0, seen, len(durations) - 1, said)))


def sampled(
    durations: Sequence[int], most: int, *, keys: Sequence[int] | None = None
) -> tuple[int, ...]:
    """Return which frames to show: all, or a sample.

    A listed picture may hide anywhere in an animation; it is looked for where it would
    be seen: in the key frames, and wherever one looks for a while. So no picture is
    missed that is shown for a twenty-eighth of the time (of 60 frames that are chosen),
    in one frame or in several after each other, nor one that has as large a share of
    the frames.

    Args:
        durations: For how long each frame is shown, in milliseconds.
        most: How many to choose, at least 1.
        keys: The key frames, if they are known, in order of their weight.

    Returns:
        Numbers of frames, ascending. Of more than ``most``: the key frames; half of the
        others in even steps of time, the rest in even steps between those.
    """
    count = len(durations)
    if count <= most:
        return tuple(range(count))
    chosen = set((key_frames(durations) if keys is None else keys)[:most])
    chosen.update(_by_time(durations, (most - len(chosen)) // 2))
    others = [number for number in range(count) if number not in chosen]
    missing = most - len(chosen)
    for step in range(missing):
        chosen.add(others[(2 * step + 1) * len(others) // (2 * missing)])
    return tuple(sorted(chosen))


def _by_time(durations: Sequence[int], moments: int) -> Iterator[int]:
    """Yield which frames are shown at moments that divide the time evenly."""
    ends = list(accumulate(map(shown_ms, durations)))
    for moment in range(moments):
        yield bisect_right(ends, (2 * moment + 1) * ends[-1] // (2 * moments))


def sampled_in_reach(
    durations: Sequence[int],
    course: Course,
    *,
    keys: Sequence[int],
    most: int,
    budget: int,
) -> ChosenFrames:
    """Return which frames to show of those that can be decoded within a budget.

    The key frames come first; what is left of the budget goes to the frames that would
    be chosen if there were no budget, from the first on.

    Args:
        durations: For how long each frame is shown, in milliseconds.
        course: What it costs to come to them.
        keys: The key frames, in order of their weight.
        most: How many to choose, at least 1.
        budget: Pixels that may be decoded in all; the first frame is always chosen.
    """
    reach = _Reach(course, budget)
    reach.add(0, is_free=True)
    reached = [key for key in keys if reach.add(key)]
    if reach.holds_all(len(durations)):
        return ChosenFrames(
            numbers=sampled(durations, most, keys=reached), reach=len(durations)
        )
    for number in sampled(durations, most):
        reach.add(number)
    numbers = sorted(reach.decoded)
    places = sampled(
        [durations[number] for number in numbers],
        most,
        keys=[numbers.index(key) for key in reached],
    )
    return ChosenFrames(
        numbers=tuple(numbers[place] for place in places), reach=len(numbers)
    )


class _Reach:
    """The frames that are decoded, and what they cost together."""

    def __init__(self, course: Course, budget: int) -> None:
        self._course = course
        self._left = budget
        self.decoded: set[int] = set()

    def add(self, number: int, *, is_free: bool = False) -> bool:
        """Decode a frame and all that it is built on, if that is within the budget."""
        frames = range(self._course.starts[number], number + 1)
        more = [each for each in frames if each not in self.decoded]
        cost = 0 if is_free else sum(self._course.costs[each] for each in more)
        if cost > self._left:
            return False
        self._left -= cost
        self.decoded.update(more)
        return True

    def holds_all(self, count: int) -> bool:
        """Add all frames if the budget allows it, and say whether it does."""
        return self.add_all(count) if len(self.decoded) < count else True

    def add_all(self, count: int) -> bool:
        """Decode every frame, if that is within the budget."""
        more = [each for each in range(count) if each not in self.decoded]
        cost = sum(self._course.costs[each] for each in more)
        if cost > self._left:
            return False
        self._left -= cost
        self.decoded.update(more)
        return True
