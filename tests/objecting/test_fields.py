"""Tests of uploadfilter.objecting.fields."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.objecting.fields import MOST_BYTES, fields_of, line_of, text_of

FORM = "application/x-www-form-urlencoded"


@given(st.text(max_size=200))
def test_text_comes_through(text: str) -> None:
    """Every sign that is shown, and nothing else; it never raises."""
    body = urlencode({"text": text.encode("utf-8", "replace")}).encode()
    found = fields_of(f"{FORM}; charset=utf-8", body)

    assert found is not None
    kept = text_of(found, "text")
    assert all(it == "\n" or it.isprintable() or it.isspace() for it in kept)
    assert "\n" not in line_of(found, "text")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_form_or_none(body: bytes) -> None:
    """Whatever is sent, it is read or refused."""
    found = fields_of(FORM, body)

    assert found is None or all(isinstance(it, str) for it in found.values())


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n--x--"),
        ("image/png", b"a=b"),
        ("", b"a=b"),
        (FORM, b"a=" + b"x" * MOST_BYTES),
        (FORM, b"&".join(b"a%d=b" % at for at in range(50))),
        (FORM, "é=1".encode()),
    ],
    ids=["a form with files", "a picture", "no type", "long", "many fields", "raw"],
)
def test_other_bodies_are_refused(media_type: str, body: bytes) -> None:
    """No file can be sent, and nothing large."""
    assert fields_of(media_type, body) is None


def test_signs_that_turn_the_text_are_left_out() -> None:
    """A reviewer reads the text in the order of its signs."""
    assert text_of({"a": "x\u202ey\x00z\r\nw\ud800"}, "a") == "xyz\nw"
    assert line_of({"a": " x \n y "}, "a") == "x y"
