"""Parts that are in no form are read like those of forms, and keep their references."""

import pytest

from tests.conformance.extractors import CHECKS, Check
from tests.uploads.body.related import GOOGLE, SUBJECT, XOP, extractor
from tests.uploads.forms import BOUNDARY, LIMITS
from uploadfilter.uploads.body.canonical import (
    content_length,
    encode_form,
    mime_content_type,
)
from uploadfilter.uploads.body.extractors import (
    ContentData,
    ContentStarted,
    Event,
    FormExtractor,
    PieceFound,
    Refused,
)
from uploadfilter.uploads.body.parts import PartHeader, read_part_header
from uploadfilter.uploads.head.plan import Refusal


def read(section: bytes) -> PartHeader | Refusal:
    """Read the header section of a part."""
    return read_part_header(section, LIMITS, is_form=False)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_parts_conform(check: Check) -> None:
    """They pass the suite of extractors."""
    check(SUBJECT)


def events_of(body: bytes) -> tuple[FormExtractor, list[Event]]:
    """Read a body."""
    made = extractor()
    return made, [*made.receive(body), *made.end()]


SENT = {
    GOOGLE: GOOGLE,
    XOP: b"--b0undary\r\nContent-Type: application/xop+xml; charset=UTF-8; "
    b'type="text/xml"\r\nContent-Transfer-Encoding: binary\r\n'
    b"Content-ID: <root@example.org>\r\n\r\n<soap:Envelope/>"
    b'\r\n--b0undary\r\nContent-Disposition: attachment; name="a.jpg"\r\n'
    b"Content-Type: application/octet-stream\r\n"
    b"Content-Transfer-Encoding: binary\r\nContent-ID: <1@example.org>\r\n\r\n"
    b"\xff\xd8\xff\xe0\r\n--b0undary--\r\n",
}
"""What goes on: what an origin reads of the parts, in one way of writing it."""


@pytest.mark.parametrize("body", [GOOGLE, XOP])
def test_parts_are_encoded_anew_with_their_references(body: bytes) -> None:
    """Values stay as they are written; the order of headers is ours."""
    made, events = events_of(body)
    data: list[bytes] = []
    for event in events:
        if isinstance(event, ContentStarted):
            data.append(b"")
        elif isinstance(event, ContentData):
            data[-1] += event.data
    pieces = encode_form(made.parts, boundary=BOUNDARY)
    sent = b"".join(each if isinstance(each, bytes) else data[each] for each in pieces)

    assert sent == SENT[body].replace(b"b0undary", BOUNDARY)
    assert len(sent) == content_length(made.parts, boundary=BOUNDARY)


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length: 3",
        b"Content-Range: bytes 0-2/3",
        b"Content-Encoding: identity",
        b"Transfer-Encoding: chunked",
        b"Content_Length: 3",
        b"MIME-Version: 1.0",
        b"X: y",
    ],
)
def test_c1_other_headers_of_a_part_do_not_go_on(line: bytes) -> None:
    """C1: no line of a client states where a part ends, or what else it is."""
    odd = GOOGLE.replace(b"\r\n\r\n/9j", b"\r\n%b\r\n\r\n/9j" % line)
    made, _ = events_of(odd)

    assert made.parts == events_of(GOOGLE)[0].parts
    assert len(made.parts) == 2


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
        b"Content-Transfer-Encoding: x-uuencode",
        b"Content-Transfer-Encoding: 7bit, base64",
        b"Content-Encoding: br",
        b"Content-Encoding: gzip",
        b"Content-ID: a b",
        b"Content-ID: \xe9",
        b"Content-Location:",
        b"Content-Disposition: a b",
        b"Content-Disposition: form-data; filename=x",
        b'Content-Disposition: attachment; filename="a',
        b"Content-Disposition: attachment; filename*0=a",
        b"Content-Disposition: attachment; filename*=utf-16''a",
        b"Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64",
        b"Content-Type : image/jpeg",
        b"Content-Type: text/plain;\r\n charset=utf-8",
        b"no colon",
        b"X: a\x00b",
        b"\r\n".join([b"X: y"] * 33),
    ],
)
def test_c1_part_headers_that_readers_take_otherwise_are_refused(line: bytes) -> None:
    """C1: repeated, folded and odd headers, parts within parts, other encodings."""
    assert isinstance(read(line + b"\r\n"), Refusal)


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
        (
            b"Content-Disposition: attachment; filename*=utf-8''a%2Ebr\r\n",
            "application/x-brotli",
        ),
        (
            b'Content-Disposition: file; filename="a;b.br"; x="filename=a.pct"\r\n',
            "application/x-brotli",
        ),
        (b"Content-Disposition: attachment;name=a.br\r\n", None),
    ],
)
def test_type_is_that_of_the_part_or_of_its_name(
    lines: bytes, declared: str | None
) -> None:
    """For formats that the bytes alone do not show."""
    header = read(lines)

    assert isinstance(header, PartHeader)
    assert header.declared_type == declared


def test_type_of_the_body_holds_no_other_boundary() -> None:
    """The encoder checks what the reader promises."""
    with pytest.raises(ValueError, match="boundary"):
        mime_content_type(BOUNDARY, "multipart/mixed; Boundary=a")


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Disposition: form-data; name=chunk",
        b"Content-Disposition: attachment; name=chunk",
        b"Content-ID: <chunk>",
        b"Content-ID: chunk",
    ],
)
def test_fields_outside_of_a_form_say_that_a_file_is_a_piece(head: bytes) -> None:
    """Rack reads them as those of a form, and an id as a name."""
    said = b"--b0undary\r\n%b\r\n\r\n1\r\n" % head
    said += said.replace(b"chunk", b"chunks").replace(b"\r\n1\r\n", b"\r\n3\r\n")
    _, events = events_of(said + GOOGLE)

    assert isinstance(events[-1], PieceFound)


def test_body_of_nested_parts_is_refused_in_mid_body() -> None:
    """Origins disagree about the inner ones, and they are not encoded anew."""
    body = GOOGLE.replace(b"image/jpeg", b"multipart/mixed; boundary=x")
    _, events = events_of(body)

    assert isinstance(events[-1], Refused)
