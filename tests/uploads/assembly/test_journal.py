"""A journal gives back the upload that wrote it, or nothing."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.uploads.assembly.assembly import HeldPiece, State
from uploadfilter.uploads.assembly.journal import (
    VERSION,
    Committed,
    Decided,
    Step,
    Total,
    Undone,
    UploadHead,
    line,
    restored,
)

HEAD = UploadHead(protocol="tus", created=1, client="c", total=10, most=100)
FIRST, LAST = Committed(length=4, checksum=7), Committed(length=6, checksum=8)
STEPS = (FIRST, LAST, Undone(), LAST, Decided("some-id"))
LINES = [line(HEAD), *(line(step) for step in STEPS)]


def test_every_beginning_of_a_journal_is_a_state() -> None:
    """After a kill, the durable lines count."""
    states = []
    for count in range(1, len(LINES) + 1):
        found = restored(b"".join(LINES[:count]))
        assert found is not None
        states.append((found.assembly.state, found.assembly.offset))
    assert states == [
        (State.OPEN, 0),
        (State.OPEN, 4),
        (State.COMPLETE, 10),
        (State.OPEN, 4),
        (State.COMPLETE, 10),
        (State.DECIDED, 10),
    ]


def test_pieces_are_those_that_were_written() -> None:
    """The same lengths and checksums."""
    found = restored(b"".join(LINES[:3]))
    assert found is not None
    own = [HeldPiece(length=4, checksum=7), HeldPiece(length=6, checksum=8)]
    assert found.assembly.pieces == own


@pytest.mark.parametrize("cut", range(1, len(LINES[1])))
def test_torn_line_does_not_count(cut: int) -> None:
    """Nobody was told about a line without its newline."""
    found = restored(LINES[0] + LINES[1][: cut - 1])
    assert found is not None
    assert found.length == len(LINES[0])
    assert found.assembly.offset == 0


@given(at=st.integers(0, len(b"".join(LINES)) - 2), flip=st.integers(1, 255))
def test_damaged_journal_is_no_upload(at: int, flip: int) -> None:
    """A byte that changed never makes another upload out of one."""
    data = bytearray(b"".join(LINES))
    data[at] ^= flip
    assert restored(bytes(data)) is None


@pytest.mark.parametrize(
    "steps",
    [
        (Decided("some-id"),),
        (Total(11),),
        (FIRST, LAST, FIRST),
        (FIRST, FIRST, FIRST),
        (FIRST, LAST, Decided("some-id"), Undone()),
    ],
)
def test_contradicting_journal_is_no_upload(steps: tuple[Step, ...]) -> None:
    """Steps that no upload takes make it unknown."""
    assert restored(LINES[0] + b"".join(line(step) for step in steps)) is None


def test_other_version_is_no_upload() -> None:
    """An update that changes the format lets clients begin anew."""
    assert restored(line(msgspec.structs.replace(HEAD, v=VERSION - 1))) is None
    assert restored(b"") is None
    assert restored(b"\n") is None


def test_deferred_total_is_restored() -> None:
    """A length that came later counts."""
    found = restored(line(msgspec.structs.replace(HEAD, total=None)) + line(Total(5)))
    assert found is not None
    assert found.assembly.total == 5
