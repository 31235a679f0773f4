"""An upload in pieces is exactly its bytes, or it is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.uploads.assembly.twin import File, Twin
from uploadfilter.uploads.assembly.assembly import (
    MOST_PIECES,
    Assembly,
    Fault,
    Order,
    Span,
    State,
)

DATA = bytes(range(1, 41))
MOST = 1000


def opened(total: int | None = len(DATA), order: Order = Order.ANY) -> Assembly:
    """Begin an upload."""
    return Assembly(total=total, most_bytes=MOST, order=order)


def committed(assembly: Assembly, at: int, data: bytes) -> None:
    """Put a piece in that has to be taken."""
    assert File().takes(assembly, at, data)


@pytest.mark.parametrize("cut", range(1, len(DATA)))
@pytest.mark.parametrize("is_backwards", [False, True])
def test_upload_cut_at_every_offset_is_put_together(
    cut: int, is_backwards: bool
) -> None:
    """Two pieces in either order are the upload, and nothing before the second is."""
    assembly, file = opened(), File()
    pieces = [(0, DATA[:cut]), (cut, DATA[cut:])]
    for at, data in reversed(pieces) if is_backwards else pieces:
        assert assembly.state is State.OPEN
        assert file.takes(assembly, at, data)
    assert assembly.state is State.COMPLETE
    assert file.whole(assembly) == DATA


class TestEveryOrder:
    """Any pieces, in any order, are taken or refused as by the slow twin."""

    pieces = st.lists(
        st.tuples(
            st.integers(0, len(DATA)),
            st.integers(1, 12),
            st.integers(0, 9).map(lambda n: n == 0),
            st.none() | st.integers(0, 12),
        ),
        max_size=40,
    )

    @given(pieces=pieces, order=st.sampled_from(Order))
    def test_every_piece_is_treated_as_by_the_twin(
        self, pieces: list[tuple[int, int, bool, int | None]], order: Order
    ) -> None:
        """The state and the bytes are those of the twin after every piece."""
        assembly, file, twin = opened(order=order), File(), Twin(len(DATA))
        for at, length, is_altered, cut in pieces:
            data = DATA[at : at + length] or b"?"
            data = bytes(byte ^ 255 for byte in data) if is_altered else data
            is_sequential = order is Order.SEQUENTIAL
            expected = twin.takes(at, data, is_sequential=is_sequential)
            assert file.takes(assembly, at, data, cut=cut) is expected
            assert assembly.offset == twin.offset
            assert sum(twin.is_held) == assembly.held_bytes
            is_whole = all(twin.is_held)
            assert (assembly.state is State.COMPLETE) is is_whole
            if is_whole:
                assert file.whole(assembly) == bytes(twin.data)

    @given(pieces=pieces)
    def test_gaps_are_the_bytes_that_the_twin_lacks(
        self, pieces: list[tuple[int, int, bool, int | None]]
    ) -> None:
        """Gaps and spans together are the whole upload."""
        assembly, file, twin = opened(), File(), Twin(len(DATA))
        for at, length, _, cut in pieces:
            data = DATA[at : at + length] or b"?"
            twin.takes(at, data, is_sequential=False)
            file.takes(assembly, at, data, cut=cut)
        missing = {at for begin, end in assembly.gaps() for at in range(begin, end)}
        assert missing == {at for at, held in enumerate(twin.is_held) if not held}


def test_lying_lengths_are_refused() -> None:
    """No head and no body reaches beyond the total."""
    assembly = opened()
    assert assembly.begin(30, 11) is Fault.BEYOND_TOTAL
    assert assembly.begin(41) is Fault.BEYOND_TOTAL
    assert not File().takes(assembly, 35, b"123456", cut=5)
    assert assembly.begin(0, None) is None
    assert [type(action).__name__ for action in assembly.receive(b"x" * 41)] == [
        "Refuse"
    ]


def test_total_never_changes() -> None:
    """A second length is refused, and one below the held bytes as well."""
    assembly = opened(total=None)
    committed(assembly, 0, b"12345")
    assert not assembly.state_total(4)
    assert assembly.begin(5, 1, 4) is Fault.OTHER_TOTAL
    assert assembly.state_total(6)
    assert not assembly.state_total(7)
    assert assembly.begin(5, 1, 7) is Fault.OTHER_TOTAL
    committed(assembly, 5, b"6")
    assert assembly.state is State.COMPLETE


def test_total_that_is_held_already_completes() -> None:
    """A deferred length may come after the last byte."""
    assembly = opened(total=None)
    committed(assembly, 0, b"123")
    assert assembly.state_total(3)
    assert assembly.state is State.COMPLETE


def test_upload_without_a_total_is_bounded() -> None:
    """The limit of the route holds where no total is stated."""
    assembly = opened(total=None)
    assert assembly.begin(MOST, 1) is Fault.TOO_LARGE
    assert assembly.begin(0, 1, MOST + 1) is Fault.TOO_LARGE
    assert not File().takes(assembly, 0, b"x" * (MOST + 1), cut=MOST)


def test_second_piece_does_not_begin_within_the_first() -> None:
    """One piece at a time."""
    assembly = opened()
    assert assembly.begin(0) is None
    assert assembly.begin(0) is Fault.NOT_OPEN
    assembly.drop()
    assert assembly.begin(0) is None


def test_dropped_piece_leaves_nothing() -> None:
    """The bytes of a piece that is not committed do not count."""
    assembly = opened()
    committed(assembly, 0, DATA[:10])
    assembly.begin(10)
    assembly.receive(DATA[10:20])
    assembly.drop()
    assert (assembly.offset, assembly.tail) == (10, 10)


def test_last_piece_is_undone() -> None:
    """A complete upload without a verdict can be completed again."""
    assembly, file = opened(order=Order.SEQUENTIAL), File()
    assert file.takes(assembly, 0, DATA[:10])
    assert file.takes(assembly, 10, DATA[10:])
    assembly.undo()
    assert (assembly.state, assembly.offset, assembly.pieces) == (State.OPEN, 10, 1)
    assert file.takes(assembly, 10, DATA[10:])
    assert file.whole(assembly) == DATA


def test_decided_upload_is_never_undone() -> None:
    """What may be at the origin is not sent a second time."""
    assembly = opened(total=1)
    committed(assembly, 0, b"x")
    assembly.become(State.DECIDED)
    for state in (State.OPEN, State.COMPLETE, State.DECIDED, State.REJECTED):
        with pytest.raises(ValueError, match="cannot become"):
            assembly.become(state)
    with pytest.raises(ValueError, match="is not undone"):
        assembly.undo()
    assembly.become(State.REPLAYED)
    assert assembly.begin(0) is Fault.NOT_OPEN


def test_incomplete_upload_is_never_decided() -> None:
    """No verdict on a part."""
    assembly = opened()
    for state in (State.DECIDED, State.REPLAYED, State.REJECTED):
        with pytest.raises(ValueError, match="cannot become"):
            assembly.become(state)


def test_number_of_pieces_is_bounded() -> None:
    """An upload of single bytes ends before its journal costs much."""
    assembly = Assembly(total=None, most_bytes=10**6, order=Order.ANY)
    for at in range(3):
        committed(assembly, at, b"x")
    assembly._pieces *= MOST_PIECES // 3 + 1  # noqa: SLF001 - ten thousand are slow
    assert assembly.begin(3) is Fault.TOO_MANY_PIECES


def test_overlapping_spans_of_a_journal_are_refused() -> None:
    """A journal that contradicts itself is not an upload."""
    assembly = opened()
    assembly.committed([Span(at=0, length=5, place=0, checksum=0)])
    with pytest.raises(ValueError, match="overlap"):
        assembly.committed([Span(at=4, length=5, place=5, checksum=0)])
    with pytest.raises(ValueError, match="beyond"):
        assembly.committed([Span(at=39, length=2, place=5, checksum=0)])
