"""Forms are rewritten in one way only."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.uploads.forms import BOUNDARY, read_form, write_form
from uploadfilter.uploads.body.canonical import (
    BodyPart,
    content_length,
    encode_form,
    form_content_type,
)

WRITTEN = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"'
written = st.from_regex(WRITTEN, fullmatch=True) | st.from_regex(
    r"[!#$%&'*+.^_`|~0-9A-Za-z/:=?()@-]+", fullmatch=True
)
types = st.sampled_from([None, "image/jpeg", "text/plain; charset=utf-8", "a+b/x.Y"])
data = st.binary(max_size=80) | st.sampled_from([b"\r\n", b"\r\n--" + BOUNDARY[:47]])
items = st.tuples(written, written | st.none(), types, data)
Item = tuple[str, str | None, str | None, bytes]


def parts_of(form: list[Item]) -> list[BodyPart]:
    """Return the parts of items: name, file name, type and data."""
    return [
        part(name, filename, kind, length=len(data))
        for name, filename, kind, data in form
    ]


def part(
    name: str = '"a"',
    filename: str | None = None,
    content_type: str | None = None,
    *,
    length: int = 0,
) -> BodyPart:
    """Return a part of names as they are written."""
    files = (("filename", filename),) if filename is not None else ()
    names = (("name", name), *files)
    return BodyPart(names=names, content_type=content_type, length=length)


@settings(deadline=None)
@given(form=st.lists(items, max_size=6))
def test_own_reader_reads_what_was_written(
    form: list[Item],
) -> None:
    """Parts and data come back unchanged, in order, whatever they contain."""
    parts = parts_of(form)

    extracted, read = read_form(write_form(parts, [d for *_, d in form]), BOUNDARY)

    assert extracted.refusal is None
    assert list(read) == parts
    assert [content for _, content in extracted.contents] == [d for *_, d in form]


@settings(deadline=None)
@given(form=st.lists(items, max_size=6))
def test_length_is_exact(
    form: list[Item],
) -> None:
    """The announced length is the length that is sent."""
    parts = parts_of(form)

    body = write_form(parts, [d for *_, d in form])

    assert content_length(parts, boundary=BOUNDARY) == len(body)


def test_form_is_written_like_a_browser_does() -> None:
    """Byte for byte: one disposition, at most one type, CRLF, nothing around."""
    parts = [
        part('"a%22b"', r'"c\".jpg"', "image/jpeg"),
        part('"a"', '""'),
        part('"\udce9é%"'),
        BodyPart(
            names=(("filename*", "utf-8''x"), ("name", "a")),
            coding="quoted-printable",
            length=0,
        ),
    ]

    pieces = encode_form(parts, boundary=b"b" * 48)

    assert pieces == (
        b"--" + b"b" * 48 + b"\r\n"
        b'Content-Disposition: form-data; name="a%22b"; filename="c\\".jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n",
        0,
        b"\r\n--" + b"b" * 48 + b"\r\n"
        b'Content-Disposition: form-data; name="a"; filename=""\r\n\r\n',
        1,
        b"\r\n--" + b"b" * 48 + b"\r\n"
        b'Content-Disposition: form-data; name="\xe9\xc3\xa9%"\r\n\r\n',
        2,
        b"\r\n--" + b"b" * 48 + b"\r\n"
        b"Content-Disposition: form-data; filename*=utf-8''x; name=a\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n",
        3,
        b"\r\n--" + b"b" * 48 + b"--\r\n",
    )


def test_empty_form_is_its_last_boundary() -> None:
    """A form without parts is written as browsers write it."""
    assert encode_form([], boundary=BOUNDARY) == (b"--" + BOUNDARY + b"--\r\n",)


def test_content_type_names_the_boundary() -> None:
    """The header that goes with a form has the boundary, and the client's charset."""
    own = "boundary=" + "c" * 48

    assert form_content_type(b"c" * 48) == f"multipart/form-data; {own}"
    assert (
        form_content_type(b"c" * 48, "iso-8859-1")
        == f"multipart/form-data; charset=iso-8859-1; {own}"
    )


@pytest.mark.parametrize("charset", ["", "a b", "a;b", "a\r\n", '"a"', "UTF-8"])
def test_charset_that_needs_care_is_refused(charset: str) -> None:
    """A charset is a word in small letters."""
    with pytest.raises(ValueError, match="charset"):
        form_content_type(BOUNDARY, charset)


@pytest.mark.parametrize("boundary", [b"", b"short", b"a" * 71, b"a" * 20 + b"-", b'"'])
def test_boundary_that_needs_care_is_refused(boundary: bytes) -> None:
    """A boundary is long enough not to be guessed and needs no quotes."""
    with pytest.raises(ValueError, match="boundary"):
        encode_form([], boundary=boundary)
    with pytest.raises(ValueError, match="boundary"):
        form_content_type(boundary)


@pytest.mark.parametrize(
    ("name", "filename", "content_type"),
    [
        pytest.param('"a', None, None, id="open quote"),
        pytest.param('"a\\"', None, None, id="escaped closing quote"),
        pytest.param('"a"; filename="b"', None, None, id="two parameters"),
        pytest.param("a b", None, None, id="blank"),
        pytest.param("", None, None, id="nothing"),
        pytest.param('"a"', '"b" ', None, id="blank behind it"),
        pytest.param('"a\x00"', None, None, id="NUL"),
        pytest.param('"a"', '"\r\n"', None, id="line end"),
        pytest.param('"a"', '"\x1b"', None, id="control character"),
        pytest.param('"a"', None, "image/jpeg\r\nX: y", id="two lines"),
        pytest.param('"a"', None, "jpeg", id="no type"),
    ],
)
def test_part_that_could_be_misread_cannot_be_made(
    name: str, filename: str | None, content_type: str | None
) -> None:
    """The encoder refuses a part that it could not write in one readable way."""
    with pytest.raises(ValueError, match="part"):
        part(name, filename, content_type)


@pytest.mark.parametrize(
    ("names", "coding", "length", "undone_length"),
    [
        pytest.param((), None, 0, 0, id="no name"),
        pytest.param((("filename", "a"),), None, 0, 0, id="file name alone"),
        pytest.param((("name", "a"), ("name", "b")), None, 0, 0, id="two names"),
        pytest.param((("name", "a"), ("x", "b")), None, 0, 0, id="another parameter"),
        pytest.param((("Name", "a"),), None, 0, 0, id="capitals"),
        pytest.param((("name", "a"),), "uuencode", 0, 0, id="coding"),
        pytest.param((("name", "a"),), None, -1, 0, id="negative length"),
        pytest.param((("name", "a"),), None, 0, -1, id="negative undone length"),
    ],
)
def test_part_of_impossible_values_cannot_be_made(
    names: tuple[tuple[str, str], ...],
    coding: str | None,
    length: int,
    undone_length: int,
) -> None:
    """A part has one name, known parameters, a known coding, and counts of bytes."""
    with pytest.raises(ValueError, match="part"):
        BodyPart(names=names, coding=coding, length=length, undone_length=undone_length)
