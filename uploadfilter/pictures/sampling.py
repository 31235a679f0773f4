"""Choose frames of a picture that has more frames than are looked at.

Three frames are always chosen, the *key frames*: those that a viewer sees first, last
and longest. If one of them cannot be decoded, ``decoding.py`` gives a reason that
rejects.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

SHORTEST_MS = 10
SHOWN_INSTEAD_MS = 100
"""Milliseconds for which browsers show a frame with a very short duration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The cost of reaching the frames of a file whose frames build on each other.

    Attributes:
        starts: For each frame, the first frame that must be decoded for it.
        costs: For each frame, the cost of decoding it, in pixels.
        shown_pixels: Pixels of a shown frame.
    """

    starts: Sequence[int]
    costs: Sequence[int]
    shown_pixels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenFrames:
    """Numbers of chosen frames, ascending, and how many are within the limits."""

    numbers: tuple[int, ...]
    reach: int


def shown_ms(duration: int) -> int:
    """Return the time for which browsers show a frame, in milliseconds."""
    return duration if duration > SHORTEST_MS else SHOWN_INSTEAD_MS


def key_frames(durations: Sequence[int]) -> tuple[int, ...]:
    """Return the frames that a viewer sees first, longest and last, in this order.

    Browsers and viewers that follow the file may show different frames longest: then
    both are key frames, each once. Durations are in milliseconds; there is at least
    one.
    """
    if len(durations) == 1:
        return (0,)
    every = range(len(durations))
    stated = max(every, key=durations.__getitem__)
    shown = max(every, key=lambda number: shown_ms(durations[number]))
    return tuple(dict.fromkeys((0, shown, len(durations) - 1, stated)))


def sample_frames(
    durations: Sequence[int], most: int, *, keys: Sequence[int] | None = None
) -> tuple[int, ...]:
    """Return which frames to show, ascending: all, or a sample.

    A listed picture may hide anywhere in an animation. It is looked for in the frames
    that people see: the key frames, and those that are shown for a while. So a picture
    is never missed if it is shown for a twenty-eighth of the time (with 60 chosen
    frames), in one frame or in consecutive ones, or if it has as large a share of the
    frames.

    If there are more than ``most``: the key frames, the most important first; half of
    the others in even steps of time, the rest in even steps between those.
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
    ends = list(accumulate(map(shown_ms, durations)))
    for moment in range(moments):
        yield bisect_right(ends, (2 * moment + 1) * ends[-1] // (2 * moments))


def sample_within(
    durations: Sequence[int],
    course: Course,
    *,
    keys: Sequence[int],
    most: int,
    budget: int,
) -> ChosenFrames:
    """Choose frames among those that can be decoded within a budget of pixels.

    The first frame and the key frames come first; the rest of the budget goes to the
    frames that would be chosen without a budget, from the first one on.
    """
    reach = _Reach(course, budget)
    reach.add(0, is_free=True)
    reached = [key for key in keys if reach.add(key)]
    if reach.add_all(len(durations)):
        return ChosenFrames(
            numbers=sample_frames(durations, most, keys=reached), reach=len(durations)
        )
    for number in sample_frames(durations, most):
        reach.add(number)
    numbers = sorted(reach.decoded)
    places = sample_frames(
        [durations[number] for number in numbers],
        most,
        keys=[numbers.index(key) for key in reached],
    )
    return ChosenFrames(
        numbers=tuple(numbers[place] for place in places), reach=len(numbers)
    )


class _Reach:
    """The decoded frames, and their total cost."""

    def __init__(self, course: Course, budget: int) -> None:
        self._course = course
        self._left = budget
        self.decoded: set[int] = set()

    def add(self, number: int, *, is_free: bool = False) -> bool:
        """Add a frame and all frames below it, if that is within the budget."""
        frames = range(self._course.starts[number], number + 1)
        more = [each for each in frames if each not in self.decoded]
        cost = sum(self._course.costs[each] for each in more)
        return self._pay(more, 0 if is_free else cost)

    def add_all(self, count: int) -> bool:
        """Add every frame, if that is within the budget."""
        more = [each for each in range(count) if each not in self.decoded]
        return self._pay(more, sum(self._course.costs[each] for each in more))

    def _pay(self, more: Sequence[int], cost: int) -> bool:
        if cost > self._left:
            return False
        self._left -= cost
        self.decoded.update(more)
        return True
