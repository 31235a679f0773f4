"""A journal gives back the upload that wrote it, or nothing."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.uploads.assembly.assembly import HeldPiece, State
from uploadfilter.uploads.assembly.journal import (
    VERSION,
    Decided,
    Step,
    Undone,
    UploadHead,
    line,
    restore,
)

HEAD = UploadHead(protocol="tus", created=1, client="c", total=None, most=100)
FIRST, LAST = HeldPiece(4, 7), HeldPiece(6, 8, 10)
STEPS = (FIRST, LAST, Undone(), HeldPiece(6, 9), Decided("some-id"))
LINES = [line(HEAD), *(line(step) for step in STEPS)]


def test_every_beginning_of_a_journal_is_a_state() -> None:
    """After a kill, the durable lines count; a total stays when its piece does not."""
    found = [restore(b"".join(LINES[: count + 1])) for count in range(len(LINES))]
    assert [
        (it.assembly.state, it.assembly.offset, it.assembly.total) for it in found if it
    ] == [
        (State.OPEN, 0, None),
        (State.OPEN, 4, None),
        (State.COMPLETE, 10, 10),
        (State.OPEN, 4, 10),
        (State.COMPLETE, 10, 10),
        (State.DECIDED, 10, 10),
    ]
    assert found[-1] is not None
    assert found[-1].assembly.pieces == [FIRST, HeldPiece(6, 9)]


@pytest.mark.parametrize("cut", range(1, len(LINES[1])))
def test_torn_line_does_not_count(cut: int) -> None:
    """Nobody was told about a line without its newline."""
    found = restore(LINES[0] + LINES[1][: cut - 1])
    assert found is not None
    assert (found.length, found.assembly.offset) == (len(LINES[0]), 0)


@given(at=st.integers(0, len(b"".join(LINES)) - 2), flip=st.integers(1, 255))
def test_damaged_journal_is_no_upload(at: int, flip: int) -> None:
    """A byte that changed never makes another upload out of one."""
    data = bytearray(b"".join(LINES))
    data[at] ^= flip
    assert restore(bytes(data)) is None


@pytest.mark.parametrize(
    "steps",
    [
        (Decided("some-id"),),
        (HeldPiece(0, 0),),
        (HeldPiece(-1, 0),),
        (HeldPiece(101, 0),),
        (LAST, HeldPiece(0, 0, 11)),
        (FIRST, LAST, FIRST),
        (FIRST, LAST, Decided("some-id"), Undone()),
    ],
)
def test_contradicting_journal_is_no_upload(steps: tuple[Step, ...]) -> None:
    """Steps that no upload takes make it unknown."""
    assert restore(LINES[0] + b"".join(line(step) for step in steps)) is None


def test_other_version_is_no_upload() -> None:
    """An update that changes the format lets clients begin anew."""
    assert restore(line(msgspec.structs.replace(HEAD, v=VERSION - 1))) is None
    assert restore(b"") is None
    assert restore(b"\n") is None
