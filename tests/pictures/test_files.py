"""A made file reads like the bytes that it is made of."""

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.pictures.files import made_file

CONTENT = bytes(range(50))


def by(step: int) -> io.BufferedIOBase:
    """Return a file whose bytes come in steps at most so long."""
    return made_file(  # type: ignore[return-value]  # it is buffered, and says less
        len(CONTENT),
        lambda at, count: CONTENT[at : at + min(count, step)],
    )


@given(
    step=st.integers(1, 60),
    moves=st.lists(
        st.tuples(
            st.sampled_from([os.SEEK_SET, os.SEEK_CUR, os.SEEK_END]),
            st.integers(-60, 60),
            st.integers(-1, 60),
        ),
        max_size=8,
    ),
)
def test_made_file_reads_like_its_bytes(
    step: int, moves: list[tuple[int, int, int]]
) -> None:
    """Whatever is sought and read, in whatever pieces the bytes come."""
    file, twin = by(step), io.BytesIO(CONTENT)
    for whence, offset, size in moves:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: twin.tell(), os.SEEK_END: len(CONTENT)}
        if base[whence] + offset < 0:
            continue

        assert file.seek(offset, whence) == twin.seek(base[whence] + offset)
        assert file.read(size) == twin.read(size)
        assert file.tell() == twin.tell()


def test_position_before_the_start_is_refused() -> None:
    """Files refuse it, too."""
    with pytest.raises(OSError, match="before the start"):
        by(9).seek(-1)
