"""Content transfer encodings are undone in the only proper way, or refused."""

import base64 as library
import binascii
import quopri
import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from tests.scanners.scans import scanned
from uploadfilter.contents import mailcoded
from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason

PHOTO = pictures.jpeg(pictures.photograph(4, width=160, height=120))


def decoded(coding: str, sent: bytes) -> bytes | None:
    """Return the decoded bytes; ``None`` if the encoding is not proper."""
    found = bytearray()
    for item in mailcoded.READERS[coding](MemorySource(sent)):
        if isinstance(item, Shortfall):
            assert item.reason is Reason.UNSUPPORTED_CODING
            return None
        found += item
    return bytes(found)


def in_lines(letters: bytes, width: int, end: bytes = b"\r\n") -> bytes:
    """Cut letters into lines."""
    return end.join(letters[at : at + width] for at in range(0, len(letters), width))


@given(
    data=st.binary(max_size=400),
    width=st.integers(1, 90),
    end=st.sampled_from([b"\r\n", b"\n"]),
    piece=st.integers(1, 50),
)
def test_base64_in_lines_is_decoded(
    data: bytes, width: int, end: bytes, piece: int
) -> None:
    """The slow twin is the library, however the bytes are read."""
    sent = in_lines(library.b64encode(data), width, end)
    before = mailcoded.PIECE_BYTES
    try:
        mailcoded.PIECE_BYTES = piece  # type: ignore[misc]
        assert decoded("base64", sent) == data
        assert decoded("base64", sent + end) == data
    finally:
        mailcoded.PIECE_BYTES = before  # type: ignore[misc]


@pytest.mark.parametrize(
    "sent",
    [
        b"QUJD RA==",
        b"QUJD*RA==",
        b"QUJDRA",
        b"QUJDRA=",
        b"QUJDRA===",
        b"QUJDRB==",
        b"QUI=QUJD",
        b"QQ==QUJD",
        b"QUJD\rRA==",
        b"QUJD-_==",
        b"QUJDRA==x",
        b"=",
        b"\xff\xd8\xff\xe0",
    ],
)
def test_c1_base64_that_readers_take_otherwise_is_refused(sent: bytes) -> None:
    """C1: signs outside the alphabet, padding within, bits that belong to no byte."""
    assert decoded("base64", sent) is None


LINES = st.lists(
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60), max_size=6
)


@given(lines=LINES)
def test_quoted_printable_is_decoded(lines: list[str]) -> None:
    """The slow twin is the library that writes it."""
    data = "\n".join(lines).encode("latin-1")
    sent = quopri.encodestring(data).replace(b"\n", b"\r\n")

    got = decoded("quoted-printable", sent)
    if got is not None:
        assert got == quopri.decodestring(sent)
    elif not re.search(rb"[ \t](\r\n|\Z)", sent):
        raise AssertionError(sent)


@pytest.mark.parametrize(
    "sent",
    [
        b"a=",
        b"a=4",
        b"a=\n",
        b"a=4g",
        b"a \r\n",
        b"a\n",
        b"\xff",
        b"a\x00",
        b"a=\rb",
        b"=e9",
    ],
)
def test_c1_quoted_printable_that_readers_take_otherwise_is_refused(
    sent: bytes,
) -> None:
    """C1: broken escapes, bare line ends, blanks at the end of a line."""
    assert decoded("quoted-printable", sent) is None


def test_line_without_an_end_is_not_held() -> None:
    """A line is at most 76 characters for those who keep to the standard."""
    assert decoded("quoted-printable", b"a" * (3 * mailcoded.PIECE_BYTES)) is None


@pytest.mark.parametrize("coding", mailcoded.READERS)
def test_picture_is_looked_at_decoded_with_its_type(coding: str) -> None:
    """Its digests are those of the file, and its raw text is looked at as well."""
    if coding == "base64":
        sent = textwrap.fill(library.b64encode(PHOTO).decode(), 76).encode()
    else:
        lines = binascii.b2a_qp(PHOTO, quotetabs=True, istext=False)
        sent = lines.replace(b"=\n", b"=\r\n")
    plain = scanned(PHOTO, "image/jpeg", digests=True)
    scan = scanned(sent, "image/jpeg", coding=coding)
    first = scan.contents[0]

    assert first.exact == plain.exact
    assert [len(each.views) for each in first.walk()] == [1]
    assert [reason for each in scan.walk() for reason in each.reasons] == []
