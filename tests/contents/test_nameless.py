"""Streams without a magic are recognised by their output."""

import bz2
import lzma
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.nameless import stream_in
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.streams import BROTLI, RAW_DEFLATE, XZ, ZLIB, StreamContainer

BITMAP = pictures.encoded(pictures.photograph(3, width=64, height=48), "BMP")
TEXT = b"A text is known as well, if there is enough of it. " * 20


@pytest.mark.parametrize("content", [BITMAP, TEXT, bz2.compress(BITMAP)])
@pytest.mark.parametrize(
    ("packed", "container"),
    [
        (zlib.compress, ZLIB),
        (lambda data: zlib.compress(data, 1), ZLIB),
        (lambda data: zlib.compress(data, wbits=-15), RAW_DEFLATE),
        (brotli.compress, BROTLI),
        (lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE), XZ),
    ],
)
def test_stream_of_something_is_known(
    packed: object, container: StreamContainer, content: bytes
) -> None:
    """Whatever packs it, a content that is known is found."""
    assert callable(packed)
    assert stream_in(MemorySource(packed(content))) is container


@given(st.binary(min_size=1, max_size=600))
def test_random_bytes_are_no_stream(content: bytes) -> None:
    """Chance gives nothing that is known."""
    assert stream_in(MemorySource(content)) is None


def test_stream_of_nothing_known_is_none() -> None:
    """The unpacked bytes decide: meaningless bytes are not a stream when packed."""
    content = zlib.compress(bytes(range(256)) * 9)

    assert stream_in(MemorySource(content)) is None
