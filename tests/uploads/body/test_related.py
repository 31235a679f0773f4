"""Parts that are in no form are read by the rules of forms, and keep their headers."""

import pytest

from tests.conformance.extractors import CHECKS, Check, Subject
from tests.uploads.forms import BOUNDARY, LIMITS
from uploadfilter.uploads.body.canonical import (
    MimePart,
    content_length,
    encode_form,
    mime_content_type,
)
from uploadfilter.uploads.body.extractors import (
    ContentData,
    ContentStarted,
    Event,
    Refused,
)
from uploadfilter.uploads.body.parts import PartHeader
from uploadfilter.uploads.body.related import RelatedExtractor, read_mime_header
from uploadfilter.uploads.head.plan import Refusal

GOOGLE = (
    b"--b0undary\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
    b'{"name": "a.jpg"}\r\n'
    b"--b0undary\r\nContent-Type: image/jpeg\r\nContent-Transfer-Encoding: base64\r\n"
    b"\r\n/9j/4A==\r\n--b0undary--\r\n"
)
"""As Google's page for its Drive sends it, with the object in base64."""

XOP = (
    b"\r\n--b0undary\r\nContent-Type: application/xop+xml; charset=UTF-8; "
    b'type="text/xml"\r\nContent-Transfer-Encoding: binary\r\n'
    b"Content-ID: <root@example.org>\r\n\r\n<soap:Envelope/>"
    b"\r\n--b0undary\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: binary\r\nContent-ID: <1@example.org>\r\n"
    b'Content-Disposition: attachment;name="a.jpg"\r\n\r\n\xff\xd8\xff\xe0'
    b"\r\n--b0undary--"
)
"""As Apache CXF sends an attachment."""


def extractor() -> RelatedExtractor:
    """Return a new one."""
    return RelatedExtractor(b"b0undary", LIMITS)


SUBJECT = Subject(
    make=extractor,
    contents={
        GOOGLE: (b'{"name": "a.jpg"}', b"/9j/4A=="),
        XOP: (b"<soap:Envelope/>", b"\xff\xd8\xff\xe0"),
    },
    refused=(
        GOOGLE + b"more",
        GOOGLE.replace(b"\r\n\r\n", b"\n\n"),
        GOOGLE.replace(b"image/jpeg", b"multipart/mixed; boundary=x"),
        GOOGLE.replace(b"base64", b"uuencode"),
        XOP[:-2],
    ),
    pieces=(
        b"--b0undary\r\n",
        b"Content-Type: image/jpeg\r\n",
        b"\r\n",
        b"\xff\xd8",
        b"\r\n--b0undary--\r\n",
    ),
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_parts_conform(check: Check) -> None:
    """They pass the suite of extractors."""
    check(SUBJECT)


def events_of(body: bytes) -> tuple[RelatedExtractor, list[Event]]:
    """Read a body."""
    made = extractor()
    return made, [*made.receive(body), *made.end()]


@pytest.mark.parametrize("body", [GOOGLE, XOP])
def test_parts_are_encoded_anew_with_their_headers(body: bytes) -> None:
    """Only the boundary changes, and what stands around the parts."""
    made, events = events_of(body)
    data: list[bytes] = []
    for event in events:
        if isinstance(event, ContentStarted):
            data.append(b"")
        elif isinstance(event, ContentData):
            data[-1] += event.data
    pieces = encode_form(made.parts, boundary=BOUNDARY)
    sent = b"".join(each if isinstance(each, bytes) else data[each] for each in pieces)

    expected = body.strip(b"\r\n").replace(b"b0undary", BOUNDARY) + b"\r\n"
    assert sent == expected
    assert len(sent) == content_length(made.parts, boundary=BOUNDARY)


def test_encoding_of_a_part_is_undone_by_a_scanner() -> None:
    """The origin gets the letters and the header, and decides by itself."""
    _, events = events_of(GOOGLE)
    begun = [each for each in events if isinstance(each, ContentStarted)]

    assert [(each.declared_type, each.coding) for each in begun] == [
        ("application/json", None),
        ("image/jpeg", "base64"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Type: image/jpeg\r\nContent-Type: text/plain",
        b"Content-ID: <a>\r\ncontent-id: <b>",
        b"Content-Type: multipart/mixed; boundary=x",
        b"Content-Type: message/rfc822",
        b"Content-Type: text/plain; charset=utf-16",
        b"Content-Type: image",
        b"Content-Transfer-Encoding: x-uuencode",
        b"Content-Transfer-Encoding: 7bit, base64",
        b"Content-Encoding: br",
        b"Content_Type: image/jpeg",
        b"Content-Type : image/jpeg",
        b"Content-Type: text/plain;\r\n charset=utf-8",
        b"no colon",
        b"X: a\x00b",
        b"\r\n".join([b"X: y"] * 9),
    ],
)
def test_c1_part_headers_that_readers_take_otherwise_are_refused(line: bytes) -> None:
    """C1: repeated, folded and odd headers, parts within parts, other encodings."""
    assert isinstance(read_mime_header(line + b"\r\n", LIMITS), Refusal)


@pytest.mark.parametrize(
    ("lines", "declared"),
    [
        (b"", None),
        (b"Content-Type: image/PNG; x=y\r\n", "image/png"),
        (b"Content-Disposition: attachment; filename=a.br\r\n", "application/x-brotli"),
        (
            b'Content-Disposition: inline; filename="a b.PCT"; size=3\r\n',
            "application/x-pct",
        ),
    ],
)
def test_type_is_that_of_the_part_or_of_its_name(
    lines: bytes, declared: str | None
) -> None:
    """For formats that the bytes alone do not show."""
    header = read_mime_header(lines, LIMITS)

    assert isinstance(header, PartHeader)
    assert header.declared_type == declared


def test_lines_that_could_end_a_section_are_not_written() -> None:
    """The encoder checks what the reader promises."""
    for lines in (("a: b\r\n",), ("a: b\nc: d",), ("",), ("a: \x00",)):
        with pytest.raises(ValueError, match="control"):
            MimePart(lines=lines, length=0)
    with pytest.raises(ValueError, match="negative"):
        MimePart(lines=(), length=-1)
    with pytest.raises(ValueError, match="boundary"):
        mime_content_type(BOUNDARY, "multipart/mixed; Boundary=a")


def test_body_of_nested_parts_is_refused_in_mid_body() -> None:
    """Origins disagree about the inner ones, and they are not encoded anew."""
    body = GOOGLE.replace(b"image/jpeg", b"multipart/mixed; boundary=x")
    _, events = events_of(body)

    assert isinstance(events[-1], Refused)
