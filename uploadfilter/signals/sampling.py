"""Choose the frames that stand for a picture with more of them than are looked into."""

from collections.abc import Sequence


def sampled(durations: Sequence[int], most: int) -> tuple[int, ...]:
    """Return which frames to show: all, or a sample.

    A listed picture may hide anywhere in an animation; it is looked for where it would
    be seen: at the beginning, at the end, and in the frame that is shown longest.

    Args:
        durations: For how long each frame is shown, in any unit.
        most: How many to choose, at least 1.

    Returns:
        Numbers of frames, ascending. Of more than ``most``: the first, the last, the
        longest shown (the first of several), and others in even steps between.
    """
    count = len(durations)
    if count <= most:
        return tuple(range(count))
    longest = max(range(count), key=durations.__getitem__)
    chosen = set(list(dict.fromkeys((0, longest, count - 1)))[:most])
    others = [number for number in range(count) if number not in chosen]
    missing = most - len(chosen)
    for step in range(missing):
        chosen.add(others[(2 * step + 1) * len(others) // (2 * missing)])
    return tuple(sorted(chosen))
