"""Reading a content, and nothing beside it."""

import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scanners.memory import upload_of
from uploadfilter.contents.source import SourceFile
from uploadfilter.scanners.inside.walking.spans import (
    BUFFERED_BYTES,
    CHUNK_BYTES,
    SpanSource,
    chunks_of,
    open_file,
    open_span,
)
from uploadfilter.scanners.wire.messages import ContentSpan

CONTENT = bytes(range(50))


@given(
    moves=st.lists(
        st.tuples(
            st.sampled_from([os.SEEK_SET, os.SEEK_CUR, os.SEEK_END]),
            st.integers(-80, 80),
            st.integers(-1, 80),
        ),
        max_size=8,
    )
)
def test_source_file_reads_like_a_file_of_its_own(
    moves: list[tuple[int, int, int]],
) -> None:
    """Whatever is sought and read, a span behaves as the content alone would."""
    with upload_of(b"before", CONTENT, b"behind") as (fd, spans):
        file, alone = SourceFile(SpanSource(fd, spans[1])), io.BytesIO(CONTENT)
        for whence, offset, size in moves:
            base = {
                os.SEEK_SET: 0,
                os.SEEK_CUR: alone.tell(),
                os.SEEK_END: len(CONTENT),
            }[whence]
            if base + offset < 0:
                with pytest.raises(OSError, match="before the start"):
                    file.seek(offset, whence)
                continue

            assert file.seek(offset, whence) == alone.seek(base + offset)
            assert file.read(size) == alone.read(size)
            assert file.tell() == alone.tell()


def test_span_leaves_the_position_of_the_descriptor_alone() -> None:
    """The proxy may read the same descriptor at the same time."""
    with upload_of(b"before", CONTENT) as (fd, spans):
        os.lseek(fd, 3, os.SEEK_SET)
        open_file(SpanSource(fd, spans[1])).read()

        assert os.lseek(fd, 0, os.SEEK_CUR) == 3


@pytest.mark.parametrize("length", [0, 1, BUFFERED_BYTES, BUFFERED_BYTES + 1])
def test_open_span_gives_the_whole_content(length: int) -> None:
    """Short and long contents read alike, though differently held."""
    content = bytes(length)
    with upload_of(b"before", content, b"behind") as (fd, spans):
        file = open_file(open_span(fd, spans[1]))

        assert file.read() == content
        assert file.seek(0, os.SEEK_END) == length


@pytest.mark.parametrize("length", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_chunks_are_the_content(length: int) -> None:
    """The chunks of a content add up to it."""
    content = os.urandom(length)
    with upload_of(b"before", content, b"behind") as (fd, spans):
        assert b"".join(chunks_of(open_span(fd, spans[1]))) == content


def test_chunks_end_where_the_file_ends() -> None:
    """A span that promises more than there is ends with the file."""
    with upload_of(CONTENT) as (fd, _):
        beyond = ContentSpan(path="c0", offset=40, length=1 << 40)

        assert b"".join(chunks_of(open_span(fd, beyond))) == CONTENT[40:]
