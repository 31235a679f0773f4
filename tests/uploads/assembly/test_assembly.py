"""Bytes that come in pieces are exactly the upload, or they are refused."""

from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.uploads.assembly.assembly import (
    MOST_PIECES,
    Assembly,
    Fault,
    HeldPiece,
    State,
)

DATA = bytes(range(1, 41))
MOST = 1000


def opened(total: int | None = len(DATA)) -> Assembly:
    """Begin an upload."""
    return Assembly(total=total, most_bytes=MOST)


def takes(assembly: Assembly, at: int, *parts: bytes, total: int | None = None) -> bool:
    """Put a piece in, or change nothing."""
    if assembly.begin(at, sum(map(len, parts)), total) is not None:
        return False
    if any(assembly.receive(part) is not None for part in parts):
        assembly.drop()
        return False
    piece = assembly.end()
    if piece is not None:
        assembly.add(piece)
    return True


@given(
    pieces=st.lists(
        st.tuples(st.integers(0, 45), st.integers(0, 12), st.integers(0, 12)),
        max_size=40,
    )
)
def test_any_piece_is_taken_only_where_the_last_one_ended(
    pieces: list[tuple[int, int, int]],
) -> None:
    """The twin is a string of bytes to which pieces are appended."""
    assembly, twin = opened(), b""
    for at, length, cut in pieces:
        data = DATA[at : at + length] or b"?" * length
        is_next = at == len(twin) < len(DATA) and at + len(data) <= len(DATA)
        assert takes(assembly, at, data[:cut], data[cut:]) is is_next
        twin += data if is_next else b""
        assert assembly.offset == len(twin)
        assert sum(piece.length for piece in assembly.pieces) == len(twin)
        assert (assembly.state is State.COMPLETE) is (twin == DATA)


def test_piece_has_the_checksum_of_its_bytes() -> None:
    """In however many parts it arrives."""
    assembly = opened()
    assert takes(assembly, 0, DATA[:7], DATA[7:20])
    assert assembly.pieces == [HeldPiece(length=20, checksum=crc32(DATA[:20]))]


@pytest.mark.parametrize(
    ("total", "asked", "fault"),
    [
        (40, (30, 11, None), Fault.BEYOND_TOTAL),
        (40, (41, None, None), Fault.BEYOND_TOTAL),
        (40, (0, 1, 41), Fault.OTHER_TOTAL),
        (None, (MOST, 1, None), Fault.TOO_LARGE),
        (None, (0, MOST + 1, None), Fault.TOO_LARGE),
        (None, (0, 1, MOST + 1), Fault.TOO_LARGE),
    ],
)
def test_lying_heads_are_refused(
    total: int | None, asked: tuple[int, int | None, int | None], fault: Fault
) -> None:
    """Nothing reaches beyond the total, or the limit of the route."""
    assert opened(total).begin(*asked) is fault


@pytest.mark.parametrize(
    ("total", "stated", "most", "fault"),
    [
        (40, None, 40, Fault.BEYOND_TOTAL),
        (None, 7, 7, Fault.BEYOND_TOTAL),
        (None, None, MOST, Fault.TOO_LARGE),
    ],
)
def test_body_that_is_longer_than_its_head_says(
    total: int | None, stated: int | None, most: int, fault: Fault
) -> None:
    """It ends where the upload, or the limit, does."""
    assembly = opened(total)
    assert assembly.begin(0, None, stated) is None
    assert assembly.receive(bytes(most)) is None
    assert assembly.receive(b"x") is fault


def test_total_never_changes() -> None:
    """It comes with a piece, perhaps after the last byte, and completes the upload."""
    assembly = opened(total=None)
    assert takes(assembly, 0, b"12345")
    assert assembly.begin(5, 1, 4) is Fault.OTHER_TOTAL
    assert takes(assembly, 5, total=6)
    assert assembly.begin(5, 1, 7) is Fault.OTHER_TOTAL
    assert takes(assembly, 5, b"6")
    assert assembly.state is State.COMPLETE
    held = opened(total=None)
    assert takes(held, 0, b"123")
    assert takes(held, 3, total=3)
    assert held.state is State.COMPLETE


def test_second_piece_does_not_begin_within_the_first() -> None:
    """One piece at a time; a dropped one leaves nothing, not even its total."""
    assembly = opened(total=None)
    assert assembly.begin(0, None, 20) is None
    assert assembly.begin(0) is Fault.NOT_OPEN
    assembly.receive(DATA[:10])
    assembly.drop()
    assert (assembly.offset, assembly.pieces, assembly.total) == (0, [], None)
    assert assembly.begin(0) is None


def test_last_piece_is_undone_before_the_verdict_alone() -> None:
    """What may be at the origin is not sent a second time."""
    assembly = opened()
    with pytest.raises(ValueError, match="is not decided"):
        assembly.decide()  # no verdict on a part
    assert takes(assembly, 0, DATA[:10])
    assert takes(assembly, 10, DATA[10:])
    assembly.undo()
    assert (assembly.state, assembly.offset) == (State.OPEN, 10)
    assert takes(assembly, 10, DATA[10:])
    assembly.decide()
    with pytest.raises(ValueError, match="is not decided"):
        assembly.decide()
    with pytest.raises(ValueError, match="is not undone"):
        assembly.undo()
    assert assembly.begin(0) is Fault.NOT_OPEN


def test_number_of_pieces_is_bounded() -> None:
    """An upload of single bytes ends before its journal costs much."""
    assembly = Assembly(total=None, most_bytes=10**6)
    for at in range(MOST_PIECES):
        assembly.add(HeldPiece(length=1, checksum=at))
    assert assembly.begin(MOST_PIECES) is Fault.TOO_MANY_PIECES
