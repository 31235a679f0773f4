"""Choose the frames that stand for a picture with more of them than are looked into."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate


def sampled(durations: Sequence[int], most: int) -> tuple[int, ...]:
    """Return which frames to show: all, or a sample.

    A listed picture may hide anywhere in an animation; it is looked for where it would
    be seen: at the beginning, at the end, in the frame that is shown longest, and
    wherever one looks for a while. So no picture is missed that is shown for a
    twenty-eighth of the time (of 60 frames that are chosen), in one frame or in
    several after each other, nor one that has as large a share of the frames.

    Args:
        durations: For how long each frame is shown, in any unit.
        most: How many to choose, at least 1.

    Returns:
        Numbers of frames, ascending. Of more than ``most``: the first, the last, the
        longest shown (the first of several); half of the others in even steps of time,
        the rest in even steps between those.
    """
    count = len(durations)
    if count <= most:
        return tuple(range(count))
    longest = max(range(count), key=durations.__getitem__)
    chosen = set(list(dict.fromkeys((0, longest, count - 1)))[:most])
    chosen.update(_by_time(durations, (most - len(chosen)) // 2))
    others = [number for number in range(count) if number not in chosen]
    missing = most - len(chosen)
    for step in range(missing):
        chosen.add(others[(2 * step + 1) * len(others) // (2 * missing)])
    return tuple(sorted(chosen))


def _by_time(durations: Sequence[int], moments: int) -> Iterator[int]:
    """Yield which frames are shown at moments that divide the time evenly."""
    # Viewers show no frame for no time at all.
    ends = list(accumulate(max(duration, 1) for duration in durations))
    for moment in range(moments):
        yield bisect_right(ends, (2 * moment + 1) * ends[-1] // (2 * moments))
