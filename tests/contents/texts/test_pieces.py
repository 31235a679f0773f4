"""All text is searched, and long strings in anything else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.texts.pieces import has_long_words, pieces

NOISE = np.random.default_rng(7).bytes(3 << 20)
STRING = b"abcdefghijklmnopqrstuvwxyz0123456789+/-_" * 3


def cut(content: bytes, kind: Kind, held: int = 1 << 20) -> list[bytes]:
    """Return the pieces of a content."""
    return list(pieces(MemorySource(content), kind, held))


@given(st.binary(max_size=400), st.integers(1, 100))
def test_text_is_given_whole(text: bytes, held: int) -> None:
    """In as many pieces as must be, without zeros."""
    found = cut(text, Kind.TEXT, held)

    assert b"".join(found) == text.translate(None, b"\0")
    assert max(map(len, found), default=0) <= held


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32-le"])
def test_wide_text_is_ascii(encoding: str) -> None:
    """Two or four bytes a character, with a mark or without one."""
    (found,) = cut(STRING.decode().encode(encoding), Kind.TEXT)

    assert found.endswith(STRING)


@given(st.integers(0, 2 << 20))
def test_string_amid_noise_is_given(before: int) -> None:
    """In one piece with what is near it."""
    content = NOISE[:before] + b"\0" + STRING + b"\0" + NOISE[: 1 << 18]

    assert any(STRING in piece for piece in cut(content, Kind.DATA))
    assert all(len(piece) < 9 * len(STRING) for piece in cut(content, Kind.DATA))


def test_noise_is_skipped() -> None:
    """Packed bytes have no long strings."""
    assert cut(NOISE, Kind.ZIP) == []


def test_words_are_long_without_a_blank() -> None:
    """Whatever else stands in them."""
    assert not has_long_words(b"It was the best of times, and so on. " * 99)
    assert has_long_words(b"a, b. " * 99 + b".".join([b"ab"] * 40))
