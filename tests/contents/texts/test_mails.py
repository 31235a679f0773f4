"""Mails are read as their programs read them, whatever their headers say."""

import binascii
import codecs
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.texts.mails import undo_quoting, uuencoded_files


@given(st.binary(max_size=300))
def test_quoted_bytes_are_undone(data: bytes) -> None:
    """Those that the standard library writes."""
    head = b"Content-Transfer-Encoding: Quoted-Printable\r\n\r\n"
    found = undo_quoting(head + binascii.b2a_qp(data, istext=False))

    assert found == head + data


def test_text_without_signs_of_quoting_stays() -> None:
    """Programs are full of equals signs."""
    text = b"a=10\nb=5b\nif a==b: print('=')"

    assert undo_quoting(text) == text
    assert undo_quoting(quopri.encodestring(b"a=b")) == b"a=b"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@given(data=st.binary(min_size=1, max_size=300))
def test_uuencode_is_decoded(data: bytes, end: bytes) -> None:
    """With its letters for blanks or without, in lines of any system."""
    text = codecs.encode(data, "uu").replace(b"\n", end)
    (found,) = uuencoded_files(b"Dear all," + end + text)
    (other,) = uuencoded_files(text.replace(b"`", b" "))

    assert found == other == data


@given(st.binary(max_size=300))
def test_any_lines_can_be_read(data: bytes) -> None:
    """A line that is too long for its length gives what it holds."""
    list(uuencoded_files(b"begin 644 a\n" + data + b"\nend\n"))
