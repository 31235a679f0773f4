"""Texts are searched whole, and of other bytes where strings are."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.texts.stretches import texts

STRING = base64.b64encode(np.random.default_rng(1).bytes(2000))
NOISE = np.random.default_rng(2).bytes(40_000)


def pieces(data: bytes, kind: Kind, held: int = 1 << 20) -> list[bytes]:
    """Return the bytes to search."""
    return list(texts(MemorySource(data), kind, held))


def test_text_is_cut_where_no_string_is() -> None:
    """No part of it is lost."""
    text = b'"%b",' % STRING * 9
    found = pieces(text, Kind.TEXT, 4 * len(STRING))

    assert b"".join(found) == text
    assert all(piece.count(STRING) for piece in found[:-1])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "cp037"])
@pytest.mark.parametrize("before", [0, 1, 7])
def test_wide_and_mainframe_strings_in_bytes_are_found(
    encoding: str, before: int
) -> None:
    """Wherever they begin."""
    content = NOISE + b"\xff" * before + STRING.decode().encode(encoding) + NOISE

    assert any(STRING in piece for piece in pieces(content, Kind.DATA))


def test_bytes_without_strings_are_passed_over() -> None:
    """Nothing of them is searched."""
    assert not pieces(NOISE, Kind.DATA)
    assert not pieces(b"", Kind.TEXT)


@given(
    st.integers(0, 99),
    st.integers(60, 120),
    st.sampled_from(
        [
            *((byte, Kind.JPEG) for byte in (b"Q", b"/", b"%", b"\x4b")),
            *((byte, Kind.DATA) for byte in (b"\xc1", b"\xf0")),
        ]
    ),
)
def test_rough_look_passes_over_no_string(
    at: int, length: int, where: tuple[bytes, Kind]
) -> None:
    """Twenty of every fourth byte are a string, wherever it begins.

    Those of mainframes are not looked for in pictures.
    """
    byte, kind = where
    content = bytes(at) + byte * length + bytes(50)

    looked_at = len(range(-at % 4, length, 4))
    assert bool(pieces(content, kind)) == (looked_at >= 20)


@given(
    at=st.integers(0, 3 * len(NOISE)),
    length=st.integers(84, 9000),
    encoding=st.sampled_from(["ascii", "utf-16-le", "cp037"]),
)
def test_noise_around_strings_is_left_out_and_nothing_else(
    at: int, length: int, encoding: str
) -> None:
    """At every place in its blocks, with the text next to it."""
    noise = np.random.default_rng(at).bytes(3 * len(NOISE))
    string = (STRING * 4)[:length].decode()
    beside = "data:image/png;base64, "
    content = noise[:at] + (beside + string + beside).encode(encoding) + noise[at:]

    found = pieces(content, Kind.DATA, 1 << 22)

    assert any((beside + string + beside).encode() in piece for piece in found)
    assert sum(map(len, found)) < 8 * (length * 4 + 20_000)


def test_wide_text_is_given_without_its_zeros() -> None:
    """Whatever letters it begins with."""
    text = "\u0434\u0430 " * 9 + STRING.decode()

    assert any(STRING in piece for piece in pieces(text.encode("utf-16-le"), Kind.TEXT))
