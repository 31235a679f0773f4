"""Lines of a signed set: one form for each entry, and bounds for unpacked data."""

import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets.exporting import entries_of
from uploadfilter.hashsets.lines.rows import entries_of_rows
from uploadfilter.hashsets.tally import Tally
from uploadfilter.model import Entry, EntrySignal, Geometry, Signal, SignalType
from uploadfilter.signedsets import operations as ops

_CHARACTERS = st.characters(categories=["L", "N", "P", "S"])
_IDS = st.text(_CHARACTERS, min_size=1, max_size=128)


@st.composite
def entry_signals(draw: st.DrawFn) -> EntrySignal:
    """Make a signal that no reader leaves out."""
    kind = draw(st.sampled_from(SignalType))
    # Alternating bits are of no flat picture, and of no empty file.
    value = draw(st.randoms()).randbytes(kind.width_bytes - 8)
    signal = Signal(type=kind, value=bytes.fromhex("0f35a5c3d2e1f0b4") + value)
    exact = kind.is_exact
    is_pdq = kind is SignalType.PDQ
    return EntrySignal(
        signal=signal,
        quality=None if exact else draw(st.none() | st.integers(0, 100)),
        geometry=draw(st.none() | st.sampled_from(Geometry)) if is_pdq else None,
        window=draw(st.sampled_from(["full", "c60"])),
    )


entries = st.builds(
    Entry,
    id=_IDS,
    category=st.sampled_from(["1", "A", "ä b"]),
    signals=st.lists(entry_signals(), min_size=1, max_size=4).map(tuple),
    exact_only=st.booleans(),
)


@settings(max_examples=30, deadline=None)
@given(entries)
def test_line_says_the_entry_and_nothing_else(entry: Entry) -> None:
    """The reader of JSON lines makes the original entry of a line."""
    found = ops.operations(ops.addition(entry))
    tally = Tally()

    rows = [(1, found.additions.strip())]
    again = next(entries_of(entries_of_rows(rows, categories=None, tally=tally)), None)

    left_out = {problem.problem for problem in tally.problems}
    assert found.added == 1
    assert found.deleted == ()
    assert not tally.ignored_fields
    if again is None or left_out:
        assert left_out <= {"degenerate", "trivial", "empty_file"}
    else:
        assert (again.id, again.category) == (entry.id, entry.category)
        assert again.exact_only == entry.exact_only
        assert set(again.signals) == set(entry.signals)


@given(_IDS)
def test_id_of_a_line_is_found_again(entry_id: str) -> None:
    """The id of a line is the id that was written."""
    assert ops.id_of(ops.deletion(entry_id)) == entry_id
    assert ops.operations(ops.deletion(entry_id)).deleted == (entry_id,)


@given(st.lists(st.binary(max_size=50)))
def test_packing_is_undone_and_always_the_same(lines: list[bytes]) -> None:
    """The same lines give the same file, which any gzip can read."""
    data = ops.packed(lines)

    assert data == ops.packed(lines)
    assert ops.unpacked(data) == b"".join(lines)
    assert gzip.decompress(data) == b"".join(lines)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Any bytes are operations or lead to a format error."""
    for read in (ops.unpacked, ops.operations, ops.withdrawals):
        try:
            read(data)
        except HashSetFormatError as exc:
            assert exc.hint  # noqa: PT017 - either is right


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no gzip", "not a gzip file"),
        (gzip.compress(b"x" * 100)[:-4], "cut off"),
        (gzip.compress(b"x") + b"more", "bytes after its end"),
        (gzip.compress(b"x") + gzip.compress(b"y"), "bytes after its end"),
        (gzip.compress(bytes(1001)), "more than 1,000 bytes"),
    ],
    ids=["other", "cut", "tail", "two", "bomb"],
)
def test_file_that_is_not_one_gzip_member_is_refused(data: bytes, words: str) -> None:
    """Unpacked data is complete, alone, and no larger than the bound."""
    with pytest.raises(HashSetFormatError, match=words):
        ops.unpacked(data, most_bytes=1000)


def test_bomb_costs_no_more_than_the_bound() -> None:
    """A gigabyte of zeros in a megabyte is unpacked only up to the limit."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    bomb = b"".join(packer.compress(zeros) for _ in range(64)) + packer.flush()

    with pytest.raises(HashSetFormatError, match="more than 4,096"):
        ops.unpacked(bomb, most_bytes=4096)


@pytest.mark.parametrize(
    "text",
    [
        b'{"op":"set","id":"x"}\n',
        b'{"id":"x","op":"del"}\n',
        b'{"op":"del","id":""}\n',
        b'{"op":"del","id":"a\\u0007"}\n',
        b'{"op":"del","id":5}\n',
        b'{"op":"del","id":"x","more":1}\n',
        b'{"op":"del","id":"x"}',
        b"\n",
        b'{"op":"del","id":"' + b"x" * 129 + b'"}\n',
    ],
)
def test_malformed_operation_is_refused(text: bytes) -> None:
    """The issuer's tools never write such lines, so they are refused."""
    with pytest.raises(HashSetFormatError):
        ops.operations(text)


def test_list_of_withdrawals_cannot_add() -> None:
    """A list of withdrawals with an addition is refused."""
    with pytest.raises(HashSetFormatError, match="adds 1"):
        ops.withdrawals(b'{"op":"add","id":"x"}\n')
