"""The forms that a browser sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.errors import UsageError
from uploadfilter.issuing.page.forms import fields, lines, text

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=X1"


def multipart(*parts: tuple[str, bytes]) -> bytes:
    """Return a form with these fields, as browsers send it."""
    head = '--X1\r\nContent-Disposition: form-data; name="{}"; filename="a"\r\n\r\n'
    body = b"".join(head.format(name).encode() + data + b"\r\n" for name, data in parts)
    return body + b"--X1--\r\n"


def test_both_kinds_of_forms_say_the_same() -> None:
    """Fields by their names, also empty ones."""
    found = {"a": b"b c", "d": b""}

    assert fields(URLENCODED, b"a=b+c&d=") == found
    assert fields(MULTIPART, multipart(("a", b"b c"), ("d", b""))) == found


@given(st.binary(max_size=200).filter(lambda data: b"--X1" not in data))
def test_file_arrives_as_it_is(data: bytes) -> None:
    """A key consists of bytes."""
    assert fields(MULTIPART, multipart(("key", data)))["key"] == data


@given(st.binary(max_size=300), st.sampled_from([URLENCODED, MULTIPART, "", "a/b"]))
def test_whatever_comes_is_a_form_or_an_error(body: bytes, kind: str) -> None:
    """There is no other exception, and no field of a body that is not a form."""
    try:
        found = fields(kind, body)
    except UsageError:
        return

    assert kind in {URLENCODED, MULTIPART}
    assert all(isinstance(value, bytes) for value in found.values())


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param(URLENCODED, b"&".join([b"a=b"] * 33), id="too-many"),
        pytest.param(MULTIPART, multipart(*[("a", b"b")] * 33), id="too-many-parts"),
        pytest.param(MULTIPART, multipart(("a", b"b"))[:-8], id="cut-off"),
        pytest.param("multipart/form-data", b"", id="no-boundary"),
        pytest.param(URLENCODED, "a=ä".encode(), id="no-ascii"),
        pytest.param("text/plain", b"a=b", id="text"),
    ],
)
def test_malformed_form_is_refused_whole(kind: str, body: bytes) -> None:
    """No part of it is used."""
    with pytest.raises(UsageError, match="did not send a form of this page"):
        fields(kind, body)


def test_text_is_without_blanks_around_it_and_utf8() -> None:
    """People paste text with blanks around it."""
    found = fields(URLENCODED, b"a=+x%C3%A4+%0D%0A&b=%FF")

    assert text(found, "a") == "xä"
    assert text(found, "missing") == ""
    with pytest.raises(UsageError):
        text(found, "b")


def test_ids_come_one_a_line_or_otherwise_apart() -> None:
    """Each id counts once, in the order in which they were typed."""
    found = {"ids": b" p-2\r\np-1, p-2;x\tp-3 "}

    assert lines(found, "ids") == ("p-2", "p-1", "p-2;x", "p-3")
