"""Pieces of a source are one source, whatever they are."""

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.runs import Run, RunSource
from uploadfilter.contents.source import MemorySource

WHOLE = bytes(range(100))

runs = st.lists(st.builds(Run, st.integers(0, 110), st.integers(0, 30)), max_size=8)


def put_together(pieces: list[Run]) -> bytes:
    """Put pieces together the slow way."""
    return b"".join(WHOLE[at : at + length] for at, length in pieces)


@given(runs=runs, offset=st.integers(0, 130), length=st.integers(0, 130))
def test_pieces_are_read_as_one(runs: list[Run], offset: int, length: int) -> None:
    """However pieces lie, overlap or reach out, any part of them can be read."""
    source = RunSource.of(MemorySource(WHOLE), runs)
    expected = put_together(runs)

    assert source.size == len(expected)
    assert source.read(offset, length) == expected[offset : offset + length]


@given(runs=runs, start=st.integers(0, 130), size=st.integers(0, 130))
def test_part_of_pieces_is_pieces(runs: list[Run], start: int, size: int) -> None:
    """A part gives the bytes that the pieces have there."""
    part = RunSource.of(MemorySource(WHOLE), runs).part(start, size)
    expected = put_together(runs)[start : start + size]

    assert (part.size, part.read(0, 999)) == (len(expected), expected)


def test_pieces_that_follow_each_other_are_one() -> None:
    """A file that was never cut is read at once."""
    source = RunSource.of(MemorySource(WHOLE), [Run(0, 9), Run(9, 1), Run(20, 1)])

    assert source.runs == (Run(0, 10), Run(20, 1))
