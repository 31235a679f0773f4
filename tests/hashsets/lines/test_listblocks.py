"""Blocks of plain lists give the same entries as their lines one by one."""

import io
import random
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.hashsets import formats
from uploadfilter.hashsets.lines import listblocks
from uploadfilter.hashsets.lines.listblocks import ListedBlock, plain_block
from uploadfilter.hashsets.lines.lists import DIGESTS, ListedSignal
from uploadfilter.hashsets.tally import Tally
from uploadfilter.model import SignalType
from uploadfilter.reference.entries.collecting import TableBuilder
from uploadfilter.reference.entries.secret import Secret
from uploadfilter.reference.entries.sets import ImportSource, SetInfo

MD5 = SignalType.MD5
EMPTY = b"d41d8cd98f00b204e9800998ecf8427e"
ODD = st.sampled_from(
    [
        b"",
        b"# a comment",
        b"no digest",
        EMPTY,
        b"0" * 32,
        b"0" * 31 + b"g",
        b"ab" * 20,
        b"ab" * 16 + b"  name.txt",
        b"md5 " + b"ab" * 16,
        b"\\" + b"ab" * 16 + b" *a",
        b"ab" * 16 + b"\t",
        b"\xff" * 32,
        b"x" * (formats.MOST_LINE_BYTES + 7),
    ]
)


NAMES = st.sampled_from(
    [
        *(b"", b"", b"  a.jpg", b" *b.TXT", b"  c.d.Zip \t", b" *(x) = y", b"  x"),
        *(b"  \xff.doc", b"  \xc3\xa9.txt", b"   .txt", b" *.", b"  a.tx t", b"  a.\r"),
        b"  " + b"n" * 9000 + b".txt",
    ]
)


def read(data: bytes, kind: SignalType | None = None) -> tuple[object, ...]:
    """Return the entries of a list, and all counts."""
    tally, ticks = Tally(), [0]

    def tick() -> None:
        ticks[0] += 1

    items = formats.read(
        cast("io.BufferedReader", io.BufferedReader(io.BytesIO(data))),
        categories=None,
        signal_type=kind,
        tally=tally,
        tick=tick,
    )
    found: list[ListedSignal] = []
    for item in items:
        if isinstance(item, ListedBlock):
            found.extend(item.signals())
        else:
            assert isinstance(item, ListedSignal)
            found.append(item)
    return (found, tally.lines, tally.accepted, tally.problems, tally.no_pictures)


def one_by_one(
    data: bytes, monkeypatch: pytest.MonkeyPatch, kind: SignalType | None = None
) -> tuple[object, ...]:
    """Return the same, read line by line: the slow, obvious twin."""
    with monkeypatch.context() as patch:
        patch.setattr(formats, "plain_block", lambda *_: None)
        return read(data, kind)


@given(
    runs=st.lists(
        st.tuples(
            st.integers(0, 70),
            st.lists(NAMES, min_size=1, max_size=3),
            st.lists(ODD, max_size=2),
        ),
        max_size=4,
    ),
    seed=st.integers(0, 1000),
    end=st.sampled_from([b"\n", b"\r\n"]),
    has_end=st.booleans(),
    capitals=st.booleans(),
    at_once=st.sampled_from([40, 999, 4000, 1 << 18]),
)
def test_stretches_mean_what_their_lines_mean(
    runs: list[tuple[int, list[bytes], list[bytes]]],
    seed: int,
    end: bytes,
    *,
    has_end: bool,
    capitals: bool,
    at_once: int,
) -> None:
    """Signals, lines, problems and where they are: however a list is cut."""
    rng = random.Random(seed)  # noqa: S311 - values of a test
    lines = [b"ab" * 16]
    for plain, names, odd in runs:
        values = (rng.randbytes(16).hex().encode() for _ in range(plain))
        spelt = [value.upper() if capitals else value for value in values]
        lines += [value + rng.choice(names) for value in spelt]
        lines += odd
    data = end.join(lines) + end * has_end
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listblocks, "BLOCK_BYTES", at_once)
        patch.setattr(listblocks, "_FEWEST_LINES", 2)

        assert read(data) == one_by_one(data, patch)


@pytest.mark.parametrize("kind", [None, *SignalType], ids=str)
@pytest.mark.parametrize("width", sorted({kind.width_bytes for kind in SignalType}))
def test_each_type_is_read_as_it_is_line_by_line(
    monkeypatch: pytest.MonkeyPatch, kind: SignalType | None, width: int
) -> None:
    """The tests of lengths and of flat or trivial values agree."""
    rng = random.Random(width)  # noqa: S311 - values of a test
    values = [rng.randbytes(width) for _ in range(200)]
    plain = b"".join(value.hex().encode() + b"\n" for value in values)
    flat = b"".join(value.hex().encode() + b"\n" for value in [*values, bytes(width)])

    for data in (plain, flat):
        assert read(data, kind) == one_by_one(data, monkeypatch, kind)


def test_most_of_a_plain_list_is_read_in_blocks() -> None:
    """The fast way is taken: the twin would hide it if it never were."""
    data = b"".join(b"%032x\n" % number for number in range(1, 20_000))
    block = plain_block(data[: 33 * 100], DIGESTS)

    assert block is not None
    assert (len(block), block.type) == (100, MD5)
    assert next(block.signals()) == ListedSignal(MD5, (1).to_bytes(16))
    items = formats.read(
        io.BufferedReader(io.BytesIO(data)),
        categories=None,
        signal_type=None,
        tally=Tally(),
        tick=lambda: None,
    )
    assert [type(item) for item in items].count(ListedSignal) < 100


def test_what_md5sum_prints_is_read_in_blocks() -> None:
    """With the suffixes that no picture has, counted."""
    lines = [
        b"%032x  f/%d.%s\n" % (n, n, (b"jpg", b"TXT")[n % 2]) for n in range(1, 99)
    ]
    block = plain_block(b"".join(lines), DIGESTS)

    assert block is not None
    assert (len(block), block.suffixes) == (98, {"txt": 49})


def test_block_becomes_the_rows_that_its_lines_become() -> None:
    """Ids, keys, categories and counts of exact and perceptual types."""
    secret = Secret(bytes(range(32)))
    rng = random.Random(1)  # noqa: S311 - values of a test
    for kind in SignalType:
        values = [rng.randbytes(kind.width_bytes) for _ in range(50)]
        together = TableBuilder(secret.exact_key, exact_keys=secret.exact_keys)
        ids = secret.opaque_ids(kind, b"".join(values))
        together.add_listed_block("A", ids, kind, b"".join(values))
        single = TableBuilder(secret.exact_key)
        single.add_listed(
            "A",
            [secret.opaque_id(kind, value) for value in values],
            [(kind, value) for value in values],
        )

        assert ids == [secret.opaque_id(kind, value) for value in values]
        assert repr(together.finish(INFO)) == repr(single.finish(INFO))


INFO = SetInfo(
    name="x",
    issuer="local",
    categories=("A",),
    enforced=False,
    imported_at=0,
    source=ImportSource(lines=0, refused={}, sha256="", bytes=0),
)
