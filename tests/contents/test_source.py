"""Sources give their own bytes and nothing beside them."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.source import JoinedSource, MemorySource, PartSource, opened

offsets = st.integers(0, 80)


@given(data=st.binary(max_size=60), offset=offsets, length=offsets)
def test_memory_source_reads_like_a_slice(
    data: bytes, offset: int, length: int
) -> None:
    """Beyond the end there is nothing."""
    assert MemorySource(data).read(offset, length) == data[offset : offset + length]


@given(data=st.data(), offset=offsets, length=offsets)
def test_part_never_reads_outside_itself(
    data: st.DataObject, offset: int, length: int
) -> None:
    """A part reads like a slice of its bytes, for any arguments."""
    whole = data.draw(st.binary(max_size=60))
    start = data.draw(st.integers(0, len(whole)))
    size = data.draw(st.integers(0, len(whole) - start))

    part = PartSource(MemorySource(whole), start, size)

    own = whole[start : start + size]
    assert part.size == len(own)
    assert part.read(offset, length) == own[offset : offset + length]


@given(
    data=st.binary(max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=8),
    offset=offsets,
    length=offsets,
)
def test_joined_parts_read_like_their_bytes(
    data: bytes, cuts: list[int], offset: int, length: int
) -> None:
    """Every second stretch between cuts, joined."""
    edges = sorted(min(cut, len(data)) for cut in cuts)
    spans = list(zip(edges[::2], edges[1::2], strict=False))

    joined = JoinedSource(MemorySource(data), spans)

    own = b"".join(data[start:end] for start, end in spans)
    assert joined.size == len(own)
    assert joined.read(offset, length) == own[offset : offset + length]


@pytest.mark.parametrize(("start", "size"), [(-1, 2), (0, 6), (5, 1), (3, -1)])
def test_part_outside_the_whole_is_refused(start: int, size: int) -> None:
    """A part lies within its whole."""
    with pytest.raises(ValueError, match="not within 5"):
        PartSource(MemorySource(b"12345"), start, size)


@given(
    data=st.binary(max_size=60),
    steps=st.lists(st.tuples(offsets, st.sampled_from(range(3)), offsets)),
)
def test_opened_source_reads_like_a_file(
    data: bytes, steps: list[tuple[int, int, int]]
) -> None:
    """For all seeks and reads, a source gives the bytes of a file in memory."""
    ours, other = opened(MemorySource(data)), io.BytesIO(data)
    for offset, whence, length in steps:
        assert ours.seek(offset, whence) == other.seek(offset, whence)
        assert ours.read(length) == other.read(length)


def test_opened_source_has_nothing_before_its_start() -> None:
    """A library that seeks too far back is told so."""
    with pytest.raises(OSError, match="before the start"):
        opened(MemorySource(b"12345")).seek(-6, io.SEEK_END)
