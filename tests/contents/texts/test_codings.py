"""Bytes are read back from every coding that is undone."""

import base64
import codecs
import json
from collections.abc import Callable
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.texts.codings import ALL_CODINGS, HEX, coded, from_dump
from uploadfilter.contents.texts.effort import Effort, SpentError

CODINGS: dict[str, Callable[[bytes], str]] = {
    "SQL": lambda data: f"VALUES (1, 0x{data.hex()});",
    "bytea": lambda data: rf"'\x{data.hex()}'",
    "colons": lambda data: data.hex(":"),
    "C": lambda data: "{" + ", ".join(f"0x{byte:02x}" for byte in data) + "}",
    "C without zeros": lambda data: ", ".join(hex(byte) for byte in data),
    "C string": lambda data: '"' + "".join(f"\\x{byte:02x}" for byte in data) + '"',
    "strings": lambda data: json.dumps([f"{byte:02X}" for byte in data]),
    "Buffer": lambda data: json.dumps({"type": "Buffer", "data": list(data)}),
    "lines": lambda data: "\n".join(map(str, data)),
    "signed": lambda data: str([byte - 256 * (byte > 127) for byte in data]),
    "Uint8Array": lambda data: json.dumps({str(n): b for n, b in enumerate(data)}),
    "uuencode": lambda data: codecs.encode(data, "uu").decode(),
    "base32": lambda data: base64.b32encode(data).decode(),
    "small base32": lambda data: base64.b32encode(data).decode().lower(),
    "characters": lambda data: data.decode("latin-1"),
    "Ascii85": lambda data: base64.a85encode(data, adobe=True).decode(),
    "bare Ascii85": lambda data: base64.a85encode(data).decode(),
    "base85": lambda data: base64.b85encode(data).decode(),
}

HEADS = (
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF", b"\0\0\1\0"),
    *(b"MM\0*", b"BM", b"PK\3\4", b"\x1f\x8b\x08", b"%PDF-", b"\xff\x0a", b"P6\n"),
)


def undone(text: bytes, codings: frozenset[str] = ALL_CODINGS) -> list[bytes]:
    """Return the files that are coded in a text."""

    def is_something(head: bytes) -> bool:
        return head.startswith(HEADS)

    found = coded(text, Effort(1_000_000), codings, is_something=is_something)
    return [data for _, data in found]


@pytest.mark.parametrize("coding", CODINGS)
@given(head=st.sampled_from(HEADS), rest=st.binary(min_size=200, max_size=400))
def test_bytes_are_read_back(coding: str, head: bytes, rest: bytes) -> None:
    """From each coding, to the last byte."""
    data = head + rest + bytes(range(128, 256))
    text = CODINGS[coding](data).encode()

    assert any(data in each for each in undone(text + b"\n"))


@given(st.binary(max_size=600))
def test_any_text_can_be_looked_at(text: bytes) -> None:
    """No bytes make it fail."""
    undone(text + b"0x1," * 99 + text + b"begin 644 a\n" + text + b"<~" + b"a" * 200)


DIGITS = "0123456789abcdefABCDEF"
WORDS = st.tuples(
    st.text(DIGITS, min_size=3, max_size=3), st.text(DIGITS, min_size=1, max_size=5)
)


@given(st.lists(WORDS, min_size=40, max_size=90).map(chain.from_iterable).map(list))
def test_words_of_digits_are_read_pair_by_pair(words: list[str]) -> None:
    """From the left; a remaining digit stands alone."""
    pairs = [word[at : at + 2] for word in words for at in range(0, len(word), 2)]
    data = bytes(int(pair, 16) for pair in pairs)

    assert data in undone(" ".join(words).encode())


@pytest.mark.parametrize("before", [b"", b"abc ", b"0 1 2 ", b"a " * 60])
def test_string_of_digits_is_had_to_the_last_byte(before: bytes) -> None:
    """Whatever single digits stand before it."""
    data = HEADS[0] + bytes(range(100))

    assert data in undone(before + b'"' + data.hex().encode() + b'" ', HEX)


def test_binary_content_is_looked_at_for_digits_alone() -> None:
    """Programs are full of letters of all other alphabets."""
    data = HEADS[0] + bytes(range(256))

    assert undone(base64.b32encode(data), HEX) == []
    assert undone(data.hex().encode(), HEX)


@pytest.mark.parametrize("text", [b"0x1," * 9000, b"begin 644 a\nM\n" * 900])
def test_flood_of_runs_costs(text: bytes) -> None:
    """Undone layers are counted."""
    with pytest.raises(SpentError):
        list(coded(text, Effort(9), ALL_CODINGS, is_something=bool))


def escaped(data: bytes) -> bytes:
    """Return a string as ``mysqldump`` writes it."""
    table = {b"\\": rb"\\", b"'": rb"\'", b"\0": rb"\0", b"\n": rb"\n"}
    parts = (data[at : at + 1] for at in range(len(data)))
    return b"'" + b"".join(table.get(part, part) for part in parts) + b"'"


@given(
    st.lists(st.sampled_from([b"\\", b"'", b"\0", b"\n", b"x", b"PNG"]), max_size=40),
    st.sampled_from([b"", b"'", b"'BM", b"'BM\\'", b"it's,"]),
)
def test_strings_of_dumps_are_read_to_their_end(
    pieces: list[bytes], before: bytes
) -> None:
    """However many backslashes stand before a quotation mark."""
    data = b"\x89PNG" + b"x" * 60 + b"".join(pieces)
    text = before + escaped(data) + b",'BM');"

    assert data in list(from_dump(text, Effort(1000)))


def test_string_without_an_end_is_none() -> None:
    """This also holds if all of its quotation marks are escaped."""
    text = b"'\x89PNG" + rb"x\'" * 90

    assert list(from_dump(text, Effort(1000))) == []
