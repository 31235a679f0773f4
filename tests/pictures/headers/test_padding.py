"""A truncated file is completed if it states its length."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import seeds
from uploadfilter.pictures.headers.padding import continued, missing_bytes


@given(
    content=st.binary(max_size=50),
    tail=st.binary(max_size=10),
    steps=st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=8
    ),
)
def test_continued_file_reads_like_one(
    content: bytes, tail: bytes, steps: list[tuple[int, int]]
) -> None:
    """Wherever it is read, it is the two one after the other."""
    ours = continued(io.BytesIO(content + b"beyond"), len(content), tail)
    plain = io.BytesIO(content + tail)
    for offset, length in steps:
        assert ours.seek(offset) == plain.seek(offset)
        assert ours.read(length) == plain.read(length)
        assert ours.tell() == plain.tell()

    assert ours.seek(0, io.SEEK_END) == plain.seek(0, io.SEEK_END)


def test_continued_file_leaves_the_other_open() -> None:
    """The file belongs to who opened it."""
    file = io.BytesIO(b"file")

    continued(file, 4, b"tail").close()

    assert not file.closed


def test_seek_before_the_start_is_refused() -> None:
    """As in any file."""
    with pytest.raises(OSError, match="before"):
        continued(io.BytesIO(b"file"), 4, b"").seek(-9, io.SEEK_END)


@pytest.mark.parametrize("name", ["webp", "webp/moving", "avif", "heic", "jxl/boxes"])
@pytest.mark.parametrize("cut", [1, 2, 300])
def test_missing_bytes_are_those_that_were_cut(name: str, cut: int) -> None:
    """Files of chunks and of boxes say how long they are."""
    content = seeds.seed(name)

    assert missing_bytes(content) == 0
    # A chunk is followed by a byte where its length is odd.
    assert abs(missing_bytes(content[:-cut]) - cut) <= 1


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"RIFF\xff\xff\xff\xffWEBP", id="more than arrived"),
        pytest.param(struct.pack(">I4sQ", 1, b"mdat", 1 << 60), id="huge box"),
        pytest.param(bytes(100), id="box without a length"),
    ],
)
def test_nothing_is_missing_where_little_arrived(content: bytes) -> None:
    """A claim of more than there is gives no bytes."""
    assert missing_bytes(content) == 0
