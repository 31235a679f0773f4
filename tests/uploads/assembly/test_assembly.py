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


def takes(assembly: Assembly, at: int, *parts: bytes) -> bool:
    """Put a piece in, or change nothing."""
    if assembly.begin(at, sum(map(len, parts))) is not None:
        return False
    if any(assembly.receive(part) is not None for part in parts):
        assembly.drop()
        return False
    assembly.end()
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


def test_lying_lengths_are_refused() -> None:
    """No head and no body reaches beyond the total."""
    assembly = opened()
    assert assembly.begin(30, 11) is Fault.BEYOND_TOTAL
    assert assembly.begin(41) is Fault.BEYOND_TOTAL
    assert assembly.begin(0, None) is None
    assert assembly.receive(b"x" * 41) is Fault.BEYOND_TOTAL


def test_total_never_changes() -> None:
    """A second length is refused, and one below the held bytes as well."""
    assembly = opened(total=None)
    assert takes(assembly, 0, b"12345")
    assert not assembly.state_total(4)
    assert assembly.begin(5, 1, 4) is Fault.OTHER_TOTAL
    assert assembly.state_total(6)
    assert not assembly.state_total(7)
    assert assembly.begin(5, 1, 7) is Fault.OTHER_TOTAL
    assert takes(assembly, 5, b"6")
    assert assembly.state is State.COMPLETE


def test_total_that_is_held_already_completes() -> None:
    """A deferred length may come after the last byte."""
    assembly = opened(total=None)
    assert takes(assembly, 0, b"123")
    assert assembly.state_total(3)
    assert assembly.state is State.COMPLETE


def test_upload_without_a_total_is_bounded() -> None:
    """The limit of the route holds where no total is stated."""
    assembly = opened(total=None)
    assert assembly.begin(MOST, 1) is Fault.TOO_LARGE
    assert assembly.begin(0, MOST + 1) is Fault.TOO_LARGE
    assert assembly.begin(0, 1, MOST + 1) is Fault.TOO_LARGE
    assert assembly.begin(0) is None
    assert assembly.receive(bytes(MOST)) is None
    assert assembly.receive(b"x") is Fault.TOO_LARGE


def test_second_piece_does_not_begin_within_the_first() -> None:
    """One piece at a time; a dropped one leaves nothing."""
    assembly = opened()
    assert assembly.begin(0) is None
    assert assembly.begin(0) is Fault.NOT_OPEN
    assembly.receive(DATA[:10])
    assembly.drop()
    assert (assembly.offset, assembly.pieces) == (0, [])
    assert assembly.begin(0) is None


def test_last_piece_is_undone() -> None:
    """A complete upload without a verdict can be completed again."""
    assembly = opened()
    assert takes(assembly, 0, DATA[:10])
    assert takes(assembly, 10, DATA[10:])
    assembly.undo()
    assert (assembly.state, assembly.offset) == (State.OPEN, 10)
    assert takes(assembly, 10, DATA[10:])


def test_decided_upload_is_never_undone() -> None:
    """What may be at the origin is not sent a second time."""
    assembly = opened(total=1)
    with pytest.raises(ValueError, match="is not decided"):
        assembly.decide()  # no verdict on a part
    assert takes(assembly, 0, b"x")
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
        assert takes(assembly, at, b"x")
    assert assembly.begin(MOST_PIECES) is Fault.TOO_MANY_PIECES


def test_piece_of_a_journal_that_does_not_fit_is_refused() -> None:
    """A journal that contradicts itself is not an upload."""
    for length in (0, -1, 41):
        with pytest.raises(ValueError, match="does not fit"):
            opened().add(HeldPiece(length=length, checksum=0))
