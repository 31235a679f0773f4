"""Members are held in blocks, and pictures in a container are found once."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.carving import PictureStart
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.source import MemorySource, PartSource
from uploadfilter.model import Reason
from uploadfilter.scanners.inside.walking.holding import Covered, HeldChunks

PICTURE = bytes(range(200))


def chunks(*items: bytes | Shortfall) -> Iterator[bytes | Shortfall]:
    """Return the chunks of a member."""
    return iter(items)


def candidate(offset: int) -> PictureStart:
    """Return a candidate at an offset."""
    return PictureStart(offset=offset, kind=Kind.JPEG)


def test_short_member_is_held_as_a_whole() -> None:
    """A member within the limit is one block, complete."""
    held = HeldChunks(chunks(b"ab", b"cd"), most=5)

    assert (held.source.data, held.has_more, held.reason) == (b"abcd", False, None)


def test_member_that_falls_short_says_why() -> None:
    """The bytes before the shortfall are held."""
    held = HeldChunks(chunks(b"ab", Shortfall(reason=Reason.TRUNCATED)), most=5)

    assert held.source.data == b"ab"
    assert not held.has_more
    assert held.reason is Reason.TRUNCATED


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=9), max_size=12),
    most=st.integers(1, 20),
    overlap=st.integers(0, 30),
)
def test_blocks_overlap_and_cover_the_member(
    pieces: list[bytes], most: int, overlap: int
) -> None:
    """Put together without their overlaps, the blocks are the member."""
    held = HeldChunks(chunks(*pieces), most=most)
    whole = held.source.data
    while held.has_more:
        kept = min(overlap, most // 2, len(held.source.data))
        tail = held.source.data[len(held.source.data) - kept :]
        held.go_on(keep=kept)
        assert held.source.data.startswith(tail)
        whole += held.source.data[kept:]

    assert whole == b"".join(pieces)


@pytest.mark.parametrize(
    ("offset", "is_held"),
    [
        pytest.param(9, False, id="before"),
        pytest.param(10, True, id="first"),
        pytest.param(29, True, id="last"),
        pytest.param(30, False, id="behind"),
    ],
)
def test_stored_member_covers_its_bytes(offset: int, is_held: bool) -> None:
    """A picture in a stored member was found there, thumbnails and all."""
    whole = MemorySource(bytes(100))
    covered = Covered()
    covered.note(PartSource(whole, 10, 20))

    assert covered.hold(whole, candidate(offset)) is is_held


def test_unpacked_member_covers_its_own_bytes_only() -> None:
    """A document's picture is not shown twice; another that begins alike is."""
    other = PICTURE[:-1] + b"\0"
    whole = MemorySource(b"..." + PICTURE + b"..." + other)
    covered = Covered()
    covered.note(MemorySource(PICTURE))

    assert covered.hold(whole, candidate(3))
    assert not covered.hold(whole, candidate(3 + len(PICTURE) + 3))
    assert not covered.hold(whole, candidate(0))


def test_picture_that_was_decoded_where_it_begins_is_held() -> None:
    """Only its beginning counts, since its end is unknown."""
    whole, covered = MemorySource(bytes(100)), Covered()
    covered.note_starts(whole, [7])

    assert covered.hold(whole, candidate(7))
    assert not covered.hold(whole, candidate(8))
    assert not covered.hold(MemorySource(bytes(100)), candidate(7))


@given(
    spans=st.lists(st.tuples(st.integers(0, 99), st.integers(0, 30)), max_size=9),
    is_foreign=st.booleans(),
)
def test_rest_is_what_lies_in_no_member(
    spans: list[tuple[int, int]], is_foreign: bool
) -> None:
    """Byte by byte, however members overlap; those of another source do not count."""
    whole, covered = MemorySource(bytes(range(100))), Covered()
    other = MemorySource(bytes(100))
    free = set(range(100))
    for start, size in spans:
        end = min(start + size, 100)
        covered.note(PartSource(other if is_foreign else whole, start, end - start))
        free -= set() if is_foreign else set(range(start, end))

    rest = covered.rest(whole)

    assert rest.read(0, rest.size) == bytes(sorted(free))
    held = {at for at in range(100) if covered.hold(whole, candidate(at))}
    assert held == set(range(100)) - free
