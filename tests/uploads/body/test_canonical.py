"""Forms are rewritten in one way only."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.uploads.forms import BOUNDARY, read_form, write_form
from uploadfilter.uploads.body.canonical import (
    FormPart,
    content_length,
    encode_form,
    form_content_type,
)

names = st.text(
    st.characters(
        exclude_categories=["Cc", "Cs"],
        exclude_characters="\\",
        include_characters="\r\n\t",
    ),
    max_size=30,
).filter(lambda name: not {"%22", "%0D", "%0A"} & {name[i : i + 3] for i in range(30)})
types = st.sampled_from([None, "image/jpeg", "text/plain; charset=utf-8", "a+b/x.y"])
data = st.binary(max_size=80) | st.sampled_from([b"\r\n", b"\r\n--" + BOUNDARY[:47]])
items = st.tuples(names, names | st.none(), types, data)
Item = tuple[str, str | None, str | None, bytes]


def parts_of(form: list[Item]) -> list[FormPart]:
    """Return the parts of items: name, file name, type and data."""
    return [
        FormPart(name=name, filename=filename, content_type=kind, length=len(data))
        for name, filename, kind, data in form
    ]


def part(
    name: str = "a", filename: str | None = None, content_type: str | None = None
) -> FormPart:
    """Return a part without data."""
    return FormPart(name=name, filename=filename, content_type=content_type, length=0)


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
    parts = [part('a"b', "c\r\nd.jpg", "image/jpeg"), part("a", ""), part("é%")]

    pieces = encode_form(parts, boundary=b"b" * 48)

    assert pieces == (
        b"--" + b"b" * 48 + b"\r\n"
        b'Content-Disposition: form-data; name="a%22b"; filename="c%0D%0Ad.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n",
        0,
        b"\r\n--" + b"b" * 48 + b"\r\n"
        b'Content-Disposition: form-data; name="a"; filename=""\r\n\r\n',
        1,
        b"\r\n--" + b"b" * 48 + b"\r\n"
        b'Content-Disposition: form-data; name="\xc3\xa9%"\r\n\r\n',
        2,
        b"\r\n--" + b"b" * 48 + b"--\r\n",
    )


def test_empty_form_is_its_last_boundary() -> None:
    """A form without parts is written as browsers write it."""
    assert encode_form([], boundary=BOUNDARY) == (b"--" + BOUNDARY + b"--\r\n",)


def test_content_type_names_the_boundary() -> None:
    """The header that goes with a form has the boundary and no other parameter."""
    assert form_content_type(b"c" * 48) == "multipart/form-data; boundary=" + "c" * 48


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
        pytest.param("a\\", None, None, id="backslash in the name"),
        pytest.param("a", "b\\", None, id="backslash in the file name"),
        pytest.param("a\x00", None, None, id="NUL"),
        pytest.param("a", "\x1b", None, id="control character"),
        pytest.param("a", None, "image/jpeg; name=x", id="parameter"),
        pytest.param("a", None, "Image/JPEG", id="capitals"),
        pytest.param("a", None, "image/jpeg\r\nX: y", id="two lines"),
        pytest.param("a", None, "jpeg", id="no type"),
    ],
)
def test_part_that_could_be_misread_cannot_be_made(
    name: str, filename: str | None, content_type: str | None
) -> None:
    """The encoder refuses a part that it could not write in one readable way."""
    with pytest.raises(ValueError, match="form part"):
        part(name, filename, content_type)


def test_part_of_negative_length_cannot_be_made() -> None:
    """A length counts bytes."""
    with pytest.raises(ValueError, match="negative"):
        FormPart(name="a", filename=None, content_type=None, length=-1)
